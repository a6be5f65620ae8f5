"""What all operators that submit generations do: submit or go on, wait, hand the videos on."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_seedance.failures import airflow_failures
from airflow_provider_seedance.gptproto.catalogue import (
    DEFAULT_DURATION,
    DEFAULT_MODEL,
    estimate_cost,
    expected_seconds,
)
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    GenerationExpiredError,
    GenerationFailedError,
    PredictionNotFoundError,
    SeedanceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.media import conceal
from airflow_provider_seedance.gptproto.polling import Decision, Done, GiveUp, Wait
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.outputs import accept, hand_over
from airflow_provider_seedance.submissions import OnClear, OnUnconfirmedSubmission, Submission, SubmissionRecord
from airflow_provider_seedance.submitting import Submitter
from airflow_provider_seedance.triggers.seedance import defer_wait, read_event, still_running

try:
    from airflow_provider_seedance.retries import SeedanceRetryPolicy
except ImportError:  # Airflow below 3.3 has no retry policies.
    _RETRY_POLICY = None
else:
    _RETRY_POLICY = SeedanceRetryPolicy()

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.gptproto.client import GPTProtoClient

#: What to do where no record tells a retry of an earlier submission.
_RETRY_WITHOUT_RECORD = (
    "No record of the submission is kept here: a retry submits, and pays for, a new generation. "
    "To go on with this one, set prediction_id to its id."
)
_UNCONFIRMED_WITHOUT_RECORD = (
    "It is not sent again, because the service cannot be asked for it and might be paid twice. Look for the generation "
    "in the GPTProto dashboard. If it is there, run the task with prediction_id set to its id; if not, clear the task."
)
#: Ten years, in seconds: more would not fit into a date.
_LONGEST_TIMEOUT = 10 * 365 * 24 * 3600.0


class SeedanceBaseOperator(BaseOperator):
    """
    Submit a generation, wait for it, and return the addresses of its videos.

    Use one of the subclasses. One logical generation is paid once: on Airflow 3.3 and later a record in the task state
    store lets a retry go on with what an earlier try submitted.

    Pushed to XCom: ``prediction_id`` (before the wait), ``prediction`` (a small dict), ``video_url`` (the first
    output), and the list of output addresses as the return value, or the prediction id with
    ``wait_for_completion=False``. The addresses live about a day.

    :param prompt: What the video should show. Ends it in ``.txt`` or ``.md``, it is read from that file. (templated)
    :param model: Model id. (templated)
    :param aspect_ratio: ``21:9``, ``16:9``, ``4:3``, ``1:1``, ``3:4`` or ``9:16``. (templated)
    :param duration: Length of the video in seconds; the model decides on the range. (templated)
    :param resolution: ``480p``, ``720p`` or ``1080p``; the model decides which. (templated)
    :param generate_audio: Whether the video has sound. (templated)
    :param camera_fixed: Whether the camera keeps its position. (templated)
    :param seed: -1 (random) to 2147483647. (templated)
    :param extra_parameters: Parameters that the API adds later, sent as they are. (templated)
    :param prediction_id: Wait for this prediction, which was submitted before, and submit nothing. (templated)
    :param seedance_conn_id: The Airflow connection. (templated)
    :param wait_for_completion: Whether to wait for the videos.
    :param deferrable: Whether to wait in the triggerer, without holding a worker.
    :param poll_interval: Seconds between looks, exactly; ``None`` adapts to the usual time of such a generation.
    :param timeout: Seconds to wait at most, counted from the submission; a shorter ``execution_timeout`` wins.
    :param durable: Whether to keep the record of the submission.
    :param on_unconfirmed_submission: What to do when nobody can tell whether a submission was accepted: ``fail``
        ends the task, ``resubmit`` lets a retry submit again and accepts that it may be paid twice.
    :param on_clear: What clearing a task does whose video was delivered: ``reuse`` it, or ``regenerate`` one.
    :param fail_on_nsfw: Whether a flagged output fails the task.
    """

    #: The request that this operator's arguments make up; its fields are the names of the arguments.
    request_class: ClassVar[type[GenerationRequest]]

    template_fields: Sequence[str] = (
        "prompt",
        "model",
        "aspect_ratio",
        "duration",
        "resolution",
        "generate_audio",
        "camera_fixed",
        "seed",
        "extra_parameters",
        "prediction_id",
        "seedance_conn_id",
    )
    template_ext: Sequence[str] = (".txt", ".md")
    template_fields_renderers: ClassVar[dict[str, str]] = {"prompt": "md", "extra_parameters": "json"}
    ui_color = "#e8e1f5"

    def __init__(
        self,
        *,
        prompt: str,
        model: str = DEFAULT_MODEL,
        aspect_ratio: str | None = None,
        duration: int | str | None = DEFAULT_DURATION,
        resolution: str | None = None,
        generate_audio: bool | str | None = None,
        camera_fixed: bool | str | None = None,
        seed: int | str | None = None,
        extra_parameters: dict[str, Any] | None = None,
        prediction_id: str | None = None,
        seedance_conn_id: str = SeedanceHook.default_conn_name,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: timedelta | float | None = None,
        timeout: timedelta | float = 3600.0,
        durable: bool = True,
        on_unconfirmed_submission: OnUnconfirmedSubmission = "fail",
        on_clear: OnClear = "reuse",
        fail_on_nsfw: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if _RETRY_POLICY is not None and self.retry_policy is None:
            self.retry_policy = _RETRY_POLICY
        self.prompt = prompt
        self.model = model
        self.aspect_ratio = aspect_ratio
        self.duration = duration
        self.resolution = resolution
        self.generate_audio = generate_audio
        self.camera_fixed = camera_fixed
        self.seed = seed
        self.extra_parameters = extra_parameters
        self.prediction_id = prediction_id
        self.seedance_conn_id = seedance_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.durable = durable
        self.on_unconfirmed_submission = on_unconfirmed_submission
        self.on_clear = on_clear
        self.fail_on_nsfw = fail_on_nsfw
        self._submitter: Submitter | None = None
        self._waiting_for: str | None = None
        _check_policies(self)

    @cached_property
    def hook(self) -> SeedanceHook:
        """The hook of this task's connection."""
        return SeedanceHook(self.seedance_conn_id)

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render a template, and keep uploaded media out of sight: rendered fields are stored and shown."""
        return conceal(super().render_template(content, context, jinja_env, seen_oids))

    def execute(self, context: Context) -> list[str] | str:
        """Submit, or go on with what an earlier try submitted; then wait for the videos."""
        request = self._request()
        record = self._record(context)
        with self._failures(record), self.hook.get_conn() as client:
            self._submitter = submitter = Submitter(
                client,
                record,
                request,
                connection_id=self.seedance_conn_id,
                clear_number=_clear_number(context),
                on_clear=self.on_clear,
                on_unconfirmed_submission=self.on_unconfirmed_submission,
                log=self.log,
            )
            if self._named_id:
                submission, prediction = submitter.attach(self._named_id)
            else:
                request.check()
                self._warn(request, record)
                submission, prediction = submitter.submit_once()
            context["ti"].xcom_push(key="prediction_id", value=prediction.id)
            if not self.wait_for_completion:
                record.mark_delivered(prediction.id, _clear_number(context))
                return prediction.id
            wait = self._wait(submission, prediction, request)
            return self._proceed(context, client, wait, wait.on_prediction(prediction, time.time()))

    def execute_complete(self, context: Context, event: Any = None) -> list[str]:
        """Go on after the trigger fired: fetch the finished prediction on the worker."""
        with self._failures(self._record(context)):
            wait = read_event(event)
            with self.hook.get_conn() as client:
                return self._proceed(context, client, wait, self._last_look(client, wait))

    def on_kill(self) -> None:
        """Send nothing more, and say what becomes of a generation that is under way."""
        if self._submitter is not None:
            self._submitter.stop()
        if self._waiting_for is not None:
            self.log.warning(still_running(self._waiting_for))

    @property
    def _named_id(self) -> str:
        return str(self.prediction_id or "").strip()

    def _request(self) -> GenerationRequest:
        names = [field.name for field in dataclasses.fields(self.request_class)]
        return self.request_class(**{name: getattr(self, name) for name in names})

    def _record(self, context: Context) -> SubmissionRecord:
        return SubmissionRecord(context.get("task_state_store") if self.durable else None)

    def _warn(self, request: GenerationRequest, record: SubmissionRecord) -> None:
        for warning in request.warnings():
            self.log.warning("%s", warning)
        if self.durable and not record.is_kept:
            self.log.warning(
                "This Airflow keeps no task state (3.3 does): should this try break off, a retry submits and pays again"
            )

    def _failures(self, record: SubmissionRecord) -> AbstractContextManager[None]:
        """Turn errors into Airflow's terms, with advice that is true of this task."""
        ended = (GenerationFailedError, GenerationExpiredError)

        def advise(error: SeedanceError) -> str | None:
            if self._named_id:
                return "Remove prediction_id to submit a new generation." if isinstance(error, ended) else None
            if record.is_kept:
                return None
            if isinstance(error, UnconfirmedSubmissionError) and not error.retryable:
                return _UNCONFIRMED_WITHOUT_RECORD
            if error.prediction_id and error.retryable and not isinstance(error, ended):
                return _RETRY_WITHOUT_RECORD
            return None

        return airflow_failures(advise, final=ended if self._named_id else ())

    def _last_look(self, client: GPTProtoClient, wait: Wait) -> Decision:
        """Look at a prediction that the trigger saw finished, with the patience that a paid one deserves."""
        try:
            prediction = client.recall(wait.prediction_id)
        except SeedanceError as error:
            if not error.retryable:
                raise
            return wait.on_error(error, time.time())
        if prediction is None:
            what = "GPTProto does not know the prediction any more"
            raise PredictionNotFoundError(what, prediction_id=wait.prediction_id, charge=Charge.POSSIBLE)
        return wait.on_prediction(prediction, time.time())

    def _wait(self, submission: Submission, prediction: Prediction, request: GenerationRequest) -> Wait:
        budget = _seconds(self.timeout)
        if self.execution_timeout is not None:
            # Airflow does not apply it to the time in the triggerer.
            budget = min(budget, self.execution_timeout.total_seconds())
        now = time.time()
        deadline = submission.submitted_at + budget
        return Wait(
            prediction_id=prediction.id,
            submitted_at=submission.submitted_at,
            # A retry after a timeout has a budget of its own, or it could never succeed.
            deadline=deadline if deadline > now else now + budget,
            expected_seconds=self._expected_seconds(request),
            poll_interval=None if self.poll_interval is None else _seconds(self.poll_interval),
        )

    def _expected_seconds(self, request: GenerationRequest) -> float:
        if self._named_id:
            # It may have been asked for with other arguments, or other ones than can be asked for.
            return expected_seconds()
        return expected_seconds(request.model, request.resolution, request.duration or DEFAULT_DURATION)

    def _proceed(self, context: Context, client: GPTProtoClient, wait: Wait, decision: Decision) -> list[str]:
        """Do what the last look at the prediction calls for: wait on, deliver, or fail."""
        self._waiting_for = wait.prediction_id
        if isinstance(decision, GiveUp):
            raise decision.error
        if isinstance(decision, Done):
            return self._deliver(context, decision.prediction)
        if self.deferrable:
            defer_wait(self, wait, self.seedance_conn_id)
        return self._deliver(context, client.wait(wait))

    def _deliver(self, context: Context, prediction: Prediction) -> list[str]:
        request = self._request()
        hand_over(
            context,
            prediction,
            log=self.log,
            model=request.model,
            mode=request.mode.value,
            # What a named prediction cost is not known here.
            estimated_cost=None
            if self._named_id
            else estimate_cost(request.model, request.resolution, request.duration or 0),
        )
        self._record(context).mark_delivered(prediction.id, _clear_number(context))
        self._waiting_for = None
        return accept(prediction, log=self.log, fail_on_nsfw=self.fail_on_nsfw)


