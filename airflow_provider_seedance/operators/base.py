"""
What all operators that submit generations have in common: their arguments, and when they do their work.

DAG files that import the operators are parsed every few seconds. So this module imports little; the work itself is in
:mod:`~airflow_provider_seedance.tasks.generation`, which is imported where a task runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_seedance.gptproto.catalogue import DEFAULT_DURATION, DEFAULT_MODEL, Mode
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.links.seedance import SeedanceVideoLink
from airflow_provider_seedance.tasks.options import OnClear, OnUnconfirmedSubmission, check_policies

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

    from airflow_provider_seedance.tasks.generation import Generation


class SeedanceBaseOperator(BaseOperator):
    """
    Submit a generation, wait for it, and return the addresses of its videos.

    Use one of the subclasses. One logical generation is paid once: on Airflow 3.3 and later a record in the task state
    store lets a retry go on with what an earlier try submitted.

    Pushed to XCom: ``prediction_id`` (before the wait), ``prediction`` (a small dict), ``video_url`` (the first
    output), and the list of output addresses as the return value, or the prediction id with
    ``wait_for_completion=False``. The addresses live about a day.

    :param prompt: What the video should show. If it ends in ``.txt`` or ``.md``, it is read from that file. (templated)
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
    :param poll_interval: Seconds between polls, exactly; ``None`` adapts to the usual time of such a generation.
    :param timeout: Seconds to wait at most, counted from the submission; a shorter ``execution_timeout`` wins.
    :param durable: Whether to keep the record of the submission.
    :param on_unconfirmed_submission: What to do when nobody can tell whether a submission was accepted: ``fail``
        ends the task, ``resubmit`` lets a retry submit again and accepts that it may be paid twice.
    :param on_clear: What clearing a task does whose video was delivered: ``reuse`` it, or ``regenerate`` one.
    :param fail_on_nsfw: Whether a flagged output fails the task.
    :param max_cost: What a generation may cost at most, in USD, by the catalogue's list prices; one that costs more, or
        whose price is not known, is not submitted.
    """

    #: Which kind of request the arguments make up.
    mode: Mode

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
        seedance_conn_id: str = SeedanceHook.default_conn_name,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: timedelta | float | None = None,
        timeout: timedelta | float = 3600.0,
        durable: bool = True,
        on_unconfirmed_submission: OnUnconfirmedSubmission = "fail",
        on_clear: OnClear = "reuse",
        fail_on_nsfw: bool = False,
        max_cost: float | None = None,
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
        self.max_cost = max_cost
        self._generation: Generation | None = None
        check_policies(
            on_unconfirmed_submission=on_unconfirmed_submission,
            on_clear=on_clear,
            timeout=timeout,
            poll_interval=poll_interval,
            max_cost=max_cost,
        )

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
        from airflow_provider_seedance.gptproto.media.media import wrap_media

        return wrap_media(super().render_template(content, context, jinja_env, seen_oids))

    def execute(self, context: Context) -> list[str] | str:
        """Submit, or go on with what an earlier try submitted; then wait for the videos."""
        return self._new_generation(context).begin()

    def execute_complete(self, context: Context, event: Any = None) -> list[str]:
        """Go on after the trigger fired: fetch the finished prediction on the worker."""
        return self._new_generation(context).resume(event)

    def on_kill(self) -> None:
        """Send nothing more, and say what becomes of a generation that is under way."""
        if self._generation is not None:
            self._generation.stop()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return what OpenLineage is told of a try; its provider calls this."""
        if self._generation is None:
            return None
        from airflow_provider_seedance.tasks.lineage import lineage_of

        return lineage_of(self._generation.told)

    def _new_generation(self, context: Context) -> Generation:
        from airflow_provider_seedance.tasks.generation import Generation

        self._generation = Generation(self, context)
        return self._generation
