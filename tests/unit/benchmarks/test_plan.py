"""What is measured, and for generations of which length."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.case import durations
from benchmarks.plan import AS_IT_COMES, FLOOR, PROVIDER, THROTTLED, plans
from benchmarks.ways import WAYS


class TestPlans:
    def test_every_way_is_compared_at_the_same_interval(self) -> None:
        compared = [plan for plan in plans(list(WAYS), [1000]) if plan.name in WAYS and plan.waits == 1000]
        assert [plan.way for plan in compared] == list(WAYS)
        assert {(plan.interval, plan.seconds, plan.spread) for plan in compared} == {(4.0, 24.0, 4.0)}

    def test_5000_waits_are_for_ways_that_bear_them(self) -> None:
        assert {plan.name for plan in plans(list(WAYS), [5000]) if plan.waits == 5000} == {
            PROVIDER,
            FLOOR,
            AS_IT_COMES,
        }

    def test_one_wait_is_measured_for_its_memory(self) -> None:
        assert [plan.waits for plan in plans([PROVIDER], [100])] == [1, 100]

    def test_the_limit_is_the_services_and_not_the_connections(self) -> None:
        [plan] = [plan for plan in plans(list(WAYS), [1000]) if plan.name == THROTTLED]
        assert (plan.allowed, plan.rate, plan.interval) == (10.0, None, None)


class TestDurations:
    def test_are_spread_in_even_steps(self) -> None:
        assert durations(90.0, 5, spread=5.0) == [90.0, 91.0, 92.0, 93.0, 94.0]

    @pytest.mark.parametrize("sigma", [0.35, 0.6])
    def test_are_lognormal(self, sigma: float) -> None:
        found = durations(90.0, 1001, sigma=sigma)
        assert statistics.median(found) == pytest.approx(90.0)
        # 84.1 % of a normal distribution lie below one sigma.
        assert found[841] == pytest.approx(90.0 * 2.718281828**sigma, rel=0.01)
