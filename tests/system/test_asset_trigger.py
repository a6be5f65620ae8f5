"""
Examples in a real Airflow, for features that `dag.test()` lacks: asset-triggered DAGs, pools, and clears.

All of them run at the same time, because each waits half a minute for its videos.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from demo.standalone import Standalone
from tests.system.cluster.services import running_postgresql

CHECKOUT = Path(__file__).parents[2]
CLEARS = "seedance_retries_and_clears"
FAN_OUT = "seedance_fan_out"
NEW_VIDEO = "seedance_new_video"
ON_NEW_VIDEO = "seedance_on_new_video"
SUBJECTS = ["a fox", "a badger", "a hare", "an otter"]
SLOTS = 2


@dataclass(frozen=True)
class Stage:
    """
    An Airflow that runs the examples.

    :param airflow: Airflow.
    :param emulator: The service of its connection.
    :param home: Home directory of the account.
    :param runs: Ids of the triggered runs, by DAG.
    """

    airflow: Standalone
    emulator: Emulator
    home: Path
    runs: dict[str, str]

    def ended(self, dag_id: str, run_id: str) -> str:
        """Wait for the end of a run, and return its state."""

        def poll() -> str:
            state = self.airflow.api.run_state(dag_id, run_id)
            return state if state in ("success", "failed") else ""

        return self.airflow.wait_for(f"end of {dag_id}", poll)

    def booked(self, prompt: str) -> list[dict[str, Any]]:
        """Return the submissions whose prompt contains a text."""
        return [each for each in self.emulator.ledger() if prompt in each["parameters"]["prompt"]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("home")
    with (
        running_emulator(Settings(seconds_created=0.2, seconds_queued=0.2, seconds_running=1.0)) as emulator,
        running_postgresql(home / "postgresql.log") as postgresql,
    ):
        environment = {
            "AIRFLOW_CONN_SEEDANCE_DEFAULT": emulator.connection_json,
            # The examples store videos in the home directory.
            "HOME": str(home),
            "PYTHONPATH": str(CHECKOUT),
        }
        database = f"postgresql+psycopg2://{postgresql.url}"
        with Standalone(home / "airflow", CHECKOUT / "example_dags", environment, database=database) as airflow:
            api = airflow.api
            # As in the guide.
            pool = {"name": "seedance", "slots": SLOTS, "description": "running generations", "include_deferred": True}
            api.post("pools", pool)
            for dag_id in (CLEARS, FAN_OUT, NEW_VIDEO, ON_NEW_VIDEO):
                airflow.wait_for_dag(dag_id)
            runs = {dag_id: api.trigger(dag_id) for dag_id in (NEW_VIDEO, CLEARS)}
            runs[FAN_OUT] = api.trigger(FAN_OUT, {"subjects": SUBJECTS})
            yield Stage(airflow, emulator, home, runs)


def test_new_video_starts_the_dag_scheduled_on_the_asset(stage: Stage) -> None:
    api = stage.airflow.api
    assert stage.ended(NEW_VIDEO, stage.runs[NEW_VIDEO]) == "success"
    [run] = stage.airflow.wait_for("run for the asset", lambda: api.get(f"dags/{ON_NEW_VIDEO}/dagRuns")["dag_runs"])
    assert run["run_type"] == "asset_triggered"
    assert stage.ended(ON_NEW_VIDEO, run["dag_run_id"]) == "success"

    [booked] = stage.booked("kingfisher")
    [event] = api.get("assets/events", source_dag_id=NEW_VIDEO)["asset_events"]
    assert event["extra"] == {
        "prediction_id": booked["id"],
        "urls": [f"{stage.emulator.url}/outputs/{booked['id']}/0.mp4"],
        "model": "doubao-seedance-2-0-fast-260128",
        "width": 1280,
        "height": 720,
        "estimated_cost_usd": 0.499,
    }
    kept = stage.home / "seedance_videos" / f"{booked['id']}-0.mp4"
    assert api.xcom(ON_NEW_VIDEO, run["dag_run_id"], "keep_video", map_index=0) == [kept.as_uri()]
    assert kept.read_bytes()[4:8] == b"ftyp"


def test_pool_with_deferred_tasks_limits_running_generations(stage: Stage) -> None:
    assert stage.ended(FAN_OUT, stage.runs[FAN_OUT]) == "success"

    api = stage.airflow.api
    tasks = [task for task in api.task_instances(FAN_OUT, stage.runs[FAN_OUT]) if task["task_id"] == "make_videos"]
    held = {entry["id"]: entry["times"]["created"] for entry in stage.booked("watercolour")}
    assert len(held) == len(tasks) == len(SUBJECTS)
    # A task holds a slot from its submission to its end; at no submission are more slots held than the pool has.
    ends = {}
    for task in tasks:
        prediction = api.xcom(FAN_OUT, task["dag_run_id"], "make_videos", "prediction", map_index=task["map_index"])
        ends[prediction["id"]] = seconds(prediction["finished_at"])
    assert {each for at in held.values() if (each := sum(held[i] <= at < ends[i] for i in held)) > SLOTS} == set()
    assert api.xcom(FAN_OUT, stage.runs[FAN_OUT], "add_up") == {"generations": 4, "usd": 0.71, "unknown": 0}


def seconds(time: str) -> float:
    """Convert a time in XCom to seconds since the epoch."""
    return datetime.fromisoformat(time).timestamp()


def test_cleared_task_reuses_or_regenerates_its_video(stage: Stage) -> None:
    api, run_id = stage.airflow.api, stage.runs[CLEARS]
    tasks = ("reuse", "regenerate")
    assert stage.ended(CLEARS, run_id) == "success"
    before = {task: api.xcom(CLEARS, run_id, task, "prediction_id") for task in tasks}
    assert len(stage.booked("tortoise")) == 3

    clear = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True, "task_ids": tasks}
    api.post(f"dags/{CLEARS}/clearTaskInstances", clear)
    assert stage.ended(CLEARS, run_id) == "success"

    after = {task: api.xcom(CLEARS, run_id, task, "prediction_id") for task in tasks}
    assert after["reuse"] == before["reuse"]
    assert after["regenerate"] != before["regenerate"]
    assert len(stage.booked("tortoise")) == 4


def test_only_triggered_dags_submit(stage: Stage) -> None:
    # This Airflow does not pause new DAGs; the daily example is paused anyway.
    assert stage.airflow.api.get("dags/seedance_daily_content")["is_paused"] is True
    assert len(stage.emulator.ledger()) == sum(
        len(stage.booked(each)) for each in ("kingfisher", "watercolour", "tortoise")
    )
    assert stage.emulator.leaks() == []
