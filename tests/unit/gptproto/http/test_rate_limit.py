"""How fast all waits of a connection ask together, and who goes first."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_seedance.emulator.service import Bucket
from airflow_provider_seedance.gptproto.http.rate_limit import AdaptiveRateLimit, PriorityQueue

START = 1000.0


class TestRate:
    def test_turns_are_as_far_apart_as_the_rate_says(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        sent = []
        now = START
        for _ in range(5):
            now = max(now, rate_limit.next_request_at)
            rate_limit.on_sent(now)
            sent.append(now)
        assert sent == pytest.approx([START, START + 0.05, START + 0.1, START + 0.15, START + 0.2])

    def test_time_that_passed_without_requests_is_not_made_up_for(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_sent(START)
        rate_limit.on_sent(START + 100)
        assert rate_limit.next_request_at == pytest.approx(START + 100.05)

    def test_nobody_asks_before_the_service_says(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=30)
        assert rate_limit.next_request_at == START + 31

    def test_it_may_not_say_a_day(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=86_400)
        assert rate_limit.next_request_at == START + 301

    def test_a_429_without_a_wish_is_a_pause_of_a_second(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=None)
        assert rate_limit.next_request_at == START + 2

    def test_many_that_are_refused_together_slow_down_once(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        for _ in range(10):
            rate_limit.on_throttled(sent_at=START, now=START + 1, retry_after=1)
        assert rate_limit.rate(START + 1) == pytest.approx(14)
        rate_limit.on_throttled(sent_at=START + 2, now=START + 2, retry_after=1)
        assert rate_limit.rate(START + 2) == pytest.approx(14 * 1.01 * 0.7, rel=0.01)

    def test_recovery_is_gradual_and_complete(self) -> None:
        rate_limit = AdaptiveRateLimit(20)
        rate_limit.on_throttled(sent_at=START, now=START, retry_after=1)
        assert rate_limit.rate(START + 10) == pytest.approx(15.5, abs=0.1)
        assert rate_limit.rate(START + 60) == 20
        assert rate_limit.rate(START + 1e9) == 20

    @pytest.mark.parametrize("highest", [20, 0.05])
    def test_it_never_stops_altogether(self, highest: float) -> None:
        rate_limit = AdaptiveRateLimit(highest)
        for second in range(1000):
            rate_limit.on_throttled(sent_at=START + second, now=START + second, retry_after=0)
        assert rate_limit.rate(START + 1000) >= min(0.2, highest)


class TestAgainstALimit:
    @pytest.mark.parametrize("limit", [2.0, 10.0, 15.0])
    def test_a_service_that_allows_less_meets_few_refusals_and_is_used(self, limit: float) -> None:
        rate_limit = AdaptiveRateLimit(20)
        now, service, latency = START, Bucket(), 0.05
        answered = refused = 0
        pending: list[tuple[float, float, bool]] = []
        while now < START + 1200:
            turn = max(now, rate_limit.next_request_at)
            while pending and pending[0][0] <= turn:
                at, sent_at, is_refused = pending.pop(0)
                if is_refused:
                    rate_limit.on_throttled(sent_at=sent_at, now=at, retry_after=1)
            if rate_limit.next_request_at > turn:
                now = turn
                continue
            now = turn
            is_refused = service.take(limit, now) > 0
            rate_limit.on_sent(now)
            pending.append((now + latency, now, is_refused))
            if now > START + 120:  # after a short time of learning
                refused += is_refused
                answered += not is_refused
        assert refused / (refused + answered) <= 0.02
        assert answered / 1080 >= 0.75 * limit


class CountingGovernor(AdaptiveRateLimit):
    sent = 0

    def on_sent(self, now: float) -> None:
        self.sent += 1
        super().on_sent(now)


class TestQueue:
    async def test_the_most_urgent_goes_first(self) -> None:
        queue = PriorityQueue(AdaptiveRateLimit(200))
        order: list[str] = []

        async def pass_as(name: str, due_at: float) -> None:
            await queue.acquire(due_at)
            order.append(name)

        names = {"first": 0.0, "later": 300.0, "soon": 100.0, "next": 200.0}
        await asyncio.gather(*(pass_as(name, due_at) for name, due_at in names.items()))
        assert order == ["first", "soon", "next", "later"]

    async def test_whoever_is_cancelled_takes_no_turn(self) -> None:
        rate_limit = CountingGovernor(50)
        queue = PriorityQueue(rate_limit)
        await queue.acquire(0)
        waiting = [asyncio.create_task(queue.acquire(0)) for _ in range(20)]
        await asyncio.wait(waiting, timeout=0)
        for each in waiting:
            each.cancel()
        await queue.acquire(1)
        assert rate_limit.sent == 2

    async def test_a_429_holds_those_who_wait_already(self) -> None:
        queue = PriorityQueue(AdaptiveRateLimit(1000))
        loop = asyncio.get_running_loop()
        sent_at = await queue.acquire(0)
        waiting = [asyncio.create_task(queue.acquire(0)) for _ in range(3)]
        await asyncio.wait(waiting, timeout=0)
        queue.rate_limit.on_throttled(sent_at=sent_at, now=loop.time(), retry_after=0.2)
        assert min(await asyncio.gather(*waiting)) - sent_at >= 0.19
