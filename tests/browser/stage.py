"""Airflow with real accounts, and the emulated service: what every browser test looks at."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from demo.rest import AirflowApi
from demo.sessions import Session
from demo.standalone import Standalone, free_ports
from tests.browser.people import ADMIN, PEOPLE

TASK_ID = "make_video"
#: The example that a newcomer runs, whose connection nobody has made yet.
EXAMPLE = "seedance_text_to_video"
_DAG_FILES = (Path(__file__).parent / "dags/videos.py", Path(__file__).parents[2] / f"example_dags/{EXAMPLE}.py")


@dataclass(frozen=True, slots=True)
class Stage:
    """
    What is running.

    :param airflow: Airflow.
    :param emulator: The service that its connections lead to.
    """

    airflow: Standalone
    emulator: Emulator
    _runs: dict[str, str] = field(default_factory=dict)

    def start(self, dag_id: str, **conf: str) -> str:
        """Start a run of a DAG, as soon as it is parsed, and return its id."""
        self.airflow.wait_for_dag(dag_id)
        return self.airflow.api.trigger(dag_id, conf)

    def start_once(self, *dag_ids: str) -> None:
        """Start a run of each DAG that has none of this method yet."""
        for dag_id in dag_ids:
            if dag_id not in self._runs:
                self._runs[dag_id] = self.start(dag_id)

    def ended(self, dag_id: str) -> str:
        """Return the id of a DAG's run, of which there is one for all who ask, after its end."""
        self.start_once(dag_id)
        self.wait_for_end(dag_id, self._runs[dag_id])
        return self._runs[dag_id]

    def wait_for_end(self, dag_id: str, run_id: str) -> str:
        """Wait for the end of a run, and return its state."""

        def end() -> str | None:
            state = self.airflow.api.run_state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        return self.airflow.wait_for(f"end of {dag_id}", end, 300) or ""


@contextmanager
def running_stage(home: Path) -> Iterator[Stage]:
    """
    Run Airflow and the emulator for the length of a ``with`` block.

    :param home: Airflow's home.
    :raises RuntimeError: At the end, a process of Airflow was left.
    """
    dags = home / "dags"
    dags.mkdir(parents=True)
    for file in _DAG_FILES:
        shutil.copy(file, dags)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({person.name: person.password for person in PEOPLE}))
    with running_emulator() as emulator:
        settings = {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{each.name}:{each.role}" for each in PEOPLE),
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW_CONN_SEEDANCE_EMULATOR": emulator.connection_json,
        }
        airflow = Standalone(home, dags, settings, account=(ADMIN.name, ADMIN.password))
        with airflow:
            yield Stage(airflow, emulator)
        if left := airflow.processes():
            raise RuntimeError(f"Airflow has ended, but left {left}")


@contextmanager
def running_second_server(airflow: Standalone, path: str) -> Iterator[str]:
    """
    Run another API server, behind a path and with an auth manager that hides a DAG, and yield its address.

    ``airflow standalone`` takes no other auth manager than the simple one.

    :param airflow: The Airflow that it belongs to.
    :param path: What its address ends in.
    :raises RuntimeError: At the end, a process of it was left.
    """
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}{path}"
    environment = {
        **airflow.environment,
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__AUTH_MANAGER": "tests.browser.auth_manager.DiscreetAuthManager",
    }
    command = [sys.executable, "-m", "airflow", "api-server"]
    with ExitStack() as stack:
        api = stack.enter_context(closing(AirflowApi(url)))
        server = Session(command, environment=environment, log=airflow.home / "second_server.log")
        stack.callback(server.end)

        def is_there() -> bool:
            with suppress(httpx.HTTPError):
                return bool(api.health())
            return False

        airflow.wait_for("second API server", is_there)
        yield url
    if left := server.processes():
        raise RuntimeError(f"The second API server has ended, but left {left}")
