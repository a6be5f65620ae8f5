"""What an entry of the ledger means for a task: its submission, and what an idempotency key must not do."""

from __future__ import annotations

import dataclasses

from airflow_provider_seedance.gptproto.errors import Charge, UnreadableRecordError
from airflow_provider_seedance.ledger.entries import Entry, Owner, State, latest_entry, read_entry
from airflow_provider_seedance.ledger.errors import IdempotencyKeyError, UnreadableEntryError
from airflow_provider_seedance.ledger.layout import entry_name
from airflow_provider_seedance.ledger.store import Store
from airflow_provider_seedance.tasks.records.record import Note, moved
from airflow_provider_seedance.tasks.records.submission import Submission

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


def as_own(entry: Entry, recorded: Submission, max_tries: int | None, cleared_after: int) -> Submission:
    """
    Return the submission in a task's own entry. Its ``max_tries`` shows a clear only if it is from before that clear.

    :param entry: The entry.
    :param recorded: The submission in it.
    :param max_tries: ``max_tries`` of the task now.
    :param cleared_after: The number of its tries before its last clear.
    """
    if entry.owner.try_number <= cleared_after:
        return recorded
    # Another one is that of a later try, or of a DAG run that was deleted and created again.
    return dataclasses.replace(recorded, max_tries=max_tries)


def as_seen_by(
    ledger: Store, entry: Entry, recorded: Submission, owner: Owner, max_tries: int | None, before: Submission | None
) -> Submission:
    """
    Return the submission of another task as it counts for a task: limits and reports are about its own submissions.

    :param entry: The entry of the other task.
    :param recorded: The submission in it.
    :param owner: The task.
    :param max_tries: Its ``max_tries``.
    :param before: What it submitted before the connection had a ledger; ``None`` if nothing.
    """
    own = before
    for number in range(entry.number - 1, 0, -1):
        earlier = read_entry(ledger, entry_name(entry.generation, number))
        if earlier and earlier.state is not State.REFUSED and earlier.owner.identity == owner.identity:
            own = recorded_in(ledger, earlier)
            break
    return dataclasses.replace(
        recorded,
        max_tries=None,
        submissions=own.submissions if own else 0,
        total_cost_usd=own.total_cost_usd if own else 0.0,
        clears=own.seen_by(max_tries).clears if own else 0,
    )


def check_ledger(ledger: Store, noted: Note | None, owner: Owner, before: Submission | None) -> None:
    """
    Check that an earlier try of a task did not go on in another ledger, unless its generation was copied to this one.

    :param noted: What the earlier try noted.
    :param owner: The task.
    :param before: What it submitted before the connection had a ledger; ``None`` if nothing.
    :raises UnreadableRecordError: When it did.
    """
    if noted is None or noted.ledger == ledger.uri:
        return
    _, entry = latest_entry(ledger, noted.generation)
    if entry is None or entry.owner.identity != owner.identity:
        raise moved(noted, before)


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


def other_generation(
    ledger: Store, earlier: str, noted: Note | None, owner: Owner, *, max_tries: int | None, cleared_after: int
) -> tuple[Entry, Submission] | None:
    """
    Return the entry and the submission that an earlier try has under another key, or under none.

    :param earlier: The generation that the earlier try has.
    :param noted: What it noted; ``None`` if it noted nothing.
    :param owner: The task.
    :param max_tries: Its ``max_tries`` now.
    :param cleared_after: The number of its tries before its last clear.
    :return: ``None`` if that generation failed, or if the task was cleared since.
    :raises UnreadableEntryError: When the entry is invalid.
    """
    _, entry = latest_entry(ledger, earlier)
    if entry is None or entry.state is State.FAILED:
        return None
    recorded = recorded_in(ledger, entry)
    is_cleared = noted is None or noted.max_tries != max_tries
    if entry.owner.identity == owner.identity:
        # A try since the clear may have failed to note it. The clears of another task do not count.
        own = as_own(entry, recorded, max_tries, cleared_after)
        is_cleared = is_cleared and own.is_cleared(max_tries)
    return None if is_cleared else (entry, recorded)


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
