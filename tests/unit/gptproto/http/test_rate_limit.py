"""The rate limit that all waits of a connection share (AIMD-like), and its priority queue."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from airflow_provider_seedance.emulator.service import Bucket
from airflow_provider_seedance.gptproto.http.rate_limit import AdaptiveRateLimit, PriorityQueue
from tests.virtual_time import run_virtually

START = 1000.0


class TestRate:
    def test_requests_wait_for_retry_after(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=30)
        assert rate_limit.open_at(START + 1) == START + 31

    def test_retry_after_is_limited_to_five_minutes(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=86_400)
        assert rate_limit.open_at(START + 1) == START + 301

    def test_429_without_retry_after_waits_one_second(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=None)
        assert rate_limit.open_at(START + 1) == START + 2

    def test_many_429s_at_once_lower_the_rate_once(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        for _ in range(10):
            rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=1)
        assert rate_limit.rate(START + 1) == pytest.approx(14)
        rate_limit.on_throttled(sent_at=START + 2, now=START + 2, retry_after=1)
        assert rate_limit.rate(START + 2) == pytest.approx(14 * 0.7)

    def test_late_429_of_an_earlier_request_keeps_the_rate(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START, retry_after=1)
        before = rate_limit.rate(START + 20)
        rate_limit.on_throttled(sent_at=START - 1, now=START + 20, retry_after=1)
        assert rate_limit.rate(START + 21) == pytest.approx(before)
        assert rate_limit.open_at(START + 20) == START + 21

    def test_rate_recovers_slowly_and_completely(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START, retry_after=1)
        assert rate_limit.rate(START + 11) == pytest.approx(15.5, abs=0.1)
        assert rate_limit.rate(START + 60) == 20
        assert rate_limit.rate(START + 1e9) == 20

    @pytest.mark.parametrize("highest", [20, 0.05])
    def test_rate_has_a_minimum(self, highest: float) -> None:
        rate_limit = AdaptiveRateLimit(highest)
        for second in range(1000):
            rate_limit.on_throttled(sent_at=START + second, now=START + second, retry_after=0)
        assert rate_limit.rate(START + 1000) >= min(0.2, highest)


class TestThrottledService:
    @pytest.mark.parametrize("limit", [2.0, 10.0, 15.0])
    def test_rate_adapts_to_a_lower_limit_with_few_429s(self, limit: float) -> None:
        rate_limit = AdaptiveRateLimit(20)
        now, service, latency = START, Bucket(), 0.05
        accepted = throttled = 0
        pending: list[tuple[float, float, bool]] = []
        while now < START + 1200:
            send_at = max(now, rate_limit.open_at(now))
            while pending and pending[0][0] <= send_at:
                at, sent_at, is_throttled = pending.pop(0)
                if is_throttled:
                    rate_limit.on_throttled(sent_at=sent_at, now=at, retry_after=1)
            if rate_limit.open_at(send_at) > send_at:
                now = send_at
                continue
            now = send_at
            is_throttled = service.take(limit, now) > 0
            rate_limit.on_sent(now)
            pending.append((now + latency, now, is_throttled))
            if now > START + 120:  # after the rate has adapted
                throttled += is_throttled
                accepted += not is_throttled
        assert throttled / (throttled + accepted) <= 0.02
        assert accepted / 1080 >= 0.75 * limit

    @staticmethod
    def poll_for_ten_minutes(rate: float, refuses: Callable[[float], bool]) -> tuple[int, int]:
        """
        Poll a service with a full queue.

        :param refuses: Returns whether the service answers 429 to a request of this time.
        :return: The numbers of accepted and refused requests.
        """

        async def poll_all() -> tuple[int, int]:
            queue, loop = PriorityQueue(AdaptiveRateLimit(rate)), asyncio.get_running_loop()
            accepted = refused = 0
            end = loop.time() + 600

            async def poll() -> None:
                nonlocal accepted, refused
                while loop.time() < end:
                    sent_at = await queue.acquire()
                    is_refused = refuses(sent_at)
                    await asyncio.sleep(0.05)
                    refused, accepted = refused + is_refused, accepted + (not is_refused)
                    if is_refused:
                        queue.rate_limit.on_throttled(sent_at=sent_at, now=loop.time(), retry_after=1.0)

            await asyncio.gather(*(poll() for _ in range(100)))
            return accepted, refused

        return run_virtually(poll_all())

    @staticmethod
    def above(allowed: int) -> Callable[[float], bool]:
        """Refuse what is above so many requests in a second of the service's clock."""
        used: Counter[int] = Counter()

        def refuses(sent_at: float) -> bool:
            second = int(sent_at + 0.37)
            used[second] += 1
            return used[second] > allowed

        return refuses

    @pytest.mark.parametrize("rate", [18, 20, 50])
    def test_service_with_the_same_limit_in_each_second_refuses_nothing(self, rate: int) -> None:
        assert self.poll_for_ten_minutes(rate, self.above(rate))[1] == 0

    def test_rate_adapts_to_a_lower_limit_in_each_second(self) -> None:
        accepted, refused = self.poll_for_ten_minutes(20, self.above(15))
        assert 0 < refused <= 0.03 * accepted
        assert accepted >= 0.75 * 15 * 600

    def test_service_without_bursts_is_asked_evenly_soon(self) -> None:
        last = 0.0

        def comes_soon(sent_at: float) -> bool:
            """Allow 20 requests a second, evenly spaced within a few milliseconds."""
            nonlocal last
            is_refused = sent_at - last < 0.045
            last = last if is_refused else sent_at
            return is_refused

        accepted, refused = self.poll_for_ten_minutes(20, comes_soon)
        # Those of the first burst.
        assert refused == 4
        assert accepted >= 0.95 * 600 * 20


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
            await queue.acquire(**options)
            order.append(name)

        async def acquire_all() -> None:
            queue = PriorityQueue(AdaptiveRateLimit(1))
            await queue.acquire()
            await asyncio.gather(*(acquire(queue, name, options) for name, options in requests.items()))

        run_virtually(acquire_all())
        return order

    def times(self, rate: float, count: int, *, start: float = 0.0) -> list[float]:
        """Return when so many requests that come at once are let through, in seconds after they came."""

        async def acquire_all() -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(rate))
            await asyncio.sleep(start)
            started = asyncio.get_running_loop().time()
            return [each - started for each in await asyncio.gather(*(queue.acquire() for _ in range(count)))]

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
            return await queue.acquire()

        async def acquire_all() -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(rate))
            return await asyncio.gather(*(acquire(queue, number) for number in range(4)))

        times = run_virtually(acquire_all())
        assert [later - sooner for sooner, later in pairwise(times)] == pytest.approx([1 / rate] * 3, rel=1e-4)

    def spaces_after_429(self, retry_after: float, seconds: float) -> list[float]:
        """Return the seconds between requests that come together, so long after a 429, and the time of the first."""

        async def acquire_all() -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(20))
            now = asyncio.get_running_loop().time()
            queue.rate_limit.on_throttled(sent_at=now, now=now, retry_after=retry_after)
            await asyncio.sleep(seconds)
            times = await asyncio.gather(*(queue.acquire() for _ in range(5)))
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
            crowd = [queue.acquire() for _ in range(100)]
            started = asyncio.get_running_loop().time()
            at = await asyncio.gather(*crowd, queue.acquire(urgent_in=30.5))
            return [each - started for each in at]

        *crowd, urgent = run_virtually(times())
        assert urgent == pytest.approx(31.0)
        # It took one turn, not two.
        assert crowd == pytest.approx([*range(31), *range(32, 101)])

    def test_request_that_yields_is_not_starved_by_later_ones(self) -> None:
        async def waited() -> float:
            queue = PriorityQueue(AdaptiveRateLimit(1))
            loop = asyncio.get_running_loop()

            async def crowd() -> None:
                while True:
                    await queue.acquire()

            crowds = [asyncio.create_task(crowd()) for _ in range(10)]
            await asyncio.sleep(5)
            started = loop.time()
            await queue.acquire(yields=30.0)
            for each in crowds:
                each.cancel()
            return loop.time() - started

        assert run_virtually(waited()) <= 30.0 + 10.0 + 1.0

    def test_cancelled_request_uses_no_slot(self) -> None:
        rate_limit = CountingRateLimit(1)

        async def cancel_all() -> None:
            queue = PriorityQueue(rate_limit)
            await queue.acquire()
            waiting = [asyncio.create_task(queue.acquire()) for _ in range(20)]
            await asyncio.wait(waiting, timeout=0)
            for each in waiting:
                each.cancel()
            await queue.acquire()

        run_virtually(cancel_all())
        assert rate_limit.sent == 2

    def test_429_delays_queued_requests_too(self) -> None:
        async def first() -> float:
            queue = PriorityQueue(AdaptiveRateLimit(1))
            sent_at = await queue.acquire()
            waiting = [asyncio.create_task(queue.acquire()) for _ in range(3)]
            await asyncio.wait(waiting, timeout=0)
            for _ in range(2):
                queue.rate_limit.on_throttled(sent_at=sent_at, now=asyncio.get_running_loop().time(), retry_after=20.0)
            return min(await asyncio.gather(*waiting)) - sent_at

        assert run_virtually(first()) >= 20.0
