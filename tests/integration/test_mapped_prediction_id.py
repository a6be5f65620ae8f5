"""Mapped tasks: an id that all instances share is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from tests.integration.test_example_dags import MONDAY

SHARED = ["{id}", "{{{{ '{id}' if params else '' }}}}"]
ALLOWED = ["{{{{ '{id}' if ti.map_index >= 0 else '' }}}}", "{{{{ params.get('prediction_id', '') }}}}"]


@pytest.fixture
def seedance_ledger(tmp_path: Path) -> str:
    """Return a ledger, which the idempotency keys of the daily example need."""
    return (tmp_path / "ledger").as_uri()


@pytest.mark.parametrize("is_group", [False, True], ids=["mapped task", "mapped task group"])
@pytest.mark.parametrize("value", [*SHARED, *ALLOWED])
def test_id_that_all_instances_share_is_refused(
    example: Callable[[str], DAG],
    seedance_emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    is_group: bool,
    value: str,
) -> None:
    with SeedanceHook().get_conn() as client:
        known = client.submit(SeedanceTextToVideoOperator(task_id="t", prompt="A boat").build_request().check()).id
    dag: Any = example("seedance_daily_content" if is_group else "seedance_mapped_prompts")
    task_id = "one_video.make_video" if is_group else "make_videos"
    task = dag.get_task(task_id)
    if is_group:
        monkeypatch.setattr(task, "retries", 0)
        monkeypatch.setattr(task, "prediction_id", value.format(id=known))
    else:
        monkeypatch.setitem(task.partial_kwargs, "prediction_id", value.format(id=known))
    polls = seedance_emulator.totals()["polls"]
    run = dag.test(logical_date=MONDAY, run_after=MONDAY, run_conf={"videos": tmp_path.as_uri()} if is_group else None)

    is_refused = value in SHARED
    made = [each for each in run.get_task_instances() if each.task_id == task_id and each.map_index >= 0]
    assert len(made) >= 2
    assert {each.state for each in made} == {"failed" if is_refused else "success"}
    assert (seedance_emulator.totals()["polls"] == polls) == is_refused
    output = "".join(capfd.readouterr())
    assert (f"prediction_id: '{known}' is the same for all instances of this mapped task" in output) == is_refused
    assert (f"{{{{ '{known}' if ti.map_index == 1 else '' }}}}" in output) == is_refused
