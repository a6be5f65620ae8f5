"""Run a real ``airflow standalone`` for the duration of a ``with`` block, with its own home and on free ports."""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

import httpx
import psutil

from demo.rest import AirflowApi
from demo.sessions import Session

Component = Literal["scheduler", "dag-processor", "api-server", "triggerer"]
Found = TypeVar("Found")

#: Ports below the range that kernels use for outgoing connections.
_PORTS = range(20_000, 32_000)
_LOG_LINES = 40


class StandaloneError(RuntimeError):
    """Airflow ended, or did not reach a state in time."""


class Standalone:
    """
    ``airflow standalone`` with the local executor; the ``with`` block starts when it is healthy.

    On SQLite, the API server can stand still for the 60 seconds of the database's timeout when many requests write. It
    commits the audit log of a request in its event loop. If another request has locked the database by then, its own
    commit waits for the event loop. PostgreSQL locks rows, so neither waits for the other.

    :param home: Airflow home; created if it does not exist.
    :param dags: Folder of the DAG files.
    :param environment: Further environment variables, e.g. connections; they override the defaults.
    :param account: Name and password for the REST API; ``None`` if every user is an admin.
    :param start_seconds: Timeout of the start.
    :param database: SQLAlchemy URL of an empty database; by default SQLite in the home.
    :param python: Interpreter of the environment in which Airflow is installed.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        environment: Mapping[str, str] | None = None,
        *,
        account: tuple[str, str] | None = None,
        start_seconds: float = 300.0,
        database: str | None = None,
        python: str = sys.executable,
    ) -> None:
        self._account = account or ()
        self._database = database
        self._python = python
        self._start_seconds = start_seconds
        port, *log_ports = free_ports(3)
        self.url = f"http://127.0.0.1:{port}"
        self.home = home
        self.log = home / "standalone.log"
        self.environment = {
            **clean_environment(os.environ, python),
            **_settings(home, dags, port, log_ports, database),
            **(environment or {}),
        }
        self.api = AirflowApi(self.url)
        self._sessions: list[Session] = []

    def __enter__(self) -> Self:
        """Start Airflow and wait until all of its components are healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self._database is None:
            # Readers of SQLite must not block writers; the mode is stored in the file.
            with closing(sqlite3.connect(self.home / "airflow.db")) as database:
                database.execute("PRAGMA journal_mode = WAL")
        with ExitStack() as stack:
            stack.callback(self._end)
            self._run("standalone")
            self.wait_for("healthy components", self._is_healthy, self._start_seconds)
            self.api.login(*self._account)
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every started process."""
        self._end()

    def wait_for(self, what: str, check: Callable[[], Found], seconds: float = 120.0) -> Found:
        """
        Call a function until it returns a true value, and return that value.

        :param what: Name of the expected event, for the error message.
        :param check: Returns a false value as long as the event has not occurred.
        :param seconds: Timeout.
        :raises StandaloneError: Timeout, or Airflow ended; the message contains the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not (found := check()):
            if not self._sessions[0].is_running:
                raise StandaloneError(f"airflow standalone has ended; end of {self.log}:\n{self._log_end()}")
            if time.monotonic() > deadline:
                raise StandaloneError(f"No {what} in {seconds:.0f} s; end of {self.log}:\n{self._log_end()}")
            time.sleep(0.2)
        return found

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until a DAG is parsed; raise the import errors if its file cannot be imported."""

        def is_parsed() -> bool:
            if dag_id in self.api.dag_ids():
                return True
            if errors := self.api.import_errors():
                raise StandaloneError("\n".join(["A DAG file cannot be imported:", *errors]))
            return False

        self.wait_for(f"DAG {dag_id}", is_parsed)

    def processes(self) -> list[psutil.Process]:
        """Return every running process of this Airflow."""
        return [process for session in self._sessions for process in session.processes()]

    def component(self, name: Component) -> list[psutil.Process]:
        """Return the running processes of one component, with all processes that it started."""
        found: dict[int, psutil.Process] = {}
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                if is_component(process.cmdline(), name):
                    found |= {each.pid: each for each in (process, *process.children(recursive=True))}
        return list(found.values())

    def kill(self, name: Component) -> None:
        """Kill a component with all processes that it started, as a machine failure does."""
        for process in self.component(name):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def start(self, name: Component) -> None:
        """Start a killed component; ``airflow standalone`` does not restart it."""
        self._run(name)

    def _run(self, command: str) -> None:
        airflow = [self._python, "-m", "airflow", command]
        self._sessions.append(Session(airflow, environment=self.environment, log=self.log))

    def _end(self) -> None:
        self.api.close()
        for session in reversed(self._sessions):
            session.end()

    def _is_healthy(self) -> bool:
        try:
            return set(self.api.health().values()) == {"healthy"}
        except httpx.HTTPError:
            return False

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


def free_ports(count: int) -> list[int]:
    """Return ports that are free on all addresses of this host."""
    ports: list[int] = []
    with ExitStack() as stack:
        for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
            listener = stack.enter_context(socket.socket())
            with suppress(OSError):
                listener.bind(("", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise StandaloneError(f"This host has no {count} free ports from {_PORTS.start} to {_PORTS.stop - 1}")


def clean_environment(environment: Mapping[str, str], python: str = sys.executable) -> dict[str, str]:
    """
    Return an environment without settings of another Airflow.

    :param environment: Environment of the current process.
    :param python: Interpreter of Airflow.
    """
    cleaned = {name: value for name, value in environment.items() if not name.lstrip("_").startswith("AIRFLOW")}
    # An installed package is compiled once. Without bytecode every task would compile the provider again.
    cleaned.pop("PYTHONDONTWRITEBYTECODE", None)
    # The components and the emulator call each other on this host, which no proxy reaches.
    for name in ("NO_PROXY", "no_proxy"):
        cleaned[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1", "localhost"]))
    # `airflow standalone` runs the command `airflow` from the search path.
    cleaned["PATH"] = os.pathsep.join(filter(None, [str(Path(python).parent), environment.get("PATH")]))
    return cleaned


def common_settings(home: Path, dags: Path, port: int) -> dict[str, str]:
    """
    Return the settings of every Airflow that demo and tests run, as environment variables.

    :param home: Airflow home.
    :param dags: Folder of the DAG files.
    :param port: Port of the API server.
    """
    url = f"http://127.0.0.1:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "NO_COLOR": "1",
    }


def _settings(home: Path, dags: Path, port: int, log_ports: list[int], database: str | None) -> dict[str, str]:
    worker_log_port, trigger_log_port = log_ports
    return common_settings(home, dags, port) | {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # Only one process at a time can write to SQLite; by default, the others fail after 5 seconds.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database or f"sqlite:///{home}/airflow.db?timeout=60",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_log_port),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    }


def is_component(command_line: list[str], name: Component) -> bool:
    """Return whether a command line is that of a component; the API server replaces its own by a process title."""
    text = " ".join(command_line).strip()
    return text.endswith(f"airflow {name}") or text.startswith(f"airflow {name.replace('-', '_')} ")
