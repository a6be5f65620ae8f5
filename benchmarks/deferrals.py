"""
Write deferred task instances to Airflow's database, as scheduler and workers do, for a triggerer to run.

It is a separate program because it needs the environment of that Airflow. Prints the start time of all generations, in
seconds since the epoch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.case import durations
from benchmarks.plan import PROVIDER, SENSOR
from benchmarks.service import NOT_FOUND_UNTIL_DONE, name_prediction, read_end
from benchmarks.ways import KEY, WAIT_TIMEOUT

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

DAG_ID = "waits"
#: A wait until the end of the generation, which is known here, without a service: what a deferral costs Airflow.
AIRFLOW = "Airflow, a task that only waits"
_DAG = """
from airflow.sdk import dag, task

@dag(dag_id={dag_id!r}, schedule=None)
def many():
    @task
    def wait(number):
        return number

    wait.expand(number=list(range({waits})))

many()
"""
#: Poll interval of the http provider's sensor, in seconds.
_INTERVAL = 5.0


def dag_file(waits: int) -> str:
    """Return the source of a DAG with one mapped task of ``waits`` instances."""
    return _DAG.format(dag_id=DAG_ID, waits=waits)


def provider_trigger(prediction_id: str, started_at: float, expected_seconds: float) -> BaseTrigger:
    """Return this provider's trigger with its default poll schedule."""
    from airflow_provider_seedance.triggers.seedance import SeedancePredictionTrigger

    return SeedancePredictionTrigger(
        prediction_id=prediction_id,
        seedance_conn_id="seedance_default",
        submitted_at=started_at,
        deadline=started_at + WAIT_TIMEOUT,
        expected_seconds=expected_seconds,
    )


def sensor_trigger(prediction_id: str, _started_at: float, _expected_seconds: float) -> BaseTrigger:
    """Return the trigger of the http provider's sensor."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    trigger: BaseTrigger = HttpSensorTrigger(
        endpoint=NOT_FOUND_UNTIL_DONE.format(prediction_id), headers={"Authorization": KEY}, poke_interval=_INTERVAL
    )
    return trigger


def plain_trigger(prediction_id: str, _started_at: float, _expected_seconds: float) -> BaseTrigger:
    """Return Airflow's own trigger for a point in time."""
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    trigger: BaseTrigger = DateTimeTrigger(datetime.fromtimestamp(read_end(prediction_id), UTC))
    return trigger


#: Create a trigger from prediction id, start time of the generation, and its expected seconds.
TRIGGERS: Mapping[str, Callable[[str, float, float], BaseTrigger]] = {
    PROVIDER: provider_trigger,
    SENSOR: sensor_trigger,
    AIRFLOW: plain_trigger,
}


def defer(way: str, seconds: Sequence[float]) -> float:
    """
    Defer all instances of the DAG's task, and return the start time of their generations.

    :param way: Way to wait.
    :param seconds: Duration of each generation.
    :raises RuntimeError: Airflow has not parsed the DAG.
    """
    from airflow.models.dagbag import DBDagBag
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag(DAG_ID, session=session)
        if dag is None:
            raise RuntimeError(f"Airflow has not parsed DAG {DAG_ID}")
        run = dag.create_dagrun(
            run_id="benchmark",
            run_after=datetime.now(UTC),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            session=session,
        )
        instances = sorted(run.get_task_instances(session=session), key=lambda each: each.map_index)
        started_at = time.time()
        for instance, length in zip(instances, seconds, strict=True):
            prediction_id = name_prediction(started_at + length, instance.map_index)
            instance.state = TaskInstanceState.DEFERRED
            instance.next_method = "execute_complete"
            instance.next_kwargs = {}
            instance.trigger = Trigger.from_object(TRIGGERS[way](prediction_id, started_at, min(seconds)))
    return started_at


def main() -> None:
    """Defer the task instances."""
    parser = argparse.ArgumentParser(description="Write deferred task instances.")
    parser.add_argument("way", choices=TRIGGERS)
    parser.add_argument("waits", type=int)
    parser.add_argument("--seconds", type=float, required=True, help="duration of a generation")
    parser.add_argument("--spread", type=float, default=0.0, help="seconds from the first end to the last")
    arguments = parser.parse_args()
    print(defer(arguments.way, durations(arguments.seconds, arguments.waits, spread=arguments.spread)))


if __name__ == "__main__":
    main()
