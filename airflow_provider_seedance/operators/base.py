"""What all operators that submit generations do: submit or go on, wait, hand the videos on."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from decimal import Decimal
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
    PredictionNotFoundError,
    RepeatableSubmissionError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.media import conceal
from airflow_provider_seedance.gptproto.polling import Decision, Done, GiveUp, Wait
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.outputs import hand_over
from airflow_provider_seedance.submissions import (
    OnClear,
    OnUnconfirmedSubmission,
    Recall,
    Submission,
    SubmissionRecord,
    decide,
)
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
        poll_interval: float | None = None,
        timeout: float = 3600.0,
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
        with airflow_failures():
            request = self._request()
            request.check()
            for warning in request.warnings():
                self.log.warning("%s", warning)
            with self.hook.get_conn() as client:
                submission, prediction = self._generation(context, client, request)
                context["ti"].xcom_push(key="prediction_id", value=prediction.id)
                if not self.wait_for_completion:
                    self._record(context).mark_delivered(prediction.id)
                    return prediction.id
                wait = self._wait(submission, prediction)
                return self._proceed(context, client, wait, wait.on_prediction(prediction, time.time()))

    def execute_complete(self, context: Context, event: Any = None) -> list[str]:
        """Go on after the trigger fired: fetch the finished prediction on the worker."""
        with airflow_failures():
            wait = read_event(event)
            with self.hook.get_conn() as client:
                return self._proceed(context, client, wait, client.look(wait))

    def on_kill(self) -> None:
        """Say what becomes of the generation when a worker that waits for it is stopped."""
        if self._waiting_for is not None:
            self.log.warning(still_running(self._waiting_for))

    def _request(self) -> GenerationRequest:
        names = [field.name for field in dataclasses.fields(self.request_class)]
        return self.request_class(**{name: getattr(self, name) for name in names})

    def _record(self, context: Context) -> SubmissionRecord:
        return SubmissionRecord(context.get("task_state_store") if self.durable else None)

    def _generation(
        self, context: Context, client: GPTProtoClient, request: GenerationRequest
    ) -> tuple[Submission, Prediction]:
        """Return this task's generation: the one that is named, the one that is recorded, or a new one."""
        record = self._record(context)
        if self.durable and not record.is_kept:
            self.log.warning(
                "This Airflow keeps no task state (3.3 does): should this try break off, a retry submits and pays again"
            )
        intent = Submission(
            fingerprint=request.fingerprint(self.seedance_conn_id),
            submitted_at=time.time(),
            clear_number=getattr(context["dag_run"], "clear_number", None) or 0,
        )
        named = (self.prediction_id or "").strip()
        if named:
            return self._attach(client, record, dataclasses.replace(intent, prediction_id=named))
        decision = decide(
            record.read(),
            fingerprint=intent.fingerprint,
            clear_number=intent.clear_number,
            on_clear=self.on_clear,
            on_unconfirmed_submission=self.on_unconfirmed_submission,
        )
        if isinstance(decision, Recall):
            prediction = self._recall(client, decision.submission)
            if prediction is not None:
                return decision.submission, prediction
        elif decision.reason:
            self.log.warning("Submitting anew: %s", decision.reason)
        return self._submit(client, record, intent, request)

    def _attach(
        self, client: GPTProtoClient, record: SubmissionRecord, submission: Submission
    ) -> tuple[Submission, Prediction]:
        prediction_id = submission.prediction_id or ""
        prediction = client.recall(prediction_id)
        if prediction is None:
            what = "GPTProto does not know the prediction that the task was told to wait for"
            raise PredictionNotFoundError(what, prediction_id=prediction_id)
        self.log.info("Waiting for prediction %s, as told; nothing is submitted", prediction_id)
        record.write(submission)
        return submission, prediction

    def _recall(self, client: GPTProtoClient, submission: Submission) -> Prediction | None:
        """Return the recorded prediction if it has, or can still have, a result."""
        prediction_id = submission.prediction_id or ""
        prediction = client.recall(prediction_id)
        if prediction is None:
            self.log.warning("Submitting anew: GPTProto does not know the recorded prediction %s", prediction_id)
            return None
        if prediction.status in (PredictionStatus.FAILED, PredictionStatus.EXPIRED):
            status = prediction.reported_status
            self.log.warning("Submitting anew: the recorded prediction %s is %s", prediction_id, status)
            return None
        self.log.info("Going on with recorded prediction %s, which is %s", prediction_id, prediction.reported_status)
        return prediction

    def _submit(
        self, client: GPTProtoClient, record: SubmissionRecord, intent: Submission, request: GenerationRequest
    ) -> tuple[Submission, Prediction]:
        try:
            prediction = client.submit(request, before_send=lambda: record.write(intent), after_refusal=record.remove)
        except UnconfirmedSubmissionError as error:
            if error.prediction_id is not None:
                record.write(dataclasses.replace(intent, prediction_id=error.prediction_id))
            if self.on_unconfirmed_submission == "resubmit":
                raise RepeatableSubmissionError(error.what, charge=error.charge) from error
            raise
        cost = self._estimated_cost()
        price = "at an unknown price" if cost is None else f"for about {cost:.2f} USD at list price"
        # Before the record, so that the id is known somewhere should the record not be written.
        self.log.info("Submitted prediction %s to %s (%s), %s", prediction.id, self.model, request.mode.value, price)
        submission = dataclasses.replace(intent, prediction_id=prediction.id)
        record.write(submission)
        return submission, prediction

    def _wait(self, submission: Submission, prediction: Prediction) -> Wait:
        budget = self.timeout
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
            expected_seconds=expected_seconds(self.resolution, int(self.duration or DEFAULT_DURATION)),
            poll_interval=self.poll_interval,
        )

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
        self._record(context).mark_delivered(prediction.id)
        self._waiting_for = None
        return hand_over(
            context,
            prediction,
            log=self.log,
            fail_on_nsfw=self.fail_on_nsfw,
            model=self.model,
            mode=self.request_class.mode.value,
            estimated_cost=self._estimated_cost(),
        )

    def _estimated_cost(self) -> Decimal | None:
        return estimate_cost(self.model, self.resolution, int(self.duration or DEFAULT_DURATION))


def _check_policies(operator: SeedanceBaseOperator) -> None:
    """Refuse a policy that is none, when the DAG is parsed: policies are no templates."""
    allowed = {
        "on_unconfirmed_submission": get_args(OnUnconfirmedSubmission),
        "on_clear": get_args(OnClear),
    }
    for name, values in allowed.items():
        if getattr(operator, name) not in values:
            raise ValueError(f"{name}: {getattr(operator, name)!r} is not allowed; allowed: {', '.join(values)}")
    for name in ("timeout", "poll_interval"):
        seconds = getattr(operator, name)
        if seconds is not None and not seconds > 0:
            raise ValueError(f"{name}: {seconds!r} is not allowed; allowed: seconds above 0")
