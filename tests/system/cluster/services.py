"""Run the installed PostgreSQL and Redis on free loopback ports, with temporary data."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy

from demo.sessions import Session
from demo.standalone import free_ports

#: Debian's folder with the programs of each PostgreSQL version, not all of which are on the search path.
_POSTGRESQL = Path("/usr/lib/postgresql")
#: Debian's package of each program.
_PACKAGES = {"initdb": "postgresql", "postgres": "postgresql", "redis-server": "redis-server"}
_USER = "postgres"
_START_TIMEOUT = 30.0
#: The data are temporary, so durability is off.
_POSTGRESQL_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "pg_stat_statements.max": "10000",
    "shared_preload_libraries": "pg_stat_statements",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
}


class ServiceError(RuntimeError):
    """A service is not installed, or did not start."""


def find_programs(*names: str, search_path: str | None = None, postgresql: Path = _POSTGRESQL) -> list[str]:
    """
    Return the paths of programs, those of the newest PostgreSQL version.

    :param names: Names of the programs.
    :param search_path: Search path in the format of ``PATH``, which is the default.
    :param postgresql: Folder with the programs of each PostgreSQL version.
    :raises ServiceError: A program is not installed; the message names the Debian packages.
    """
    versions = sorted((path for path in postgresql.glob("*/bin")), key=lambda path: float(path.parent.name))
    path = os.pathsep.join([*map(str, reversed(versions)), search_path or os.environ.get("PATH", os.defpath)])
    found = {name: shutil.which(name, path=path) for name in names}
    if missing := [name for name, program in found.items() if program is None]:
        packages = dict.fromkeys(_PACKAGES[name] for name in missing)
        raise ServiceError(f"Not installed: {', '.join(missing)}. Debian packages: {', '.join(packages)}.")
    return [str(program) for program in found.values()]


@dataclass(frozen=True, slots=True)
class Service:
    """
    A running service.

    :param url: URL with credentials, without a scheme.
    :param session: Session of its processes.
    """

    url: str
    session: Session

    def processes(self) -> list[psutil.Process]:
        """Return all processes, including those of PostgreSQL that leave the session."""
        found = {process.pid: process for process in self.session.processes()}
        for process in list(found.values()):
            with suppress(psutil.NoSuchProcess):
                found |= {child.pid: child for child in process.children(recursive=True)}
        return list(found.values())


@contextmanager
def running_postgresql(log: Path) -> Iterator[Service]:
    """
    Run PostgreSQL with an empty database ``airflow`` for the duration of a ``with`` block.

    :param log: File for its output.
    :raises ServiceError: It is not installed, or did not start.
    """
    initdb, postgres = find_programs("initdb", "postgres")
    # Not in a private folder of this user: PostgreSQL does not run as root, and its account must have access.
    with tempfile.TemporaryDirectory(prefix="seedance-postgresql-") as folder:
        data, password_file, password = Path(folder) / "data", Path(folder) / "password", secrets.token_hex(16)
        password_file.write_text(password)
        switch_user: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam(_USER)
            switch_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
            for path in (Path(folder), password_file):
                os.chown(path, account.pw_uid, account.pw_gid)
        create = [initdb, "--auth=scram-sha-256", f"--username={_USER}", f"--pwfile={password_file}"]
        _run([*switch_user, *create, "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={data}"], folder)
        [port] = free_ports(1)
        settings = [f"--{name}={value}" for name, value in _POSTGRESQL_SETTINGS.items()]
        command = [*switch_user, postgres, "-D", str(data), f"--port={port}", *settings]
        session = Session(command, environment=dict(os.environ), log=log)
        try:
            server = f"{_USER}:{password}@127.0.0.1:{port}"
            _wait_for("PostgreSQL", log, lambda: _is_reachable(f"{server}/{_USER}"))
            _execute(f"{server}/{_USER}", "CREATE DATABASE airflow")
            _execute(f"{server}/airflow", "CREATE EXTENSION pg_stat_statements")
            yield Service(f"{server}/airflow", session)
        finally:
            # SIGINT is a fast shutdown; at SIGTERM, PostgreSQL waits for its clients.
            for process in session.processes():
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGINT)
            session.end()


@contextmanager
def running_redis(log: Path) -> Iterator[Service]:
    """
    Run Redis without persistence for the duration of a ``with`` block.

    :param log: File for its output.
    :raises ServiceError: It is not installed, or did not start.
    """
    [redis] = find_programs("redis-server")
    [port] = free_ports(1)
    command = [redis, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(log.parent)]
    session = Session(command, environment=dict(os.environ), log=log)
    try:
        _wait_for("Redis", log, lambda: "Ready to accept connections" in log.read_text(errors="replace"))
        yield Service(f"127.0.0.1:{port}/0", session)
    finally:
        session.end()


def engine(url: str) -> sqlalchemy.Engine:
    """Return an engine for a PostgreSQL database in autocommit mode."""
    return sqlalchemy.create_engine(f"postgresql+psycopg2://{url}", isolation_level="AUTOCOMMIT")


def _execute(url: str, statement: str) -> None:
    with engine(url).connect() as connection:
        connection.execute(sqlalchemy.text(statement))


def _is_reachable(url: str) -> bool:
    try:
        _execute(url, "SELECT 1")
    except sqlalchemy.exc.OperationalError:
        return False
    return True


def _run(command: list[str], folder: str) -> None:
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - a program of this host
    if completed.returncode:
        raise ServiceError(f"{' '.join(command)} failed:\n{completed.stdout}{completed.stderr}")


def _wait_for(name: str, log: Path, check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while not check():
        if time.monotonic() > deadline:
            raise ServiceError(f"{name} did not start in {_START_TIMEOUT:.0f} s:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)
