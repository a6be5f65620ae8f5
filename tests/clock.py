"""A fake clock: a pause advances it at once, so that tests do not wait."""

from __future__ import annotations

import asyncio
import time

_now = time.time


class Clock:
    """The clock of this host, advanced by the sum of all pauses."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        return _now() + self._ahead

    def pause(self, seconds: float) -> None:
        """Advance the clock."""
        self._ahead += seconds

    async def pause_async(self, seconds: float) -> None:
        """Advance the clock, and yield to the event loop."""
        self.pause(seconds)
        await asyncio.sleep(0)
