"""The rate limit that all waits of a connection share (AIMD-like), and its priority queue."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from airflow_provider_seedance.emulator.service import Bucket
from airflow_provider_seedance.gptproto.http.rate_limit import AdaptiveRateLimit, PriorityQueue
from tests.virtual_time import run_virtually

START = 1000.0


class TestRate:
    def test_requests_are_spaced_by_the_rate(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        sent = []
        now = START
        for _ in range(5):
            now = max(now, rate_limit.next_request_at)
            rate_limit.on_sent(now)
            sent.append(now)
        assert sent == pytest.approx([START, START + 0.05, START + 0.1, START + 0.15, START + 0.2])

    def test_idle_time_gives_no_burst(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_sent(START)
        rate_limit.on_sent(START + 100)
        assert rate_limit.next_request_at == pytest.approx(START + 100.05)

    def test_requests_wait_for_retry_after(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=30)
        assert rate_limit.next_request_at == START + 31

    def test_retry_after_is_limited_to_five_minutes(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=86_400)
        assert rate_limit.next_request_at == START + 301

    def test_429_without_retry_after_waits_one_second(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=None)
        assert rate_limit.next_request_at == START + 2

    def test_many_429s_at_once_lower_the_rate_once(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        for _ in range(10):
            rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=1)
        assert rate_limit.rate(START + 1) == pytest.approx(14)
        rate_limit.on_throttled(sent_at=START + 2, now=START + 2, retry_after=1)
        assert rate_limit.rate(START + 2) == pytest.approx(14 * 1.01 * 0.7, rel=0.01)

    def test_rate_recovers_slowly_and_completely(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START, retry_after=1)
        assert rate_limit.rate(START + 10) == pytest.approx(15.5, abs=0.1)
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

    def test_requests_of_a_quarter_of_a_second_go_at_once(self) -> None:
        times = self.times(18, 90)
        assert times[:6] == pytest.approx([0.0] * 5 + [5 / 18])
        assert max(sum(second <= each < second + 1 for each in times) for second in times) <= 18 + 5
        assert times[-1] == pytest.approx(90 / 18, abs=0.3)

    @pytest.mark.parametrize("rate", [0.5, 3.9])
    def test_low_rate_has_no_burst(self, rate: float) -> None:
        assert self.times(rate, 4) == pytest.approx([number / rate for number in range(4)])

    def test_idle_time_does_not_enlarge_the_burst(self) -> None:
        assert self.times(18, 90, start=3_600) == pytest.approx(self.times(18, 90))

    def test_after_a_429_there_is_no_burst_until_the_rate_has_recovered(self) -> None:
        async def times(seconds: float) -> list[float]:
            queue = PriorityQueue(AdaptiveRateLimit(20))
            now = asyncio.get_running_loop().time()
            queue.rate_limit.on_throttled(sent_at=now, now=now, retry_after=1)
            await asyncio.sleep(seconds)
            started = asyncio.get_running_loop().time()
            return [each - started for each in await asyncio.gather(*(queue.acquire() for _ in range(5)))]

        assert all(later - sooner > 0.049 for sooner, later in pairwise(run_virtually(times(30.0))))
        assert run_virtually(times(40.0)) == pytest.approx([0.0] * 5)

    def test_burst_is_not_before_retry_after(self) -> None:
        async def first() -> float:
            queue = PriorityQueue(AdaptiveRateLimit(20))
            now = asyncio.get_running_loop().time()
            queue.rate_limit.on_throttled(sent_at=now, now=now, retry_after=100)
            # The rate has recovered, but the time that the service asked for is not over.
            await asyncio.sleep(99.8)
            return await queue.acquire() - now

        assert run_virtually(first()) == pytest.approx(100.0)

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
