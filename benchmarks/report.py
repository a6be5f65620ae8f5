"""Medians, ratios, tables and targets, from the figures of the cases."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from benchmarks.case import Figures, Result
from benchmarks.plan import DEFAULTS, FLOOR, OWN_SCHEDULE, PROVIDER, SENSOR, SENSOR_EVERY_5_S, THROTTLED
from benchmarks.triggerer import TriggererFigures

_MEGABYTE = 1e6
F = TypeVar("F", Figures, TriggererFigures)


@dataclass(frozen=True, slots=True)
class Target:
    """
    A measured value and its limit.

    :param name: Name of the figure.
    :param value: Measured value.
    :param limit: Upper limit, or lower limit with ``is_floor``.
    :param is_floor: Whether the limit is a lower limit.
    """

    name: str
    value: float
    limit: float
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the value is within the limit."""
        return self.value >= self.limit if self.is_floor else self.value <= self.limit


def medians(results: Sequence[Result]) -> Result:
    """Return the median of every figure of several runs of a case, and the failures of all runs."""
    return Result(
        name=results[0].name,
        figures=median_figures([each.figures for each in results]),
        connections=statistics.median(each.connections for each in results),
        polls=statistics.median(each.polls for each in results),
        refused=statistics.median(each.refused for each in results),
    )


def median_figures(runs: Sequence[F]) -> F:
    """Return the median of every number, and the failures of all runs; texts are taken from the first run."""
    names = [each.name for each in fields(runs[0]) if isinstance(getattr(runs[0], each.name), (int, float))]
    numbers: dict[str, Any] = {name: statistics.median(getattr(each, name) for each in runs) for name in names}
    failures = sorted({failure for each in runs for failure in each.failures})
    return replace(runs[0], **numbers, failures=failures)


def table(results: Iterable[Result]) -> Iterator[str]:
    """Return the lines of a table; ``ratio`` is processor time per poll over that of the floor for as many waits."""
    results = list(results)
    found = {(each.name, each.figures.waits): each for each in results}
    yield (
        f"{'way to wait':<28} {'waits':>5} {'found':>5} {'ms/poll':>8} {'ratio':>6} {'MB more':>8} {'lag p99':>8} "
        f"{'max, ms':>8} {'start p99':>9} {'max, ms':>8} {'opened':>7} {'polls each':>10} {'ms each':>8} {'late, s':>8}"
    )
    # A single wait is only the baseline of the memory.
    for each in (each for each in results if each.figures.waits > 1):
        figures, floor = each.figures, found.get((FLOOR, each.figures.waits))
        ratio = f"{each.cpu_per_poll / floor.cpu_per_poll:.1f}" if floor and floor.cpu_per_poll else ""
        more = memory_over_one(found, each)
        yield (
            f"{each.name:<28} {figures.waits:>5} {figures.detected:>5.0f} {each.cpu_per_poll:>8.2f} {ratio:>6} "
            f"{'' if more is None else f'{more:.1f}':>8} {1000 * figures.lag_p99:>8.0f} {1000 * figures.lag_max:>8.0f} "
            f"{1000 * figures.start_lag_p99:>9.0f} {1000 * figures.start_lag_max:>8.0f} {each.connections:>7.0f} "
            f"{each.polls / figures.waits:>10.1f} {each.cpu_per_generation:>8.1f} {figures.mean_delay:>8.1f}"
        )
        yield from (f"  {failure}" for failure in figures.failures)


def triggerer_table(figures: Sequence[TriggererFigures]) -> Iterator[str]:
    """Return the lines of a table of the waits in a real triggerer."""
    if not figures:
        return
    yield (
        f"{'in a real triggerer':<28} {'waits':>5} {'found':>5} {'ms each, runner':>15} {'ms each, both':>13} "
        f"{'MB more':>8} {'opened':>7} {'polls each':>10} {'blocked':>8} {'longest, ms':>11} {'late, s':>8}"
    )
    for each in figures:
        yield (
            f"{each.way:<28} {each.waits:>5} {each.detected:>5.0f} "
            f"{1000 * each.runner_cpu_seconds / each.waits:>15.1f} {each.cpu_per_generation:>13.1f} "
            f"{(each.memory - each.idle_memory) / _MEGABYTE:>8.1f} {each.connections:>7.0f} "
            f"{each.polls / each.waits:>10.1f} {each.blocks:>8.0f} {1000 * each.longest_block:>11.0f} "
            f"{each.mean_delay:>8.1f}"
        )
        yield from (f"  {failure}" for failure in each.failures)


