"""Measure the lag of an event loop with a probe task that is due every 20 ms."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence

#: Seconds between two due times of the probe.
PERIOD = 0.02


def lags_of(due: float, now: float, period: float = PERIOD) -> list[float]:
    """
    Return one lag for every due time that has passed.

    A loop that blocks for a second makes one wake-up late, but delays everything that is due in that second. One lag
    for it would disappear in a percentile.

    :param due: Time at which the probe is due.
    :param now: Time at which it runs.
    :param period: Seconds between two due times.
    """
    late = max(now - due, 0.0)
    return [late - passed * period for passed in range(math.floor(late / period) + 1)]


def percentile(values: Iterable[float], share: float) -> float:
    """Return a percentile, e.g. the 99th for a share of 0.99; 0 if there are no values."""
    ordered: Sequence[float] = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


class LagProbe:
    """Records the lags of the running event loop, each with the seconds since the start of the probe."""

    def __init__(self) -> None:
        self.recorded: list[tuple[float, float]] = []

    async def run(self) -> None:
        """Run until cancelled."""
        started = time.perf_counter()
        due = started + PERIOD
        while True:
            await asyncio.sleep(due - time.perf_counter())
            now = time.perf_counter()
            lags = lags_of(due, now)
            self.recorded += [(now - started, lag) for lag in lags]
            due += PERIOD * len(lags)

    def lags(self, until: float = math.inf) -> list[float]:
        """Return the lags of the first ``until`` seconds, in seconds."""
        return [lag for recorded_at, lag in self.recorded if recorded_at - lag <= until]
