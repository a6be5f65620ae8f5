"""From the figures of the cases to medians, ratios and the targets they are held to."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from benchmarks.case import Figures
from benchmarks.plan import AS_IT_COMES, FLOOR, OWN_SCHEDULE, PROVIDER, SENSOR, SENSOR_EVERY_5_S, THROTTLED
from benchmarks.triggerer import TriggererFigures

_MEGABYTE = 1e6
F = TypeVar("F", Figures, TriggererFigures)


@dataclass(frozen=True, slots=True)
class Result:
    """
    One case, or the medians of several runs of it.

    :param name: The plan's name.
    :param figures: What the waiting process measured.
    :param connections: Connections that the service saw.
    :param polls: Polls that it saw.
    :param refused: How many of them it answered with a 429.
    """

    name: str
    figures: Figures
    connections: float
    polls: float
    refused: float = 0.0

    @property
    def cpu_per_poll(self) -> float:
        """Processor time per poll, in milliseconds."""
        return 1000 * self.figures.cpu_seconds / self.polls if self.polls else 0.0

    @property
    def cpu_per_generation(self) -> float:
        """Processor time per generation, in milliseconds."""
        return 1000 * self.figures.cpu_seconds / self.figures.waits


@dataclass(frozen=True, slots=True)
class Target:
    """
    What is aimed at.

    :param name: What is measured.
    :param value: What it is.
    :param limit: What it should be at most, or at least.
    :param is_floor: Whether the limit is what it should be at least.
    """

    name: str
    value: float
    limit: float
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.limit if self.is_floor else self.value <= self.limit


def medians(results: Sequence[Result]) -> Result:
    """Return the median of every figure of runs of the same case; the failures of all of them."""
    return Result(
        name=results[0].name,
        figures=middle([each.figures for each in results]),
        connections=statistics.median(each.connections for each in results),
        polls=statistics.median(each.polls for each in results),
        refused=statistics.median(each.refused for each in results),
    )


def middle(runs: Sequence[F]) -> F:
    """Return the median of every number of the same figures, and all failures; what is text is the same in all."""
    names = [each.name for each in fields(runs[0]) if isinstance(getattr(runs[0], each.name), (int, float))]
    numbers: dict[str, Any] = {name: statistics.median(getattr(each, name) for each in runs) for name in names}
    failures = sorted({failure for each in runs for failure in each.failures})
    return replace(runs[0], **numbers, failures=failures)


def table(results: Iterable[Result]) -> Iterator[str]:
    """Return the lines of a table; a ratio is the processor time per poll over the floor's at as many waits."""
    results = list(results)
    found = {(each.name, each.figures.waits): each for each in results}
    yield (
        f"{'way to wait':<28} {'waits':>5} {'found':>5} {'ms/poll':>8} {'ratio':>6} {'MB more':>8} {'lag p99':>8} "
        f"{'max, ms':>8} {'start p99':>9} {'max, ms':>8} {'opened':>7} {'polls each':>10} {'ms each':>8} {'late, s':>8}"
    )
    # One wait is measured only for its memory.
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


def table_of_triggerers(figures: Sequence[TriggererFigures]) -> Iterator[str]:
    """Return the lines of a table of what waits cost in a real triggerer."""
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
    """Return by how many megabytes many waits need more memory than one; ``None`` where one was not measured."""
    one = found.get((PROVIDER if result.name.startswith(PROVIDER) else result.name, 1))
    return (result.figures.memory - one.figures.memory) / _MEGABYTE if one else None


def targets(results: Iterable[Result], parsing: Mapping[str, float]) -> Iterator[Target]:
    """Return what can be judged by these results."""
    found = {(each.name, each.figures.waits): each for each in results}
    provider, sensor, floor = (found.get((way, 1000)) for way in (PROVIDER, SENSOR, FLOOR))
    if provider and sensor:
        ratio = sensor.cpu_per_poll / provider.cpu_per_poll
        yield Target("CPU per poll, HttpSensorTrigger over this provider, 1000 waits", ratio, 2.2, is_floor=True)
    if provider and floor:
        yield Target(
            "CPU per poll, this provider over the floor, 1000 waits", provider.cpu_per_poll / floor.cpu_per_poll, 6.0
        )
    if provider and (more := memory_over_one(found, provider)) is not None:
        yield Target("memory of 1000 waits over one, MB", more, 25.0)
    own, fives = found.get((OWN_SCHEDULE, 1000)), found.get((SENSOR_EVERY_5_S, 1000))
    if provider and sensor and own and fives:
        # A poll costs more where there are fewer in a second, so its cost is taken where all ways poll alike.
        ratio = fives.polls * sensor.cpu_per_poll / (own.polls * provider.cpu_per_poll)
        yield Target("CPU per generation (polls x cost), HttpSensorTrigger at 5 s over it", ratio, 5.0, is_floor=True)
        yield Target("mean delay with the provider's own schedule, s", own.figures.mean_delay, 5.0)
    if own := found.get((AS_IT_COMES, 1000)):
        yield Target("loop lag while 1000 triggers start, p99, ms", 1000 * own.figures.start_lag_p99, 50.0)
        yield Target("loop lag while 1000 triggers start, longest, ms", 1000 * own.figures.start_lag_max, 200.0)
        yield Target("connections opened by 1000 waits of 90 s", own.connections, 64.0)
    if own := found.get((AS_IT_COMES, 5000)):
        yield Target("5000 waits on one loop, not found", 5000 - own.figures.detected, 0.0)
        yield Target("5000 waits on one loop, loop lag, p99, ms", 1000 * own.figures.lag_p99, 50.0)
    if provider and (many := found.get((PROVIDER, 5000))):
        change = abs(many.cpu_per_poll / provider.cpu_per_poll - 1)
        yield Target("CPU per poll, 5000 waits beside 1000, change", change, 0.2)
    if own := found.get((THROTTLED, 1000)):
        yield Target("10 requests/s allowed, 1000 waits: 429s, % of polls", 100 * own.refused / own.polls, 2.0)
        yield Target("10 requests/s allowed, 1000 waits: not found", 1000 - own.figures.detected, 0.0)
        # A look at each of them takes 1000 / 10 = 100 s.
        yield Target("10 requests/s allowed, 1000 waits: mean delay, s", own.figures.mean_delay, 200.0)
    yield Target("import of the operators on top of airflow.sdk, ms", 1000 * parsing["import of the operators"], 15.0)


def as_json(results: Iterable[Result]) -> list[dict[str, object]]:
    """Return the results for a file."""
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
