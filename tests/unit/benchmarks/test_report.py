"""What is made of the measured figures: medians, ratios and targets."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.case import Figures
from benchmarks.plan import AS_IT_COMES, FLOOR, OWN_SCHEDULE, PROVIDER, SENSOR, SENSOR_EVERY_5_S, THROTTLED
from benchmarks.report import Result, Target, medians, table, targets

PARSING = {"import of the operators": 0.012}


def result(
    name: str = PROVIDER,
    waits: int = 1000,
    polls: float = 1000,
    connections: float = 32,
    refused: float = 0,
    **known: Any,
) -> Result:
    figures = {
        "detected": waits,
        "failures": [],
        "seconds": 20.0,
        "cpu_seconds": 1.0,
        "memory": 150_000_000,
        "lag_p99": 0.01,
        "lag_max": 0.1,
        "start_lag_p99": 0.01,
        "start_lag_max": 0.1,
        "mean_delay": 2.5,
        "p95_delay": 4.5,
    }
    return Result(name, Figures(waits=waits, **{**figures, **known}), connections, polls, refused)


def judged(*results: Result) -> dict[str, Target]:
    return {each.name: each for each in targets(results, PARSING)}


class TestMedians:
    def test_is_the_middle_of_every_figure(self) -> None:
        middle = medians([result(cpu_seconds=seconds, polls=10 * seconds) for seconds in (9.0, 1.0, 2.0)])
        assert (middle.figures.cpu_seconds, middle.polls, middle.cpu_per_poll) == (2.0, 20.0, 100.0)

    def test_forgets_no_failure(self) -> None:
        assert medians([result(), result(failures=["b"]), result(failures=["a", "b"])]).figures.failures == ["a", "b"]


class TestTargets:
    def test_compares_the_processor_time_of_a_poll(self) -> None:
        found = judged(
            result(PROVIDER, cpu_seconds=1.0),
            result(SENSOR, cpu_seconds=5.0, polls=2000),
            result(FLOOR, cpu_seconds=0.125),
        )
        sensor, floor = list(found.values())[:2]
        assert (sensor.value, sensor.is_met) == (2.5, True)
        assert (floor.value, floor.is_met) == (8.0, False)

    def test_compares_the_memory_with_that_of_one_wait(self) -> None:
        found = judged(result(waits=1, memory=130_000_000), result(memory=150_000_000))
        assert found["memory of 1000 waits over one, MB"].value == 20.0

    @pytest.mark.parametrize(("connections", "is_met"), [(64, True), (65, False)])
    def test_counts_connections_where_the_provider_waits_as_it_comes(self, connections: float, is_met: bool) -> None:
        found = judged(result(AS_IT_COMES, connections=connections))
        assert found["connections opened by 1000 waits of 90 s"].is_met is is_met

    def test_wants_every_one_of_5000_found(self) -> None:
        found = judged(result(AS_IT_COMES, waits=5000, detected=4999))
        assert not found["5000 waits on one loop, not found"].is_met

    def test_compares_whole_generations(self) -> None:
        found = judged(
            result(PROVIDER, cpu_seconds=1.0),
            result(SENSOR, cpu_seconds=2.5),
            result(OWN_SCHEDULE, polls=8000, mean_delay=4.0),
            result(SENSOR_EVERY_5_S, polls=20_000),
        )
        _, ratio, delay = list(found.values())[:3]
        assert (ratio.value, ratio.is_met, delay.value, delay.is_met) == (6.25, True, 4.0, True)

    def test_counts_429s_as_a_share_of_all_polls(self) -> None:
        found = judged(result(THROTTLED, polls=2000, refused=50, mean_delay=120.0))
        refused, lost, delay = list(found.values())[:3]
        assert (refused.value, refused.is_met) == (2.5, False)
        assert (lost.is_met, delay.is_met) == (True, True)

    def test_judges_only_what_was_measured(self) -> None:
        assert list(judged()) == ["import of the operators on top of airflow.sdk, ms"]


class TestTable:
    def test_shows_the_ratio_to_the_floor_at_as_many_waits(self) -> None:
        rows = list(table([result(cpu_seconds=1.0), result(FLOOR, cpu_seconds=0.25), result(FLOOR, waits=100)]))
        assert rows[1].split()[4:6] == ["1.00", "4.0"]

    def test_shows_what_went_wrong(self) -> None:
        rows = list(table([result(detected=999, failures=["TimeoutError: late"])]))
        assert rows[-1].strip() == "TimeoutError: late"

    def test_leaves_out_the_one_wait_that_the_memory_is_compared_with(self) -> None:
        assert len(list(table([result(waits=1)]))) == 1
