"""
Measure what a thousand waits cost in a real ``airflow triggerer``, including Airflow's own overhead.

The triggerer runs alone, with its own Airflow home and SQLite. It needs no API server, because it reads connections
itself. After its start, a thousand task instances are deferred at once. Its first process, the supervisor, accesses
the database. It starts a second process, the runner, whose event loop runs all triggers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench import running_service
from benchmarks.case import durations
from benchmarks.deferrals import DAG_ID, TRIGGERS, dag_file
from benchmarks.service import Counters
from demo.sessions import Session

#: Shortest duration of a generation, and seconds from the first end to the last.
_SECONDS = 90.0
_SPREAD = 5.0
_START_TIMEOUT = 180.0
#: Seconds after which the measurement ends, even if tasks are still deferred.
_TIMEOUT = 600.0
_PERIOD = 1.0
_LOG_LINES = 30
#: Log message of Airflow's watchdog when the event loop is blocked for more than 0.2 s.
_BLOCK = re.compile(r"async thread was blocked for ([0-9.]+) seconds")


@dataclass(frozen=True, slots=True)
class TriggererFigures:
    """
    Figures of the waits. Memory is the proportional set size (PSS), in bytes.

    :param way: Way to wait.
    :param waits: Number of waits.
    :param detected: Number of waits that found their video.
    :param failures: Distinct error texts of the other waits.
    :param seconds: From the deferral to the last handled event.
    :param runner_cpu_seconds: Processor time of the process that runs the triggers.
    :param supervisor_cpu_seconds: Processor time of the process that accesses the database, in the same period.
    :param memory: Peak memory of both processes.
    :param idle_memory: Their memory before the first wait.
    :param connections: Connections, counted by the service.
    :param polls: Polls, counted by the service.
    :param blocks: Number of loop blocks that Airflow's watchdog reported.
    :param longest_block: The longest of them, in seconds.
    :param mean_delay: Mean time from the end of a generation to the new scheduling of its task, in seconds.
    """

    way: str
    waits: int
    detected: int
    failures: list[str]
    seconds: float
    runner_cpu_seconds: float
    supervisor_cpu_seconds: float
    memory: int
    idle_memory: int
    connections: int
    polls: int
    blocks: int
    longest_block: float
    mean_delay: float

    @property
    def cpu_per_poll(self) -> float:
        """Processor time of the runner per poll, in milliseconds."""
        return 1000 * self.runner_cpu_seconds / self.polls if self.polls else 0.0

    @property
    def cpu_per_generation(self) -> float:
        """Processor time of both processes per generation, in milliseconds."""
        return 1000 * (self.runner_cpu_seconds + self.supervisor_cpu_seconds) / self.waits


@dataclass(frozen=True, slots=True)
class Resumed:
    """
    A task instance after its trigger's event.

    :param number: Map index.
    :param at: Time at which the event was handled, in seconds since the epoch.
    :param failure: Error text of the event; ``None`` for success.
    """

    number: int
    at: float
    failure: str | None


class TriggererError(RuntimeError):
    """The triggerer ended, or did not start in time."""


def read_row(number: int, scheduled_at: str, next_kwargs: str) -> Resumed:
    """
    Read a row of Airflow's table of task instances.

    :param number: Column ``map_index``.
    :param scheduled_at: Column ``scheduled_dttm``.
    :param next_kwargs: Column ``next_kwargs``: the event, or the error of the trigger.
    """
    arguments = json.loads(next_kwargs)
    failure = None
    if "event" not in arguments:
        failure = "".join(arguments.get("traceback") or [arguments.get("error", "no event")]).strip().splitlines()[-1]
    elif isinstance(event := arguments["event"], Mapping) and event.get("failure") is not None:
        failure = event["failure"]["what"]
    return Resumed(number, datetime.fromisoformat(scheduled_at).replace(tzinfo=UTC).timestamp(), failure)


def read_blocks(log: str) -> list[float]:
    """Return the seconds of every loop block that Airflow's watchdog reported."""
    return [float(seconds) for seconds in _BLOCK.findall(log)]


def mean_delay(resumed: Iterable[Resumed], ends: Mapping[int, float]) -> float:
    """
    Return the mean delay between the end of a generation and its detection; 0 if none was detected.

    :param resumed: The task instances.
    :param ends: End of each generation, by map index.
    """
    delays = [each.at - ends[each.number] for each in resumed if each.failure is None]
    return statistics.fmean(delays) if delays else 0.0


