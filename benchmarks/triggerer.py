"""
What a thousand waits cost in a real ``airflow triggerer``, with all that Airflow adds to a wait.

The triggerer runs alone, in a home of its own with SQLite. It answers its triggers' questions about connections
itself, so it needs no API server. Once it is up, a thousand task instances are deferred at once. Its first process
speaks with the database; the one that this starts, here the runner, has the event loop in which all triggers run.
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

from benchmarks.case import durations
from benchmarks.deferrals import DAG_ID, TRIGGERS, dag_file
from benchmarks.service import Counters
from demo.sessions import Session

#: Seconds that a generation takes, and from the first end to the last.
_SECONDS = 90.0
_SPREAD = 5.0
_START_LIMIT = 180.0
#: Seconds after which it is measured what was found until then.
_LIMIT = 600.0
_PERIOD = 1.0
_LOG_LINES = 30
#: Airflow's own watchdog says so when the loop did not run for 0.2 s longer than it should.
_BLOCK = re.compile(r"async thread was blocked for ([0-9.]+) seconds")


@dataclass(frozen=True, slots=True)
class TriggererFigures:
    """
    What the waits took. Memory is resident and counts once what processes share, in bytes.

    :param way: How they waited.
    :param waits: How many they were.
    :param detected: How many of them found their video.
    :param failures: What the others ended with, each text once.
    :param seconds: From the deferral to the last event that was handled.
    :param runner_cpu_seconds: Processor time of the process that runs the triggers.
    :param supervisor_cpu_seconds: Processor time of the one that speaks with the database, in the same time.
    :param memory: The most memory of all processes.
    :param idle_memory: Their memory before the first wait.
    :param connections: Connections that the service saw.
    :param polls: Polls that it saw.
    :param blocks: How often Airflow's watchdog found the loop blocked.
    :param longest_block: The longest of these, in seconds.
    :param mean_delay: How long after the end of its generation a task was scheduled again, in seconds, on average.
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

    :param number: Its map index.
    :param at: When the event was handled, in seconds since the epoch.
    :param failure: What the event says went wrong; ``None`` for nothing.
    """

    number: int
    at: float
    failure: str | None


class TriggererError(RuntimeError):
    """Raised when the triggerer does not do what it should."""


def read_row(number: int, scheduled_at: str, next_kwargs: str) -> Resumed:
    """
    Read a row of Airflow's table of task instances.

    :param number: Column ``map_index``.
    :param scheduled_at: Column ``scheduled_dttm``.
    :param next_kwargs: Column ``next_kwargs``: the event, or what the trigger failed with.
    """
    arguments = json.loads(next_kwargs)
    failure = None
    if "event" not in arguments:
        failure = "".join(arguments.get("traceback") or [arguments.get("error", "no event")]).strip().splitlines()[-1]
    elif isinstance(arguments["event"], Mapping) and arguments["event"]["failure"] is not None:
        failure = arguments["event"]["failure"]["what"]
    return Resumed(number, datetime.fromisoformat(scheduled_at).replace(tzinfo=UTC).timestamp(), failure)


def read_blocks(log: str) -> list[float]:
    """Return how long the loop was blocked, in seconds, each time that Airflow's watchdog said so."""
    return [float(seconds) for seconds in _BLOCK.findall(log)]


def mean_delay(resumed: Iterable[Resumed], ends: Mapping[int, float]) -> float:
    """
    Return how late generations were found on average; 0 where none was.

    :param resumed: The task instances.
    :param ends: When the generation of each ended.
    """
    delays = [each.at - ends[each.number] for each in resumed if each.failure is None]
    return statistics.fmean(delays) if delays else 0.0


