"""
Which arguments Airflow renders as templates: those that the author wrote, never values of the rows of a mapped task.

``expand(prompt=task())`` and mapped task groups pass the values of rows on as they are, but ``expand_kwargs(task())``
renders them with Jinja (Airflow up to 3.4): a row ``{{ conn.seedance_default.password }}`` would become the API key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_seedance.gptproto.given import is_missing

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

#: Exactly these: a subclass, such as a path in object storage, may need more than its text.
_PATHS = (PosixPath, WindowsPath, PurePosixPath, PureWindowsPath)


class AuthorsTemplates:
    """A mixin for tasks whose rows are data; before Airflow's class in the bases."""

    #: The template fields that are read from a file if their value ends in one of ``template_ext``.
    file_fields: ClassVar[Sequence[str]] = ()

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Render the fields that the author wrote. Airflow does not render objects whose ids are in ``seen_oids``."""
        render = super()._do_render_template_fields  # type: ignore[misc]  # of Airflow's class
        if parent is not self:
            render(parent, template_fields, context, jinja_env, seen_oids)
            return
        seen_oids.update(id(value) for value in _values_of_rows(self, context))
        names = list(template_fields)
        render(parent, [name for name in names if name in self.file_fields], context, jinja_env, seen_oids)
        with self._replaced("template_ext", ()):
            render(parent, [name for name in names if name not in self.file_fields], context, jinja_env, seen_oids)

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """
        Render a template, also in a path of :mod:`pathlib`, which Airflow leaves as it is.

        Such a path becomes text if its template gives a URL or a missing value.
        """
        render = super().render_template  # type: ignore[misc]  # of Airflow's class
        if type(content) not in _PATHS or id(content) in (seen_oids or ()):
            return render(content, context, jinja_env, seen_oids)
        with self._replaced("template_ext", ()):
            text = str(render(str(content), context, jinja_env, seen_oids))
        return text if is_missing(text) or "://" in text else type(content)(text)

    def resolve_template_files(self) -> None:
        """Read the files of the fields that may be files."""
        with self._replaced("template_fields", self.file_fields):
            super().resolve_template_files()  # type: ignore[misc]  # of Airflow's class

    @contextmanager
    def _replaced(self, name: str, value: object) -> Iterator[None]:
        """Replace an attribute of the class; Airflow reads it from the object."""
        earlier = dict(vars(self))
        vars(self)[name] = value
        try:
            yield
        finally:
            if name in earlier:
                vars(self)[name] = earlier[name]
            else:
                del vars(self)[name]


def _values_of_rows(task: Any, context: Context) -> Iterator[Any]:
    """Yield the values that a mapped task got from rows; none if the author wrote the rows in the DAG file."""
    dag = context.get("dag")
    # The DAG holds the task as the author wrote it; the task in the context is unmapped.
    written: Any = dag.get_task(task.task_id) if dag is not None else None
    partial = getattr(written, "partial_kwargs", None)
    if partial is None:
        return
    map_index = context["ti"].map_index or 0
    if _comes_from_a_task(written.expand_input, map_index):
        yield from (getattr(task, name, None) for name in task.template_fields if name not in partial)
    if _comes_from_a_task(getattr(written, "op_kwargs_expand_input", None), map_index):
        yield from (value for name, value in task.op_kwargs.items() if name not in partial["op_kwargs"])


def _comes_from_a_task(rows: Any, map_index: int) -> bool:
    """Return whether the row of an instance is the output of another task: all rows, or one in a list."""
    if rows is None or isinstance(rows.value, Mapping):
        # expand() keeps the values of other tasks from being rendered.
        return False
    written = rows.value[map_index] if isinstance(rows.value, list | tuple) else None
    return not isinstance(written, Mapping)
