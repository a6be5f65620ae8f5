"""What a record of submissions does, wherever it is kept; without a place for it only this try knows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_seedance.gptproto.errors import Charge, SeedanceError, UnreadableRecordError
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.tasks.records.submission import Submission

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.requests import CheckedRequest


_MOVED_ADVICE = (
    "This try submitted nothing. Name that ledger in the connection again, and clear the task; or delete the record "
    "under Storage > Task State Store to submit, and pay for, a new generation."
)
_BEFORE_ADVICE = "To go on with that prediction, set prediction_id to its id."


@dataclass(frozen=True, slots=True)
class Note:
    """
    What Airflow's task state store says of a record in the ledger.

    :param ledger: The URI of the ledger.
    :param generation: The id of the generation.
    :param max_tries: ``max_tries`` of the task instance when it was written.
    """

    ledger: str
    generation: str
    max_tries: int | None


def moved(noted: Note, before: Submission | None) -> UnreadableRecordError:
    """
    Return the error of a record that may be in a ledger which the connection does not name now.

    :param before: What the task submitted before it went on in that ledger; ``None`` if nothing.
    """
    what = (
        f"The record of an earlier try may be in the ledger at {noted.ledger}, which the connection does not name now "
        f"(generation {noted.generation})"
    )
    prediction_id = before.prediction_id if before else None
    if prediction_id is None:
        return UnreadableRecordError(what, charge=Charge.POSSIBLE, advice=_MOVED_ADVICE)
    what = f"{what}; before that, the task submitted prediction {prediction_id}"
    return UnreadableRecordError(what, charge=Charge.POSSIBLE, advice=f"{_MOVED_ADVICE} {_BEFORE_ADVICE}")


class SubmissionRecord:
    """The record of a task instance that is kept nowhere: Airflow below 3.3 without a ledger, or ``durable=False``."""

    #: Whether a later try can read it.
    is_kept = False

    def __init__(self) -> None:
        #: The submission that was read or written last.
        self.latest: Submission | None = None
        #: The ledger that the connection names.
        self.ledger = ""
        #: What an earlier try noted; ``None`` if none did.
        self.noted: Note | None = None

    @property
    def where(self) -> str:
        """Where a person finds the record."""
        return "under Storage > Task State Store"

    @property
    def advice_on_clear(self) -> str:
        """What a person has to do in a clear so that the record survives it; empty if nothing."""
        return ""

    @property
    def pointer(self) -> str:
        """What the leg after a deferral needs to open the record in the ledger; empty without one."""
        return ""

    @property
    def owner(self) -> str:
        """The task that made the submission in it; empty where only this one can."""
        return ""

    @property
    def is_own(self) -> bool:
        """Whether this task instance made the submission in it."""
        return True

    def check_place(self, log: Log) -> None:
        """
        Check, before a submission, that the place of the record keeps two tries from submitting both.

        :raises UnsafeStateStoreError: When it does not.
        """

    def read(self) -> Submission | None:
        """
        Return the recorded submission, or ``None`` without one.

        :raises UnreadableRecordError: When the record cannot be read. Errors of the store pass unchanged.
        """
        return self.latest

    def note(self, note: Note) -> None:
        """Write where the ledger has the record, so that a later try without that ledger does not pay again."""

    def read_settled(self) -> Submission | None:
        """Return the recorded submission once no other task is submitting it. Only a shared record can wait."""
        return self.read()

    @property
    def is_over(self) -> bool:
        """Whether it is known that the generation in it ended without videos. Only the ledger says that."""
        return False

    def check_request(self, fingerprint: str, given_without_audio: str) -> None:
        """
        Check that the record is of this request, and that no earlier try has the request with another key.

        Only a record in the ledger has to be checked: an idempotency key can change, and stand for two requests.

        :param fingerprint: The fingerprint of the request.
        :param given_without_audio: That of the request as given, without the audio that it may lose; empty if none.
        :raises IdempotencyKeyError: When it is of another request, or when an earlier try has the request.
        """

    def check_before(self, fingerprint: str, given_without_audio: str) -> None:
        """
        Check, before a submission, that this task does not have the request from before the ledger.

        :param fingerprint: The fingerprint of the request.
        :param given_without_audio: That of the request as given, without the audio that it may lose; empty if none.
        :raises IdempotencyKeyError: When it has.
        """

    def note_place(self) -> None:
        """Note where the record is that this try goes on with, if a later try could miss it."""

    def describe(self, checked: CheckedRequest) -> None:
        """Note the request of the next intent, where the record shows it."""

    def write(self, submission: Submission) -> None:
        """Record a submission. Errors of the store pass unchanged."""
        self.latest = submission

    def check_time(self) -> None:
        """
        Check, right before a submission, that others wait long enough for its response. Only a shared record has to.

        :raises LedgerUnavailableError: When they may not.
        """

    def restore(self, earlier: Submission | None, intent: Submission, reason: str = "") -> None:
        """
        Restore the earlier record after a submission that provably was not accepted.

        Without an earlier record the intent is marked as refused, not deleted: a delayed delete request of a dead try
        could remove the record of a newer one.

        :param reason: Why it was not accepted, where the record shows it.
        """
        if earlier is None:
            earlier = dataclasses.replace(intent, is_refused=True, submissions=0, total_cost_usd=0.0)
        # It is true even if the store does not take it.
        self.latest = earlier
        self._write_restored(earlier, reason)

    def _write_restored(self, earlier: Submission, reason: str) -> None:
        self.write(earlier)

    def mark_delivered(self, prediction_id: str, max_tries: int | None, outputs: Sequence[str] = ()) -> None:
        """
        Record that the outputs of a prediction were published. No effect if the record has another prediction.

        :param prediction_id: The prediction.
        :param max_tries: ``max_tries`` of the task instance: only a later clear can regenerate.
        :param outputs: The outputs, where the record shows them.
        """
        recorded = self.read()
        if recorded is not None and recorded.prediction_id == prediction_id:
            delivered = dataclasses.replace(recorded.seen_by(max_tries), delivered=True, max_tries=max_tries)
            self._write_delivered(delivered, outputs)

    def _write_delivered(self, delivered: Submission, outputs: Sequence[str]) -> None:
        self.write(delivered)

    def mark_failed(self, error: SeedanceError) -> None:
        """Record the error that ended the generation, where the record shows it."""
