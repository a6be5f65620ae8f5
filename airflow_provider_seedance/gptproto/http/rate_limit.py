"""
How fast all waits of one connection in a triggerer ask together: pure decisions, without I/O and without a clock.

A 429 slows all of them at once: nobody asks before the time that the service names, and the rate falls. Without one it
grows again, slowly, so that a service which allows less than the connection says is met a little below its limit, and a
429 stays rare.
"""

from __future__ import annotations

import math

#: What is left of the rate after a 429.
SLOWDOWN = 0.7
#: Growth of the rate in a second: a limit is tried again some half a minute after a 429.
GROWTH = 0.01
#: Requests a second at least, however often the service answers with 429.
LOWEST_RATE = 0.2
#: Seconds of pause after a 429 that does not say how long.
PAUSE = 1.0
#: Seconds of pause at most, whatever it says: waits have deadlines, and links die.
LONGEST_PAUSE = 300.0


class Governor:
    """
    Decides when the next request may be sent. All times are seconds of one clock.

    :param highest_rate: Requests a second at most.
    """

    def __init__(self, highest_rate: float) -> None:
        self._highest_rate = highest_rate
        #: The rate after the last 429, and when that came.
        self._slowed_rate = math.inf
        self._slowed_at = -math.inf
        self.next_turn = -math.inf

    def rate(self, now: float) -> float:
        """Return how many requests a second are sent now."""
        if self._slowed_at == -math.inf:
            return self._highest_rate
        # A clock that ran for days would overflow the exponent.
        seconds = min(max(now - self._slowed_at, 0.0), 10_000.0)
        return min(self._slowed_rate * math.exp(GROWTH * seconds), self._highest_rate)

    def on_sent(self, now: float) -> None:
        """Note that a request is being sent."""
        self.next_turn = max(now, self.next_turn) + 1 / self.rate(now)

    def on_throttled(self, *, sent_at: float, now: float, retry_after: float | None) -> None:
        """
        Slow down after a 429.

        :param sent_at: When the request was sent. Of many that were refused together only the first lowers the rate.
        :param now: When the answer came.
        :param retry_after: Seconds that the service asks to wait.
        """
        self.next_turn = max(self.next_turn, now + (PAUSE if retry_after is None else min(retry_after, LONGEST_PAUSE)))
        if sent_at >= self._slowed_at:
            lowest = min(LOWEST_RATE, self._highest_rate)
            self._slowed_rate = max(self.rate(now) * SLOWDOWN, lowest)
            self._slowed_at = now
