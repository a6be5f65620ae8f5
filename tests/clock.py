"""A clock that goes on while somebody pauses, so that nobody has to wait for it."""

from __future__ import annotations

import asyncio
import time

_now = time.time


class Clock:
    """The clock of this host, ahead of it by the length of all pauses that were made."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        return _now() + self._ahead

    def pause(self, seconds: float) -> None:
        """Let time pass, at once."""
        self._ahead += seconds

    async def pause_async(self, seconds: float) -> None:
        """Let time pass, at once, and let others go on."""
        self.pause(seconds)
        await asyncio.sleep(0)
