"""The priority queue of a connection's requests: their order, the rate limit, and the connections."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.http.rate_limit import AdaptiveRateLimit
from airflow_provider_seedance.gptproto.http.request_queue import PriorityQueue
from tests.virtual_time import run_virtually


async def one_turn(queue: PriorityQueue, *, seconds: float = 0.0, **options: Any) -> float:
    """Send a request whose response takes so many seconds, and return when its turn began."""
    with await queue.acquire(**options) as turn:
        if seconds:
            await asyncio.sleep(seconds)
    return turn.began_at


class CountingRateLimit(AdaptiveRateLimit):
    sent = 0

    def on_sent(self, now: float) -> None:
        self.sent += 1
        super().on_sent(now)


class TestQueue:
    def order(self, **requests: dict[str, float]) -> list[str]:
        """Return the order in which requests that come at once are let through, by a limit that allows no burst."""
        order: list[str] = []

        async def acquire(queue: PriorityQueue, name: str, options: dict[str, float]) -> None:
            await one_turn(queue, **options)
            order.append(name)

        async def acquire_all() -> None:
            queue = PriorityQueue(AdaptiveRateLimit(1))
            await one_turn(queue)
            await asyncio.gather(*(acquire(queue, name, options) for name, options in requests.items()))

        run_virtually(acquire_all())
        return order

    def times(self, rate: float, count: int, *, start: float = 0.0) -> list[float]:
        """Return when so many requests that come at once are let through, in seconds after they came."""

        async def acquire_all() -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(rate))
            await asyncio.sleep(start)
            started = asyncio.get_running_loop().time()
            return [each - started for each in await asyncio.gather(*(one_turn(queue) for _ in range(count)))]

        return run_virtually(acquire_all())

    def test_request_that_came_first_goes_first(self) -> None:
        assert self.order(first={}, second={}, third={}) == ["first", "second", "third"]

    def test_request_yields_to_later_ones_for_its_seconds(self) -> None:
        order = self.order(early={"yields": 30.0}, soon={"yields": 10.0}, due={"yields": 0.0})
        assert order == ["due", "soon", "early"]

    def test_urgent_request_goes_first(self) -> None:
        order = self.order(first={}, later={"urgent_in": 60.0}, last={"yields": 30.0, "urgent_in": 0.0})
        assert order == ["last", "first", "later"]

    @pytest.mark.parametrize(
        ("rate", "together"), [(4, 1), (7.5, 1), (18, 3), (20, 5), (30, 6), (50, 10), (100, 10), (400, 16)]
    )
    def test_requests_of_a_quarter_of_a_second_go_together(self, rate: float, together: int) -> None:
        for start in (0.0, 0.1, 1.0 / 3.0, 90_000.7):
            times = self.times(rate, 10 * together, start=start)
            assert sum(each < 0.9 / rate for each in times) == together
            assert times[-1] == pytest.approx(9 * together / rate, abs=1 / rate)

    @pytest.mark.parametrize("rate", [4, 7.5, 18, 19, 20, 30, 35, 50, 65, 100, 400])
    def test_full_queue_never_exceeds_the_rate_in_a_second(self, rate: float) -> None:
        times = self.times(rate, int(3 * rate))
        assert max(sum(first <= each < first + 0.999 for each in times) for first in times) <= math.ceil(rate)

    @pytest.mark.parametrize("rate", [0.5, 2.0, 3.9])
    @pytest.mark.parametrize("apart", [0.0, 0.01, 0.2])
    def test_low_rate_has_no_burst(self, rate: float, apart: float) -> None:
        async def acquire(queue: PriorityQueue, number: int) -> float:
            await asyncio.sleep(number * apart)
            return await one_turn(queue)

        async def acquire_all() -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(rate))
            return await asyncio.gather(*(acquire(queue, number) for number in range(4)))

        times = run_virtually(acquire_all())
        assert [later - sooner for sooner, later in pairwise(times)] == pytest.approx([1 / rate] * 3, rel=1e-4)

    def spaces_after_429(self, retry_after: float, seconds: float) -> list[float]:
        """Return the seconds between requests that come together, so long after a 429, and the time of the first."""

        async def acquire_all() -> list[float]:
            limit = AdaptiveRateLimit(20)
            queue = PriorityQueue(limit)
            now = asyncio.get_running_loop().time()
            limit.on_throttled(sent_at=now, now=now, retry_after=retry_after)
            await asyncio.sleep(seconds)
            times = await asyncio.gather(*(one_turn(queue) for _ in range(5)))
            return [times[0] - now, *(later - sooner for sooner, later in pairwise(times))]

        return run_virtually(acquire_all())

    @pytest.mark.parametrize("seconds", [2.0, 40.0, 86_300.0])
    def test_after_a_429_there_is_no_burst_for_a_day(self, seconds: float) -> None:
        _, *spaces = self.spaces_after_429(1.0, seconds)
        assert min(spaces) >= 0.049

    def test_burst_is_back_after_a_day(self) -> None:
        assert self.spaces_after_429(1.0, 86_401.0)[1:] == [0.0] * 4

    @pytest.mark.parametrize("retry_after", [1.0, 60.0, 300.0])
    def test_long_retry_after_ends_slowly(self, retry_after: float) -> None:
        first, *spaces = self.spaces_after_429(retry_after, 0.5)
        assert first == pytest.approx(retry_after)
        # The rate grows only when requests are sent again.
        assert min(spaces) > 0.99 / 14

    def test_request_becomes_urgent_while_it_waits(self) -> None:
        async def times() -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(1))
            before, after = ([one_turn(queue) for _ in range(50)] for _ in range(2))
            started = asyncio.get_running_loop().time()
            at = await asyncio.gather(*before, one_turn(queue, urgent_in=30.5), *after)
            return [each - started for each in at]

        times_of_all = run_virtually(times())
        assert times_of_all.pop(50) == pytest.approx(31.0)
        # It took one turn, not two.
        assert times_of_all == pytest.approx([*range(31), *range(32, 101)])

    def test_late_request_does_not_overtake_those_that_wait_for_the_next_burst(self) -> None:
        async def times() -> list[float]:
            queue, loop = PriorityQueue(AdaptiveRateLimit(20)), asyncio.get_running_loop()
            await asyncio.gather(*(one_turn(queue) for _ in range(5)))
            waiting = [asyncio.create_task(one_turn(queue)) for _ in range(5)]
            # One of the five could go now, but they go together.
            await asyncio.sleep(0.12)
            late = asyncio.create_task(one_turn(queue))
            started = loop.time()
            return [each - started for each in await asyncio.gather(*waiting, late)]

        *waiting, late = run_virtually(times())
        assert max(waiting) < late

    def test_request_that_yields_is_not_starved_by_later_ones(self) -> None:
        async def waited() -> float:
            queue = PriorityQueue(AdaptiveRateLimit(1))
            loop = asyncio.get_running_loop()

            async def crowd() -> None:
                while True:
                    await one_turn(queue)

            crowds = [asyncio.create_task(crowd()) for _ in range(10)]
            await asyncio.sleep(5)
            started = loop.time()
            await one_turn(queue, yields=30.0)
            for each in crowds:
                each.cancel()
            return loop.time() - started

        assert run_virtually(waited()) <= 30.0 + 10.0 + 1.0

    def test_cancelled_request_uses_no_slot(self) -> None:
        rate_limit = CountingRateLimit(1)

        async def cancel_all() -> None:
            queue = PriorityQueue(rate_limit)
            await one_turn(queue)
            waiting = [asyncio.create_task(one_turn(queue)) for _ in range(20)]
            await asyncio.wait(waiting, timeout=0)
            for each in waiting:
                each.cancel()
            await one_turn(queue)

        run_virtually(cancel_all())
        assert rate_limit.sent == 2

    def test_429_delays_queued_requests_too(self) -> None:
        async def first() -> float:
            limit = AdaptiveRateLimit(1)
            queue = PriorityQueue(limit)
            sent_at = await one_turn(queue)
            waiting = [asyncio.create_task(one_turn(queue)) for _ in range(3)]
            await asyncio.wait(waiting, timeout=0)
            for _ in range(2):
                limit.on_throttled(sent_at=sent_at, now=asyncio.get_running_loop().time(), retry_after=20.0)
            return min(await asyncio.gather(*waiting)) - sent_at

        assert run_virtually(first()) >= 20.0


class TestConnections:
    """32 requests are in flight at once; those that last longer than 5 s do not count, up to 256 in all."""

    def begin(self, *requests: float, rate: float = math.inf) -> list[float]:
        """Return when the turn of each request began, in seconds; each is the seconds that a response takes."""

        async def send_all() -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(rate))
            started = asyncio.get_running_loop().time()
            times = await asyncio.gather(*(one_turn(queue, seconds=each) for each in requests))
            return [each - started for each in times]

        return run_virtually(send_all())

    def test_request_waits_for_a_connection(self) -> None:
        assert self.begin(*[4.0] * 40) == pytest.approx([0.0] * 32 + [4.0] * 8)

    def test_slow_requests_do_not_keep_others_waiting(self) -> None:
        assert self.begin(*[60.0] * 40) == pytest.approx([0.0] * 32 + [5.0] * 8)

    @pytest.mark.parametrize("seconds", [1.0, 5.0, 6.0])
    def test_limit_is_the_same_after_many_requests(self, seconds: float) -> None:
        async def began() -> list[float]:
            queue, loop = PriorityQueue(AdaptiveRateLimit(math.inf)), asyncio.get_running_loop()
            await asyncio.gather(*(one_turn(queue, seconds=seconds) for _ in range(100)))
            await asyncio.sleep(10.0)
            started = loop.time()
            return [each - started for each in await asyncio.gather(*(one_turn(queue, seconds=1.0) for _ in range(64)))]

        assert run_virtually(began()) == pytest.approx([0.0] * 32 + [1.0] * 32)

    def test_slow_requests_have_a_limit_too(self) -> None:
        assert self.begin(*[600.0] * 257)[-2:] == pytest.approx([35.0, 600.0])

    def test_waiting_requests_keep_to_the_rate_when_connections_become_free(self) -> None:
        times = self.begin(*[4.9] * 32, *[0.05] * 100, rate=20)
        freed = times[32]
        assert freed == pytest.approx(4.9, abs=0.05)
        for each in times[32:]:
            assert sum(each <= other < each + 0.999 for other in times[32:]) <= 20

    @pytest.mark.parametrize("rate", [math.inf, 20])
    def test_pause_holds_for_requests_that_wait_for_a_connection(self, rate: float) -> None:
        async def send_all() -> list[float]:
            limit = AdaptiveRateLimit(rate)
            queue = PriorityQueue(limit)
            clock = asyncio.get_running_loop().time
            started = clock()

            async def refused() -> float:
                with await queue.acquire() as turn:
                    await asyncio.sleep(4)
                    limit.on_throttled(sent_at=turn.began_at, now=clock(), retry_after=5.0)
                return turn.began_at

            *_, yielding, due = await asyncio.gather(
                *(refused() for _ in range(32)), one_turn(queue, yields=2.0), one_turn(queue)
            )
            return [due - started, yielding - started]

        # The last of the 32 is refused when the others are.
        last_refusal = 4.0 if rate == math.inf else 4.0 + (32 - 5) / rate
        due, yielding = run_virtually(send_all())
        assert last_refusal + 5.0 - 0.3 <= due <= yielding <= last_refusal + 6.0

    def test_urgent_request_has_the_next_connection(self) -> None:
        async def order() -> list[str]:
            queue, ended = PriorityQueue(AdaptiveRateLimit(math.inf)), []

            async def send(name: str, **options: float) -> None:
                await one_turn(queue, seconds=1.0, **options)
                ended.append(name)

            crowd = [send("crowd") for _ in range(32 + 64)]
            await asyncio.gather(*crowd, send("urgent", urgent_in=0.5))
            return ended

        assert "urgent" in run_virtually(order())[32:64]

    @pytest.mark.parametrize("seconds", [1.0, 60.0])
    def test_cancelled_request_frees_its_connection(self, seconds: float) -> None:
        async def began() -> list[float]:
            queue, loop = PriorityQueue(AdaptiveRateLimit(math.inf)), asyncio.get_running_loop()
            started = loop.time()
            for _ in range(3):
                # As many as there are connections, some still waiting.
                crowd = [asyncio.create_task(one_turn(queue, seconds=seconds)) for _ in range(40)]
                await asyncio.sleep(0.5)
                for each in crowd:
                    each.cancel()
                await asyncio.wait(crowd)
            times = await asyncio.gather(*(one_turn(queue, seconds=1.0) for _ in range(64)))
            return [each - started for each in times]

        assert run_virtually(began()) == pytest.approx([1.5] * 32 + [2.5] * 32)

    def test_request_that_is_cancelled_as_its_turn_begins_frees_its_connection(self) -> None:
        async def began() -> list[float]:
            queue, loop = PriorityQueue(AdaptiveRateLimit(math.inf)), asyncio.get_running_loop()
            started = loop.time()
            turns = [await queue.acquire() for _ in range(32)]
            waiting = [asyncio.create_task(queue.acquire()) for _ in range(32)]
            await asyncio.sleep(1.0)
            for turn in turns:
                queue.end(turn)
            # The next step of the loop lets them through, and in the one after it they would run.
            loop.call_soon(loop.call_soon, lambda: [each.cancel() for each in waiting])
            await asyncio.wait(waiting)
            assert all(each.cancelled() for each in waiting)
            times = await asyncio.gather(*(one_turn(queue, seconds=1.0) for _ in range(64)))
            return [each - started for each in times]

        assert run_virtually(began()) == pytest.approx([1.0] * 32 + [2.0] * 32)