def measure(
    way: str, environment: Mapping[str, str], count: Callable[[], Counters], waits: int = 1000
) -> TriggererFigures:
    """
    Measure one way to wait.

    :param way: One of :data:`~benchmarks.deferrals.TRIGGERS`.
    :param environment: Environment of a measuring process, with the connections.
    :param count: Returns the counters of the service, which must have no rate limit.
    :param waits: Number of waits, at most the capacity of one triggerer, a thousand.
    """
    with tempfile.TemporaryDirectory(prefix="seedance-triggerer-") as folder:
        home = Path(folder)
        environment = {**environment, **_settings(home)}
        _prepare(home, environment, waits)
        log = home / "triggerer.log"
        command = [sys.executable, "-m", "airflow", "triggerer", "--skip-serve-logs"]
        with _running(Session(command, environment=environment, log=log)) as session:
            triggerer = _Triggerer(session, log)
            idle_memory = triggerer.memory()
            runner, supervisor = triggerer.cpu_seconds()
            before = count()
            started_at = _defer(way, environment, waits)
            memory = _peak_memory(triggerer, home, time.monotonic() + _TIMEOUT)
            after = count()
            runner_after, supervisor_after = triggerer.cpu_seconds()
        resumed = _resumed(home)
        blocks = read_blocks(log.read_text(errors="replace"))
    ends = {number: started_at + seconds for number, seconds in enumerate(durations(_SECONDS, waits, spread=_SPREAD))}
    return TriggererFigures(
        way=way,
        waits=waits,
        detected=sum(each.failure is None for each in resumed),
        failures=sorted({each.failure for each in resumed if each.failure is not None}),
        seconds=max((each.at for each in resumed), default=started_at) - started_at,
        runner_cpu_seconds=runner_after - runner,
        supervisor_cpu_seconds=supervisor_after - supervisor,
        memory=max(memory, idle_memory),
        idle_memory=idle_memory,
        connections=after.connections - before.connections,
        polls=after.polls - before.polls,
        blocks=len(blocks),
        longest_block=max(blocks, default=0.0),
        mean_delay=mean_delay(resumed, ends),
    )


class _Triggerer:
    """A triggerer whose two processes have started and are idle."""

    def __init__(self, session: Session, log: Path) -> None:
        self._session = session
        self._log = log
        deadline = time.monotonic() + _START_TIMEOUT
        while "Starting the triggerer" not in self._log_text() or len(session.processes()) < 2:
            self.check()
            if time.monotonic() > deadline:
                raise TriggererError(f"No triggerer after {_START_TIMEOUT:.0f} s; end of its log:\n{self._log_end()}")
            time.sleep(_PERIOD)
        time.sleep(5 * _PERIOD)
        processes = {process.pid: process for process in session.processes()}
        [self.runner] = [process for process in processes.values() if process.ppid() in processes]
        self.supervisor = processes[self.runner.ppid()]

    def check(self) -> None:
        """Raise if the triggerer has ended."""
        if not self._session.is_running:
            raise TriggererError(f"The triggerer has ended; end of its log:\n{self._log_end()}")

    def memory(self) -> int:
        """Return the memory of both processes, in bytes."""
        return sum(process.memory_full_info().pss for process in (self.runner, self.supervisor))

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the processor time of the runner and of the supervisor."""
        runner, supervisor = (process.cpu_times() for process in (self.runner, self.supervisor))
        return runner.user + runner.system, supervisor.user + supervisor.system

    def _log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def _log_end(self) -> str:
        return "\n".join(self._log_text().splitlines()[-_LOG_LINES:])


@contextlib.contextmanager
def _running(session: Session) -> Iterator[Session]:
    try:
        yield session
    finally:
        session.end()


def _settings(home: Path) -> Mapping[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Only one process at a time can write to SQLite; the others wait.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
    }


def _prepare(home: Path, environment: Mapping[str, str], waits: int) -> None:
    (home / "dags").mkdir()
    (home / "dags" / "many.py").write_text(dag_file(waits))
    # Readers must not block writers; the mode is stored in the file.
    with contextlib.closing(sqlite3.connect(home / "airflow.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
    for command in (["db", "migrate"], ["dags", "reserialize"]):
        _run(["airflow", *command], environment)


def _defer(way: str, environment: Mapping[str, str], waits: int) -> float:
    options = [f"--seconds={_SECONDS}", f"--spread={_SPREAD}"]
    return float(_run(["benchmarks.deferrals", way, str(waits), *options], environment).splitlines()[-1])


def _run(module_and_arguments: list[str], environment: Mapping[str, str]) -> str:
    return subprocess.run(  # noqa: S603 - this interpreter and our arguments
        [sys.executable, "-m", *module_and_arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _peak_memory(triggerer: _Triggerer, home: Path, deadline: float) -> int:
    """Wait until no task instance is deferred, or until the deadline, and return the peak memory."""
    memory = 0
    with contextlib.closing(sqlite3.connect(home / "airflow.db", timeout=60)) as database:
        while database.execute("SELECT count(*) FROM task_instance WHERE state = 'deferred'").fetchone()[0]:
            triggerer.check()
            if time.monotonic() > deadline:
                break
            memory = max(memory, triggerer.memory())
            time.sleep(_PERIOD)
    return memory


def _resumed(home: Path) -> list[Resumed]:
    query = "SELECT map_index, scheduled_dttm, next_kwargs FROM task_instance WHERE dag_id = ? AND state = 'scheduled'"
    with contextlib.closing(sqlite3.connect(home / "airflow.db", timeout=60)) as database:
        return [read_row(*row) for row in database.execute(query, (DAG_ID,))]


def main() -> None:
    """Measure the selected ways, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.triggerer", description="Measure a real triggerer.")
    parser.add_argument("--ways", nargs="+", choices=TRIGGERS, default=list(TRIGGERS), help="ways to wait")
    parser.add_argument("--waits", type=int, default=1000, help="number of simultaneous waits")
    arguments = parser.parse_args()
    with running_service() as bench:
        for way in arguments.ways:
            figures = measure(way, bench.environment(), bench.count, arguments.waits)
            print(json.dumps(asdict(figures), indent=2), flush=True)


if __name__ == "__main__":
    main()
