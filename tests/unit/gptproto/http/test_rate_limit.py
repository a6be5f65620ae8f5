"""The rate limit that all waits of a connection share (AIMD-like)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from airflow_provider_seedance.emulator.service import Bucket
from airflow_provider_seedance.gptproto.http.rate_limit import AdaptiveRateLimit
from airflow_provider_seedance.gptproto.http.request_queue import PriorityQueue
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
            limit, loop = AdaptiveRateLimit(rate), asyncio.get_running_loop()
            queue = PriorityQueue(limit)
            accepted = refused = 0
            end = loop.time() + 600

            async def poll() -> None:
                nonlocal accepted, refused
                while loop.time() < end:
                    with await queue.acquire() as turn:
                        is_refused = refuses(turn.began_at)
                        await asyncio.sleep(0.05)
                    refused, accepted = refused + is_refused, accepted + (not is_refused)
                    if is_refused:
                        limit.on_throttled(sent_at=turn.began_at, now=loop.time(), retry_after=1.0)

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
