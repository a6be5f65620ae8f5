"""An event loop on a virtual clock: it sleeps for hours in no time, and every run has the same times."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: The start of the clock, in seconds.
START = 1_000_000.0


class _SkippingSelector(selectors.DefaultSelector):
    """Advances the clock where a selector waits for the next timer."""

    now = START

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            # Without a timer only another thread can wake the loop.
            return super().select(None)
        if timeout > 0:
            # A step that is too small for the float would stop the clock.
            self.now = max(self.now + timeout, math.nextafter(self.now, math.inf))
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    #: For the watch over sleeps.
    is_virtual = True

    def __init__(self) -> None:
        self._virtual = _SkippingSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual clock, which is ``asyncio.get_running_loop().time``."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)
