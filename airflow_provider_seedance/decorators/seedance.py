"""``@task.seedance``: a function says what to generate, and the task does what an operator does with it."""

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

from airflow_provider_seedance.gptproto.catalogue import Mode
from airflow_provider_seedance.operators.base import SeedanceBaseOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, TaskDecorator

#: Which media belong to which mode; of a text there are none.
_MEDIA_OF: Mapping[Mode, tuple[str, ...]] = {
    Mode.IMAGE_TO_VIDEO: ("image", "last_image"),
    Mode.REFERENCE_TO_VIDEO: ("images", "videos", "audios"),
}
_MEDIA = tuple(name for names in _MEDIA_OF.values() for name in names)
_MODES_OF_SENSORS = ("poke", "reschedule")
#: What the function may return: the parameters of a generation, and a prediction to go on with.
_RETURNABLE = (
    *(name for name in SeedanceBaseOperator.template_fields if name != "seedance_conn_id"),
    *_MEDIA,
    "is_upload_media",
)


class SeedanceDecoratedOperator(DecoratedOperator, SeedanceBaseOperator):
    """
    Generate what a function returns: a prompt, or a dict of an operator's arguments.

    What it returns wins over what the decorator was given, and is sent as it is: it is no template. The function is
    called at every try. One that returns something else at a retry asks for another generation, which is paid for; the
    log says so then. After a deferral it is not called again.

    Further parameters as in :class:`~airflow_provider_seedance.operators.base.SeedanceBaseOperator` and its subclasses.

    :param python_callable: The function.
    :param op_args: Its positional arguments. (templated)
    :param op_kwargs: Its keyword arguments. (templated)
    :param mode: ``text-to-video``, ``image-to-video`` or ``reference-to-video``; ``None`` finds it out from the media.
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *SeedanceBaseOperator.template_fields,
        *_MEDIA,
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
        self.mode_as_told = None if mode in _MODES_OF_SENSORS else mode
        if self.mode_as_told is not None and mode not in list(Mode):
            raise ValueError(f"mode: {mode!r} is not allowed; allowed: {', '.join(Mode)}, or None")

    def execute(self, context: Context) -> list[str] | str:
        """Call the function, and do what an operator does with what it returns."""
        from airflow_provider_seedance.gptproto.media.media import unwrap_media
        from airflow_provider_seedance.tasks.failures import as_airflow_errors

        # As attributes they are rendered fields, which are shown.
        arguments, keywords = unwrap_media(list(self.op_args)), unwrap_media(dict(self.op_kwargs))
        context_merge(context, keywords)
        keywords = determine_kwargs(self.python_callable, arguments, context)
        returned = self.python_callable(*arguments, **keywords)
        with as_airflow_errors():
            self._take(returned)
        return SeedanceBaseOperator.execute(self, context)

    def execute_complete(self, context: Context, event: Any = None) -> list[str]:
        """Go on after the trigger fired, without the function; what it returned stays in the rendered fields."""
        self.overwrite_rtif_after_execution = False
        return super().execute_complete(context, event)

    def _take(self, returned: object) -> None:
        from airflow_provider_seedance.gptproto.errors import InvalidRequestError
        from airflow_provider_seedance.gptproto.media.media import wrap_media

        arguments = {"prompt": returned} if isinstance(returned, str) else returned
        if not isinstance(arguments, Mapping):
            what = f"the function's return value: {type(returned).__name__} is not allowed; allowed: a prompt or a dict"
            raise InvalidRequestError.from_problems([what])
        problems = [
            f"{name}: is nothing that the function can return; allowed: {', '.join(_RETURNABLE)}"
            for name in arguments
            if name not in _RETURNABLE
        ]
        for name in _RETURNABLE:
            if name in arguments:
                setattr(self, name, wrap_media(arguments[name]))
        if isinstance(self.prompt, type(SET_DURING_EXECUTION)):
            self.prompt = ""
        given = [name for name in _MEDIA if getattr(self, name) is not None]
        self.mode = Mode(self.mode_as_told) if self.mode_as_told else _mode_of(given)
        problems += [
            f"{name}: is no argument of {self.mode}" for name in given if name not in _MEDIA_OF.get(self.mode, ())
        ]
        if problems:
            raise InvalidRequestError.from_problems(problems)


def _mode_of(media: Collection[str]) -> Mode:
    """Return the first mode that takes one of these media."""
    return next((mode for mode, names in _MEDIA_OF.items() if set(names) & set(media)), Mode.TEXT_TO_VIDEO)


def seedance_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """
    Turn a function into a task that generates what it returns; used as ``@task.seedance``.

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
