"""
The base of all operators that submit generations: their arguments, and the two legs of a try, before and after a wait.

DAG files that import the operators are parsed every few seconds, so this module imports little. The work is in
:mod:`~airflow_provider_seedance.tasks.generation`, which is imported when a task runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowException, BaseOperator, conf

from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.given import given_text
from airflow_provider_seedance.gptproto.modes import DEFAULT_DURATION, DEFAULT_MODEL, Mode, Validation
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.links.seedance import SeedanceVideoLink
from airflow_provider_seedance.operators.parsing import CheckedPartial, check_constants
from airflow_provider_seedance.tasks.options import (
    GenerationOptions,
    OnAudioRefusal,
    OnBudgetExceeded,
    OnClear,
    OnLostPrediction,
    OnUnconfirmedSubmission,
    WaitOptions,
    named_task,
)
from airflow_provider_seedance.tasks.rendering import AuthorsTemplates
from airflow_provider_seedance.triggers.deferral import DeferrableTask

try:
    from airflow_provider_seedance.retries import SeedanceRetryPolicy
except ImportError:  # Airflow below 3.3 has no retry policies.
    _RETRY_POLICY = None
else:
    _RETRY_POLICY = SeedanceRetryPolicy()

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_seedance.gptproto.requests import GenerationRequest
    from airflow_provider_seedance.tasks.generation import Generation
    from airflow_provider_seedance.tasks.leg import Leg

#: The parameters of the API that all modes share.
_COMMON_PARAMETERS = (
    "prompt",
    "model",
    "aspect_ratio",
    "duration",
    "resolution",
    "generate_audio",
    "camera_fixed",
    "seed",
    "extra_parameters",
)


class SeedanceBaseOperator(DeferrableTask, AuthorsTemplates, BaseOperator):
    """
    Submit a generation, wait for it, and return the URLs of its videos.

    Use one of the subclasses. One logical generation is paid once: a record in the ledger of the connection, or in
    the task state store of Airflow 3.3 and later, lets a retry go on with the submission of an earlier try.

    Pushed to XCom: ``prediction_id`` (before the wait), ``prediction`` (a small dict), ``video_url`` (the first
    output), and as the return value the list of output URLs, or the prediction id with
    ``wait_for_completion=False``. The URLs live about a day.

    :param prompt: A description of the video. If it ends in ``.txt`` or ``.md``, it is read from that file. (templated)
    :param model: Model id; ``docs/models.md`` lists the known ones. (templated)
    :param aspect_ratio: ``21:9``, ``16:9``, ``4:3``, ``1:1``, ``3:4`` or ``9:16``; ``adaptive`` is sent with a
        warning. (templated)
    :param duration: Length of the video in seconds; the range depends on the model. (templated)
    :param resolution: ``480p``, ``720p``, ``1080p`` or ``4k``, depending on the model. (templated)
    :param generate_audio: Whether the video has sound. (templated)
    :param camera_fixed: Whether the camera keeps its position; 2.x models refuse or ignore it. (templated)
    :param seed: -1 (random) to 2147483647. (templated)
    :param extra_parameters: Further parameters of the API, sent unchanged. (templated)
    :param prediction_id: The id of an earlier prediction: wait for it, and submit nothing. (templated)
    :param idempotency_key: What makes a generation the same one across tries, map indexes, tasks and runs, such as
        ``launch/{{ params.sku }}``. With the same key and the same arguments the generation that exists is waited for
        and returned, and nothing is paid. The connection needs a ledger. (templated)
    :param seedance_conn_id: The Airflow connection. (templated)
    :param wait_for_completion: Whether to wait for the videos.
    :param deferrable: Whether to wait in the triggerer, without holding a worker.
    :param poll_interval: Exact seconds between polls; ``None`` adapts to the expected time of such a generation.
    :param timeout: Longest wait in seconds, from the submission; a shorter ``execution_timeout`` bounds it as well.
    :param durable: Whether to keep the record of the submission.
    :param on_unconfirmed_submission: What to do if it is unknown whether a submission was accepted: ``fail`` ends the
        task, ``resubmit`` lets a retry submit again, once, and accepts the risk to pay twice.
    :param on_lost_prediction: What to do if the service does not know the recorded prediction: ``fail`` ends the task,
        ``resubmit`` submits, and pays for, a new one. A video that was delivered is never submitted again that way.
    :param on_audio_refusal: What to do if the generated audio is refused: ``fail`` ends the task, ``mute`` submits, and
        pays for, the same generation once more without audio, within ``max_cost`` and ``max_submissions``.
    :param on_budget_exceeded: What to do if a submission would exceed a budget of the connection: ``fail`` ends the
        task, ``wait`` waits in the triggerer until the budget resets, and then submits.
    :param on_clear: What a clear does after the video was delivered: ``reuse`` it, or ``regenerate`` a new one.
    :param validation: What to do with arguments that, by the catalogue (``docs/models.md``), the service refuses:
        ``strict`` fails the task before anything is sent, ``warn`` logs a warning and submits. Use ``warn`` if the
        catalogue is out of date. A blank prompt, missing media and wrong types fail the task in any case.
    :param fail_on_nsfw: Whether a flagged output fails the task.
    :param max_cost: The most that a generation may cost, in USD. A generation that can cost more, or has no highest
        price, is not submitted; see :mod:`airflow_provider_seedance.gptproto.prices`.
    :param max_submissions: How often a task instance may submit, and so pay, over all its tries; ``None`` for as often
        as ``retries`` allow. A clear grants one more, if the task keeps a record.
    """

    #: The mode of the API.
    mode: Mode

    template_fields: Sequence[str] = (*_COMMON_PARAMETERS, "prediction_id", "idempotency_key", "seedance_conn_id")
    template_ext: Sequence[str] = (".txt", ".md")
    file_fields = ("prompt",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"prompt": "md", "extra_parameters": "json"}
    operator_extra_links = (SeedanceVideoLink(),)
    ui_color = "#e8e1f5"

    def __init__(
        self,
        *,
        prompt: str | XComArg,
        model: str | XComArg = DEFAULT_MODEL,
        aspect_ratio: str | XComArg | None = None,
        duration: int | str | XComArg | None = DEFAULT_DURATION,
        resolution: str | XComArg | None = None,
        generate_audio: bool | str | XComArg | None = None,
        camera_fixed: bool | str | XComArg | None = None,
        seed: int | str | XComArg | None = None,
        extra_parameters: dict[str, Any] | XComArg | None = None,
        prediction_id: str | XComArg | None = None,
        idempotency_key: str | XComArg | None = None,
        seedance_conn_id: str = SeedanceHook.default_conn_name,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: timedelta | float | None = None,
        timeout: timedelta | float = 3600.0,
        durable: bool = True,
        on_unconfirmed_submission: OnUnconfirmedSubmission = "fail",
        on_lost_prediction: OnLostPrediction = "fail",
        on_audio_refusal: OnAudioRefusal = "fail",
        on_budget_exceeded: OnBudgetExceeded = "fail",
        on_clear: OnClear = "reuse",
        validation: Validation = "strict",
        fail_on_nsfw: bool = False,
        max_cost: float | None = None,
        max_submissions: int | None = None,
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
        self.idempotency_key = idempotency_key
        self._has_key = idempotency_key is not None
        self.seedance_conn_id = seedance_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.durable = durable
        self.on_unconfirmed_submission = on_unconfirmed_submission
        self.on_lost_prediction = on_lost_prediction
        self.on_audio_refusal = on_audio_refusal
        self.on_budget_exceeded = on_budget_exceeded
        self.on_clear = on_clear
        self.validation = validation
        self.fail_on_nsfw = fail_on_nsfw
        self.max_cost = max_cost
        self.max_submissions = max_submissions
        self._leg: Leg | None = None
        with named_task(self.task_id):
            self.generation_options()
        # An operator with further fields checks its constants once they are set.
        if type(self).template_fields is SeedanceBaseOperator.template_fields:
            check_constants(self)

    @classmethod
    def partial(cls, **arguments: Any) -> CheckedPartial:  # type: ignore[override]
        """Return the task before it is mapped; ``expand()`` checks its constants."""
        return CheckedPartial(super().partial(**arguments))

    @cached_property
    def hook(self) -> SeedanceHook:
        """The hook of this task's connection."""
        return SeedanceHook(self.seedance_conn_id)

    @property
    def video_url(self) -> str:
        """The first output of this try, for the extra link; empty before there is one."""
        return self._leg.report.video_url if self._leg else ""

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render a template, with uploads wrapped: rendered fields are stored and shown."""
        from airflow_provider_seedance.gptproto.nesting import TOO_DEEP, within_depth

        if within_depth(content) is TOO_DEEP:
            return TOO_DEEP
        return _presentable(super().render_template(content, context, jinja_env, seen_oids))

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Render the fields, and wrap uploads that a function returned: Airflow calls it in place of a template."""
        names = list(template_fields)
        functions = [name for name in names if callable(getattr(parent, name, None))]
        super()._do_render_template_fields(parent, names, context, jinja_env, seen_oids)
        for name in functions:
            setattr(parent, name, _presentable(getattr(parent, name)))

    def build_request(self) -> GenerationRequest:
        """Return the request of the rendered arguments. Each mode has its own."""
        raise NotImplementedError

    def request_again(self, context: Context) -> GenerationRequest:
        """Return the request in the leg after a deferral, where this object is a new one."""
        return self.build_request()

    def common_parameters(self) -> dict[str, Any]:
        """Return the rendered parameters of the API that all modes share."""
        return {name: getattr(self, name) for name in _COMMON_PARAMETERS}

    def generation_options(self) -> GenerationOptions:
        """
        Return the options of the task that are not parameters of the API.

        :raises ValueError: When an option is not allowed.
        """
        return GenerationOptions(
            connection_id=self.seedance_conn_id,
            prediction_id=given_text(self.prediction_id),
            idempotency_key=self._given_key(),
            wait_for_completion=self.wait_for_completion,
            durable=self.durable,
            on_unconfirmed_submission=self.on_unconfirmed_submission,
            on_lost_prediction=self.on_lost_prediction,
            on_audio_refusal=self.on_audio_refusal,
            on_budget_exceeded=self.on_budget_exceeded,
            on_clear=self.on_clear,
            validation=self.validation,
            max_cost=self.max_cost,
            max_submissions=self.max_submissions,
            wait=WaitOptions(
                timeout=self.timeout,
                poll_interval=self.poll_interval,
                deferrable=self.deferrable,
                fail_on_nsfw=self.fail_on_nsfw,
                execution_timeout=self.execution_timeout,
            ),
        )

    def _given_key(self) -> str | None:
        """Return the idempotency key; empty, which is refused, if a template or another task's output has none."""
        key = self.idempotency_key
        if key is None:
            return "" if self._has_key else None
        # Rendering wraps long texts, which may be uploads.
        return str(getattr(key, "text", key))

    def execute(self, context: Context) -> list[str] | str:
        """Submit, or go on with the submission of an earlier try; then wait for the videos."""
        return self.finish(self._start(context).begin(self.build_request()))

    def execute_complete(self, context: Context, event: Any = None) -> list[str] | str:
        """Go on after the trigger fired, with the finished prediction or the error in its event."""
        from airflow_provider_seedance.tasks.events import ledger_of, read_event
        from airflow_provider_seedance.tasks.leg import Leg

        poller, result = read_event(event)
        ledger, report = ledger_of(event), self.handed_on
        if isinstance(result, SeedanceError):
            request_again = partial(self.request_again, context)
            outcome = self._start(context).resume(result, ledger=ledger, report=report, request=request_again)
            return self.finish(outcome)
        self._leg = Leg(self.generation_options(), context, get_settings=self.hook.get_settings, log=self.log)
        return self._leg.deliver(result, poller, ledger=ledger, report=report).outputs

    def execute_again(self, context: Context, event: Any = None) -> list[str] | str:
        """Start anew once a budget has reset: nothing was submitted before."""
        return self.execute(context)

    def fail_wait(self, error: AirflowException, context: Context) -> NoReturn:
        """Name the prediction and the bill in the error for a wait that Airflow ended."""
        self._start(context).fail(error)

    def on_kill(self) -> None:
        """Send nothing more, and log that a generation goes on and is billed."""
        if self._leg is not None:
            self._leg.progress.stop(self.log)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return the datasets of a try, for the OpenLineage provider."""
        if self._leg is None:
            return None
        from airflow_provider_seedance.tasks.lineage import lineage_of

        return lineage_of(self._leg.report)

    def _start(self, context: Context) -> Generation:
        from airflow_provider_seedance.tasks.generation import Generation

        self._leg = generation = Generation(
            self.generation_options(),
            context,
            get_settings=self.hook.get_settings,
            connect=self.hook.get_client,
            log=self.log,
        )
        return generation


def _presentable(value: Any) -> Any:
    """Return a rendered value as Airflow may store and show it: uploads wrapped, and not nested too deeply."""
    from airflow_provider_seedance.gptproto.media.media import wrap_media
    from airflow_provider_seedance.gptproto.nesting import within_depth

    return wrap_media(within_depth(value))
