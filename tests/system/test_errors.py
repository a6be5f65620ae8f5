"""Errors on Airflow's side in a real worker and triggerer: the log says what happened, what is paid, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from demo.standalone import Standalone

CHECKOUT = Path(__file__).parents[2]
DAG_ID = "errors"
BILLED = "The generation was accepted and is billed whatever happens to this task."


@dataclass(frozen=True)
class Stage:
    """
    An Airflow, and the run that has ended.

    :param airflow: Airflow.
    :param emulator: The service of its connection.
    :param run_id: The run.
    """

    airflow: Standalone
    emulator: Emulator
    run_id: str

    @property
    def states(self) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.airflow.api.task_instances(DAG_ID, self.run_id)}

    def prediction_id(self, task_id: str) -> str:
        """Return the id that a task pushed."""
        prediction_id: str = self.airflow.api.xcom(DAG_ID, self.run_id, task_id, "prediction_id")
        return prediction_id

    def log(self, task_id: str) -> list[str]:
        """Return the lines of a task's log."""
        return self.airflow.api.log_lines(DAG_ID, self.run_id, task_id, 1)

    def error(self, task_id: str) -> str:
        """Return the part of a task's log that Airflow shows as an error."""
        return "\n".join(line for line in self.log(task_id) if line.startswith("ERROR"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("errors")
    # Longer than the wait whose connection is missing.
    with running_emulator(Settings(seconds_created=0.2, seconds_queued=0.2, seconds_running=10.0)) as emulator:
        environment = {
            "AIRFLOW_CONN_SEEDANCE_DEFAULT": emulator.connection_json,
            # A busy machine takes longer than the default of 5 seconds, and the tasks have no retries.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "PYTHONPATH": str(CHECKOUT),
        }
        with Standalone(home / "airflow", CHECKOUT / "tests" / "system" / "error_dags", environment) as airflow:
            airflow.wait_for_dag(DAG_ID)
            run_id = airflow.api.trigger(DAG_ID)
            airflow.wait_for("end of the run", lambda: airflow.api.run_state(DAG_ID, run_id) == "failed", 300)
            yield Stage(airflow, emulator, run_id)


def test_tasks_with_errors_fail_and_only_two_generations_are_paid(stage: Stage) -> None:
    ids = [stage.prediction_id(task_id) for task_id in ("make_video", "without_connection_in_the_triggerer")]
    assert sorted(entry["id"] for entry in stage.emulator.ledger()) == sorted(ids)
    assert stage.states == {
        "make_video": "success",
        "below_a_file": "failed",
        "without_package": "failed",
        "without_connection": "failed",
        "without_connection_in_the_triggerer": "failed",
    }


def test_link_of_a_deferred_task_logs_no_error(stage: Stage) -> None:
    assert any("Waiting in the triggerer for prediction" in line for line in stage.log("make_video"))
    assert stage.error("make_video") == ""


def test_missing_connection_is_named_by_the_worker(stage: Stage) -> None:
    error = stage.error("without_connection")
    assert "ConnectionNotFoundError: Airflow did not find the connection 'absent'. Nothing was charged." in error
    assert "create it under Admin > Connections" in error


def test_connection_that_only_the_worker_has_is_missed_by_the_triggerer(stage: Stage) -> None:
    task_id = "without_connection_in_the_triggerer"
    error, prediction_id = stage.error(task_id), stage.prediction_id(task_id)
    # On a busy machine the lookup may still be running at the deadline.
    what = r"The wait in the triggerer ended\. .* the connection 'only_on_the_worker'.*"
    assert re.search(rf"{what} \(prediction {prediction_id}\)\. {re.escape(BILLED)}", error)
    assert "A retry or a clear of this task, with the same arguments, waits for the same prediction" in error


def test_destination_below_a_file_is_named(stage: Stage) -> None:
    error, prediction_id = stage.error("below_a_file"), stage.prediction_id("make_video")
    assert f"errors.py/videos/{prediction_id}-0.mp4 could not be stored (NotADirectoryError: " in error
    assert f"(prediction {prediction_id}). {BILLED} A file has the name of a folder in this path." in error


def test_package_of_a_missing_file_system_is_named(stage: Stage) -> None:
    error, prediction_id = stage.error("without_package"), stage.prediction_id("make_video")
    assert "destination: 'gs://bucket/videos' cannot be used (" in error
    assert (
        f"(prediction {prediction_id}). {BILLED} gs:// needs apache-airflow-providers-google on every worker." in error
    )
