"""The cluster with the emulated service, and functions to start runs and evaluate their results."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy

from airflow_provider_seedance.emulator.handle import Emulator
from benchmarks.ready import Steps, split
from demo.standalone import free_ports
from tests.system.cluster.airflow import TRIGGERERS, WORKERS, Cluster, Component
from tests.system.cluster.evaluation import Row, evaluate
from tests.system.cluster.plan import GENERATIONS, prompt
from tests.system.cluster.services import Service, engine, running_postgresql, running_redis
from tests.system.scenarios import UNCONFIRMED

CONNECTION = "seedance_default"
KEY = "sk-cluster-first"
TASK_ID = "make_video"
_END_STATES = ("success", "failed")
#: Far more seconds than a run takes; it ends the test if a run is lost.
_RUN_TIMEOUT = 1800.0


@dataclass(frozen=True)
class Stage:
    """
    A running cluster and its services.

    :param cluster: Airflow.
    :param emulator: The service of its connection.
    :param database: Airflow's database.
    :param services: PostgreSQL and Redis.
    """

    cluster: Cluster
    emulator: Emulator
    database: sqlalchemy.Engine
    services: Mapping[str, Service]

    def start(self, dag_id: str, *, seconds_running: float) -> str:
        """Clear the ledger, start a run and return its id."""
        self.emulator.reset()
        self.emulator.settings(seconds_running=seconds_running)
        self.cluster.wait_for_dags([dag_id])
        return self.cluster.api.trigger(dag_id)

    def set_key(self, key: str) -> None:
        """Set the API key of the connection, as a user does in the UI."""
        content = {"connection_id": CONNECTION, "conn_type": "seedance", "host": self.emulator.url, "password": key}
        self.cluster.api.patch(f"connections/{CONNECTION}", content)

    def states(self, dag_id: str) -> dict[str, int]:
        """Return the number of task instances in each state, from the database."""
        query = "SELECT coalesce(state, 'none'), count(*) FROM task_instance WHERE dag_id = :dag_id GROUP BY 1"
        return dict(self.select(query, dag_id=dag_id))

    def select(self, query: str, **parameters: Any) -> list[Any]:
        """Return the rows of a query on Airflow's database."""
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(query), parameters)]

    def wait_until_deferred(self, dag_id: str) -> None:
        """Wait until all task instances of a DAG are deferred."""
        self.cluster.wait_for(
            f"deferral of all of {dag_id}",
            lambda: self.states(dag_id) == {"deferred": GENERATIONS[dag_id]},
            _RUN_TIMEOUT,
        )

    def wait_for_end(self, dag_id: str, run_id: str) -> None:
        """Wait for the end of a run."""
        self.cluster.wait_for(
            f"end of {dag_id}", lambda: self.cluster.api.run_state(dag_id, run_id) in _END_STATES, _RUN_TIMEOUT
        )

    def evaluate(self, scenario: str, dag_id: str, run_id: str, *notes: str) -> Row:
        """Return the result of an ended run."""
        api = self.cluster.api
        tasks = [task for task in api.task_instances(dag_id, run_id) if task["task_id"] == TASK_ID]
        outputs: dict[int, list[str]] = {}
        unconfirmed: set[int] = set()
        failed: list[str] = []
        for task in tasks:
            index = task["map_index"]
            if task["state"] == "success":
                outputs[index] = api.xcom(dag_id, run_id, TASK_ID, map_index=index)
                continue
            log = api.log_lines(dag_id, run_id, TASK_ID, task["try_number"], map_index=index)
            failed.append(
                f"{index} is {task['state']}: {next((each for each in log if each.startswith('ERROR')), '')[:200]}"
            )
            if any(UNCONFIRMED in line for line in log):
                unconfirmed.add(index)
        run = api.get(f"dags/{dag_id}/dagRuns/{run_id}")
        return evaluate(
            scenario,
            dag_id,
            tasks,
            outputs,
            self.emulator.ledger(),
            seconds=_time(run["end_date"]) - _time(run["start_date"]),
            unconfirmed=unconfirmed,
            notes=(*notes, *failed),
        )

    def steps(self, dag_id: str, run_id: str) -> list[Steps]:
        """Split the time from the end of each wait of an ended run to the success of its task instance."""
        booked = {entry["parameters"]["prompt"]: entry for entry in self.emulator.ledger()}
        prompts = {index: prompt(dag_id, index) for index in range(GENERATIONS[dag_id])}
        entries = {index: booked[each] for index, each in prompts.items() if each in booked}
        return split(self.cluster.api.task_instances(dag_id, run_id), self.cluster.api.events(dag_id, run_id), entries)

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the running processes by component; workers and triggerers are grouped."""
        components = {name: component.processes() for name, component in self.cluster.components.items()}
        groups = {
            kind: [process for name in names for process in components.pop(name)]
            for kind, names in (("triggerers", TRIGGERERS), ("workers", WORKERS))
        }
        return components | groups | {name: service.processes() for name, service in self.services.items()}


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@contextmanager
def running_services(home: Path) -> Iterator[dict[str, Service]]:
    """Run PostgreSQL and Redis."""
    with (
        running_postgresql(home / "postgresql.log") as postgresql,
        running_redis(home / "redis.log") as redis,
    ):
        yield {"PostgreSQL": postgresql, "Redis": redis}


@contextmanager
def running_emulator(home: Path) -> Iterator[Emulator]:
    """Run the emulator in a separate process, with its ledger in a file."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "airflow_provider_seedance.emulator", "--port", str(port), "--api-key", KEY]
    emulator = Component(
        "emulator",
        [*command, "--ledger", str(home / "ledger.jsonl")],
        dict(os.environ),
        home / "emulator.log",
        lambda output: "Emulating GPTProto" in output,
    )
    emulator.start()
    try:
        emulator.wait()
        yield Emulator(f"http://127.0.0.1:{port}", KEY)
    finally:
        emulator.end()


@contextmanager
def running_stage(
    home: Path, settings: Mapping[str, str] | None = None, *, own_log_folders: bool = False
) -> Iterator[Stage]:
    """
    Run cluster, services and emulator for the duration of a ``with`` block.

    :param home: Folder for all logs.
    :param settings: Further environment variables for Airflow.
    :param own_log_folders: See :class:`~tests.system.cluster.airflow.Cluster`.
    """
    with ExitStack() as stack:
        services = stack.enter_context(running_services(home))
        emulator = stack.enter_context(running_emulator(home))
        database = engine(services["PostgreSQL"].url)
        stack.callback(database.dispose)
        cluster = stack.enter_context(
            Cluster(
                home / "airflow",
                database=services["PostgreSQL"].url,
                broker=services["Redis"].url,
                settings=settings,
                own_log_folders=own_log_folders,
            )
        )
        cluster.api.post("connections", {"connection_id": CONNECTION, **emulator.connection})
        yield Stage(cluster, emulator, database, services)
