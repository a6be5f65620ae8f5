"""
Who sleeps is written down: a test that sleeps is slow where the machine is fast, and fails where it is slow.

Only the test's own thread counts, because servers beside it look after their connections now and then.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TypeVar

T = TypeVar("T")

#: The longest sleep, in seconds, that nobody has to answer for.
NAP = 0.05

_sleep = time.sleep
_sleep_async = asyncio.sleep
_slept: list[float] = []


def watch() -> None:
    """Write down who sleeps from now on. Comes before the import of what keeps a function to sleep with."""
    time.sleep = _watched_sleep  # type: ignore[assignment]
    asyncio.sleep = _watched_sleep_async  # type: ignore[assignment]


def take_slept() -> list[float]:
    """Return the sleeps since the last call that were longer than a nap, in seconds."""
    slept = _slept.copy()
    _slept.clear()
    return slept


def _note(seconds: float) -> None:
    if seconds > NAP and threading.current_thread() is threading.main_thread():
        _slept.append(seconds)


def _watched_sleep(seconds: float, /) -> None:
    _note(seconds)
    _sleep(seconds)


async def _watched_sleep_async(delay: float, result: T | None = None) -> T | None:
    _note(delay)
    return await _sleep_async(delay, result)