def _clear_number(context: Context) -> int:
    """Return how often the DAG run was cleared; 0 where this Airflow does not count it."""
    return getattr(context["dag_run"], "clear_number", None) or 0


def _check_policies(operator: SeedanceBaseOperator) -> None:
    """
    Refuse a policy that is none: when the DAG is parsed, or, where the task is mapped, before anything is sent.

    Policies are no templates.
    """
    allowed = {
        "on_unconfirmed_submission": get_args(OnUnconfirmedSubmission),
        "on_clear": get_args(OnClear),
    }
    for name, values in allowed.items():
        if getattr(operator, name) not in values:
            raise ValueError(f"{name}: {getattr(operator, name)!r} is not allowed; allowed: {', '.join(values)}")
    if not _is_positive(operator.timeout):
        raise ValueError(f"timeout: {operator.timeout!r} is not allowed; allowed: seconds above 0, or a timedelta")
    if operator.poll_interval is not None and not _is_positive(operator.poll_interval):
        raise ValueError(f"poll_interval: {operator.poll_interval!r} is not allowed; allowed: seconds above 0, or None")


def _is_positive(seconds: object) -> bool:
    if isinstance(seconds, timedelta):
        return seconds > timedelta(0)
    return isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < _LONGEST_TIMEOUT


def _seconds(time_span: timedelta | float) -> float:
    return time_span.total_seconds() if isinstance(time_span, timedelta) else time_span
