"""
The record of a submission in the account's ledger: every Airflow has it, and tasks and runs can share it.

Each submission has an entry of its own, and its creation is exclusive: of two tries or tasks that are about to submit
the same generation, one creates the entry, and the other waits for its response. The newest entry has the record that
the next try goes on with. A submission that was not accepted leaves its entry, too: the next one gets another number.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from airflow_provider_seedance.gptproto.errors import Charge, SeedanceError
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.requests import CheckedRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.ledger.entries import Entry, Owner, State, latest_entry
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError, SubmissionTakenError
from airflow_provider_seedance.ledger.layout import entries_folder, generation_of_task
from airflow_provider_seedance.ledger.reservations import withdraw
from airflow_provider_seedance.ledger.store import Store
from airflow_provider_seedance.tasks.records.ledger_intent import (
    LONGEST_CREATION,
    answer_time,
    create_entry,
    purchase_of,
    reserve_price,
)
from airflow_provider_seedance.tasks.records.ledger_reading import (
    as_own,
    as_seen_by,
    check_ledger,
    check_same_request,
    other_generation,
    other_key,
    recorded_in,
)
from airflow_provider_seedance.tasks.records.record import Note, SubmissionRecord
from airflow_provider_seedance.tasks.records.submission import Submission

#: Seconds between two reads of the entry of another task that is submitting: the first, and the longest.
_WAITS = (0.5, 5.0)
#: The longest time for which a worker is held for the response of another task. An upload can take longer.
_LONGEST_WAIT = timedelta(minutes=5)
_NOT_NOTED_ADVICE = "Nothing was sent. A retry of this task notes it again."
#: Fields of a record that only the task instance that submitted it changes.
_OF_THE_OWNER = ("max_tries", "submissions", "total_cost_usd", "clears")


class LedgerRecord(SubmissionRecord):
    """
    The record of a generation in the ledger.

    :param store: The ledger.
    :param generation: The id of the generation.
    :param owner: The task instance.
    :param max_tries: Its ``max_tries``, which changes with a clear.
    :param cleared_after: The number of its tries before its last clear; 0 if it was not cleared.
    :param idempotency_key: The key; empty for a task instance's own generation.
    :param connection_id: The Airflow connection.
    :param get_settings: Reads the settings of the connection, for a submission.
    :param earlier: The record in the task state store, from before the connection had a ledger.
    :param is_kept: Whether a later try goes on with it.
    :param log: The task's log.
    """

    def __init__(
        self,
        store: Store,
        generation: str,
        owner: Owner,
        *,
        max_tries: int | None,
        cleared_after: int = 0,
        idempotency_key: str = "",
        connection_id: str,
        get_settings: Callable[[], ClientSettings],
        earlier: SubmissionRecord,
        is_kept: bool = True,
        log: Log,
    ) -> None:
        super().__init__()
        self._ledger = store
        self._generation = generation
        self._owner = owner
        self._max_tries = max_tries
        self._cleared_after = cleared_after
        self._key = idempotency_key
        self._connection_id = connection_id
        self._get_settings = get_settings
        self._earlier = earlier
        self.is_kept = is_kept
        self._log = log
        self._entry: Entry | None = None
        #: The number of the newest entry, which may be one that was refused.
        self._newest = 0
        self._opened_at = _now()
        #: The number of the entry that this try created: until it has an id, only this try may write to it.
        self._created = 0
        self._created_at = self._opened_at
        #: The entry before that.
        self._replaced: Entry | None = None
        #: The note before this submission; it is restored if the service refuses that.
        self._noted: Note | None = None
        self._reservation = ""
        self._checked: CheckedRequest | None = None

    @property
    def pointer(self) -> str:
        """The folder of the generation's entries; the leg after a deferral opens it."""
        return f"{self._ledger.uri}/{entries_folder(self._generation)}"

    @property
    def where(self) -> str:
        """Where a person finds the record."""
        if self._entry is None and self._earlier.latest is not None:
            return self._earlier.where
        return f"in the ledger ({f'{self._ledger.uri}/{self._entry.name}' if self._entry else self.pointer})"

    @property
    def owner(self) -> str:
        """The task that made the submission in it."""
        return str(self._entry.owner) if self._entry else str(self._owner)

    @property
    def is_own(self) -> bool:
        """Whether this task instance made the submission in it."""
        return self._entry is None or self._entry.owner.identity == self._owner.identity

    def check_place(self, log: Log) -> None:
        """Warn of a store without exclusive creation."""
        if not self._ledger.is_exclusive:
            log.warning(
                "The store of the ledger, %s, has no exclusive creation: two tries or tasks that submit the same "
                "generation at the same moment may both pay. S3, Google Cloud Storage, Azure and local files have it",
                self._ledger.uri,
            )

    def read(self) -> Submission | None:
        """
        Return the recorded submission, or ``None`` without one. A submission that was refused does not count.

        :raises LedgerUnavailableError: When the store fails.
        :raises UnreadableEntryError: When the entry is invalid.
        """
        self._newest, self._entry = latest_entry(self._ledger, self._generation)
        if self._entry is None:
            self.latest = self._earlier.read()
            return self.latest
        recorded = recorded_in(self._ledger, self._entry)
        before = self._earlier.latest
        if before is not None and self.is_own and before.submitted_at > recorded.submitted_at:
            # Submitted while the connection had no ledger, after what the ledger has.
            self._entry, self.latest = None, before
            return self.latest
        if self.is_own:
            self.latest = as_own(self._entry, recorded, self._max_tries, self._cleared_after)
        else:
            self.latest = as_seen_by(self._ledger, self._entry, recorded, self._owner, self._max_tries, before)
        return self.latest

    @property
    def _is_of_a_higher_try(self) -> bool:
        """
        Whether a try of this task instance with a higher number wrote the entry.

        Either Airflow gave this try up, and it still runs; or the DAG run was deleted and created again.
        """
        return self.is_own and self._entry is not None and self._entry.owner.try_number > self._owner.try_number

    def read_settled(self) -> Submission | None:
        """Return the recorded submission once no response to it can be on its way to another try or task."""
        self._earlier.read()
        check_ledger(self._ledger, self._earlier.noted, self._owner, self._earlier.latest)
        pause, longest = _WAITS
        started = since = _now()
        awaited = ""
        while True:
            recorded = self.read()
            entry, now = self._entry, _now()
            if entry is None or not entry.is_in_flight(now):
                return recorded
            if entry.name != awaited:
                if awaited:
                    since = now
                awaited = entry.name
                self._log.info(
                    "%s is submitting this generation; waiting for its response until %s", entry.owner, entry.answer_by
                )
            # The clock of the other worker may be ahead of this one.
            if now - since > entry.answer_time:
                return recorded
            if now - started > _LONGEST_WAIT:
                what = f"{entry.owner} is still submitting this generation, until {entry.answer_by} at most"
                raise SubmissionTakenError(what)
            time.sleep(pause * random.uniform(0.75, 1.0))  # noqa: S311 - no cryptography
            pause = min(2 * pause, longest)

    @property
    def is_over(self) -> bool:
        """Whether the generation is known to have ended without videos."""
        return self._entry is not None and self._entry.state is State.FAILED

    def check_request(self, fingerprint: str, given_without_audio: str) -> None:
        """
        Refuse an idempotency key that stands for another request, or that is not the key of an earlier try.

        :raises IdempotencyKeyError: With both requests, or with both keys.
        """
        if self._key and self._entry is not None and self.latest is not None:
            check_same_request(self._entry, self.latest, self._owner, fingerprint)
        self._check_earlier(fingerprint, given_without_audio)

    def _check_earlier(self, fingerprint: str, given_without_audio: str) -> None:
        """Refuse a request that an earlier try has with another key, or without one."""
        noted = self._earlier.noted
        if noted is None and (not self.is_kept or self._owner.try_number == 1):
            return
        # Without a note only a generation without a key is found.
        earlier = noted.generation if noted else generation_of_task(*self._owner.identity)
        if earlier == self._generation:
            return
        found = other_generation(
            self._ledger, earlier, noted, self._owner, max_tries=self._max_tries, cleared_after=self._cleared_after
        )
        if found is None:
            return
        entry, recorded = found
        if recorded.is_of(fingerprint, given_without_audio):
            raise other_key(str(entry), entry.idempotency_key, self._key, recorded)

    def check_before(self, fingerprint: str, given_without_audio: str) -> None:
        """
        Refuse to submit what this task instance has in Airflow's store, from before the ledger.

        :raises IdempotencyKeyError: With both keys.
        """
        before = self._earlier.latest
        # Without an entry, that record was read instead of one.
        if before is None or self._entry is None or self.is_own:
            return
        is_same = before.is_of(fingerprint, given_without_audio)
        if is_same and not before.is_refused and not before.is_cleared(self._max_tries):
            raise other_key(f"prediction {before.prediction_id or 'of unknown id'}", "", self._key, before)

    def note_place(self) -> None:
        """Note the ledger and the generation, before the task goes on with them."""
        if self._entry is None:
            return
        try:
            self._note()
        except Exception as error:  # any error of Airflow's API: the generation is paid for, so the task goes on
            self._log.warning("The ledger could not be noted in the task state store: %r", error)

    def _note(self) -> None:
        note = Note(self._ledger.uri, self._generation, self._max_tries)
        if note != self._earlier.noted:
            self._earlier.note(note)

    def describe(self, checked: CheckedRequest) -> None:
        """Note the request of the next intent."""
        self._checked = checked

    def write(self, submission: Submission) -> None:
        """
        Create the entry of an intent, exclusively and within the budget, or update the entry.

        :raises BudgetExceededError: When the generation would exceed a budget.
        :raises SubmissionTakenError: When another try or task created the entry first.
        :raises LedgerUnavailableError: When the store fails.
        """
        if submission.prediction_id is None:
            self._create(submission)
        else:
            self._update(submission)
        self.latest = submission

    def _create(self, intent: Submission) -> None:
        if self._checked is None:
            raise RuntimeError("an intent needs the request that it is about")
        if (
            self._entry
            and self._is_of_a_higher_try
            and datetime.fromisoformat(self._entry.updated_at) >= self._opened_at
        ):
            raise SubmissionTakenError(f"Airflow gave up this try: a later one has the generation of {self._owner}")
        now, settings, number = _now(), self._get_settings(), self._newest + 1
        self._reservation = reserve_price(
            self._ledger, self._checked, settings, generation=self._generation, number=number, now=now
        )
        self._noted = self._earlier.noted
        try:
            self._note()
        except Exception as error:  # any error of Airflow's API: without the note, a later try could pay again
            with suppress(LedgerUnavailableError):
                withdraw(self._ledger, self._reservation)
            what = f"The ledger could not be noted in the task state store ({error!r})"
            raise LedgerUnavailableError(what, advice=_NOT_NOTED_ADVICE) from error
        self._created_at = _now()
        entry = Entry(
            generation=self._generation,
            number=number,
            idempotency_key=self._key,
            owner=self._owner,
            purchase=purchase_of(self._checked, self._connection_id),
            state=State.RESERVED,
            reserved_at=now.isoformat(),
            answer_by=(self._created_at + answer_time(self._checked, settings)).isoformat(),
            updated_at=self._created_at.isoformat(),
            reservation=self._reservation,
            record=intent.to_dict(),
        )
        create_entry(self._ledger, entry)
        self._replaced, self._entry = self._entry, entry
        self._created = self._newest = number

    def check_time(self) -> None:
        """
        Check that the response can be there by the time until which others wait for it.

        :raises LedgerUnavailableError: When the creation of the entry took too long.
        """
        took = (_now() - self._created_at).total_seconds()
        if took > LONGEST_CREATION:
            what = f"The ledger took {took:.0f} s to create an entry, and may take {LONGEST_CREATION:.0f}"
            raise LedgerUnavailableError(what)

    def _update(self, submission: Submission, *, outputs: Sequence[str] = (), state: State | None = None) -> None:
        entry = self._entry
        if entry is None:
            self._earlier.write(submission)
            return
        # Only a clear of the owner's task instance changes it.
        record, owner = submission.to_dict(), entry.owner
        if self.is_own and not self._is_of_a_higher_try:
            owner = self._owner
        else:
            record |= {name: entry.record[name] for name in _OF_THE_OWNER}
        known = State.SUBMITTED if entry.state is State.RESERVED else entry.state
        changed = dataclasses.replace(
            entry,
            owner=owner,
            record=record,
            prediction_id=submission.prediction_id,
            state=state or known,
            outputs=tuple(outputs) or entry.outputs,
        )
        self._replace(changed)

    def _replace(self, changed: Entry) -> None:
        if changed != self._entry:
            changed = dataclasses.replace(changed, updated_at=_now().isoformat())
            self._ledger.replace(changed.name, changed.to_json())
            self._entry = changed

    def _write_restored(self, earlier: Submission, reason: str) -> None:
        self._refuse(reason)

    def _refuse(self, reason: str) -> None:
        """Mark the entry of this try as refused, which frees its price, and go back to the one before."""
        entry = self._entry
        if entry is None or entry.number != self._created:
            return
        if entry.state is State.RESERVED:
            self._replace(dataclasses.replace(entry, state=State.REFUSED, error=reason, reservation=""))
        if self._entry is not None and self._entry.state is State.REFUSED:
            withdraw(self._ledger, self._reservation)
            if self._noted is not None and self._noted != self._earlier.noted:
                self._earlier.note(self._noted)
            self._entry = self._replaced

    def _write_delivered(self, delivered: Submission, outputs: Sequence[str]) -> None:
        self._update(delivered, outputs=outputs, state=State.SUCCEEDED)
        self.latest = delivered

    def mark_failed(self, error: SeedanceError) -> None:
        """Write the error of a generation that ended without videos into its entry."""
        entry = self._entry
        if entry is None or entry.state not in (State.RESERVED, State.SUBMITTED):
            return
        is_intent = entry.state is State.RESERVED and entry.number == self._created
        if is_intent and error.prediction_id and error.charge is Charge.ACCEPTED:
            # The id could not be written when it arrived.
            accepted = dataclasses.replace(recorded_in(self._ledger, entry), prediction_id=error.prediction_id)
            self._update(accepted)
            self.latest = accepted
        elif error.charge is Charge.FAILED and error.prediction_id == entry.prediction_id:
            self._replace(dataclasses.replace(entry, state=State.FAILED, error=str(error)))
        elif is_intent:
            # It is unknown whether it was accepted. Others need not wait for its response any longer.
            self._replace(dataclasses.replace(entry, error=str(error), answer_by=_now().isoformat()))


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
