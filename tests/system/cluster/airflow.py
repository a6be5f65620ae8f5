"""The processes of a distributed Airflow: started, ended, killed and measured one by one."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
import psutil

from demo.rest import AirflowApi
from demo.sessions import Session
from demo.standalone import clean_environment, common_settings, free_ports

Found = TypeVar("Found")
CHECKOUT = Path(__file__).parents[3]
DAGS = Path(__file__).parent / "dags"
WORKERS = ("worker-1", "worker-2")
TRIGGERERS = ("triggerer-1", "triggerer-2")
#: In the order in which they are started. What each says once it is ready; the API server answers instead.
_READY = {
    "api-server": "",
    "scheduler": "Starting the scheduler",
    "dag-processor": "Starting the Dag Processor Job",
    **dict.fromkeys(TRIGGERERS, "Starting the triggerer"),
    **dict.fromkeys(WORKERS, " ready."),
}
COMPONENTS = tuple(_READY)
_START_SECONDS = 300.0
_STOP_SECONDS = 120.0
_LOG_LINES = 40


class ClusterError(RuntimeError):
    """Raised when the cluster does not do what it should in time."""


class Component:
    """
    One process of the cluster, with all that it starts.

    :param name: One of :data:`COMPONENTS`, or what else is run beside them.
    :param command: How it is started.
    :param environment: Its environment.
    :param log: File that its output is appended to.
    :param is_ready: Tells by what it has said since its start whether it is ready.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        log: Path,
        is_ready: Callable[[str], bool],
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self._is_ready = is_ready
        self._session: Session | None = None
        self._log_begin = 0

    def start(self) -> None:
        """Start it."""
        self._log_begin = self.log.stat().st_size if self.log.exists() else 0
        self._session = Session(self._command, environment=self._environment, log=self.log)

    def wait(self) -> None:
        """Wait until it is ready."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready(self.said()):
            if self._session is None or not self._session.is_running:
                raise ClusterError(f"{self.name} has ended; the end of its log:\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.name} is not ready in {_START_SECONDS:.0f} s:\n{self.log_end()}")
            time.sleep(0.2)

    def said(self) -> str:
        """Return what it has said since its start."""
        with self.log.open("rb") as file:
            file.seek(self._log_begin)
            return file.read().decode(errors="replace")

    def log_end(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])

    def processes(self) -> list[psutil.Process]:
        """Return its running processes."""
        return self._session.processes() if self._session else []

    def kill(self) -> None:
        """Kill it with all that it started, as a machine that fails would."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.end()

    def terminate(self) -> None:
        """Ask it to end, as an orderly restart does, and wait until it has."""
        processes = self.ask_to_end()
        _, left = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
        if left:
            raise ClusterError(f"{self.name} has not ended in {_STOP_SECONDS:.0f} s: {left}\n{self.log_end()}")
        self.end()

    def ask_to_end(self) -> list[psutil.Process]:
        """Send SIGTERM to its first process, and return all that shall end."""
        processes = self.processes()
        ids = {process.pid for process in processes}
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                if process.ppid() not in ids:
                    process.terminate()
        return processes

    def end(self) -> None:
        """End it, whether it likes it or not."""
        if self._session is not None:
            self._session.end()
            self._session = None


class Cluster:
    """
    A distributed Airflow on one machine, ready at the start of the ``with`` block.

    :param home: Its home, with the logs of all components.
    :param database: Address of PostgreSQL's database, without the scheme.
    :param broker: Address of Redis, without the scheme.
    :param settings: More environment variables for all components.
    :param own_log_folders: Whether each component keeps task logs in a folder of its own, as on machines of their own.
    """

    def __init__(
        self,
        home: Path,
        *,
        database: str,
        broker: str,
        settings: Mapping[str, str] | None = None,
        own_log_folders: bool = False,
    ) -> None:
        [port] = free_ports(1)
        self.home = home
        self.api = AirflowApi(f"http://127.0.0.1:{port}")
        self.environment = {
            **clean_environment(os.environ),
            **_settings(home, port, database, broker),
            **(settings or {}),
        }
        home.mkdir(parents=True, exist_ok=True)
        self.components = {
            name: Component(
                name,
                [sys.executable, "-m", "airflow", *_arguments(name)],
                self._own_environment(name) if own_log_folders else self.environment,
                home / f"{name}.log",
                (lambda said, mark=mark: mark in said) if mark else (lambda _: self._answers()),  # type: ignore[misc]
            )
            for name, mark in _READY.items()
        }

    def __enter__(self) -> Self:
        """Make the tables, start all components and wait until they are ready."""
        try:
            self.command("db", "migrate")
            for component in self.components.values():
                component.start()
            for component in self.components.values():
                component.wait()
            self.api.login()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process that was started."""
        self._end()

    def command(self, *arguments: str) -> str:
        """Run a command of Airflow's and return its output."""
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - Airflow
        if done.returncode:
            raise ClusterError(f"airflow {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def wait_for(self, what: str, look: Callable[[], Found], seconds: float = 120.0, pause: float = 1.0) -> Found:
        """
        Look until there is something to see, and return it.

        :param what: What is waited for, for the message.
        :param look: Returns it, or something false as long as it is not there.
        :param seconds: How long to wait.
        :param pause: Seconds between polls.
        :raises ClusterError: It did not come in time; the message has the ends of the logs.
        """
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > deadline:
                logs = [f"{each.log}:\n{each.log_end()}" for each in self.components.values()]
                raise ClusterError("\n\n".join([f"No {what} in {seconds:.0f} s", *logs]))
            time.sleep(pause)
        return found

    def wait_for_dags(self, dag_ids: Iterable[str]) -> None:
        """Wait until DAGs are parsed, or raise what keeps them from being imported."""
        wanted = set(dag_ids)

        def are_there() -> bool:
            if errors := self.api.import_errors():
                raise ClusterError("\n".join(["A DAG file cannot be imported:", *errors]))
            return wanted <= set(self.api.dag_ids())

        self.wait_for(f"DAGs {sorted(wanted)}", are_there)

    def restart(self, name: str) -> None:
        """End a component in good order, start it again and wait until it is ready."""
        self.components[name].terminate()
        self.start(name)

    def start(self, name: str) -> None:
        """Start a component that has ended, and wait until it is ready."""
        self.components[name].start()
        self.components[name].wait()

    def _own_environment(self, name: str) -> dict[str, str]:
        return {**self.environment, "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs" / name)}

    def _answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return bool(self.api.health())
        return False

    def _end(self) -> None:
        self.api.close()
        for component in self.components.values():
            component.ask_to_end()
        for component in reversed(self.components.values()):
            component.end()


def _arguments(name: str) -> list[str]:
    if name in WORKERS:
        return ["celery", "worker", "--skip-serve-logs", "--celery-hostname", f"{name}@%h"]
    if name in TRIGGERERS:
        return ["triggerer", "--skip-serve-logs"]
    return [name]


def _settings(home: Path, port: int, database: str, broker: str) -> dict[str, str]:
    return common_settings(home, DAGS, port) | {
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        # What one component signs or encrypts, the others must be able to read.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CELERY__BROKER_URL": f"redis://{broker}",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
        # The scheduler sends its tasks itself. It would start processes for that each time.
        "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "8",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        # A worker that is gone is noticed only by its silence.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
        "PYTHONPATH": str(CHECKOUT),
    }
