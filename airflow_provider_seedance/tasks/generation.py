"""One try of a task that generates: submit or reattach, wait, and publish. It returns an :data:`Outcome`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_seedance.gptproto.catalogue import DEFAULT_DURATION, expected_seconds
from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    InvalidRequestError,
    SeedanceError,
    TriggerFailedError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.flows import Log
from airflow_provider_seedance.gptproto.polling import Decision, Done, GiveUp, Poller, failure
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.tasks import submit
from airflow_provider_seedance.tasks.events import read_event
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED, as_airflow_errors
from airflow_provider_seedance.tasks.mapping import check_mapped_id
from airflow_provider_seedance.tasks.media import with_local_media
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.progress import Progress
from airflow_provider_seedance.tasks.record import Submission, SubmissionRecord
from airflow_provider_seedance.tasks.report import GenerationReport, Publisher, check_nsfw

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Advice without a record of the submission.
_RETRY_WITHOUT_RECORD = (
    "No record of the submission is kept here: a retry submits, and pays for, a new generation. "
    "To go on with this one, set prediction_id to its id."
)
_UNCONFIRMED_WITHOUT_RECORD = (
    "It is not sent again, because a second submission might be charged as well. Search for the generation in the "
    "GPTProto dashboard. If it is there, run the task with prediction_id set to its id; if not, clear the task."
)


@dataclass(frozen=True, slots=True)
class Deliver:
    """
    The videos are ready and published.

    :param outputs: Their URLs.
    """

    outputs: list[str]


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    The generation is submitted, and the task does not wait.

    :param prediction_id: Its id.
    """

    prediction_id: str


@dataclass(frozen=True, slots=True)
class KeepWaiting:
    """
    The task has to wait in the triggerer.

    :param poller: The wait.
    """

    poller: Poller


Outcome = Deliver | Submitted | KeepWaiting


