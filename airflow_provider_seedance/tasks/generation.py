"""One try of a task that generates: submit or go on, wait, hand the videos on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.catalogue import DEFAULT_DURATION, expected_seconds
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    InvalidRequestError,
    PredictionNotFoundError,
    SeedanceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.polling import Decision, Done, GiveUp, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest, request_from
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED, as_airflow_errors
from airflow_provider_seedance.tasks.media import with_local_media
from airflow_provider_seedance.tasks.options import seconds
from airflow_provider_seedance.tasks.record import Submission, SubmissionRecord
from airflow_provider_seedance.tasks.report import Report, accept
from airflow_provider_seedance.tasks.submit import Submitter
from airflow_provider_seedance.triggers.seedance import defer_poller, read_event, still_running

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.gptproto.client import GPTProtoClient
    from airflow_provider_seedance.operators.base import SeedanceBaseOperator

#: What to do where no record tells a retry of an earlier submission.
_RETRY_WITHOUT_RECORD = (
    "No record of the submission is kept here: a retry submits, and pays for, a new generation. "
    "To go on with this one, set prediction_id to its id."
)
_UNCONFIRMED_WITHOUT_RECORD = (
    "It is not sent again, because the service cannot be asked for it and might be paid twice. Look for the generation "
    "in the GPTProto dashboard. If it is there, run the task with prediction_id set to its id; if not, clear the task."
)


class Generation:
    """
    Does the work of one try, in one or two legs: :meth:`begin`, and :meth:`resume` after a deferral.

    :param task: The operator, whose templates are rendered.
    :param context: The task's context.
    """

    def __init__(self, task: SeedanceBaseOperator, context: Context) -> None:
        self._task = task
        self._context = context
        self._named_id = str(task.prediction_id or "").strip()
        self._record = SubmissionRecord(context.get("task_state_store") if task.durable else None)
        self._report = Report(context, log=task.log)
        self._submitter: Submitter | None = None
        self._waiting_for: str | None = None

    def begin(self) -> list[str] | str:
        """Submit, or go on with what an earlier try submitted; then wait for the videos."""
        task = self._task
        request = request_from(task.mode, task)
        with self._failures(), task.hook.get_conn() as client:
            if not self._named_id:
                # What a named prediction was asked for with is not known here.
                self._report.asked(request)
                request = with_local_media(request)
            submission, prediction = self._submit(client, request)
            self._report.submitted(prediction, None if self._named_id else submission.submitted_at)
            if not task.wait_for_completion:
                self._record.mark_delivered(prediction.id, self._clear_number)
                return prediction.id
            wait = self._wait(submission, prediction, self._expected_seconds(request))
            return self._proceed(client, wait, wait.on_prediction(prediction, time.time()))

    def resume(self, event: Any) -> list[str]:
        """Go on after the trigger fired: fetch the finished prediction on the worker."""
        with self._failures():
            self._report.resumed()
            wait = read_event(event)
            with self._task.hook.get_conn() as client:
                return self._proceed(client, wait, self._last_look(client, wait))

    def stop(self) -> None:
        """Send nothing more, and say what becomes of a generation that is under way."""
        if self._submitter is not None:
            self._submitter.stop()
        if self._waiting_for is not None:
            self._task.log.warning(still_running(self._waiting_for))

    @property
    def told(self) -> Mapping[str, Any]:
        """What XCom ``prediction`` holds by now."""
        return self._report.told

    @property
    def _clear_number(self) -> int:
        """How often the DAG run was cleared; 0 where this Airflow does not count it."""
        return getattr(self._context["dag_run"], "clear_number", None) or 0

    def _submit(self, client: GPTProtoClient, request: GenerationRequest) -> tuple[Submission, Prediction]:
        task = self._task
        self._submitter = Submitter(
            client,
            self._record,
            request,
            connection_id=task.seedance_conn_id,
            clear_number=self._clear_number,
            on_clear=task.on_clear,
            on_unconfirmed_submission=task.on_unconfirmed_submission,
            max_cost=task.max_cost,
            log=task.log,
        )
        if self._named_id:
            return self._submitter.attach(self._named_id)
        request.check()
        self._report.checked(request)
        self._warn(request)
        return self._submitter.submit_once()

    def _warn(self, request: GenerationRequest) -> None:
        for warning in request.warnings():
            self._task.log.warning("%s", warning)
        if self._task.durable and not self._record.is_kept:
            self._task.log.warning(
                "This Airflow keeps no task state (3.3 does): should this try break off, a retry submits and pays again"
            )

    def _failures(self) -> AbstractContextManager[None]:
        """Turn errors into Airflow's terms, with advice that is true of this task."""

        def advise(error: SeedanceError) -> str | None:
            if self._named_id:
                return (
                    "Remove prediction_id to submit a new generation." if isinstance(error, GENERATION_ENDED) else None
                )
            if isinstance(error, InvalidRequestError):
                return self._advise_on_earlier_try()
            if self._record.is_kept:
                return None
            if isinstance(error, UnconfirmedSubmissionError) and not error.retryable:
                return _UNCONFIRMED_WITHOUT_RECORD
            if error.prediction_id and error.retryable and not isinstance(error, GENERATION_ENDED):
                return _RETRY_WITHOUT_RECORD
            return None

        return as_airflow_errors(advise, final=GENERATION_ENDED if self._named_id else (), tell=self._report.failed)

    def _advise_on_earlier_try(self) -> str | None:
        """Return how to go on with what an earlier try paid for, when this one cannot tell what it asks for."""
        try:
            recorded = self._record.read()
        except Exception:  # whatever the store raises
            # What is wrong with the record is told when the arguments are right; the error that is advised on counts.
            return None
        if recorded is None or recorded.prediction_id is None:
            return None
        return (
            f"An earlier try submitted prediction {recorded.prediction_id}. To go on with it, set prediction_id to its "
            "id; to submit another one, correct the arguments."
        )

    def _last_look(self, client: GPTProtoClient, wait: Poller) -> Decision:
        """Look at a prediction that the trigger saw finished, with the patience that a paid one deserves."""
        try:
            prediction = client.get_confirmed(wait.prediction_id)
        except SeedanceError as error:
            if not error.retryable:
                raise
            return wait.on_error(error, time.time())
        if prediction is None:
            what = "GPTProto does not know the prediction any more"
            raise PredictionNotFoundError(what, prediction_id=wait.prediction_id, charge=Charge.POSSIBLE)
        return wait.on_prediction(prediction, time.time())

    def _wait(self, submission: Submission, prediction: Prediction, expected_seconds: float) -> Poller:
        task = self._task
        budget = seconds(task.timeout)
        if task.execution_timeout is not None:
            # Airflow does not apply it to the time in the triggerer.
            budget = min(budget, task.execution_timeout.total_seconds())
        now = time.time()
        deadline = submission.submitted_at + budget
        return Poller(
            prediction_id=prediction.id,
            submitted_at=submission.submitted_at,
            # A retry after a timeout has a budget of its own, or it could never succeed.
            deadline=deadline if deadline > now else now + budget,
            expected_seconds=expected_seconds,
            poll_interval=None if task.poll_interval is None else seconds(task.poll_interval),
        )

    def _expected_seconds(self, request: GenerationRequest) -> float:
        if self._named_id:
            # It may have been asked for with other arguments, or other ones than can be asked for.
            return expected_seconds()
        return expected_seconds(request.model, request.resolution, request.duration or DEFAULT_DURATION)

    def _proceed(self, client: GPTProtoClient, wait: Poller, decision: Decision) -> list[str]:
        """Do what the last look at the prediction calls for: wait on, deliver, or fail."""
        self._waiting_for = wait.prediction_id
        if isinstance(decision, GiveUp):
            raise decision.error
        if not isinstance(decision, Done) and self._task.deferrable:
            defer_poller(self._task, wait, self._task.seedance_conn_id)
        prediction = decision.prediction if isinstance(decision, Done) else client.wait(wait)
        self._report.finished(prediction)
        self._record.mark_delivered(prediction.id, self._clear_number)
        self._waiting_for = None
        outputs = accept(prediction, log=self._task.log, fail_on_nsfw=self._task.fail_on_nsfw)
        self._report.succeeded(polls=wait.polls)
        return outputs
