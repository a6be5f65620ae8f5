"""
The rate limit that all waits of one connection share in a triggerer: an AIMD-like rate.

A 429 slows all waits at once. Nobody sends before the time in ``Retry-After``, and the rate falls to a share of what it
was. Without a 429 it grows again, slowly. So a service that allows less than the connection's ``polls_per_second`` is
met a little below its limit, and a 429 stays rare. (AIMD lowers the rate by a factor, too, and raises it by a constant
amount; here the increase is a factor as well.)

Up to a quarter of a second's requests may be sent together, because waking up for each one costs as much as the request
itself. A second has no more requests than the rate while many wait, and at most the rest of one burst more if they come
and go. After a 429 they are spaced evenly for a day: the service may allow no burst.
"""

from __future__ import annotations

import math

from airflow_provider_seedance.gptproto.responses import MAXIMUM_RETRY_AFTER

#: What is left of the rate after a 429.
DECREASE = 0.7
#: Growth of the rate in a second. Half a minute after the pause that a 429 asks for the rate is back where it was.
GROWTH = 0.01
#: Requests a second at least, however often the service answers with 429.
MINIMUM_RATE = 0.2
#: Seconds without a request after a 429 that has no ``Retry-After``.
DEFAULT_DELAY = 1.0
#: Seconds whose requests may be sent together, at most.
BURST_SECONDS = 0.25
#: Requests that may be sent together at most: half of the connections.
MAXIMUM_BURST = 16
#: Seconds after a 429 without bursts: longer than any pause, so that none is ended early.
EVEN_SECONDS = 86_400.0
#: Rounding of the clock must not delay the last request of a burst.
_ROUNDING = 1e-6


class AdaptiveRateLimit:
    """
    Decide when the next request may be sent. Pure: all times are arguments, in seconds of one clock.

    :param highest_rate: Requests a second at most.
    """

    def __init__(self, highest_rate: float) -> None:
        self._highest_rate = highest_rate
        #: Seconds by which a request may be early.
        self._ahead = (_burst(highest_rate) - 1) / highest_rate + _ROUNDING
        #: The rate after the last 429, and the time of that answer.
        self._reduced_rate = math.inf
        self._reduced_at = -math.inf
        #: The end of the pause that the service asked for.
        self.paused_until = -math.inf
        #: When the next request is due if all are spaced evenly.
        self.next_request_at = -math.inf

    def rate(self, now: float) -> float:
        """Return the current rate, in requests a second."""
        if self._reduced_at == -math.inf:
            return self._highest_rate
        # Bounded, because the exponential of some days would overflow.
        seconds = min(max(now - max(self._reduced_at, self.paused_until), 0.0), 10_000.0)
        return min(self._reduced_rate * math.exp(GROWTH * seconds), self._highest_rate)

    def open_at(self, now: float) -> float:
        """Return when the next request may be sent: early by the burst, unless there was a 429."""
        return self.next_request_at - (0.0 if now < self._reduced_at + EVEN_SECONDS else self._ahead)

    def on_sent(self, now: float) -> None:
        """Count a request that is being sent."""
        self.next_request_at = max(now, self.next_request_at) + 1 / self.rate(now)

    def on_throttled(self, *, sent_at: float, now: float, retry_after: float | None) -> None:
        """
        Slow down after a 429.

        :param sent_at: When the request was sent. Of many requests that are refused together only the first lowers the
            rate.
        :param now: When the response came.
        :param retry_after: The response's ``Retry-After``, in seconds.
        """
        delay = DEFAULT_DELAY if retry_after is None else min(retry_after, MAXIMUM_RETRY_AFTER)
        rate = self.rate(now)
        self.paused_until = max(self.paused_until, now + delay)
        self.next_request_at = max(self.next_request_at, self.paused_until)
        if sent_at >= self._reduced_at:
            rate = max(rate * DECREASE, min(MINIMUM_RATE, self._highest_rate))
            self._reduced_at = now
        # It grows from here on once the pause is over.
        self._reduced_rate = rate


def _burst(rate: float) -> int:
    """Return how many requests may be sent together: a divisor of the rate, so that each second has whole bursts."""
    sizes = range(1, MAXIMUM_BURST + 1)
    return max((size for size in sizes if size <= BURST_SECONDS * rate and rate % size == 0), default=1)
