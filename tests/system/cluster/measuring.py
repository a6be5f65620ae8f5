"""Measure the cost of runs: processor time of each component, and database statements."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil
import sqlalchemy

#: Without the statements that only begin or end transactions.
_STATEMENTS = """
SELECT query, calls, total_exec_time / 1000
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = current_database() AND query !~* '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SHOW|SET)'
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement's text, its number of calls, and their total seconds."""

    text: str
    calls: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """
    Resources used in a period.

    :param seconds: Length of the period.
    :param cpu_seconds: Processor time of each component.
    :param statements: Database statements.
    """

    seconds: float
    cpu_seconds: Mapping[str, float]
    statements: Sequence[Statement]

    @property
    def calls(self) -> int:
        """Number of statement calls."""
        return sum(each.calls for each in self.statements)


class Meter:
    """
    Measures the cost since its creation.

    :param database: Database with ``pg_stat_statements``.
    :param processes: Current processes of each component. All of them must still run at the end of the measurement.
    """

    def __init__(self, database: sqlalchemy.Engine, processes: Mapping[str, list[psutil.Process]]) -> None:
        self._database = database
        with database.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_stat_statements_reset()"))
        self._started_at = time.monotonic()
        self._before = {name: cpu_seconds(each) for name, each in processes.items()}

    def read(self, processes: Mapping[str, list[psutil.Process]]) -> Cost:
        """Return the cost so far, given the current processes of each component."""
        with self._database.connect() as connection:
            rows = connection.execute(sqlalchemy.text(_STATEMENTS)).all()
        return Cost(
            seconds=time.monotonic() - self._started_at,
            cpu_seconds={name: cpu_seconds(each) - self._before[name] for name, each in processes.items()},
            statements=[Statement(*row) for row in rows if "pg_stat_statements" not in row[0]],
        )


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the processor time of processes and of their ended child processes."""
    seconds = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def cost_table(generating: Cost, waiting: Cost, idle: Cost, count: int) -> str:
    """
    Format the cost per generation, and the provider's share of it.

    The cost of an idle cluster for the length of each run is subtracted, because the runs differ in length. This is
    slightly too much, because idle loops run more slowly under load.

    :param generating: Cost of ``count`` generations.
    :param waiting: Cost of ``count`` task instances that were deferred for the same time and did nothing else.
    :param idle: Cost of the idle cluster.
    :param count: Number of generations.
    """
    lines = [
        f"{'per generation, without idle':32} {'generation':>10} {'only wait':>10} {'provider':>10} {'idle, / s':>11}"
    ]

    def line(name: str, total: float, plain: float, at_rest: float) -> str:
        rate = at_rest / idle.seconds
        each = (total - rate * generating.seconds) / count
        wait = (plain - rate * waiting.seconds) / count
        return f"{name:32} {each:10.3f} {wait:10.3f} {each - wait:10.3f} {rate:11.3f}"

    costs = (generating, waiting, idle)
    for name in generating.cpu_seconds:
        total, plain, at_rest = (each.cpu_seconds[name] for each in costs)
        lines.append(line(f"CPU seconds, {name}", total, plain, at_rest))
    total, plain, at_rest = (sum(each.cpu_seconds.values()) for each in costs)
    lines.append(line("CPU seconds, all", total, plain, at_rest))
    lines.append(line("statements (pg_stat_statements)", *(float(each.calls) for each in costs)))
    lines.append(f"{count} of each, in {generating.seconds:.0f} s and {waiting.seconds:.0f} s")
    return "\n".join(lines)


def longest_statements(cost: Cost, count: int, number: int = 12) -> str:
    """Format the statements with the most total time, with calls and milliseconds per generation."""
    longest = sorted(cost.statements, key=lambda each: each.seconds, reverse=True)[:number]
    return "\n".join(
        f"{each.calls / count:9.2f} calls {1000 * each.seconds / count:8.2f} ms  {' '.join(each.text.split())[:110]}"
        for each in longest
    )
