"""
Record sleeps: a unit test that sleeps is slow on a fast machine and fails on a slow one.

Only sleeps of the main thread count, because servers in other threads sleep between their checks.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TypeVar

T = TypeVar("T")

#: Longest sleep that is allowed, in seconds.
LONGEST_SLEEP = 0.05

_sleep = time.sleep
_sleep_async = asyncio.sleep
_slept: list[float] = []


def install_watch() -> None:
    """Record sleeps from now on. Must run before the import of modules that store a reference to a sleep function."""
    time.sleep = _watched_sleep  # type: ignore[assignment]
    asyncio.sleep = _watched_sleep_async  # type: ignore[assignment]


def take_slept() -> list[float]:
    """Return the sleeps since the last call that were longer than allowed, in seconds."""
    slept = _slept.copy()
    _slept.clear()
    return slept


def _record(seconds: float) -> None:
    if seconds > LONGEST_SLEEP and threading.current_thread() is threading.main_thread():
        _slept.append(seconds)


def _watched_sleep(seconds: float, /) -> None:
    _record(seconds)
    _sleep(seconds)


async def _watched_sleep_async(delay: float, result: T | None = None) -> T | None:
    # On a virtual clock a sleep takes no time.
    if not hasattr(asyncio.get_running_loop(), "is_virtual"):
        _record(delay)
    return await _sleep_async(delay, result)
