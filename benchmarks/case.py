"""
Measure one case in a separate process: many simultaneous waits with one way to wait. Prints the figures as JSON.

All waits start at once, as after the restart of a triggerer, which also yields to its loop between two triggers.
One wait runs before them and imports all modules, because a running triggerer has imported them, too. It has also made
the full garbage collections that importing causes: with Airflow imported, one blocks the loop for over 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import psutil

from benchmarks.lag import LagProbe, percentile
from benchmarks.service import name_prediction
from benchmarks.ways import WAYS, PollSettings, Way, delay_of

#: Seconds for which the probe runs alone, to measure its own processor time.
_PROBE_SECONDS = 1.0
#: Seconds between the polls of the wait that imports all modules.
_WARM_UP_INTERVAL = 0.05
#: Length of the start phase in seconds, where the provider chooses its own first poll.
_START_SECONDS = 5.0
#: Seconds between two measurements of the memory.
_MEMORY_PERIOD = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """
    Figures of one case, measured in the waiting process.

    :param waits: Number of waits.
    :param detected: Number of waits that found their video.
    :param failures: Distinct error texts of the other waits.
    :param seconds: Duration.
    :param cpu_seconds: Processor time of the process, without the probe's.
    :param memory: Peak of the resident memory, in bytes.
    :param lag_p99: 99th percentile of the loop's lag, in seconds.
    :param lag_max: Longest lag, in seconds.
    :param start_lag_p99: 99th percentile during the start phase, before the first poll.
    :param start_lag_max: Longest lag during the start phase.
    :param mean_delay: Mean time from the end of a generation to its detection, in seconds.
    :param p95_delay: 95th percentile of this delay, in seconds.
    """

    waits: int
    detected: int
    failures: list[str]
    seconds: float
    cpu_seconds: float
    memory: int
    lag_p99: float
    lag_max: float
    start_lag_p99: float
    start_lag_max: float
    mean_delay: float
    p95_delay: float


@dataclass(frozen=True, slots=True)
class Result:
    """
    One case, or the medians of several runs of it.

    :param name: Name of the plan.
    :param figures: Figures of the waiting process.
    :param connections: Connections, counted by the service.
    :param polls: Polls, counted by the service.
    :param refused: Polls that the service answered with 429.
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


def durations(seconds: float, waits: int, *, spread: float = 0.0, sigma: float = 0.0) -> list[float]:
    """
    Return the duration of each generation, in seconds.

    :param seconds: Shortest duration; with ``sigma`` the median.
    :param waits: Number of generations.
    :param spread: Difference between the longest and the shortest; the steps are even.
    :param sigma: Return quantiles of a lognormal distribution with this sigma instead.
    """
    if sigma:
        quantile = statistics.NormalDist(sigma=sigma).inv_cdf
        return [seconds * math.exp(quantile((number + 0.5) / waits)) for number in range(waits)]
    return [seconds + spread * number / waits for number in range(waits)]


async def measure(way: Way, polls: PollSettings, durations: Sequence[float]) -> Figures:
    """
    Run a case.

    :param way: Way to wait.
    :param polls: Address of the service and poll interval.
    :param durations: Duration of each generation, in seconds.
    """
    waits = len(durations)
    async with way(replace(polls, interval=_WARM_UP_INTERVAL, expected_seconds=_WARM_UP_INTERVAL)) as wait_for:
        await wait_for(name_prediction(time.time(), waits))
    gc.collect()
    probe_cost = await _probe_cost()
    delays: list[float] = []
    probe = LagProbe()
    async with way(polls) as wait_for, asyncio.TaskGroup() as group:

        async def wait(prediction_id: str) -> None:
            await wait_for(prediction_id)
            delays.append(delay_of(prediction_id))

        memory = _Memory()
        watchers = [group.create_task(probe.run()), group.create_task(memory.run())]
        cpu, started, now = time.process_time(), time.perf_counter(), time.time()
        started_waits = []
        for number, duration in enumerate(durations):
            started_waits.append(asyncio.create_task(wait(name_prediction(now + duration, number))))
            await asyncio.sleep(0)
        # Each library raises its own errors; all of them are reported.
        errors = await asyncio.gather(*started_waits, return_exceptions=True)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        for task in watchers:
            task.cancel()
    lags, start = probe.lags(), probe.lags(until=polls.interval or _START_SECONDS)
    return Figures(
        waits=waits,
        detected=len(delays),
        failures=sorted({f"{type(each).__name__}: {each}"[:200] for each in errors if each is not None}),
        seconds=seconds,
        cpu_seconds=cpu - probe_cost * seconds,
        memory=memory.peak,
        lag_p99=percentile(lags, 0.99),
        lag_max=max(lags),
        start_lag_p99=percentile(start, 0.99),
        start_lag_max=max(start),
        mean_delay=statistics.fmean(delays) if delays else 0.0,
        p95_delay=percentile(delays, 0.95),
    )


class _Memory:
    """Records the peak of the resident memory."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.peak = 0

    async def run(self) -> None:
        while True:
            self.peak = max(self.peak, self._process.memory_info().rss)
            await asyncio.sleep(_MEMORY_PERIOD)


async def _probe_cost() -> float:
    """Return the processor time of the probe and the memory watcher per second."""
    watchers = [asyncio.create_task(LagProbe().run()), asyncio.create_task(_Memory().run())]
    before = time.process_time()
    await asyncio.sleep(_PROBE_SECONDS)
    cost = (time.process_time() - before) / _PROBE_SECONDS
    for task in watchers:
        task.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    return cost


def main() -> None:
    """Measure one case."""
    parser = argparse.ArgumentParser(description="Measure one case.")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("base_url")
    parser.add_argument("waits", type=int)
    parser.add_argument("--interval", type=float, help="seconds between polls (default: the provider's schedule)")
    parser.add_argument("--seconds", type=float, required=True, help="duration of a generation")
    parser.add_argument("--spread", type=float, default=0.0, help="seconds from the first end to the last")
    parser.add_argument("--sigma", type=float, default=0.0, help="sigma of a lognormal distribution instead")
    arguments = parser.parse_args()
    polls = PollSettings(arguments.base_url, arguments.interval, arguments.seconds)
    lengths = durations(arguments.seconds, arguments.waits, spread=arguments.spread, sigma=arguments.sigma)
    print(json.dumps(asdict(asyncio.run(measure(WAYS[arguments.way], polls, lengths)))))


if __name__ == "__main__":
    main()
