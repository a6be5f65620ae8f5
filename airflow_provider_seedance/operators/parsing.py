"""
Checks of the operators when a DAG file is parsed: a task that is certain to be refused is an import error of the DAG.

Only the operators of this provider are checked, inside a DAG, with ``validation="strict"``. A subclass or
``pre_execute`` may change the arguments before the task runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.redaction import without_keys
from airflow_provider_seedance.tasks.constants import constant_problems
from airflow_provider_seedance.tasks.options import check_options

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import MappedOperator

_ADVICE = 'Correct them. If the service accepts the values by now, set validation="warn".'


class CheckedPartial:
    """
    What ``partial()`` of an operator returns: Airflow's object, with a check once it is known what is mapped.

    :param partial: Airflow's object.
    """

    def __init__(self, partial: Any) -> None:
        self._partial = partial

    def expand(self, **mapped: Any) -> MappedOperator:
        """Map arguments over lists, or over the outputs of other tasks."""
        task: MappedOperator = self._partial.expand(**mapped)
        _check_mapped(task, mapped)
        return task

    def expand_kwargs(self, rows: Any, *, strict: bool = True) -> MappedOperator:
        """Map over rows. Rows of another task are not known yet, and may hold any argument."""
        task: MappedOperator = self._partial.expand_kwargs(rows, strict=strict)
        if isinstance(rows, (list, tuple)) and all(isinstance(row, Mapping) for row in rows):
            _check_mapped(task, {name for row in rows for name in row})
        return task


def check_constants(task: Any) -> None:
    """
    Refuse the constants of a task that is not mapped.

    :raises ValueError: With task, arguments, values and allowed values.
    """
    # A mapped task is constructed again when it runs, with values of rows.
    if task.has_dag() and not getattr(task, "_BaseOperator__from_mapped", False):
        names = (*task.template_fields, "validation")
        arguments = {name: getattr(task, name) for name in names}
        _check(type(task), task.task_id, task.dag, {**arguments, "pre_execute": task._pre_execute_hook})


def _check_mapped(task: Any, mapped: Collection[str]) -> None:
    if task.dag is None:
        return
    group_defaults = getattr(task.task_group, "default_args", None)
    written = {"validation": "strict", **task.dag.default_args, **(group_defaults or {}), **task.partial_kwargs}
    names = (*task.template_fields, "validation", "pre_execute")
    arguments = {name: written.get(name) for name in names if name not in mapped}
    with named_task(task.task_id):
        check_options({name: value for name, value in written.items() if name not in mapped})
    _check(task.operator_class, task.task_id, task.dag, arguments)


def _check(operator: Any, task_id: str, dag: Any, arguments: dict[str, Any]) -> None:
    is_ours = operator.__module__ == "airflow_provider_seedance.operators.seedance"
    is_strict = arguments.pop("validation", None) == "strict"
    hook = arguments.pop("pre_execute", None)
    for name in ("seedance_conn_id", "idempotency_key"):
        arguments.pop(name, None)
    # Jinja's own options can change what a template looks like.
    if not is_ours or not is_strict or hook is not None or dag.jinja_environment_kwargs:
        return
    problems = constant_problems(
        operator.mode,
        arguments,
        prompt_files=tuple(operator.template_ext),
        is_native=dag.render_template_as_native_obj,
    )
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        # No connection is read here, so the form of a key has to do.
        raise ValueError(without_keys(f"Task {task_id!r}: Seedance refuses these arguments:{lines}\n{_ADVICE}"))


@contextmanager
def named_task(task_id: str) -> Iterator[None]:
    """Name the task in the error of an option."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Task {task_id!r}: {error}") from None
