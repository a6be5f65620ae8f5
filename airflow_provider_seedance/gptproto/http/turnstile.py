"""Lets requests pass one after the other, as a governor allows, the most urgent first."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from airflow_provider_seedance.gptproto.http.rate_limit import Governor


class Turnstile:
    """
    A queue on one event loop.

    :param governor: Decides when the next request may pass; its clock is the loop's.
    """

    def __init__(self, governor: Governor) -> None:
        self.governor = governor
        self._loop = asyncio.get_running_loop()
        self._arrivals = count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def pass_through(self, due_at: float) -> float:
        """
        Wait for a turn, and return the time at which it came, by the loop's clock.

        :param due_at: The earlier, the more urgent.
        """
        now = self._loop.time()
        if not self._waiting and self.governor.next_turn <= now:
            self.governor.on_sent(now)
            return now
        turn = self._loop.create_future()
        heapq.heappush(self._waiting, (due_at, next(self._arrivals), turn))
        self._set_timer()
        await turn
        return self._loop.time()

    def _set_timer(self) -> None:
        if self._waiting and self._timer is None:
            self._timer = self._loop.call_at(max(self.governor.next_turn, self._loop.time()), self._let_pass)

    def _let_pass(self) -> None:
        self._timer = None
        now = self._loop.time()
        # A 429 may have come since the timer was set.
        if self.governor.next_turn <= now:
            while self._waiting:
                _, _, turn = heapq.heappop(self._waiting)
                # Whoever was cancelled takes no turn.
                if not turn.done():
                    turn.set_result(None)
                    self.governor.on_sent(now)
                    break
        self._set_timer()
