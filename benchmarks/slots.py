"""
For how long a generation of 90 s occupies a worker's slot in a real Airflow: deferred, and waiting on the worker.

Three of each wait at the same time, and begin one after the other, so that no leg is measured while others start. By
the times at which Airflow's audit log has the task running, so the start of its process counts.
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
#: A DAG for each way to wait, with one task.
DAG_FILE = f"""
from airflow.sdk import DAG
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

for dag_id in ({DEFERRED!r}, {ON_WORKER!r}):
    with DAG(dag_id, schedule=None):
        SeedanceTextToVideoOperator(task_id="make_video", prompt="A boat", deferrable=dag_id == {DEFERRED!r})
"""
_CLOCK = Settings(seconds_created=1.0, seconds_queued=3.0, seconds_running=86.0)
_GENERATIONS = 3
_LIMIT = 300.0
_ENDED = ("success", "failed")


@dataclass(frozen=True, slots=True)
class SlotFigures:
    """
    Medians of the seconds for which one generation occupies a slot.

    :param deferred: The submit leg and the resume leg.
    :param on_worker: The whole wait.
    """

    deferred: float
    on_worker: float


def measure() -> SlotFigures:
    """
    Measure both ways to wait.

    :raises StandaloneError: When a run does not succeed.
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
                return all(airflow.api.run_state(*run) in _ENDED for run in runs)

            airflow.wait_for("end of all generations", have_ended, _LIMIT)
            if failed := [run for run in runs if airflow.api.run_state(*run) == "failed"]:
                raise StandaloneError(f"These runs failed: {failed}")
            seconds = {run: seconds_by_state(airflow.api.events(*run))["running"] for run in runs}
    deferred, on_worker = (
        statistics.median(each for (dag_id, _), each in seconds.items() if dag_id == wanted)
        for wanted in (DEFERRED, ON_WORKER)
    )
    return SlotFigures(deferred, on_worker)


def main() -> None:
    """Measure, and print what was measured as JSON."""
    print(json.dumps(asdict(measure())))


if __name__ == "__main__":
    main()
