"""
Checks of the operators when a DAG file is parsed: a task that is certain to be refused is an import error of the DAG.

Only the operators of this provider are checked, inside a DAG, with ``validation="strict"``. A subclass or
``pre_execute`` may change the arguments before the task runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.redaction import without_keys
from airflow_provider_seedance.operators.written import WrittenTask, written_task
from airflow_provider_seedance.tasks.constants import constant_request
from airflow_provider_seedance.tasks.options import check_options, named_task

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import MappedOperator


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
        _check(task.task_id, written_task(task))


def _check_mapped(task: Any, mapped: Collection[str]) -> None:
    if task.dag is None:
        return
    written = written_task(task)
    with named_task(task.task_id):
        check_options({name: value for name, value in written.arguments.items() if name not in mapped})
    _check(task.task_id, written, mapped)


def _check(task_id: str, written: WrittenTask, mapped: Collection[str] = ()) -> None:
    if (
        not written.is_certain
        or written.arguments["validation"] != "strict"
        or {"validation", "pre_execute"} & {*mapped}
    ):
        return
    constants = {name: value for name, value in written.parameters().items() if name not in mapped}
    request = constant_request(written.operator.mode, constants, **written.rendering)
    if request is None or not (problems := list(request.problems())):
        return
    # Its module is loaded once there is a request.
    from airflow_provider_seedance.gptproto.requests import OUTDATED_ADVICE

    has_refusals = any(finding.is_refusal for finding in request.findings())
    advice = f"Correct them. {OUTDATED_ADVICE}" if has_refusals else "Correct them."
    lines = "".join(f"\n  - {problem}" for problem in problems)
    # No connection is read here, so the form of a key has to do.
    raise ValueError(without_keys(f"Task {task_id!r}: Seedance refuses these arguments:{lines}\n{advice}"))
