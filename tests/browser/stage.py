"""Airflow with real accounts, the emulated service and an S3 server, for the browser tests."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from demo.rest import AirflowApi
from demo.sessions import Session
from demo.standalone import Standalone, free_ports
from tests.browser.accounts import ACCOUNTS, ADMIN
from tests.browser.prompts import S3_FOLDER
from tests.s3 import running_s3, s3_connection

TASK_ID = "make_video"
#: The example that a new user runs; its connection does not exist at first.
EXAMPLE = "seedance_text_to_video"
#: The example that waits for a person.
REVIEW = "seedance_review_and_publish"
_EXAMPLES = Path(__file__).parents[2] / "example_dags"
_DAG_FILES = (
    Path(__file__).parent / "dags/videos.py",
    _EXAMPLES / f"{EXAMPLE}.py",
    _EXAMPLES / f"{REVIEW}.py",
)
#: The connection of the examples.
CONNECTION_ID = "seedance_default"


@dataclass(frozen=True, slots=True)
class Stage:
    """
    A running Airflow and its service.

    :param airflow: Airflow.
    :param emulator: The service of its connections.
    """

    airflow: Standalone
    emulator: Emulator
    _runs: dict[str, str] = field(default_factory=dict)

    def start(self, dag_id: str, **conf: str) -> str:
        """Wait until a DAG is parsed, start a run of it, and return the run's id."""
        self.airflow.wait_for_dag(dag_id)
        return self.airflow.api.trigger(dag_id, conf)

    def start_once(self, *dag_ids: str) -> None:
        """Start one run of each DAG, unless this method has started one before."""
        for dag_id in dag_ids:
            if dag_id not in self._runs:
                self._runs[dag_id] = self.start(dag_id)

    def ended(self, dag_id: str) -> str:
        """Wait for the end of a DAG's run, which all tests share, and return its id."""
        self.start_once(dag_id)
        self.wait_for_end(dag_id, self._runs[dag_id])
        return self._runs[dag_id]

    @contextmanager
    def default_connection(self) -> Iterator[None]:
        """Let the connection of the examples exist during a ``with`` block; afterwards it is as before."""
        api = self.airflow.api
        existing = [each["connection_id"] for each in api.get("connections")["connections"]]
        if CONNECTION_ID in existing:
            yield
            return
        connection = {"connection_id": CONNECTION_ID, **self.emulator.connection}
        api.post("connections", connection)
        try:
            yield
        finally:
            api.delete(f"connections/{CONNECTION_ID}")

    @contextmanager
    def waiting_review(self, prompt: str) -> Iterator[str]:
        """Start the example that waits for a person, and yield its run's id once the first decision is requested."""
        folder = (self.airflow.home / "videos" / "drafts").as_uri()
        with self.default_connection():
            run_id = self.start(REVIEW, prompt=prompt, drafts=folder, published=folder)

            def waits() -> bool:
                tasks = self.airflow.api.task_instances(REVIEW, run_id)
                states = {task["task_id"]: task["state"] for task in tasks}
                assert "failed" not in states.values()
                return states["take_1.review"] in ("awaiting_input", "deferred")

            self.airflow.wait_for("first review", waits, 600)
            yield run_id

    def wait_for_end(self, dag_id: str, run_id: str) -> str:
        """Wait for the end of a run, and return its state."""

        def end() -> str | None:
            state = self.airflow.api.run_state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        return self.airflow.wait_for(f"end of {dag_id}", end, 300) or ""


@contextmanager
def running_stage(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """
    Run Airflow and the emulator for the duration of a ``with`` block.

    :param home: Airflow home.
    :param environment: Further settings of Airflow, as environment variables.
    :raises RuntimeError: A process of Airflow remained at the end.
    """
    dags = home / "dags"
    dags.mkdir(parents=True)
    for file in _DAG_FILES:
        shutil.copy(file, dags)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({account.name: account.password for account in ACCOUNTS}))
    with running_emulator() as emulator, running_s3("media") as s3:
        settings = {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{each.name}:{each.role}" for each in ACCOUNTS),
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW_CONN_SEEDANCE_EMULATOR": emulator.connection_json,
            "AIRFLOW_CONN_MEDIA_S3": s3_connection(s3),
            "AIRFLOW__SEEDANCE__MEDIA_ROOTS": f"{home / 'videos'}, {S3_FOLDER}",
            **(environment or {}),
        }
        airflow = Standalone(home, dags, settings, account=(ADMIN.name, ADMIN.password))
        with airflow:
            yield Stage(airflow, emulator)
        if remaining := airflow.processes():
            raise RuntimeError(f"Airflow has ended, but these processes remain: {remaining}")


@contextmanager
def running_second_server(airflow: Standalone, path: str) -> Iterator[str]:
    """
    Run a second API server, with a path and an auth manager that hides a DAG, and yield its URL.

    ``airflow standalone`` supports only the simple auth manager.

    :param airflow: The Airflow of the server.
    :param path: Path of its URL.
    :raises RuntimeError: A process of the server remained at the end.
    """
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}{path}"
    environment = {
        **airflow.environment,
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__AUTH_MANAGER": "tests.browser.auth_manager.HiddenDagAuthManager",
    }
    command = [sys.executable, "-m", "airflow", "api-server"]
    with ExitStack() as stack:
        api = stack.enter_context(closing(AirflowApi(url)))
        server = Session(command, environment=environment, log=airflow.home / "second_server.log")
        stack.callback(server.end)

        def is_healthy() -> bool:
            with suppress(httpx.HTTPError):
                return bool(api.health())
            return False

        airflow.wait_for("second API server", is_healthy)
        yield url
    if remaining := server.processes():
        raise RuntimeError(f"The second API server has ended, but these processes remain: {remaining}")
