"""The arguments of a task as the author wrote them in the DAG file, before Airflow maps and renders them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The options of a task that decide what is checked, and what it can cost.
OPTIONS = ("validation", "max_cost", "max_submissions", "on_audio_refusal")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTask:
    """
    A task that generates, as it is written.

    :param operator: The class of the operator.
    :param dag: Its DAG.
    :param arguments: Its arguments by name: those of the operator and, with ``default_args``, any other.
    """

    operator: Any
    dag: Any
    arguments: Mapping[str, Any]

    @property
    def is_certain(self) -> bool:
        """Whether nothing but rendering changes the arguments: no subclass, no ``pre_execute``, no option of Jinja."""
        is_ours = self.operator.__module__ == "airflow_provider_seedance.operators.seedance"
        # Jinja's own options can change what a template looks like.
        is_plain = self.arguments.get("pre_execute") is None and not self.dag.jinja_environment_kwargs
        return is_ours and is_plain

    @property
    def rendering(self) -> dict[str, Any]:
        """How its arguments are rendered, for the functions of :mod:`~airflow_provider_seedance.tasks.constants`."""
        prompt_files = tuple(self.operator.template_ext)
        return {"prompt_files": prompt_files, "is_native": self.dag.render_template_as_native_obj}

    def parameters(self) -> dict[str, Any]:
        """Return the template fields; ``None`` for those that are not given."""
        names = (name for name in self.operator.template_fields if name != "seedance_conn_id")
        return {name: self.arguments.get(name) for name in names}


def written_task(task: Any) -> WrittenTask:
    """Return a task that generates as it is written; of a mapped one without the arguments that are mapped."""
    if hasattr(task, "partial_kwargs"):
        group_defaults = getattr(task.task_group, "default_args", None) or {}
        arguments = {"validation": "strict", **task.dag.default_args, **group_defaults, **task.partial_kwargs}
        return WrittenTask(operator=task.operator_class, dag=task.dag, arguments=arguments)
    arguments = {name: getattr(task, name) for name in (*task.template_fields, *OPTIONS)}
    arguments["pre_execute"] = task._pre_execute_hook
    return WrittenTask(operator=type(task), dag=task.dag, arguments=arguments)
