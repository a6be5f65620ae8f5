"""
The record of a submission in the account's ledger: every Airflow has it, and tasks and runs can share it.

Each submission has an entry of its own, and its creation is exclusive: of two tries or tasks that are about to submit
the same generation, one creates the entry, and the other waits for its response. The newest entry has the record that
the next try goes on with. A submission that was not accepted leaves its entry, too: the next one gets another number.
"""

from __future__ import annotations

import dataclasses
import random
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    SeedanceError,
)
from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.requests import CheckedRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.ledger.entries import Entry, Owner, Purchase, State, latest_entry, read_entry
from airflow_provider_seedance.ledger.errors import (
    LedgerUnavailableError,
    SubmissionTakenError,
)
from airflow_provider_seedance.ledger.layout import Reservation, entries_folder, entry_name, generation_of_task
from airflow_provider_seedance.ledger.reservations import reserve, withdraw
from airflow_provider_seedance.ledger.store import Store
from airflow_provider_seedance.tasks.idempotency import check_same_key, check_same_request, recorded_in
from airflow_provider_seedance.tasks.record import Submission
from airflow_provider_seedance.tasks.record_store import SubmissionRecord

#: Seconds between two reads of the entry of another task that is submitting: the first, and the longest.
_WAITS = (0.5, 5.0)
#: The longest time for which a worker is held for the response of another task. An upload can take longer.
_LONGEST_WAIT = timedelta(minutes=5)
#: Seconds beyond the time limit of a request in which its result is written to the ledger.
_MARGIN = 30.0
#: The longest time in seconds between the calculation of that limit and the submission.
_LONGEST_CREATION = _MARGIN / 2
#: Fields of a record that only the task instance that submitted it changes.
_OF_THE_OWNER = ("max_tries", "submissions", "total_cost_usd", "clears")


