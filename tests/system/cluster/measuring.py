"""What runs cost: processor time of each component, and statements in the database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil
import sqlalchemy

#: Statements that begin and end transactions are no work of their own.
_STATEMENTS = """
SELECT query, calls, total_exec_time / 1000
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = current_database() AND query !~* '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SHOW|SET)'
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement's text, how often it ran, and for how many seconds altogether."""

    text: str
    calls: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """
    What was used up.

    :param seconds: In how much time.
    :param cpu_seconds: Processor time of each component.
    :param statements: What the database did.
    """

    seconds: float
    cpu_seconds: Mapping[str, float]
    statements: Sequence[Statement]

    @property
    def calls(self) -> int:
        """How many statements ran."""
        return sum(each.calls for each in self.statements)


class Meter:
    """
    Measures from its making on.

    :param database: Where ``pg_stat_statements`` is.
    :param processes: The processes of each component now. It must not have ended any of its own at the end.
    """

    def __init__(self, database: sqlalchemy.Engine, processes: Mapping[str, list[psutil.Process]]) -> None:
        self._database = database
        with database.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_stat_statements_reset()"))
        self._began_at = time.monotonic()
        self._before = {name: cpu_seconds(each) for name, each in processes.items()}

    def read(self, processes: Mapping[str, list[psutil.Process]]) -> Cost:
        """Return what was used up so far, given the processes of each component as they are now."""
        with self._database.connect() as connection:
            rows = connection.execute(sqlalchemy.text(_STATEMENTS)).all()
        return Cost(
            seconds=time.monotonic() - self._began_at,
            cpu_seconds={name: cpu_seconds(each) - self._before[name] for name, each in processes.items()},
            statements=[Statement(*row) for row in rows if "pg_stat_statements" not in row[0]],
        )


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the processor time of processes, and of all that they started and that has ended."""
    seconds = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def cost_table(generating: Cost, waiting: Cost, idle: Cost, count: int) -> str:
    """
    Return as text what one generation costs, and what of that is the provider's.

    What an idle cluster would have cost in the time of each run is taken off: the runs do not take the same time, and
    else the longer one would be charged for it. Under load the idle loops turn more slowly, so that is a little much.

    :param generating: Of ``count`` generations.
    :param waiting: Of as many task instances that were deferred for as long and did nothing.
    :param idle: Of the cluster while nothing ran.
    :param count: How many.
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
    """Return as text which statements took the most time, with calls and milliseconds per generation."""
    longest = sorted(cost.statements, key=lambda each: each.seconds, reverse=True)[:number]
    return "\n".join(
        f"{each.calls / count:9.2f} calls {1000 * each.seconds / count:8.2f} ms  {' '.join(each.text.split())[:110]}"
        for each in longest
    )
