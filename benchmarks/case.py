"""
One case, in a process of its own: so many waits at once, one way. Prints what was measured as JSON.

All waits start at once, as after the restart of a triggerer: it, too, lets its loop run once between two of them.
Before that, one wait has imported all there is to import, as a triggerer that runs has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import psutil

from benchmarks.lag import LagProbe, percentile
from benchmarks.service import name_prediction
from benchmarks.ways import WAYS, Looks, Way, delay_of

#: Seconds for which the probe runs alone, to find what it takes itself.
_ALONE = 1.0
#: Seconds between the polls of the wait that imports everything.
_SHORT = 0.05
#: Seconds that count as the start, where the provider decides when it polls first.
_START = 5.0
#: Seconds between two looks at the memory.
_MEMORY_PERIOD = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """
    What one case took.

    :param waits: How many waits.
    :param detected: How many of them found their video.
    :param failures: What the others ended with, each text once.
    :param seconds: How long it took.
    :param cpu_seconds: Processor time of the process, without what the probe takes.
    :param memory: The most memory that was resident, in bytes.
    :param lag_p99: What 99 % of the loop's lags do not exceed, in seconds.
    :param lag_max: The longest lag, in seconds.
    :param start_lag_p99: The same for the start: the time before the first look.
    :param start_lag_max: The same for the start.
    :param mean_delay: How long after its end a video was found, in seconds, on average.
    :param p95_delay: What 95 % of these delays do not exceed, in seconds.
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


def durations(seconds: float, waits: int, *, spread: float = 0.0, sigma: float = 0.0) -> list[float]:
    """
    Return how long each generation takes, in seconds.

    :param seconds: The shortest; with ``sigma`` the median.
    :param waits: How many.
    :param spread: By how much the longest is longer; in even steps.
    :param sigma: Sigma of a lognormal distribution, whose quantiles they are instead.
    """
    if sigma:
        quantile = statistics.NormalDist(sigma=sigma).inv_cdf
        return [seconds * math.exp(quantile((number + 0.5) / waits)) for number in range(waits)]
    return [seconds + spread * number / waits for number in range(waits)]


async def measure(way: Way, polls: Looks, durations: Sequence[float]) -> Figures:
    """
    Run a case.

    :param way: How to wait.
    :param polls: Where and how often to look.
    :param durations: How long the generation of each wait takes, in seconds.
    """
    waits = len(durations)
    async with way(replace(polls, interval=_SHORT, expected_seconds=_SHORT)) as wait_for:
        await wait_for(name_prediction(time.time(), waits))
    alone = await _cost_of_probe()
    delays: list[float] = []
    probe = LagProbe()
    async with way(polls) as wait_for, asyncio.TaskGroup() as watchers:

        async def wait(prediction_id: str) -> None:
            await wait_for(prediction_id)
            delays.append(delay_of(prediction_id))

        memory = _Memory()
        watching = [watchers.create_task(probe.run()), watchers.create_task(memory.run())]
        cpu, started, now = time.process_time(), time.perf_counter(), time.time()
        started_waits = []
        for number, duration in enumerate(durations):
            started_waits.append(asyncio.create_task(wait(name_prediction(now + duration, number))))
            await asyncio.sleep(0)
        # Each library has its own errors, and all of them are figures here.
        ended = await asyncio.gather(*started_waits, return_exceptions=True)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        for task in watching:
            task.cancel()
    lags, start = probe.lags(), probe.lags(until=polls.interval or _START)
    return Figures(
        waits=waits,
        detected=len(delays),
        failures=sorted({f"{type(each).__name__}: {each}"[:200] for each in ended if each is not None}),
        seconds=seconds,
        cpu_seconds=cpu - alone * seconds,
        memory=memory.most,
        lag_p99=percentile(lags, 0.99),
        lag_max=max(lags),
        start_lag_p99=percentile(start, 0.99),
        start_lag_max=max(start),
        mean_delay=statistics.fmean(delays) if delays else 0.0,
        p95_delay=percentile(delays, 0.95),
    )


class _Memory:
    """Notes the most memory that is resident."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.most = 0

    async def run(self) -> None:
        while True:
            self.most = max(self.most, self._process.memory_info().rss)
            await asyncio.sleep(_MEMORY_PERIOD)


async def _cost_of_probe() -> float:
    """Return the processor time that the watchers take in a second."""
    watching = [asyncio.create_task(LagProbe().run()), asyncio.create_task(_Memory().run())]
    before = time.process_time()
    await asyncio.sleep(_ALONE)
    cost = (time.process_time() - before) / _ALONE
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    return cost


def main() -> None:
    """Measure one case."""
    parser = argparse.ArgumentParser(description="One case.")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("base_url")
    parser.add_argument("waits", type=int)
    parser.add_argument("--interval", type=float, help="seconds between polls; the provider's own schedule without it")
    parser.add_argument("--seconds", type=float, required=True, help="how long a generation takes")
    parser.add_argument("--spread", type=float, default=0.0, help="seconds from the first end to the last")
    parser.add_argument("--sigma", type=float, default=0.0, help="sigma of their lognormal distribution instead")
    given = parser.parse_args()
    polls = Looks(given.base_url, given.interval, given.seconds)
    lengths = durations(given.seconds, given.waits, spread=given.spread, sigma=given.sigma)
    print(json.dumps(asdict(asyncio.run(measure(WAYS[given.way], polls, lengths)))))


if __name__ == "__main__":
    main()
