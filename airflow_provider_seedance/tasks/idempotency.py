"""What an entry of the ledger means for a task: its submission, and what an idempotency key must not do."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_seedance.gptproto.errors import Charge, UnreadableRecordError
from airflow_provider_seedance.ledger.entries import Entry, Owner, State, latest_entry
from airflow_provider_seedance.ledger.errors import IdempotencyKeyError, UnreadableEntryError
from airflow_provider_seedance.ledger.store import Store
from airflow_provider_seedance.tasks.record import Submission

_OTHER_KEY_ADVICE = (
    "This try submitted nothing. A key must be the same at every try: {use} to go on with that video. To pay for "
    "another video, clear the task."
)


def recorded_in(ledger: Store, entry: Entry) -> Submission:
    """
    Return the submission in an entry.

    :raises UnreadableEntryError: When it is invalid.
    """
    try:
        return Submission.from_dict(entry.record)
    except UnreadableRecordError as error:
        what = f"The record of the entry {ledger.uri}/{entry.name} cannot be read"
        raise UnreadableEntryError(what, charge=error.charge) from None


def check_same_request(entry: Entry, recorded: Submission, owner: Owner, fingerprint: str) -> None:
    """
    Check that a key stands for the request of a task, unless nobody can go on with what it stood for.

    :param entry: The entry of the key.
    :param recorded: The submission in it.
    :param owner: The task.
    :param fingerprint: The fingerprint of its request.
    :raises IdempotencyKeyError: When it stands for another one.
    """
    if recorded.fingerprint == fingerprint or entry.state is State.FAILED:
        return
    what = (
        f"The idempotency key {entry.idempotency_key!r} of {owner} stands for another request already: {entry}, "
        f"reserved {entry.reserved_at}"
    )
    raise IdempotencyKeyError(what, charge=Charge.NONE)


def check_same_key(
    ledger: Store, earlier: str, key: str, fingerprint: str, is_cleared: Callable[[Submission], bool]
) -> None:
    """
    Check that an earlier try has not the same request with another key, or without one. After a clear it may.

    :param earlier: The generation that the earlier try has.
    :param key: The key now; empty for none.
    :param fingerprint: The fingerprint of the request.
    :param is_cleared: Returns whether the task was cleared since a submission.
    :raises IdempotencyKeyError: When it has.
    """
    _, entry = latest_entry(ledger, earlier)
    if entry is None or entry.state is State.FAILED:
        return
    recorded = recorded_in(ledger, entry)
    if recorded.fingerprint != fingerprint or is_cleared(recorded):
        return
    raise other_key(str(entry), entry.idempotency_key, key, recorded)


def other_key(earlier: str, before: str, now: str, recorded: Submission) -> IdempotencyKeyError:
    """
    Return the error of a try whose key is not that of an earlier try.

    :param earlier: What the earlier try has.
    :param before: The key of the earlier try; empty for none.
    :param now: The key of this try; empty for none.
    :param recorded: The submission of the earlier try.
    """
    was, is_ = (repr(key) if key else "not set" for key in (before, now))
    what = f"idempotency_key was {was} at an earlier try, which has {earlier}, and is {is_} at this try"
    use = f"set it to {before!r} again" if before else "remove it"
    charge = Charge.POSSIBLE if recorded.prediction_id is None else Charge.EARLIER
    return IdempotencyKeyError(
        what, prediction_id=recorded.prediction_id, charge=charge, advice=_OTHER_KEY_ADVICE.format(use=use)
    )