def memory_over_one(found: Mapping[tuple[str, int], Result], result: Result) -> float | None:
    """Return the memory beyond that of a single wait, in megabytes; ``None`` if a single wait was not measured."""
    one = found.get((PROVIDER if result.name.startswith(PROVIDER) else result.name, 1))
    return (result.figures.memory - one.figures.memory) / _MEGABYTE if one else None


def targets(results: Iterable[Result], parsing: Mapping[str, float]) -> Iterator[Target]:
    """Return the targets for which these results have figures."""
    found = {(each.name, each.figures.waits): each for each in results}
    provider, sensor = (found.get((way, 1000)) for way in (PROVIDER, SENSOR))
    if provider and sensor:
        ratio = sensor.cpu_per_poll / provider.cpu_per_poll
        yield Target("CPU per poll, HttpSensorTrigger over this provider, 1000 waits", ratio, 2.2, is_floor=True)
    if provider and (more := memory_over_one(found, provider)) is not None:
        yield Target("memory of 1000 waits over one, MB", more, 25.0)
    own, every_5_s = found.get((OWN_SCHEDULE, 1000)), found.get((SENSOR_EVERY_5_S, 1000))
    if own and every_5_s:
        ratio = every_5_s.cpu_per_generation / own.cpu_per_generation
        yield Target("CPU per generation, HttpSensorTrigger at 5 s over this provider", ratio, 4.0, is_floor=True)
        yield Target("mean delay with the provider's own schedule, s", own.figures.mean_delay, 5.0)
    if own := found.get((DEFAULTS, 1000)):
        yield Target("loop lag while 1000 triggers start, p99, ms", 1000 * own.figures.start_lag_p99, 50.0)
        yield Target("loop lag while 1000 triggers start, longest, ms", 1000 * own.figures.start_lag_max, 200.0)
        yield Target("connections opened by 1000 waits of 90 s", own.connections, 64.0)
    if own := found.get((DEFAULTS, 5000)):
        yield Target("5000 waits on one loop, not found", 5000 - own.figures.detected, 0.0)
        yield Target("5000 waits on one loop, loop lag, p99, ms", 1000 * own.figures.lag_p99, 50.0)
    if provider and (many := found.get((PROVIDER, 5000))):
        change = abs(many.cpu_per_poll / provider.cpu_per_poll - 1)
        yield Target("CPU per poll, 5000 waits beside 1000, change", change, 0.2)
    if own := found.get((THROTTLED, 1000)):
        yield Target("10 requests/s allowed, 1000 waits: 429s, % of polls", 100 * own.refused / own.polls, 2.0)
        yield Target("10 requests/s allowed, 1000 waits: not found", 1000 - own.figures.detected, 0.0)
        # One poll of each takes 1000 / 10 = 100 s.
        yield Target("10 requests/s allowed, 1000 waits: mean delay, s", own.figures.mean_delay, 200.0)
    yield Target("import of the operators on top of airflow.sdk, ms", 1000 * parsing["import of the operators"], 15.0)


def as_json(results: Iterable[Result]) -> list[dict[str, object]]:
    """Return the results as JSON-serializable dicts."""
    return [
        {
            "name": each.name,
            "connections": each.connections,
            "polls": each.polls,
            "refused": each.refused,
            "cpu_per_poll_ms": each.cpu_per_poll,
            "cpu_per_generation_ms": each.cpu_per_generation,
            **asdict(each.figures),
        }
        for each in results
    ]
