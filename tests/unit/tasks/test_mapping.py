"""Mapped tasks: which prediction ids are the same for all instances."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from jinja2.sandbox import SandboxedEnvironment

from airflow_provider_seedance.decorators.seedance import seedance_task
from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.tasks.mapping import check_mapped_id, is_same_for_all


@pytest.mark.parametrize(
    ("value", "is_in_group", "expected"),
    [
        ("abc", False, True),
        ("abc", True, True),
        ("{{ params.prediction_id }}", False, True),
        ("{{ dag_run.conf['id'] }}", True, True),
        ("{{ ti.map_index }}", False, False),
        ("{{ ids[task_instance.map_index] }}", True, False),
        ("{% if task.prompt == 'A fox' %}abc{% endif %}", False, False),
        ("{{ my_macro() }}", False, False),
        # The output of another task: one value for a mapped task, one for each instance in a mapped group.
        (object(), False, True),
        (object(), True, False),
    ],
)
def test_value_is_shared_unless_it_may_depend_on_the_instance(value: Any, is_in_group: bool, expected: bool) -> None:
    environment = SandboxedEnvironment()
    found = is_same_for_all(value, is_in_group=is_in_group, environment=environment, own_variables={"my_macro"})
    assert found is expected


@pytest.mark.parametrize("value", ["pred-[[ ti.map_index ]]", "{% unknown %}pred"])
def test_template_of_the_environment_of_a_dag_decides(value: str) -> None:
    environment = SandboxedEnvironment(variable_start_string="[[", variable_end_string="]]")
    assert not is_same_for_all(value, is_in_group=False, environment=environment)


def operator(**partial: Any) -> None:
    SeedanceTextToVideoOperator.partial(task_id="make", **partial).expand(prompt=["A fox", "A hare"])


def decorated(**partial: Any) -> None:
    def make(prompt: str) -> str:
        return prompt

    task: Any = seedance_task(make, **partial)
    task.expand(prompt=["A fox", "A hare"])


@pytest.mark.parametrize("build", [operator, decorated])
@pytest.mark.parametrize(
    ("written", "rendered", "map_index", "is_refused"),
    [
        ("abc", "abc", 0, True),
        ("{{ run_id }}", "run-1", 1, True),
        ("{{ ti.map_index }}", "1", 1, False),
        # The task is not mapped; nothing is adopted; the instance has another id.
        ("abc", "abc", -1, False),
        ("", "", 0, False),
        (None, "abc", 0, False),
        ("abc", "id of this row", 0, False),
    ],
)
def test_mapped_task_refuses_a_shared_id(
    build: Any, written: str | None, rendered: str, map_index: int, is_refused: bool
) -> None:
    with DAG("dag", schedule=None) as dag:
        build(**{} if written is None else {"prediction_id": written})
    task = SeedanceTextToVideoOperator(task_id="make", prompt="A fox")
    context: Any = {"ti": SimpleNamespace(map_index=map_index), "task": task, "dag": dag, "run_id": "run-1"}
    if is_refused:
        with pytest.raises(InvalidRequestError, match="is the same for all instances of this mapped task"):
            check_mapped_id(context, rendered)
    else:
        check_mapped_id(context, rendered)
