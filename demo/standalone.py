"""A real ``airflow standalone`` for the length of a ``with`` block, in a home of its own and on free ports."""

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

#: Ports below the range from which kernels take those of outgoing connections, which come and go.
_PORTS = range(20_000, 32_000)
_LOG_LINES = 40


class StandaloneError(RuntimeError):
    """Raised when Airflow does not do what it should in time."""


class Standalone:
    """
    ``airflow standalone`` with SQLite and the local executor, healthy at the start of the ``with`` block.

    :param home: Its home; made if it does not exist.
    :param dags: Folder of the DAG files.
    :param environment: More environment variables, e.g. connections; they win over the ones that are set here.
    :param account: Name and password for the REST API; none where everybody is an admin.
    :param start_seconds: How long it may take to start.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        environment: Mapping[str, str] | None = None,
        *,
        account: tuple[str, str] | None = None,
        start_seconds: float = 300.0,
    ) -> None:
        self._account = account or ()
        self._start_seconds = start_seconds
        port, *log_ports = free_ports(3)
        self.url = f"http://127.0.0.1:{port}"
        self.home = home
        self.log = home / "standalone.log"
        self.environment = {
            **clean_environment(os.environ),
            **_settings(home, dags, port, log_ports),
            **(environment or {}),
        }
        self.api = AirflowApi(self.url)
        self._sessions: list[Session] = []

    def __enter__(self) -> Self:
        """Start Airflow and wait until all of its components are healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        # Whoever reads SQLite must not keep others from writing; the mode stays with the file.
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
        """End every process that was started."""
        self._end()

    def wait_for(self, what: str, look: Callable[[], Found], seconds: float = 120.0) -> Found:
        """
        Look until there is something to see, and return it.

        :param what: What is waited for, for the message.
        :param look: Returns it, or something false as long as it is not there.
        :param seconds: How long to wait.
        :raises StandaloneError: It did not come in time, or Airflow ended; the message has the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if not self._sessions[0].is_running:
                raise StandaloneError(f"airflow standalone has ended; the end of {self.log}:\n{self._log_end()}")
            if time.monotonic() > deadline:
                raise StandaloneError(f"No {what} in {seconds:.0f} s; the end of {self.log}:\n{self._log_end()}")
            time.sleep(0.2)
        return found

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until a DAG is parsed, or raise what keeps it from being imported."""

        def is_there() -> bool:
            if dag_id in self.api.dag_ids():
                return True
            if errors := self.api.import_errors():
                raise StandaloneError("\n".join(["A DAG file cannot be imported:", *errors]))
            return False

        self.wait_for(f"DAG {dag_id}", is_there)

    def processes(self) -> list[psutil.Process]:
        """Return every running process of this Airflow."""
        return [process for session in self._sessions for process in session.processes()]

    def component(self, name: Component) -> list[psutil.Process]:
        """Return the running processes of one component: its own, and all that it started."""
        found: dict[int, psutil.Process] = {}
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                if is_component(process.cmdline(), name):
                    found |= {each.pid: each for each in (process, *process.children(recursive=True))}
        return list(found.values())

    def kill(self, name: Component) -> None:
        """Kill a component with all that it started, as a machine that fails would."""
        for process in self.component(name):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def start(self, name: Component) -> None:
        """Start a component that was killed; ``airflow standalone`` does not."""
        self._run(name)

    def _run(self, command: str) -> None:
        airflow = [sys.executable, "-m", "airflow", command]
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


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return an environment without anything of another Airflow.

    :param environment: The environment of the person who starts the demo.
    """
    cleaned = {name: value for name, value in environment.items() if not name.lstrip("_").startswith("AIRFLOW")}
    # The components call each other and the emulator, which no proxy knows.
    for name in ("NO_PROXY", "no_proxy"):
        cleaned[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1", "localhost"]))
    # `airflow standalone` looks for the command `airflow`.
    cleaned["PATH"] = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), environment.get("PATH")]))
    return cleaned


def common_settings(home: Path, dags: Path, port: int) -> dict[str, str]:
    """
    Return the settings of every Airflow that is run here, as environment variables.

    :param home: Its home.
    :param dags: Folder of the DAG files.
    :param port: Of the API server, on this host.
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


def _settings(home: Path, dags: Path, port: int, log_ports: list[int]) -> dict[str, str]:
    worker_log_port, trigger_log_port = log_ports
    return common_settings(home, dags, port) | {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # Only one process at a time can write to SQLite; the others shall wait, and not fail after 5 seconds.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_log_port),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    }


def is_component(command_line: list[str], name: Component) -> bool:
    """Tell by a process's command line, which the API server replaces by a title, whether it is a component's own."""
    text = " ".join(command_line).strip()
    return text.endswith(f"airflow {name}") or text.startswith(f"airflow {name.replace('-', '_')} ")
