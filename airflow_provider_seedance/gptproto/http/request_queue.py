"""
The queue of all requests of one connection in a triggerer: which one is next, and when it may be sent.

The turn of a request comes when the rate limit allows it and a connection is free. So requests that have waited for a
connection are not sent together when many become free, and get no turn in a pause that a 429 has asked for meanwhile.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from itertools import count
from types import TracebackType
from typing import Self

from airflow_provider_seedance.gptproto.http.rate_limit import AdaptiveRateLimit

#: Requests in flight at most, each on a connection of its own: polls a second x seconds of a response.
CONNECTIONS = 32
#: Seconds after which a request is slow. It goes on, and no longer counts as one of :data:`CONNECTIONS`: responses that
#: never end must not keep all other requests waiting.
SLOW_SECONDS = 5.0
#: Requests in flight at most, slow ones included. An open file each; a process often may have 1024.
MAXIMUM_CONNECTIONS = 256


class Turn:
    """
    The turn of a request, which is in flight until the turn ends. A context manager.

    :param queue: The queue, which goes on when the turn ends.
    :param began_at: When it began, by the loop's clock.
    """

    __slots__ = ("_queue", "began_at", "slow_timer")

    def __init__(self, queue: PriorityQueue, began_at: float) -> None:
        self._queue = queue
        self.began_at = began_at
        #: Runs until the request is slow.
        self.slow_timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.end(self)


class PriorityQueue:
    """
    Let requests through as a rate limit allows, and as connections are free. For one event loop.

    The request that came first goes first, so that no wait starves: each has one request at a time, and a round serves
    every wait once. A request can yield to later ones for some seconds, and is urgent from a given time on.

    :param rate_limit: Decides when the next request may be sent; its clock is the loop's.
    """

    def __init__(self, rate_limit: AdaptiveRateLimit) -> None:
        self._rate_limit = rate_limit
        self._loop = asyncio.get_running_loop()
        self._arrivals = count()
        self._waiting: list[tuple[float, int, asyncio.Future[Turn]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._in_flight = 0
        self._slow = 0

    async def acquire(self, *, yields: float = 0.0, urgent_in: float | None = None) -> Turn:
        """
        Wait until the request may be sent. Its turn has begun then, and the caller ends it.

        :param yields: Seconds in which later requests go first.
        :param urgent_in: Seconds after which the request goes before all that are not urgent; ``None`` for never.
        """
        now = self._loop.time()
        if not self._waiting and self._may_send(now):
            return self._begin(now)
        granted: asyncio.Future[Turn] = self._loop.create_future()
        self._push(now + yields, granted)
        urgency = None if urgent_in is None else self._loop.call_later(urgent_in, self._push, -math.inf, granted)
        self._set_timer()
        try:
            return await granted
        except asyncio.CancelledError:
            # The turn may have begun at the same moment.
            if granted.done() and not granted.cancelled():
                self.end(granted.result())
            raise
        finally:
            if urgency is not None:
                urgency.cancel()

    def end(self, turn: Turn) -> None:
        """End a turn, once: its connection is free."""
        self._in_flight -= 1
        if turn.slow_timer is None:
            self._slow -= 1
        else:
            turn.slow_timer.cancel()
        self._set_timer()

    def _push(self, position: float, granted: asyncio.Future[Turn]) -> None:
        heapq.heappush(self._waiting, (position, next(self._arrivals), granted))

    @property
    def _has_connection(self) -> bool:
        return self._in_flight < MAXIMUM_CONNECTIONS and self._in_flight - self._slow < CONNECTIONS

    def _may_send(self, now: float) -> bool:
        return self._has_connection and self._rate_limit.open_at(now) <= now

    def _begin(self, now: float) -> Turn:
        self._rate_limit.on_sent(now)
        self._in_flight += 1
        turn = Turn(self, now)
        turn.slow_timer = self._loop.call_later(SLOW_SECONDS, self._turn_slow, turn)
        return turn

    def _turn_slow(self, turn: Turn) -> None:
        turn.slow_timer = None
        self._slow += 1
        self._set_timer()

    def _set_timer(self) -> None:
        if self._waiting and self._timer is None and self._has_connection:
            # Not when the first request may be sent, but when a whole burst may: it is one wake-up for all of them.
            self._timer = self._loop.call_at(max(self._rate_limit.next_request_at, self._loop.time()), self._release)

    def _release(self) -> None:
        self._timer = None
        now = self._loop.time()
        # A 429 may have come after the timer was set.
        while self._waiting and self._may_send(now):
            _, _, granted = heapq.heappop(self._waiting)
            # A request that was cancelled, or let through as urgent, uses nothing of the rate.
            if not granted.done():
                granted.set_result(self._begin(now))
        self._set_timer()
