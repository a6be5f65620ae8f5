"""When to log an error that repeats: at once, then at growing intervals. The log neither falls silent nor overflows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

#: The last second that a datetime can hold.
_LATEST = 253_402_300_799.0


@dataclass(slots=True)
class RepeatedErrors:
    """
    The errors of one wait. Pure: all times are arguments, in seconds since the epoch.

    :param count: Number of errors so far.
    """

    #: Seconds between the first two lines, and between any two at most. Every line doubles the interval.
    FIRST_INTERVAL: ClassVar[float] = 60.0
    MAXIMUM_INTERVAL: ClassVar[float] = 300.0

    count: int = 0
    _interval: float = 0.0
    _logged_at: float = -math.inf

    def add(self, what: str, error: str, *, now: float, until: float) -> str | None:
        """
        Count an error, and return the line to log, or ``None``.

        :param what: What failed, such as "Poll failed".
        :param error: The error.
        :param now: The current time.
        :param until: The time until which it is repeated.
        """
        self.count += 1
        if now < self._logged_at + self._interval:
            return None
        self._logged_at = now
        self._interval = min(max(2 * self._interval, self.FIRST_INTERVAL), self.MAXIMUM_INTERVAL)
        if self.count == 1:
            return f"{what} ({error})"
        end = datetime.fromtimestamp(min(until, _LATEST), UTC)
        return f"{what}, {self.count} times so far; it is repeated until {end:%Y-%m-%d %H:%M:%S} UTC ({error})"

    def pause(self) -> None:
        """Note a success: the next error counts on, and is soon logged again."""
        self._interval = min(self._interval, self.FIRST_INTERVAL)
