"""Refuse one prediction id for all instances of a mapped task: each would deliver the same video."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jinja2.meta
from airflow.providers.common.compat.sdk import Context

from airflow_provider_seedance.gptproto.errors import InvalidRequestError

#: The variables of a template whose values differ between the instances of a mapped task.
_INSTANCE_VARIABLES = frozenset({"ti", "task_instance", "task_instance_key_str", "task"})


def is_same_for_all(
    value: Any, *, is_in_group: bool, environment: jinja2.Environment, own_variables: Iterable[str] = ()
) -> bool:
    """
    Return whether an argument is certain to have the same value in all instances of a mapped task.

    :param value: The argument before rendering: a text, a template, or the output of another task.
    :param is_in_group: Whether a task group is mapped, whose tasks get the outputs of their own instance.
    :param environment: The Jinja environment of the DAG.
    :param own_variables: Variables that the author defined; nobody knows what they depend on.
    """
    if not isinstance(value, str):
        return not is_in_group
    try:
        used = jinja2.meta.find_undeclared_variables(environment.parse(value))
    except jinja2.TemplateError:
        # It is no template of this DAG, so nothing is certain.
        return False
    return used.isdisjoint(_INSTANCE_VARIABLES.union(own_variables))


def check_mapped_id(context: Context, prediction_id: str) -> None:
    """
    Refuse a prediction id that all instances of a mapped task share.

    :param prediction_id: The rendered id; empty to submit.
    :raises InvalidRequestError: When the id is the same for all instances.
    """
    map_index = getattr(context["ti"], "map_index", None)
    if not prediction_id or map_index is None or map_index < 0:
        return
    # The DAG holds the task as the author wrote it; the task in the context is unmapped and rendered.
    task, dag = context["task"], context["dag"]
    written: Any = dag.get_task(task.task_id)
    partial = getattr(written, "partial_kwargs", None)
    value = getattr(written, "prediction_id", None) if partial is None else partial.get("prediction_id")
    own_variables = dag.user_defined_macros or ()
    in_group, environment = partial is None, dag.get_template_env()
    if value is None or not is_same_for_all(
        value, is_in_group=in_group, environment=environment, own_variables=own_variables
    ):
        return
    # expand_kwargs(strict=False) and the function of @task.seedance may replace it by an id of the instance.
    if str(task.render_template(value, context)).strip() != prediction_id:
        return
    template = f"{{{{ '{prediction_id}' if ti.map_index == {map_index} else '' }}}}"
    problem = (
        f"prediction_id: {prediction_id!r} is the same for all instances of this mapped task, so each would deliver "
        "the same video; allowed: an id for each instance, by expand(prediction_id=[...]) or by a template that uses "
        f'the instance, such as "{template}" for this one'
    )
    raise InvalidRequestError.from_problems([problem])
