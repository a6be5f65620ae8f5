"""PostgreSQL and Redis of this host's packages, on free loopback ports and with data of their own."""

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

#: Where Debian keeps the programs of each version of PostgreSQL, of which only some are on the search path.
_POSTGRESQL = Path("/usr/lib/postgresql")
_USER = "postgres"
_PATIENCE = 30.0
#: The data are thrown away in the end, so nothing has to survive a failure of the machine.
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
    """Raised when a service is not installed, or does not start."""


@dataclass(frozen=True, slots=True)
class Programs:
    """
    Where the services' programs are.

    :param initdb: Makes PostgreSQL's data folder.
    :param postgres: PostgreSQL's server.
    :param redis: Redis's server.
    """

    initdb: str
    postgres: str
    redis: str


def find_programs(search_path: str | None = None, postgresql: Path = _POSTGRESQL) -> Programs:
    """
    Return where the programs are, of PostgreSQL the newest version.

    :param search_path: Where to look, as in ``PATH``, which it is by default.
    :param postgresql: Folder that holds one of programs for each version of PostgreSQL.
    :raises ServiceError: Something is not installed; the message names the Debian packages.
    """
    versions = sorted((path for path in postgresql.glob("*/bin")), key=lambda path: float(path.parent.name))
    path = os.pathsep.join([*map(str, reversed(versions)), search_path or os.environ.get("PATH", os.defpath)])
    found = {name: shutil.which(name, path=path) for name in ("initdb", "postgres", "redis-server")}
    if missing := [name for name, program in found.items() if program is None]:
        raise ServiceError(f"Not installed: {', '.join(missing)}. The Debian packages are postgresql and redis-server.")
    initdb, postgres, redis = (str(program) for program in found.values())
    return Programs(initdb, postgres, redis)


@dataclass(frozen=True, slots=True)
class Service:
    """
    A running service.

    :param url: Its address, with what is needed to log in, without a scheme.
    :param session: Its processes.
    """

    url: str
    session: Session

    def processes(self) -> list[psutil.Process]:
        """Return its processes; those of PostgreSQL leave the session that they were started in."""
        found = {process.pid: process for process in self.session.processes()}
        for process in list(found.values()):
            with suppress(psutil.NoSuchProcess):
                found |= {child.pid: child for child in process.children(recursive=True)}
        return list(found.values())


@contextmanager
def running_postgresql(programs: Programs, log: Path) -> Iterator[Service]:
    """
    Run PostgreSQL with an empty database ``airflow`` for the length of a ``with`` block.

    :param programs: Where its programs are.
    :param log: File for its output.
    """
    # Not below a folder of this user's: PostgreSQL does not run as root, and another user may not look into that.
    with tempfile.TemporaryDirectory(prefix="seedance-postgresql-") as folder:
        data, password_file, password = Path(folder) / "data", Path(folder) / "password", secrets.token_hex(16)
        password_file.write_text(password)
        become: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam(_USER)
            become = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
            for path in (Path(folder), password_file):
                os.chown(path, account.pw_uid, account.pw_gid)
        initdb = [programs.initdb, "--auth=scram-sha-256", f"--username={_USER}", f"--pwfile={password_file}"]
        _run([*become, *initdb, "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={data}"], folder)
        [port] = free_ports(1)
        settings = [f"--{name}={value}" for name, value in _POSTGRESQL_SETTINGS.items()]
        command = [*become, programs.postgres, "-D", str(data), f"--port={port}", *settings]
        session = Session(command, environment=dict(os.environ), log=log)
        try:
            server = f"{_USER}:{password}@127.0.0.1:{port}"
            _wait_for("PostgreSQL", log, lambda: _answers(f"{server}/{_USER}"))
            _execute(f"{server}/{_USER}", "CREATE DATABASE airflow")
            _execute(f"{server}/airflow", "CREATE EXTENSION pg_stat_statements")
            yield Service(f"{server}/airflow", session)
        finally:
            # A fast shutdown. It would wait for its clients at the signal that ends other programs.
            for process in session.processes():
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGINT)
            session.end()


@contextmanager
def running_redis(programs: Programs, log: Path) -> Iterator[Service]:
    """
    Run Redis for the length of a ``with`` block; it keeps nothing on disk.

    :param programs: Where its program is.
    :param log: File for its output.
    """
    [port] = free_ports(1)
    command = [programs.redis, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(log.parent)]
    session = Session(command, environment=dict(os.environ), log=log)
    try:
        _wait_for("Redis", log, lambda: "Ready to accept connections" in log.read_text(errors="replace"))
        yield Service(f"127.0.0.1:{port}/0", session)
    finally:
        session.end()


def engine(url: str) -> sqlalchemy.Engine:
    """Return a connection to a PostgreSQL database, each statement of which is a transaction."""
    return sqlalchemy.create_engine(f"postgresql+psycopg2://{url}", isolation_level="AUTOCOMMIT")


def _execute(url: str, statement: str) -> None:
    with engine(url).connect() as connection:
        connection.execute(sqlalchemy.text(statement))


def _answers(url: str) -> bool:
    try:
        _execute(url, "SELECT 1")
    except sqlalchemy.exc.OperationalError:
        return False
    return True


def _run(command: list[str], folder: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - a program of this host
    if done.returncode:
        raise ServiceError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _wait_for(name: str, log: Path, look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not look():
        if time.monotonic() > deadline:
            raise ServiceError(f"{name} did not start in {_PATIENCE:.0f} s:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)
