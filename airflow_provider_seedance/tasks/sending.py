"""
Send a submission: the only place that spends money.

The order protects the payment: record the intent, send once, record the id. A submission is sent again only if it
provably was not accepted (:mod:`~airflow_provider_seedance.gptproto.backoff`). After a lost response the intent stays
recorded, and the next try finds it. The record provides the deduplication, because the service offers none.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from airflow_provider_seedance.gptproto.backoff import retry_delay
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    SeedanceError,
    UnconfirmedSubmissionError,
    UnrecordedSubmissionError,
)
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.modes import Validation
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import CheckedRequest, GenerationRequest
from airflow_provider_seedance.tasks.progress import Progress
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.submission import Submission

_RANDOM = random.SystemRandom()
#: Seconds between the attempts to record the id of an accepted submission.
_RECORD_DELAYS = (1.0, 3.0)
_NOT_RESTORED = (
    "The record may still have the intent of this submission. If so, the next try fails as unconfirmed: delete the "
    "record {where}, and clear the task."
)


class Client(Protocol):
    """The methods of a client that are used."""

    def submit(self, request: CheckedRequest) -> Prediction:
        """Submit a generation, exactly once."""

    def get_confirmed(self, prediction_id: str) -> Prediction:
        """Return the confirmed state of a prediction."""


@dataclass(frozen=True, slots=True)
class Sender:
    """
    Sends submissions of one try.

    :param client: A client of the service.
    :param record: The record of the task's submissions.
    :param progress: Tells ``on_kill`` whether a submission is on its way.
    :param log: The task's log.
    """

    client: Client
    record: SubmissionRecord
    progress: Progress
    log: Log

    def send(self, checked: CheckedRequest, *, intent: Submission, recorded: Submission | None) -> Prediction:
        """
        Send a submission until it is accepted, refused, or its outcome is unknown.

        :param intent: Recorded before each attempt.
        :param recorded: The record before this try; restored after an attempt that was not accepted.
        :raises UnconfirmedSubmissionError: When the outcome is unknown; the intent stays recorded.
        :raises SeedanceError: When the service refused it.
        """
        started = time.time()
        sends = 0
        while True:
            self.progress.check_not_stopped()
            self.record.write(intent)
            self.progress.is_sending = True
            if self.progress.is_stopped:
                self.progress.is_sending = False
                self._restore(recorded, intent, "The task was stopped before it was sent")
                self.progress.check_not_stopped()
            sends += 1
            try:
                self.record.check_time()
                return self.client.submit(checked)
            except UnconfirmedSubmissionError:
                raise
            except SeedanceError as error:
                self.progress.is_sending = False
                delay = retry_delay(error, sends=sends, elapsed=time.time() - started, source=_RANDOM)
                attempts = self._restore(recorded, intent, error.what)
                if attempts == 0:
                    error.advice = f"{error.advice} {_NOT_RESTORED.format(where=self.record.where)}"
                    raise
                # A write that seemed to fail may be applied late, over the id of the next submission.
                if delay is None or attempts > 1:
                    raise
                self.log.warning("Submission not accepted: %s. Next attempt in %.1f s", error.what, delay)
            time.sleep(delay)

    def record_id(self, intent: Submission, prediction_id: str) -> Submission:
        """
        Record the id of an accepted submission, with repetitions: without it the next try cannot go on with it.

        :raises UnrecordedSubmissionError: When the store does not take it.
        """
        submission = dataclasses.replace(intent, prediction_id=prediction_id)
        try:
            what = f"The id could not be recorded (prediction {prediction_id})"
            self._write_repeatedly(lambda: self.record.write(submission), what)
        except Exception as error:  # any error of the store
            what = f"The submission was accepted, but its id could not be recorded ({error!r})"
            raise UnrecordedSubmissionError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED) from error
        return submission

    def _restore(self, recorded: Submission | None, intent: Submission, reason: str) -> int:
        """Restore the record after a submission that was not accepted. Return the attempts it took; 0 if it failed."""
        what = "The record could not be restored after a submission that was not sent or not accepted"
        try:
            return self._write_repeatedly(lambda: self.record.restore(recorded, intent, reason), what)
        except Exception as error:  # any error of the store
            self.log.warning("%s: %r", what, error)
            return 0

    def _write_repeatedly(self, write: Callable[[], None], what: str) -> int:
        """
        Write to the store, with repetitions after an error. The error of the last attempt passes.

        :param what: What failed, for the log.
        :return: The number of attempts.
        """
        for attempt, delay in enumerate(_RECORD_DELAYS, start=1):
            try:
                write()
            except Exception as error:  # any error of the store
                self.log.warning("%s: %r. Next attempt in %.0f s", what, error, delay)
                time.sleep(delay)
            else:
                return attempt
        write()
        return 1 + len(_RECORD_DELAYS)


def send_unrecorded(
    client: Client, request: GenerationRequest, record: SubmissionRecord, *, validation: Validation = "strict", log: Log
) -> Prediction:
    """
    Send a submission as :meth:`Sender.send` does, without a record that a later call finds: a second call pays again.

    :param record: It books the submission in the ledger, if there is one.
    :raises UnrecordedSubmissionError: When the ledger does not take the id.
    """
    checked = request.check(validation)
    for warning in checked.warnings:
        log.warning("%s", warning)
    intent = Submission(fingerprint="", submitted_at=time.time())
    record.describe(checked)
    sender = Sender(client, record, Progress(), log)
    prediction = sender.send(checked, intent=intent, recorded=None)
    # Logged before it is recorded, so that the id is not lost if the store fails.
    log.info("Submitted prediction %s to %s (%s)", prediction.id, request.model, request.mode.value)
    sender.record_id(intent, prediction.id)
    return prediction
