"""The lag of an event loop: a block counts once for every due time in it."""

from __future__ import annotations

import asyncio
import time

import pytest

from benchmarks.lag import PERIOD, LagProbe, lags_of, percentile


class TestLagsOf:
    def test_probe_on_time_has_one_lag_of_zero(self) -> None:
        assert lags_of(due=10.0, now=10.0, period=1.0) == [0.0]

    def test_early_wake_up_has_no_negative_lag(self) -> None:
        assert lags_of(due=10.0, now=9.9, period=1.0) == [0.0]

    def test_blocked_loop_delays_every_due_time_that_passed(self) -> None:
        assert lags_of(due=10.0, now=13.5, period=1.0) == [3.5, 2.5, 1.5, 0.5]


class TestPercentile:
    def test_percentile_is_the_value_that_the_share_does_not_exceed(self) -> None:
        assert percentile(range(1, 101), 0.99) == 99
        assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0

    def test_percentile_of_one_value_is_that_value(self) -> None:
        assert percentile([7.0], 0.99) == 7.0

    def test_percentile_of_no_values_is_zero(self) -> None:
        assert percentile([], 0.99) == 0.0


class TestLagProbe:
    @pytest.mark.real_time("measures a blocked event loop")
    async def test_probe_measures_a_blocked_loop(self) -> None:
        probe = LagProbe()
        running = asyncio.create_task(probe.run())
        await asyncio.sleep(0)
        time.sleep(4 * PERIOD)  # noqa: ASYNC251 - blocks the loop on purpose
        await asyncio.sleep(PERIOD)
        running.cancel()
        assert max(probe.lags()) >= 3 * PERIOD

    @pytest.mark.parametrize(("until", "lags"), [(1.0, [0.5]), (10.0, [0.5, 0.25])])
    def test_probe_returns_lags_due_until_the_given_time(self, until: float, lags: list[float]) -> None:
        probe = LagProbe()
        probe.recorded = [(1.25, 0.5), (2.0, 0.25)]
        assert probe.lags(until=until) == lags
