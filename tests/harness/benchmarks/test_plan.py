"""The plans, and the durations of the generations."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.case import durations
from benchmarks.plan import DEFAULTS, PROVIDER, THROTTLED, plans
from benchmarks.ways import WAYS


class TestPlans:
    def test_plans_compare_every_way_at_the_same_interval(self) -> None:
        compared = [plan for plan in plans(list(WAYS), [1000]) if plan.name in WAYS and plan.waits == 1000]
        assert [plan.way for plan in compared] == list(WAYS)
        assert {(plan.interval, plan.seconds, plan.spread) for plan in compared} == {(4.0, 24.0, 4.0)}

    def test_plans_of_5000_waits_contain_only_the_provider(self) -> None:
        assert {plan.name for plan in plans(list(WAYS), [5000]) if plan.waits == 5000} == {PROVIDER, DEFAULTS}

    def test_plans_contain_one_wait_as_memory_baseline(self) -> None:
        assert [plan.waits for plan in plans([PROVIDER], [100])] == [1, 100]

    def test_throttled_plan_limits_the_service_and_not_the_connection(self) -> None:
        [plan] = [plan for plan in plans(list(WAYS), [1000]) if plan.name == THROTTLED]
        assert (plan.allowed, plan.rate, plan.interval) == (10.0, None, None)


class TestDurations:
    def test_durations_are_spread_in_even_steps(self) -> None:
        assert durations(90.0, 5, spread=5.0) == [90.0, 91.0, 92.0, 93.0, 94.0]

    @pytest.mark.parametrize("sigma", [0.35, 0.6])
    def test_durations_are_lognormal(self, sigma: float) -> None:
        found = durations(90.0, 1001, sigma=sigma)
        assert statistics.median(found) == pytest.approx(90.0)
        # 84.1 % of a normal distribution lie below one sigma.
        assert found[841] == pytest.approx(90.0 * 2.718281828**sigma, rel=0.01)
