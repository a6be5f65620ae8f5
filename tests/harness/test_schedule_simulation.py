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


class TestLearning:
    """The schedule after twenty generations of a kind."""

    @pytest.fixture
    def kinds(self) -> list[Generation]:
        return draw([60.0, 85.0, 120.0] * 300)

    def learnt(self, error: float, generations: list[Generation]) -> Row:
        learning = schedule(lambda generation: error * generation.median, simulation.kind_of)
        return cost(simulation.after(60, learning), generations)

    @pytest.mark.parametrize("error", [0.25, 4.0])
    def test_wrong_expectation_is_corrected(self, kinds: list[Generation], error: float) -> None:
        row = self.learnt(error, kinds)
        assert row.mean_delay <= 5
        assert row.polls <= 10

    def test_right_expectation_is_kept(self, kinds: list[Generation]) -> None:
        row, known = self.learnt(1.0, kinds), cost(simulation.after(60, right()), kinds)
        assert row.mean_delay == pytest.approx(known.mean_delay, abs=0.2)
        assert row.polls == pytest.approx(known.polls, abs=0.2)

    @pytest.mark.parametrize("spread", [0.05, 0.1, 0.15])
    def test_regular_generations_are_detected_within_three_seconds(self, spread: float) -> None:
        generations = draw([60.0, 85.0, 120.0] * 300, spread)
        row = self.learnt(1.0, generations)
        assert row.mean_delay <= 3
        # On average not more often than the service advises.
        assert sum(each.seconds for each in generations[60:]) / len(generations[60:]) / row.polls >= 10

    def test_rare_outliers_do_not_matter(self, kinds: list[Generation]) -> None:
        outliers = [
            each._replace(seconds=10 * each.median) if index % 100 == 50 else each for index, each in enumerate(kinds)
        ]
        known = cost(simulation.after(60, right()), outliers)
        assert self.learnt(4.0, outliers).mean_delay == pytest.approx(known.mean_delay, abs=0.7)

    def test_models_are_learnt_apart(self) -> None:
        models = draw([45.0, 180.0] * 300)
        policies = [schedule(lambda _: 90.0), schedule(lambda _: 90.0, simulation.kind_of)]
        fixed_guess, learnt = (cost(simulation.after(40, policy), models) for policy in policies)
        assert learnt.mean_delay < fixed_guess.mean_delay
        assert learnt.polls < fixed_guess.polls

    def test_slower_service_needs_fewer_polls_once_it_is_observed(self) -> None:
        slow = [each._replace(seconds=2 * each.seconds) for each in draw([75.0] * 300)]
        day = [*draw([75.0] * 300), *slow]
        policies = [schedule(lambda _: 75.0), schedule(lambda _: 75.0, simulation.kind_of)]
        fixed_guess, learnt = (cost(simulation.after(300, policy), day) for policy in policies)
        assert learnt.polls < fixed_guess.polls
        assert learnt.mean_delay <= 6


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
