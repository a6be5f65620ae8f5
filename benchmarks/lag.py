"""How late an event loop is: a task that should run every 20 ms, and what it notes when it runs."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence

#: Seconds between two moments at which the probe should run.
PERIOD = 0.02


def lags_of(due: float, now: float, period: float = PERIOD) -> list[float]:
    """
    Return how late the probe is, once for every moment that has passed.

    A block of a second makes one wake-up late, but it would have delayed everything that was due meanwhile: noted once,
    it would vanish in a percentile.

    :param due: When the probe should have run.
    :param now: When it runs.
    :param period: Seconds between two such moments.
    """
    late = max(now - due, 0.0)
    return [late - passed * period for passed in range(math.floor(late / period) + 1)]


def percentile(values: Iterable[float], share: float) -> float:
    """Return what so large a share of the values does not exceed; 0 where there are none."""
    ordered: Sequence[float] = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


class LagProbe:
    """Notes the lags of the running event loop, each with the time since the probe was started."""

    def __init__(self) -> None:
        self.noted: list[tuple[float, float]] = []

    async def run(self) -> None:
        """Run until cancelled."""
        started = time.perf_counter()
        due = started + PERIOD
        while True:
            await asyncio.sleep(due - time.perf_counter())
            now = time.perf_counter()
            lags = lags_of(due, now)
            self.noted += [(now - started, lag) for lag in lags]
            due += PERIOD * len(lags)

    def lags(self, until: float = math.inf) -> list[float]:
        """Return the lags of so many seconds from the start, in seconds."""
        return [lag for noted_at, lag in self.noted if noted_at - lag <= until]
