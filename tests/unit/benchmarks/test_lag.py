"""The lag of an event loop: a block counts for all that was due meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from benchmarks.lag import PERIOD, LagProbe, lags_of, percentile


class TestLagsOf:
    def test_on_time_is_one_lag_of_nothing(self) -> None:
        assert lags_of(due=10.0, now=10.0, period=1.0) == [0.0]

    def test_an_early_wake_up_is_no_negative_lag(self) -> None:
        assert lags_of(due=10.0, now=9.9, period=1.0) == [0.0]

    def test_a_block_delays_every_moment_that_passed(self) -> None:
        assert lags_of(due=10.0, now=13.5, period=1.0) == [3.5, 2.5, 1.5, 0.5]


class TestPercentile:
    def test_is_the_value_that_the_share_does_not_exceed(self) -> None:
        assert percentile(range(1, 101), 0.99) == 99
        assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0

    def test_of_one_value_is_that_value(self) -> None:
        assert percentile([7.0], 0.99) == 7.0

    def test_of_nothing_is_nothing(self) -> None:
        assert percentile([], 0.99) == 0.0


class TestLagProbe:
    @pytest.mark.real_time("a block of the loop is what is measured")
    async def test_sees_a_block(self) -> None:
        probe = LagProbe()
        running = asyncio.create_task(probe.run())
        await asyncio.sleep(0)
        time.sleep(4 * PERIOD)  # noqa: ASYNC251 - the block that is to be seen
        await asyncio.sleep(PERIOD)
        running.cancel()
        assert max(probe.lags()) >= 3 * PERIOD

    @pytest.mark.parametrize(("until", "lags"), [(1.0, [0.5]), (10.0, [0.5, 0.25])])
    def test_returns_what_was_due_until_then(self, until: float, lags: list[float]) -> None:
        probe = LagProbe()
        probe.noted = [(1.25, 0.5), (2.0, 0.25)]
        assert probe.lags(until=until) == lags
