"""How the benchmark splits the time from the end of a generation to the success of its task."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from benchmarks.ready import DAG_FILES, provider_part, split, table
from tests.versions import DagBag

STARTED = datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp()


def at(seconds: float) -> str:
    return datetime.fromtimestamp(STARTED + seconds, UTC).isoformat().replace("+00:00", "Z")


def instance(index: int, *, state: str = "success", later: float = 0.0) -> dict[str, Any]:
    return {
        "map_index": index,
        "state": state,
        "scheduled_when": at(95.0 + later),
        "queued_when": at(95.5 + later),
        "end_date": at(98.0 + later),
    }


def event(index: int | None, name: str, seconds: float) -> dict[str, Any]:
    return {"map_index": index, "event": name, "when": at(seconds)}


#: Two task instances run, wait in the triggerer, and run again.
EVENTS = [
    event(None, "trigger_dag_run", 0.0),
    event(0, "running", 1.0),
    event(1, "running", 2.0),
    event(0, "deferred", 3.0),
    event(1, "deferred", 4.0),
    event(0, "running", 96.5),
    event(0, "success", 98.25),
    event(1, "running", 106.25),
    event(1, "success", 108.25),
]
ENTRY = {
    "times": {"created": STARTED + 2, "queued": STARTED + 3, "running": STARTED + 4, "succeeded": STARTED + 90},
    "delivered_at": STARTED + 94,
}


class TestSplit:
    def test_steps_of_a_generation_run_from_its_end_to_the_success_of_its_task(self) -> None:
        [steps] = split([instance(0)], EVENTS, {0: ENTRY})
        assert steps == {"detection": 4.0, "event": 1.0, "scheduling": 0.5, "start": 1.0, "leg": 1.5}

    def test_mere_wait_has_only_the_steps_after_its_event(self) -> None:
        [steps] = split([instance(0)], EVENTS, {})
        assert steps == {"scheduling": 0.5, "start": 1.0, "leg": 1.5}

    def test_each_task_instance_has_its_own_leg(self) -> None:
        first, second = split([instance(0), instance(1, later=10.0)], EVENTS, {0: ENTRY})
        assert (first["start"], second["start"]) == (1.0, 0.75)
        assert "detection" not in second

    @pytest.mark.parametrize("state", ["failed", "up_for_retry", None])
    def test_task_instance_without_success_has_no_steps(self, state: str | None) -> None:
        assert split([{**instance(0), "state": state, "end_date": None}], EVENTS, {0: ENTRY}) == []


GENERATIONS = [
    {"detection": 4.0, "event": 1.0, "scheduling": 0.5, "start": 1.0, "leg": 1.5},
    {"detection": 2.0, "event": 0.5, "scheduling": 0.5, "start": 1.0, "leg": 2.0},
    {"detection": 6.0, "event": 0.5, "scheduling": 0.5, "start": 1.0, "leg": 1.5},
]
WAITS = [{"scheduling": 0.5, "start": 1.0, "leg": leg} for leg in (0.5, 1.0, 5.0)]


def test_provider_part_is_the_detection_and_the_leg_beyond_that_of_a_mere_wait() -> None:
    assert [provider_part(each, WAITS) for each in GENERATIONS] == [4.5, 3.0, 6.5]


def test_table_has_medians_and_the_longest_times_and_whose_part_a_step_is() -> None:
    lines = {line[:20].strip(): line[20:].split() for line in table(GENERATIONS, WAITS).splitlines()}
    assert lines["detection"] == ["4.00", "6.00", "-", "the", "provider's"]
    assert lines["event"] == ["0.50", "1.00", "-", "Airflow's"]
    assert lines["leg"] == ["1.50", "2.00", "1.00", "both"]
    assert lines["all"] == ["8.00", "9.50"]
    # All of a generation but the provider's 4.5, 3 and 6.5 s.
    assert lines["Airflow's part"] == ["3.00", "3.50"]


def test_only_the_file_of_the_generation_imports_the_provider(tmp_path: Path) -> None:
    for name, content in DAG_FILES.items():
        (tmp_path / f"{name}.py").write_text(content)
    dags = DagBag(tmp_path).dags
    [generation], [wait] = (dags[name].tasks for name in ("generation", "wait"))
    assert isinstance(generation, SeedanceTextToVideoOperator)
    assert generation.deferrable
    assert generation.poll_interval is None
    assert wait.task_type == "WaitOperator"
    assert "seedance" not in DAG_FILES["wait"]