class LedgerRecord(SubmissionRecord):
    """
    The record of a generation in the ledger.

    :param store: The ledger.
    :param generation: The id of the generation.
    :param owner: The task instance.
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
        self._key = idempotency_key
        self._connection_id = connection_id
        self._get_settings = get_settings
        self._earlier = earlier
        self.is_kept = is_kept
        self._log = log
        self._entry: Entry | None = None
        #: The number of the entry that this try created: until it has an id, only this try may write to it.
        self._created = 0
        self._reservation = ""
        self._checked: CheckedRequest | None = None

    @property
    def pointer(self) -> str:
        """The folder of the generation's entries; the leg after a deferral opens it."""
        return f"{self._ledger.uri}/{entries_folder(self._generation)}"

    @property
    def where(self) -> str:
        """Where a person finds the record."""
        return f"in the ledger ({self._ledger.uri}/{self._entry.name if self._entry else self._generation})"

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
        Return the recorded submission, or ``None`` without one.

        ``max_tries`` of another task instance, or of a later try, is left out: it says nothing of a clear since this
        try.

        :raises LedgerUnavailableError: When the store fails.
        :raises UnreadableEntryError: When the entry is invalid.
        """
        self._entry = latest_entry(self._ledger, self._generation)
        if self._entry is None:
            self.latest = self._earlier.read()
            return self.latest
        recorded = recorded_in(self._ledger, self._entry)
        if not self.is_own:
            recorded = self._as_seen_here(recorded, self._entry)
        elif self._is_of_a_later_try:
            # The clear was before that try, not after this one.
            recorded = dataclasses.replace(recorded, max_tries=None)
        self.latest = recorded
        return self.latest

    @property
    def _is_of_a_later_try(self) -> bool:
        """Whether a later try of this task instance wrote the entry: Airflow gave this one up, but it still runs."""
        return self.is_own and self._entry is not None and self._entry.owner.try_number > self._owner.try_number

    def _as_seen_here(self, recorded: Submission, entry: Entry) -> Submission:
        """Return the submission of another task: what counts for limits and reports is this task instance's own."""
        for number in range(entry.number - 1, 0, -1):
            earlier = read_entry(self._ledger, entry_name(self._generation, number))
            if earlier is not None and earlier.owner.identity == self._owner.identity:
                own = recorded_in(self._ledger, earlier)
                counts = (own.submissions, own.total_cost_usd, own.clears)
                break
        else:
            counts = (0, 0.0, 0)
        submissions, total_cost_usd, clears = counts
        return dataclasses.replace(
            recorded, max_tries=None, submissions=submissions, total_cost_usd=total_cost_usd, clears=clears
        )

    def read_settled(self) -> Submission | None:
        """Return the recorded submission once no response to it can be on its way to another try or task."""
        pause, longest = _WAITS
        started = _now()
        while True:
            recorded = self.read()
            waited = _now() - started
            # The clock of the other worker may be ahead of this one.
            if self._entry is None or not self._entry.is_in_flight(_now()) or waited > self._entry.answer_time:
                return recorded
            if waited > _LONGEST_WAIT:
                what = f"{self._entry.owner} is still submitting this generation, until {self._entry.answer_by} at most"
                raise SubmissionTakenError(what)
            if pause == _WAITS[0]:
                self._log.info(
                    "%s is submitting this generation; waiting for its response until %s",
                    self._entry.owner,
                    self._entry.answer_by,
                )
            time.sleep(pause * random.uniform(0.75, 1.0))  # noqa: S311 - no cryptography
            pause = min(2 * pause, longest)

    def check_request(self, fingerprint: str, max_tries: int | None) -> None:
        """
        Refuse an idempotency key that stands for another request, or that is not the one of the try before.

        :raises IdempotencyKeyError: With both requests, or both keys.
        """
        if self._entry is None:
            # Without a note of Airflow's store only a generation without a key is found.
            earlier = self._earlier.noted.rpartition("/")[2] or generation_of_task(*self._owner.identity)
            if self.is_kept and self._owner.try_number > 1 and earlier != self._generation:
                check_same_key(self._ledger, earlier, self._owner, self._key, fingerprint, max_tries)
        elif self._key and self.latest is not None:
            check_same_request(self._ledger, self._entry, self.latest, self._owner, fingerprint)

    def keep_place(self) -> None:
        """Note the ledger of another task's generation: a later try without that ledger must not pay for its own."""
        if not self.is_own:
            self._note_place()

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
        if self._is_of_a_later_try:
            raise SubmissionTakenError(f"Airflow gave up this try: a later one has the generation of {self._owner}")
        now, settings = _now(), self._get_settings()
        number = 1 + (self._entry.number if self._entry else 0)
        highest = self._checked.price.highest
        reservation = Reservation(
            at=int(now.timestamp() * 1000),
            usd=highest,
            generation=self._generation,
            number=number,
            token=secrets.token_hex(8),
        )
        reservation = reserve(self._ledger, reservation, settings.ledger or LedgerSettings(uri=self._ledger.uri), now)
        self._reservation = reservation.name
        self._note_place()
        created_at = _now()
        entry = Entry(
            generation=self._generation,
            number=number,
            idempotency_key=self._key,
            owner=self._owner,
            purchase=self._purchase(self._checked),
            state=State.RESERVED,
            reserved_at=now.isoformat(),
            answer_by=(created_at + _answer_time(self._checked, settings)).isoformat(),
            updated_at=created_at.isoformat(),
            reservation=reservation.name,
            record=intent.to_dict(),
        )
        try:
            is_created = self._ledger.create(entry.name, entry.to_json())
        except LedgerUnavailableError:
            # Nothing is sent.
            with suppress(LedgerUnavailableError):
                withdraw(self._ledger, reservation.name)
            raise
        if not is_created:
            withdraw(self._ledger, reservation.name)
            subject = f"the idempotency key {self._key!r}" if self._key else str(self._owner)
            raise SubmissionTakenError(f"Another try or task submits the generation of {subject} at this moment")
        self._entry, self._created = entry, number
        took = (_now() - created_at).total_seconds()
        if took > _LONGEST_CREATION:
            # The response could arrive after the time until which others wait for it.
            what = f"The ledger took {took:.0f} s to create the entry {entry.name}, so the submission was not sent"
            self.restore(self.latest, intent, what)
            raise LedgerUnavailableError(what)

    def _note_place(self) -> None:
        try:
            self._earlier.note_ledger(self.pointer)
        except Exception as error:  # any error of Airflow's API: the ledger has the record
            self._log.warning("The ledger could not be noted in the task state store: %r", error)

    def _purchase(self, checked: CheckedRequest) -> Purchase:
        return Purchase(
            connection_id=self._connection_id,
            mode=checked.request.mode.value,
            model=checked.request.model,
            parameters=checked.request.description(),
            estimate_usd=_float(checked.price.estimate),
            highest_usd=_float(checked.price.highest),
        )

    def _update(
        self,
        submission: Submission,
        *,
        outputs: Sequence[str] = (),
        state: State | None = None,
    ) -> None:
        entry = self._entry
        if entry is None:
            self._earlier.write(submission)
            return
        # Only a clear of the owner's task instance changes it.
        record, owner = submission.to_dict(), entry.owner
        if self.is_own and not self._is_of_a_later_try:
            owner = self._owner
        else:
            record |= {name: entry.record[name] for name in _OF_THE_OWNER}
        if entry.state is State.REFUSED:
            # Its record is of an earlier submission.
            changed = dataclasses.replace(entry, owner=owner, record=record)
        else:
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
        entry = self._entry
        if entry is None or entry.number != self._created:
            return
        if entry.state is State.REFUSED:
            # A repetition, because the reservation could not be withdrawn.
            withdraw(self._ledger, self._reservation)
        if entry.state is not State.RESERVED:
            return
        refused = dataclasses.replace(
            entry, state=State.REFUSED, error=reason, record=earlier.to_dict(), reservation=""
        )
        self._replace(refused)
        withdraw(self._ledger, entry.reservation)

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


def _answer_time(checked: CheckedRequest, settings: ClientSettings) -> timedelta:
    """Return the time after which a response to the request, and its result in the ledger, are certain to be there."""
    return timedelta(seconds=settings.seconds_for(len(checked.body)) + _MARGIN)


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _float(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)
