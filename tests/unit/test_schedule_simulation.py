"""Simulation of the poll schedule: fewer polls than the usual fixed intervals, and earlier detection."""

from __future__ import annotations

import pytest

from airflow_provider_seedance.gptproto.times import USUAL_SECONDS
from benchmarks import schedule as simulation
from benchmarks.schedule import Generation, Policy, Row, draw, fixed, geometric_series, schedule

GENERATIONS = 600
#: With the first, 55-90 s is typical; with the last, 300 s is not rare.
SPREADS = [0.35, 0.5, 0.6]


def right() -> Policy:
    return schedule(lambda generation: generation.median)


def cost(policy: Policy, generations: list[Generation]) -> Row:
    return simulation.cost("", generations, "", policy)


@pytest.fixture(params=SPREADS, ids="spread {}".format)
def spread(request: pytest.FixtureRequest) -> float:
    return float(request.param)


@pytest.fixture
def generations(spread: float) -> list[Generation]:
    return draw(geometric_series(60.0, 120.0, GENERATIONS), spread)


class TestRightExpectation:
    def test_schedule_polls_less_and_detects_sooner_than_10_s_interval(self, generations: list[Generation]) -> None:
        adaptive, each_10_s = cost(right(), generations), cost(fixed(10.0), generations)
        assert adaptive.polls < each_10_s.polls
        assert adaptive.mean_delay < each_10_s.mean_delay

    def test_mean_interval_is_at_least_what_the_service_advises(self, generations: list[Generation]) -> None:
        assert sum(each.seconds for each in generations) / GENERATIONS / cost(right(), generations).polls >= 10

    def test_schedule_detects_generations_with_90_s_median_within_five_seconds(self, spread: float) -> None:
        row = cost(right(), draw([90.0] * GENERATIONS, spread))
        assert row.mean_delay <= 5
        assert row.polls <= cost(fixed(5.0), draw([90.0] * GENERATIONS, spread)).polls / 2


class TestWrongExpectation:
    @pytest.mark.parametrize("median", [60.0, 90.0, 120.0])
    @pytest.mark.parametrize("error", [0.25, 0.5, 2.0, 4.0])
    def test_mean_delay_is_at_most_30_s(self, spread: float, median: float, error: float) -> None:
        wrong = schedule(lambda generation: error * generation.median)
        assert cost(wrong, draw([median] * GENERATIONS, spread)).mean_delay <= 30

    def test_too_low_expectation_needs_fewer_polls_than_5_s_interval(self, generations: list[Generation]) -> None:
        low = schedule(lambda generation: generation.median / 4)
        assert cost(low, generations).polls < cost(fixed(5.0), generations).polls

    def test_usual_duration_as_expectation_beats_10_s_interval(self, generations: list[Generation]) -> None:
        usual, each_10_s = cost(schedule(lambda _: USUAL_SECONDS), generations), cost(fixed(10.0), generations)
        assert usual.polls < each_10_s.polls
        assert usual.mean_delay < each_10_s.mean_delay

    def test_hour_long_generation_needs_less_than_half_the_polls_of_10_s_interval(self) -> None:
        hour = [Generation(3_600.0, USUAL_SECONDS)] * 10
        assert cost(right(), hour).polls < cost(fixed(10.0), hour).polls / 2


class TestTable:
    def test_table_is_the_same_in_every_run(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(simulation, "GENERATIONS", 20)
        simulation.main()
        first = capsys.readouterr().out
        simulation.main()
        assert capsys.readouterr().out == first
        assert "this schedule, E right" in first

    def test_fixed_interval_has_a_mean_delay_of_half_the_interval(self) -> None:
        row = cost(fixed(10.0), [Generation(float(second), 90.0) for second in range(41, 51)])
        assert (row.polls, row.mean_delay, row.p95_delay) == (5.0, 4.5, 9.0)

    def test_exponential_backoff_polls_at_growing_intervals(self) -> None:
        row = cost(simulation.exponential(5.0, 2.0, 30.0), [Generation(70.0, 90.0)])
        assert (row.polls, row.mean_delay) == (5.0, 5 + 10 + 20 + 30 + 30 - 70)