def measure(
    way: str, environment: Mapping[str, str], count: Callable[[], Counters], waits: int = 1000
) -> TriggererFigures:
    """
    Measure one way to wait.

    :param way: One of :data:`~benchmarks.deferrals.TRIGGERS`.
    :param environment: Of a measuring process, with the connections.
    :param count: Returns what the service has counted so far; it must allow all requests.
    :param waits: How many waits, at most as many as one triggerer takes, a thousand.
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
            began = _defer(way, environment, waits)
            memory = _watch(triggerer, home, time.monotonic() + _LIMIT)
            after = count()
            runner_after, supervisor_after = triggerer.cpu_seconds()
        resumed = _resumed(home)
        blocks = read_blocks(log.read_text(errors="replace"))
    ends = {number: began + seconds for number, seconds in enumerate(durations(_SECONDS, waits, spread=_SPREAD))}
    return TriggererFigures(
        way=way,
        waits=waits,
        detected=sum(each.failure is None for each in resumed),
        failures=sorted({each.failure for each in resumed if each.failure is not None}),
        seconds=max((each.at for each in resumed), default=began) - began,
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
    """A triggerer whose processes are both there, and have come to rest."""

    def __init__(self, session: Session, log: Path) -> None:
        self._session = session
        self._log = log
        deadline = time.monotonic() + _START_LIMIT
        while "Starting the triggerer" not in self._text() or len(session.processes()) < 2:
            self.check()
            if time.monotonic() > deadline:
                raise TriggererError(f"No triggerer in {_START_LIMIT:.0f} s; the end of its log:\n{self._end()}")
            time.sleep(_PERIOD)
        time.sleep(5 * _PERIOD)
        processes = {process.pid: process for process in session.processes()}
        [self.runner] = [process for process in processes.values() if process.ppid() in processes]
        self.supervisor = processes[self.runner.ppid()]

    def check(self) -> None:
        """Raise if it has ended."""
        if not self._session.is_running:
            raise TriggererError(f"The triggerer has ended; the end of its log:\n{self._end()}")

    def memory(self) -> int:
        """Return the memory of both processes, in bytes."""
        return sum(process.memory_full_info().pss for process in (self.runner, self.supervisor))

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the processor time of the runner and of the supervisor."""
        runner, supervisor = (process.cpu_times() for process in (self.runner, self.supervisor))
        return runner.user + runner.system, supervisor.user + supervisor.system

    def _text(self) -> str:
        return self._log.read_text(errors="replace")

    def _end(self) -> str:
        return "\n".join(self._text().splitlines()[-_LOG_LINES:])


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
        # Only one process at a time can write to SQLite; the others shall wait.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
    }


def _prepare(home: Path, environment: Mapping[str, str], waits: int) -> None:
    (home / "dags").mkdir()
    (home / "dags" / "many.py").write_text(dag_file(waits))
    # Whoever reads must not keep others from writing; the mode stays with the file.
    with contextlib.closing(sqlite3.connect(home / "airflow.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
    for command in (["db", "migrate"], ["dags", "reserialize"]):
        _run(["airflow", *command], environment)


def _defer(way: str, environment: Mapping[str, str], waits: int) -> float:
    options = [f"--seconds={_SECONDS}", f"--spread={_SPREAD}"]
    return float(_run(["benchmarks.deferrals", way, str(waits), *options], environment).splitlines()[-1])


def _run(module_and_arguments: list[str], environment: Mapping[str, str]) -> str:
    return subprocess.run(  # noqa: S603 - this interpreter and arguments of our own
        [sys.executable, "-m", *module_and_arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _watch(triggerer: _Triggerer, home: Path, deadline: float) -> int:
    """Wait until no task instance is deferred, or for so long, and return the most memory meanwhile."""
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
    """Measure all ways, or one, and print what was measured as JSON."""
    from benchmarks.bench import running_service

    parser = argparse.ArgumentParser(prog="python -m benchmarks.triggerer", description="What waits cost in Airflow.")
    parser.add_argument("--ways", nargs="+", choices=TRIGGERS, default=list(TRIGGERS), help="which ways to wait")
    parser.add_argument("--waits", type=int, default=1000, help="how many waits at once")
    given = parser.parse_args()
    with running_service() as bench:
        for way in given.ways:
            print(json.dumps(asdict(measure(way, bench.environment(), bench.count, given.waits)), indent=2), flush=True)


if __name__ == "__main__":
    main()