class Generation:
    """
    One try, in one or two legs: :meth:`begin`, and :meth:`resume` after a deferral.

    :param options: The options of the task.
    :param context: The task's context.
    :param connect: Opens a client of the connection.
    :param log: The task's log.
    """

    def __init__(
        self, options: GenerationOptions, context: Context, *, connect: Callable[[], GPTProtoClient], log: Log
    ) -> None:
        self._options = options
        self._context = context
        self._connect = connect
        self._log = log
        #: Changes with a clear of this task instance, and with nothing else.
        self._max_tries: int | None = getattr(context["ti"], "max_tries", None)
        self._record = SubmissionRecord(context.get("task_state_store") if options.durable else None)
        self._publisher = Publisher(context, log=log)
        #: What was published, or will be.
        self.report = GenerationReport()
        self.progress = Progress()

    def begin(self, request: GenerationRequest) -> Outcome:
        """Submit, or reattach to the submission of an earlier try; then wait for the videos."""
        is_adopted = bool(self._options.prediction_id)
        with self._errors(), self._connect() as client:
            check_mapped_id(self._context, self._options.prediction_id)
            if not is_adopted:
                # The request of an adopted prediction is unknown.
                self.report = self.report.with_request(request)
                request = with_local_media(request)
            submission, prediction = self._submit(client, request)
            self.report = self.report.with_submission(prediction, None if is_adopted else submission.submitted_at)
            self._publisher.publish_submitted(self.report)
            if not self._options.wait_for_completion:
                if prediction.is_complete:
                    self._mark_delivered(prediction.id)
                return Submitted(prediction.id)
            poller = self._poller(submission, prediction, self._expected_seconds(request))
            return self._proceed(client, poller, poller.on_prediction(prediction, time.time()))

    def resume(self, event: Any) -> Deliver | KeepWaiting:
        """Go on after the trigger fired, with the prediction in its event: the service is not called again."""
        with self._errors():
            self.report = self._publisher.restore()
            poller, prediction = read_event(event)
            if prediction is not None:
                return self._deliver(prediction, poller)
            with self._connect() as client:
                return self._proceed(client, poller, self._poll_confirmed(client, poller))

    def fail(self, error: Exception) -> NoReturn:
        """
        Raise an error that names the prediction after Airflow ended the wait in the triggerer.

        :param error: Airflow's error, which names neither the prediction nor the bill.
        """
        with self._errors():
            self.report = self._publisher.restore()
            what = f"The wait in the triggerer ended with an error of Airflow ({error})"
            raise TriggerFailedError(what, prediction_id=self.report.id, charge=Charge.ACCEPTED) from None

    def _submit(self, client: GPTProtoClient, request: GenerationRequest) -> tuple[Submission, Prediction]:
        if self._options.prediction_id:
            return submit.attach(client, self._record, request, self._options, max_tries=self._max_tries, log=self._log)
        checked = request.check()
        self.report = self.report.with_checked(checked)
        for warning in request.warnings():
            self._log.warning("%s", warning)
        if self._options.durable and not self._record.is_kept:
            self._log.warning(
                "This Airflow keeps no task state (3.3 does): a retry after an interrupted try submits and pays again"
            )
        return submit.find_or_submit(
            client,
            self._record,
            checked,
            self._options,
            max_tries=self._max_tries,
            progress=self.progress,
            log=self._log,
        )

    def _poll_confirmed(self, client: GPTProtoClient, poller: Poller) -> Decision:
        """Get the prediction after the trigger's wait; after a temporary error the wait goes on in the triggerer."""
        try:
            prediction = client.get_confirmed(poller.prediction_id)
        except SeedanceError as error:
            if not error.retryable:
                raise
            return poller.on_error(error, time.time())
        return GiveUp(failure(prediction)) if prediction.has_failed else poller.on_prediction(prediction, time.time())

    def _poller(self, submission: Submission, prediction: Prediction, expected: float) -> Poller:
        wait = self._options.wait
        now = time.time()
        deadline = submission.submitted_at + wait.budget_seconds
        return Poller(
            prediction_id=prediction.id,
            submitted_at=submission.submitted_at,
            # A retry after a timeout gets a budget of its own, or it could never succeed.
            deadline=deadline if deadline > now else now + wait.budget_seconds,
            expected_seconds=expected,
            poll_interval=wait.poll_interval_seconds,
        )

    def _expected_seconds(self, request: GenerationRequest) -> float:
        if self._options.prediction_id:
            # An adopted prediction may have other parameters than this task.
            return expected_seconds()
        return expected_seconds(request.model, request.resolution, request.duration or DEFAULT_DURATION)

    def _proceed(self, client: GPTProtoClient, poller: Poller, decision: Decision) -> Deliver | KeepWaiting:
        """Carry out a decision of the poller: wait on, deliver, or fail."""
        self.progress.waiting_for = poller.prediction_id
        if isinstance(decision, GiveUp):
            raise decision.error
        if not isinstance(decision, Done) and self._options.wait.deferrable:
            return KeepWaiting(poller)
        return self._deliver(decision.prediction if isinstance(decision, Done) else client.wait(poller), poller)

    def _deliver(self, prediction: Prediction, poller: Poller) -> Deliver:
        """Publish the outputs of a complete prediction."""
        self.progress.waiting_for = prediction.id
        self.report = self.report.with_result(prediction, time.time())
        self._publisher.publish_result(self.report)
        self._mark_delivered(prediction.id)
        self.progress.waiting_for = None
        check_nsfw(prediction, log=self._log, fail_on_nsfw=self._options.wait.fail_on_nsfw)
        self._publisher.publish_success(self.report, polls=poller.polls)
        return Deliver(list(prediction.outputs))

    def _mark_delivered(self, prediction_id: str) -> None:
        """Record the delivery. A task that is done does not fail if the store does."""
        try:
            self._record.mark_delivered(prediction_id, self._max_tries)
        except Exception as error:  # any error of the store
            self._log.warning("The delivery could not be recorded (prediction %s): %r", prediction_id, error)

    def _errors(self) -> AbstractContextManager[None]:
        """Turn errors into Airflow's exceptions, with advice for this task, and publish them."""
        return as_airflow_errors(
            self._advise, final=GENERATION_ENDED if self._options.prediction_id else (), on_error=self._on_error
        )

    def _on_error(self, error: SeedanceError) -> None:
        self.report = self.report.with_error(error, time.time())
        self._publisher.publish_error(self.report, error)

    def _advise(self, error: SeedanceError) -> str | None:
        if self._options.prediction_id:
            return "Remove prediction_id to submit a new generation." if isinstance(error, GENERATION_ENDED) else None
        if isinstance(error, InvalidRequestError):
            return self._advise_on_earlier_try()
        if self._record.is_kept:
            return None
        if isinstance(error, UnconfirmedSubmissionError) and not error.retryable:
            return _UNCONFIRMED_WITHOUT_RECORD
        if error.prediction_id and error.retryable and not isinstance(error, GENERATION_ENDED):
            return _RETRY_WITHOUT_RECORD
        return None

    def _advise_on_earlier_try(self) -> str | None:
        """Return how to go on with an earlier try's prediction when the arguments of this try are invalid."""
        try:
            recorded = self._record.read()
        except Exception:  # any error of the store
            # Ignore a broken record here and report the argument error.
            return None
        if recorded is None or recorded.prediction_id is None:
            return None
        return (
            f"An earlier try submitted prediction {recorded.prediction_id}. To go on with it, set prediction_id to its "
            "id; to submit another one, correct the arguments."
        )
