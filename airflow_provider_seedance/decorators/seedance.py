"""``@task.seedance``: a function returns the arguments of a generation, and the task runs it like an operator."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    SET_DURING_EXECUTION,
    DecoratedOperator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)

from airflow_provider_seedance.gptproto.modes import MEDIA, MEDIA_OF, Mode, mode_of
from airflow_provider_seedance.gptproto.redaction import redacted
from airflow_provider_seedance.operators.base import SeedanceBaseOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, TaskDecorator

    from airflow_provider_seedance.gptproto.requests import GenerationRequest

_MODES_OF_SENSORS = ("poke", "reschedule")
#: The keys that the function may return: the parameters of a generation, and an earlier prediction.
_RETURNABLE = (
    *(name for name in SeedanceBaseOperator.template_fields if name != "seedance_conn_id"),
    *MEDIA,
    "is_upload_media",
)


class SeedanceDecoratedOperator(DecoratedOperator, SeedanceBaseOperator):
    """
    Generate the video that a function describes: it returns a prompt, or a dict of an operator's arguments.

    Its return value replaces the arguments of the decorator. It is sent unchanged: it is not a template. The function
    is called at every try. If it returns other arguments at a retry, the task submits, and pays for, another
    generation, with a warning in the log. After a deferral it is called again only to submit once more without audio
    (``on_audio_refusal="mute"``).

    Further parameters as in :class:`~airflow_provider_seedance.operators.base.SeedanceBaseOperator` and its subclasses.

    :param python_callable: The function.
    :param op_args: Its positional arguments. (templated)
    :param op_kwargs: Its keyword arguments. (templated)
    :param mode: ``text-to-video``, ``image-to-video`` or ``reference-to-video``; ``None`` derives it from the media.
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *SeedanceBaseOperator.template_fields,
        *MEDIA,
        "is_upload_media",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **SeedanceBaseOperator.template_fields_renderers,
    }
    custom_operator_name: str = "@task.seedance"
    overwrite_rtif_after_execution: bool = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        prompt: Any = SET_DURING_EXECUTION,
        mode: str | None = None,
        image: str | None = None,
        last_image: str | None = None,
        images: Sequence[str] | str | None = None,
        videos: Sequence[str] | str | None = None,
        audios: Sequence[str] | str | None = None,
        is_upload_media: bool | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, prompt=prompt, **kwargs)
        self.image = image
        self.last_image = last_image
        self.images = images
        self.videos = videos
        self.audios = audios
        self.is_upload_media = is_upload_media
        # A DAG's default_args may hold the mode of its sensors.
        self.requested_mode = None if mode in _MODES_OF_SENSORS else mode
        if self.requested_mode is not None and mode not in list(Mode):
            raise ValueError(f"mode: {redacted(mode)} is not allowed; allowed: {', '.join(Mode)}, or None")

    def execute(self, context: Context) -> list[str] | str:
        """Call the function, and run the generation that it returns."""
        self._call(context)
        return SeedanceBaseOperator.execute(self, context)

    def request_again(self, context: Context) -> GenerationRequest:
        """Call the function once more: what it returned before the deferral is gone."""
        self._call(context)
        return self.build_request()

    def _call(self, context: Context) -> None:
        from airflow_provider_seedance.gptproto.errors import InvalidRequestError
        from airflow_provider_seedance.gptproto.media.media import unwrap_media
        from airflow_provider_seedance.gptproto.nesting import TOO_DEEP, TooDeep
        from airflow_provider_seedance.tasks.failures import as_airflow_errors

        if isinstance(self.op_args, TooDeep) or isinstance(self.op_kwargs, TooDeep):
            with as_airflow_errors():
                raise InvalidRequestError.from_problems([f"the function's arguments: {TOO_DEEP} is not allowed"])
        # Uploads are wrapped in the attributes, because rendered fields are shown.
        arguments, keywords = unwrap_media(list(self.op_args)), unwrap_media(dict(self.op_kwargs))
        context_merge(context, keywords)
        keywords = determine_kwargs(self.python_callable, arguments, context)
        returned = self.python_callable(*arguments, **keywords)
        with as_airflow_errors():
            self._set_arguments(returned)

    def execute_complete(self, context: Context, event: Any = None) -> list[str] | str:
        """
        Go on after the trigger fired, without the function.

        Airflow runs this in a new operator object, so the values that the function returned come from the report.
        Airflow renders ``map_index_template`` and the rendered fields from them once more.
        """
        from airflow_provider_seedance.tasks.report import Publisher

        published = Publisher(context, log=self.log).restore(self.handed_on)
        self.prompt = ""
        for name in _RETURNABLE:
            if name in published.parameters:
                setattr(self, name, published.parameters[name])
        self.model = published.model or self.model
        if published.id and published.mode is None:
            # The report of an adopted prediction has no mode.
            self.prediction_id = published.id
        self.handed_on = published.to_dict()
        return super().execute_complete(context, event)

    def build_request(self) -> GenerationRequest:
        """Return the request of the arguments that the function returned."""
        from airflow_provider_seedance.gptproto.requests import REQUESTS

        names = MEDIA_OF.get(self.mode, ())
        media = {name: getattr(self, name) for name in (*names, "is_upload_media")} if names else {}
        return REQUESTS[self.mode](**self.common_parameters(), **media)

    def _set_arguments(self, returned: object) -> None:
        from airflow_provider_seedance.gptproto.errors import InvalidRequestError
        from airflow_provider_seedance.gptproto.leaks import refuse_secrets_of
        from airflow_provider_seedance.gptproto.media.media import wrap_media
        from airflow_provider_seedance.gptproto.nesting import within_depth
        from airflow_provider_seedance.gptproto.values import as_media_list

        arguments = {"prompt": returned} if isinstance(returned, str) else returned
        if not isinstance(arguments, Mapping):
            what = f"the function's return value: {type(returned).__name__} is not allowed; allowed: a prompt or a dict"
            raise InvalidRequestError.from_problems([what])
        problems = [
            f"unknown key {name!r}; allowed: {', '.join(_RETURNABLE)}" for name in arguments if name not in _RETURNABLE
        ]
        for name in _RETURNABLE:
            if name in arguments:
                setattr(self, name, wrap_media(within_depth(arguments[name])))
        if isinstance(self.prompt, type(SET_DURING_EXECUTION)):
            self.prompt = ""
        given = [name for name in MEDIA if as_media_list(getattr(self, name)) is not None]
        self.mode = Mode(self.requested_mode) if self.requested_mode else mode_of(given)
        problems += [
            f"{name}: is not an argument of {self.mode}" for name in given if name not in MEDIA_OF.get(self.mode, ())
        ]
        if problems:
            # Their keys are quoted.
            refuse_secrets_of(self.hook.get_settings, {"the function's return value": arguments})
            raise InvalidRequestError.from_problems(problems)


def seedance_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """
    Turn a function into a task that generates the video it describes; used as ``@task.seedance``.

    :param python_callable: The function.
    :param kwargs: Arguments of :class:`SeedanceDecoratedOperator`.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        # The function may return a dict; the task returns a list.
        multiple_outputs=False,
        decorated_operator_class=SeedanceDecoratedOperator,
        **kwargs,
    )
