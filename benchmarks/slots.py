"""
Measure how long a generation of 90 s occupies a worker slot in a real Airflow: deferred, and waiting on the worker.

Three tasks of each kind wait at the same time. They start one after the other, so that no start slows another one. The
seconds are those in state ``running`` in Airflow's audit log; they include the start of the task's process.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from demo.run import seconds_by_state
from demo.standalone import Standalone, StandaloneError

DEFERRED = "deferred"
ON_WORKER = "on_worker"
#: One DAG with one task for each way to wait.
DAG_FILE = f"""
from airflow.sdk import DAG
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

for dag_id in ({DEFERRED!r}, {ON_WORKER!r}):
    with DAG(dag_id, schedule=None):
        SeedanceTextToVideoOperator(task_id="make_video", prompt="A boat", deferrable=dag_id == {DEFERRED!r})
"""
_CLOCK = Settings(seconds_created=1.0, seconds_queued=3.0, seconds_running=86.0)
_GENERATIONS = 3
_TIMEOUT = 300.0
_END_STATES = ("success", "failed")


@dataclass(frozen=True, slots=True)
class SlotFigures:
    """
    Medians of the seconds for which one generation occupies a worker slot.

    :param deferred: Deferrable task: before the deferral and after it.
    :param on_worker: Task that waits on the worker.
    """

    deferred: float
    on_worker: float


def measure() -> SlotFigures:
    """
    Measure both ways to wait.

    :raises StandaloneError: A run did not succeed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="seedance-slots-") as folder,
        running_emulator(_CLOCK) as emulator,
    ):
        dags = Path(folder) / "dags"
        dags.mkdir()
        (dags / "slots.py").write_text(DAG_FILE)
        environment = {
            "AIRFLOW_CONN_SEEDANCE_DEFAULT": emulator.connection_json,
            "AIRFLOW__CORE__PARALLELISM": str(2 * _GENERATIONS),
        }
        with Standalone(Path(folder) / "airflow", dags, environment) as airflow:
            runs: list[tuple[str, str]] = []
            for dag_id in (ON_WORKER, DEFERRED) * _GENERATIONS:
                airflow.wait_for_dag(dag_id)
                runs.append((dag_id, airflow.api.trigger(dag_id)))
                airflow.wait_for("submission", lambda: len(emulator.ledger()) == len(runs))

            def have_ended() -> bool:
                return all(airflow.api.run_state(*run) in _END_STATES for run in runs)

            airflow.wait_for("end of all generations", have_ended, _TIMEOUT)
            if failed := [run for run in runs if airflow.api.run_state(*run) == "failed"]:
                raise StandaloneError(f"These runs failed: {failed}")
            seconds = {run: seconds_by_state(airflow.api.events(*run))["running"] for run in runs}
    deferred, on_worker = (
        statistics.median(each for (dag_id, _), each in seconds.items() if dag_id == kind)
        for kind in (DEFERRED, ON_WORKER)
    )
    return SlotFigures(deferred, on_worker)


def main() -> None:
    """Measure, and print the figures as JSON."""
    print(json.dumps(asdict(measure())))


if __name__ == "__main__":
    main()
