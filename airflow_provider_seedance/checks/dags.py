"""
What is certain about the generations of a DAG before it runs: each task, and each row of a mapped one.

Rows are known if the author wrote them in the DAG file. The check reads the DAG only: no connection, no file, no
service.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_seedance.checks.generations import (
    GenerationCheck,
    check_generation,
    refused_generation,
    unknown_generation,
    waiting_generation,
)
from airflow_provider_seedance.gptproto.given import given_text
from airflow_provider_seedance.operators.base import SeedanceBaseOperator
from airflow_provider_seedance.operators.written import OPTIONS, WrittenTask, written_task
from airflow_provider_seedance.tasks.constants import constants
from airflow_provider_seedance.tasks.options import GenerationOptions, WaitOptions, check_options
from airflow_provider_seedance.tasks.records.limit import SubmissionLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCheck:
    """
    What is certain about a task that generates, or about one row of a mapped one.

    :param task_id: The task.
    :param map_index: The row; ``None`` if the task is not mapped, or if its rows are known when the DAG runs.
    :param instances: The number of task instances; ``None`` if it is known when the DAG runs.
    :param submissions: How often a task instance can submit, and so pay, over all its tries.
    :param generation: What is certain about one generation.
    """

    task_id: str
    map_index: int | None = None
    instances: int | None = 1
    submissions: int = 1
    generation: GenerationCheck

    @property
    def name(self) -> str:
        """The task with the row, as ``make_videos[3]``."""
        return self.task_id if self.map_index is None else f"{self.task_id}[{self.map_index}]"

    @property
    def estimate(self) -> Decimal | None:
        """The list price in USD if each generation succeeds at once; ``None`` if it is not known."""
        return self._sum(self.generation.price.estimate, 1)

    @property
    def highest(self) -> Decimal | None:
        """The most that the service can bill in USD, over all tries of a run; ``None`` if there is no such limit."""
        return self._sum(self.generation.price.highest, self.submissions)

    def _sum(self, usd: Decimal | None, times: int) -> Decimal | None:
        if not usd:
            return usd
        return None if self.instances is None else usd * self.instances * times


def check_dag(dag: DAG) -> tuple[TaskCheck, ...]:
    """
    Return what is certain about each task of a DAG that generates, in the order of the DAG's tasks.

    :param dag: The DAG as its file makes it.
    """
    return tuple(check for task in dag.tasks for check in _check_task(task))


def _check_task(task: Any) -> Iterator[TaskCheck]:
    if not issubclass(getattr(task, "operator_class", type(task)), SeedanceBaseOperator):
        return
    written = written_task(task)
    given = {**written.arguments, **written.parameters()}
    group = task.get_closest_mapped_task_group()
    if hasattr(task, "partial_kwargs"):
        mapped = task._get_specified_expand_input().value
        rows = _rows(mapped)
        if rows is None:
            yield _check(task, written, _not_mapped(task, given, mapped), instances=None)
        for index, row in enumerate(rows or ()):
            yield _check_row(task, written, given, row, index)
    elif group is not None:
        rows = _rows(group._expand_input.value)
        if rows is None:
            yield _check(task, written, given, instances=None)
        for index, row in enumerate(rows or ()):
            yield _check(task, written, {name: _of_row(row, given[name]) for name in given}, map_index=index)
    else:
        yield _check(task, written, given)


def _check_row(
    task: Any, written: WrittenTask, given: Mapping[str, Any], row: Mapping[str, Any], index: int
) -> TaskCheck:
    if not written.is_certain:
        # The rows of a function are its arguments, not those of the operator.
        return _check(task, written, given, map_index=index)
    foreign = [f"{name}: is not an argument of the operator" for name in row if name not in _names(written.operator)]
    if foreign:
        return TaskCheck(task_id=task.task_id, map_index=index, generation=refused_generation(*foreign))
    return _check(task, written, {**given, **row}, map_index=index)


@functools.cache
def _names(operator: Any) -> frozenset[str]:
    """Return the names of the arguments of an operator, those of its base classes included."""
    makers = [vars(each)["__init__"] for each in operator.__mro__ if "__init__" in vars(each) and each is not object]
    return frozenset(name for maker in makers for name in inspect.signature(maker).parameters)


def _check(
    task: Any,
    written: WrittenTask,
    arguments: Mapping[str, Any],
    *,
    map_index: int | None = None,
    instances: int | None = 1,
) -> TaskCheck:
    try:
        check_options(arguments)
    except ValueError as error:
        generation = refused_generation(str(error))
        return TaskCheck(task_id=task.task_id, map_index=map_index, instances=instances, generation=generation)
    wait = WaitOptions(timeout=1)
    options = GenerationOptions(
        connection_id="", wait=wait, **{name: arguments[name] for name in OPTIONS if name in arguments}
    )
    return TaskCheck(
        task_id=task.task_id,
        map_index=map_index,
        instances=instances,
        submissions=SubmissionLimit.of(options).most(task.retries + 1),
        generation=_generation(written, arguments, options),
    )


def _generation(written: WrittenTask, arguments: Mapping[str, Any], options: GenerationOptions) -> GenerationCheck:
    if not written.is_certain:
        why = "the function" if hasattr(written.operator, "custom_operator_name") else "code of the task"
        return unknown_generation(why, max_cost=options.max_cost)
    known = constants(arguments, **written.rendering)
    waits_for = given_text(known.get("prediction_id"))
    if waits_for:
        return waiting_generation(waits_for)
    check = check_generation(written.operator.mode, known, validation=options.validation, max_cost=options.max_cost)
    if "prediction_id" in known:
        return check
    # It may wait for an earlier prediction, which uses no other argument.
    return dataclasses.replace(check, refusals=(), unknown=("prediction_id", *check.unknown))


def _rows(mapped: Any) -> list[Mapping[str, Any]] | None:
    """Return the rows of ``expand()`` or ``expand_kwargs()``, in Airflow's order; ``None`` if a task makes them."""
    if not isinstance(mapped, Mapping):
        is_written = isinstance(mapped, list | tuple) and all(isinstance(row, Mapping) for row in mapped)
        return list(mapped) if is_written else None
    if not all(isinstance(values, list | tuple | dict) for values in mapped.values()):
        return None
    columns = [list(values.items()) if isinstance(values, dict) else values for values in mapped.values()]
    return [dict(zip(mapped, row, strict=True)) for row in itertools.product(*columns)]


def _not_mapped(task: Any, given: Mapping[str, Any], mapped: Any) -> dict[str, Any]:
    """Return the arguments that rows of another task do not replace."""
    if isinstance(mapped, Mapping):
        names = {*given} - {*mapped}
    else:
        # Such a row may hold any argument, with strict=True any that is not written.
        names = {*task.partial_kwargs} if task._disallow_kwargs_override else set()
    # A row that may hold validation="warn" excuses what the catalogue refuses.
    return {"validation": "warn", **{name: given[name] for name in names if name in given}}


def _of_row(row: Mapping[str, Any], value: Any) -> Any:
    """Return an argument of a task in a mapped task group: the value of its row, if it is the argument of the group."""
    key = getattr(value, "_key", None) if type(value).__name__ == "MappedArgument" else None
    return row.get(key, value) if key is not None else value
