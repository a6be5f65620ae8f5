"""The processes of a distributed Airflow, which tests start, stop and kill one by one."""

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
#: Components in start order, and the log message of each when it is ready; the API server has its health endpoint.
_READY = {
    "api-server": "",
    "scheduler": "Starting the scheduler",
    "dag-processor": "Starting the Dag Processor Job",
    **dict.fromkeys(TRIGGERERS, "Starting the triggerer"),
    **dict.fromkeys(WORKERS, " ready."),
}
COMPONENTS = tuple(_READY)
_START_TIMEOUT = 300.0
_STOP_TIMEOUT = 120.0
_LOG_LINES = 40


class ClusterError(RuntimeError):
    """A component ended, or the cluster did not reach a state in time."""


class Component:
    """
    One component of the cluster, with all processes that it starts.

    :param name: One of :data:`COMPONENTS`, or the name of another program.
    :param command: Its command.
    :param environment: Its environment.
    :param log: File to which its output is appended.
    :param is_ready: Returns whether it is ready, given its output since the start.
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
        self._log_offset = 0

    def start(self) -> None:
        """Start the component."""
        self._log_offset = self.log.stat().st_size if self.log.exists() else 0
        self._session = Session(self._command, environment=self._environment, log=self.log)

    def wait(self) -> None:
        """Wait until the component is ready."""
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._is_ready(self.output()):
            if self._session is None or not self._session.is_running:
                raise ClusterError(f"{self.name} has ended; end of its log:\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.name} is not ready in {_START_TIMEOUT:.0f} s:\n{self.log_end()}")
            time.sleep(0.2)

    def output(self) -> str:
        """Return the output since the start."""
        with self.log.open("rb") as file:
            file.seek(self._log_offset)
            return file.read().decode(errors="replace")

    def log_end(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])

    def processes(self) -> list[psutil.Process]:
        """Return the running processes."""
        return self._session.processes() if self._session else []

    def kill(self) -> None:
        """Kill all processes of the component, as a machine failure does."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.end()

    def terminate(self) -> None:
        """Terminate the component as a regular restart does, and wait for its end."""
        processes = self.send_sigterm()
        _, remaining = psutil.wait_procs(processes, timeout=_STOP_TIMEOUT)
        if remaining:
            raise ClusterError(f"{self.name} has not ended in {_STOP_TIMEOUT:.0f} s: {remaining}\n{self.log_end()}")
        self.end()

    def send_sigterm(self) -> list[psutil.Process]:
        """Send SIGTERM to the top process, and return all processes."""
        processes = self.processes()
        ids = {process.pid for process in processes}
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                if process.ppid() not in ids:
                    process.terminate()
        return processes

    def end(self) -> None:
        """End all processes, with SIGKILL if necessary."""
        if self._session is not None:
            self._session.end()
            self._session = None


class Cluster:
    """
    A distributed Airflow on one machine; the ``with`` block starts when it is ready.

    :param home: Airflow home, with the logs of all components.
    :param database: URL of the PostgreSQL database, without the scheme.
    :param broker: URL of Redis, without the scheme.
    :param settings: Further environment variables for all components.
    :param own_log_folders: Whether each component has its own folder for task logs, as on separate machines.
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
                (lambda output, message=message: message in output) if message else (lambda _: self._is_healthy()),  # type: ignore[misc]
            )
            for name, message in _READY.items()
        }

    def __enter__(self) -> Self:
        """Create the tables, start all components and wait until they are ready."""
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
        """End every started process."""
        self._end()

    def command(self, *arguments: str) -> str:
        """Run an Airflow command and return its stdout."""
        command = [sys.executable, "-m", "airflow", *arguments]
        completed = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - Airflow
        if completed.returncode:
            raise ClusterError(f"airflow {' '.join(arguments)} failed:\n{completed.stdout}{completed.stderr}")
        return completed.stdout

    def wait_for(self, what: str, check: Callable[[], Found], seconds: float = 120.0, pause: float = 1.0) -> Found:
        """
        Call a function until it returns a true value, and return that value.

        :param what: Name of the expected event, for the error message.
        :param check: Returns a false value as long as the event has not occurred.
        :param seconds: Timeout.
        :param pause: Seconds between calls.
        :raises ClusterError: Timeout; the message contains the last log lines of all components.
        """
        deadline = time.monotonic() + seconds
        while not (found := check()):
            if time.monotonic() > deadline:
                logs = [f"{each.log}:\n{each.log_end()}" for each in self.components.values()]
                raise ClusterError("\n\n".join([f"No {what} in {seconds:.0f} s", *logs]))
            time.sleep(pause)
        return found

    def wait_for_dags(self, dag_ids: Iterable[str]) -> None:
        """Wait until DAGs are parsed; raise the import errors if a file cannot be imported."""
        expected = set(dag_ids)

        def are_parsed() -> bool:
            if errors := self.api.import_errors():
                raise ClusterError("\n".join(["A DAG file cannot be imported:", *errors]))
            return expected <= set(self.api.dag_ids())

        self.wait_for(f"DAGs {sorted(expected)}", are_parsed)

    def restart(self, name: str) -> None:
        """Terminate a component, start it again and wait until it is ready."""
        self.components[name].terminate()
        self.start(name)

    def start(self, name: str) -> None:
        """Start an ended component, and wait until it is ready."""
        self.components[name].start()
        self.components[name].wait()

    def _own_environment(self, name: str) -> dict[str, str]:
        return {**self.environment, "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs" / name)}

    def _is_healthy(self) -> bool:
        with suppress(httpx.HTTPError):
            return bool(self.api.health())
        return False

    def _end(self) -> None:
        self.api.close()
        for component in self.components.values():
            component.send_sigterm()
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
        # All components need the same keys.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CELERY__BROKER_URL": f"redis://{broker}",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
        # The scheduler sends tasks from its own process, and does not start processes for it each time.
        "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "8",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        # A dead worker is detected by its missing heartbeat only.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
        "PYTHONPATH": str(CHECKOUT),
    }
