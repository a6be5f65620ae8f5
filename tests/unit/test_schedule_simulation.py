"""What the schedule of polls is chosen for, simulated: fewer polls than the usual choices, and an earlier find."""

from __future__ import annotations

import pytest

from airflow_provider_seedance.gptproto.catalogue import USUAL_SECONDS
from benchmarks import schedule as simulation
from benchmarks.schedule import Generation, Policy, Row, draw, evenly, fixed, schedule

GENERATIONS = 600
#: Spreads with which 55-90 s is typical and with which 300 s is not rare.
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
    return draw(evenly(60.0, 120.0, GENERATIONS), spread)


class TestExpectationRight:
    def test_takes_fewer_polls_than_ten_seconds_and_finds_sooner(self, generations: list[Generation]) -> None:
        adaptive, tens = cost(right(), generations), cost(fixed(10.0), generations)
        assert adaptive.polls < tens.polls
        assert adaptive.mean_delay < tens.mean_delay

    def test_asks_on_average_no_more_often_than_the_service_advises(self, generations: list[Generation]) -> None:
        assert sum(each.seconds for each in generations) / GENERATIONS / cost(right(), generations).polls >= 10

    def test_finds_one_with_a_median_of_90_s_within_five_seconds(self, spread: float) -> None:
        row = cost(right(), draw([90.0] * GENERATIONS, spread))
        assert row.mean_delay <= 5
        assert row.polls <= cost(fixed(5.0), draw([90.0] * GENERATIONS, spread)).polls / 2


class TestExpectationWrong:
    @pytest.mark.parametrize("median", [60.0, 90.0, 120.0])
    @pytest.mark.parametrize("error", [0.25, 0.5, 2.0, 4.0])
    def test_is_never_more_than_half_a_minute_late_on_average(self, spread: float, median: float, error: float) -> None:
        wrong = schedule(lambda generation: error * generation.median)
        assert cost(wrong, draw([median] * GENERATIONS, spread)).mean_delay <= 30

    def test_too_low_takes_fewer_polls_than_five_seconds(self, generations: list[Generation]) -> None:
        low = schedule(lambda generation: generation.median / 4)
        assert cost(low, generations).polls < cost(fixed(5.0), generations).polls

    def test_the_usual_time_for_all_is_good_enough(self, generations: list[Generation]) -> None:
        usual, tens = cost(schedule(lambda _: USUAL_SECONDS), generations), cost(fixed(10.0), generations)
        assert usual.polls < tens.polls
        assert usual.mean_delay < tens.mean_delay

    def test_an_hour_takes_less_than_half_the_polls_of_ten_seconds(self) -> None:
        hour = [Generation(3_600.0, USUAL_SECONDS)] * 10
        assert cost(right(), hour).polls < cost(fixed(10.0), hour).polls / 2


class TestTable:
    def test_is_the_same_in_every_run(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(simulation, "GENERATIONS", 20)
        simulation.main()
        first = capsys.readouterr().out
        simulation.main()
        assert capsys.readouterr().out == first
        assert "this schedule, E right" in first

    def test_a_fixed_interval_is_late_by_half_of_it(self) -> None:
        row = cost(fixed(10.0), [Generation(float(second), 90.0) for second in range(41, 51)])
        assert (row.polls, row.mean_delay, row.p95_delay) == (5.0, 4.5, 9.0)

    def test_back_off_looks_less_and_less_often(self) -> None:
        row = cost(simulation.exponential(5.0, 2.0, 30.0), [Generation(70.0, 90.0)])
        assert (row.polls, row.mean_delay) == (5.0, 5 + 10 + 20 + 30 + 30 - 70)
