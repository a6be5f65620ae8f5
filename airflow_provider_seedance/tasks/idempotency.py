"""What an entry of the ledger means for a task: its submission, and what an idempotency key must not do."""

from __future__ import annotations

from airflow_provider_seedance.gptproto.errors import Charge, UnreadableRecordError
from airflow_provider_seedance.ledger.entries import Entry, Owner, State, latest_entry, read_entry
from airflow_provider_seedance.ledger.errors import IdempotencyKeyError, UnreadableEntryError
from airflow_provider_seedance.ledger.layout import entry_name
from airflow_provider_seedance.ledger.store import Store
from airflow_provider_seedance.tasks.record import Submission

_OTHER_KEY_ADVICE = (
    "Nothing was sent. A key must be the same at every try: set the earlier one again to go on with its video. To pay "
    "for another video, clear the task."
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


def check_same_request(ledger: Store, entry: Entry, recorded: Submission, owner: Owner, fingerprint: str) -> None:
    """
    Check that a key stands for the request of a task, unless nobody can go on with what it stood for.

    :param entry: The newest entry of the key.
    :param recorded: The submission in it.
    :param owner: The task.
    :param fingerprint: The fingerprint of its request.
    :raises IdempotencyKeyError: When it stands for another one.
    """
    if recorded.fingerprint == fingerprint or _is_over(ledger, entry, recorded):
        return
    what = (
        f"The idempotency key {entry.idempotency_key!r} of {owner} stands for another request already: {entry}, "
        f"reserved {entry.reserved_at}"
    )
    raise IdempotencyKeyError(what, charge=Charge.NONE)


def check_same_key(
    ledger: Store, earlier: str, owner: Owner, key: str, fingerprint: str, max_tries: int | None
) -> None:
    """
    Check that an earlier try did not submit the same request with another key, or without one. After a clear it may.

    :param earlier: The generation that an earlier try may have submitted.
    :param owner: The task.
    :param key: Its key now; empty for none.
    :param fingerprint: The fingerprint of its request.
    :param max_tries: ``max_tries`` of the task instance.
    :raises IdempotencyKeyError: When it did.
    """
    entry = latest_entry(ledger, earlier)
    if entry is None or entry.owner.identity != owner.identity:
        return
    recorded = recorded_in(ledger, entry)
    if recorded.fingerprint != fingerprint or recorded.is_cleared(max_tries) or _is_over(ledger, entry, recorded):
        return
    before, now = (repr(each) if each else "not set" for each in (entry.idempotency_key, key))
    what = f"idempotency_key was {before} at an earlier try, which has {entry}, and is {now} at this try"
    raise IdempotencyKeyError(what, charge=Charge.NONE, advice=_OTHER_KEY_ADVICE)


def _is_over(ledger: Store, entry: Entry, recorded: Submission) -> bool:
    """Return whether the recorded submission was refused, or failed."""
    while entry.state is State.REFUSED and entry.prediction_id != recorded.prediction_id:
        # The entry of a submission that was refused has the record of an earlier one.
        earlier = read_entry(ledger, entry_name(entry.generation, entry.number - 1))
        if earlier is None:
            break
        entry = earlier
    return recorded.is_refused or entry.state is State.FAILED
