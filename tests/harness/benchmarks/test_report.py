"""Medians, ratios and targets of the measured figures."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.case import Figures, Result
from benchmarks.plan import DEFAULTS, FLOOR, OWN_SCHEDULE, PROVIDER, SENSOR, SENSOR_EVERY_5_S, THROTTLED
from benchmarks.report import Target, medians, table, targets

PARSING = {"import of the operators": 0.012}


def result(
    name: str = PROVIDER,
    waits: int = 1000,
    polls: float = 1000,
    connections: float = 32,
    refused: float = 0,
    **changed: Any,
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
    return Result(name, Figures(waits=waits, **{**figures, **changed}), connections, polls, refused)


def targets_of(*results: Result) -> dict[str, Target]:
    return {each.name: each for each in targets(results, PARSING)}


class TestMedians:
    def test_medians_contain_the_median_of_every_figure(self) -> None:
        combined = medians([result(cpu_seconds=seconds, polls=10 * seconds) for seconds in (9.0, 1.0, 2.0)])
        assert (combined.figures.cpu_seconds, combined.polls, combined.cpu_per_poll) == (2.0, 20.0, 100.0)

    def test_medians_keep_every_failure(self) -> None:
        assert medians([result(), result(failures=["b"]), result(failures=["a", "b"])]).figures.failures == ["a", "b"]


class TestTargets:
    def test_targets_compare_the_processor_time_of_a_poll(self) -> None:
        found = targets_of(result(PROVIDER, cpu_seconds=1.0), result(SENSOR, cpu_seconds=5.0, polls=2000))
        sensor = next(iter(found.values()))
        assert (sensor.value, sensor.is_met) == (2.5, True)

    def test_targets_compare_the_memory_with_that_of_one_wait(self) -> None:
        found = targets_of(result(waits=1, memory=130_000_000), result(memory=150_000_000))
        assert found["memory of 1000 waits over one, MB"].value == 20.0

    @pytest.mark.parametrize(("connections", "is_met"), [(64, True), (65, False)])
    def test_targets_count_connections_of_the_provider_with_defaults(self, connections: float, is_met: bool) -> None:
        found = targets_of(result(DEFAULTS, connections=connections))
        assert found["connections opened by 1000 waits of 90 s"].is_met is is_met

    def test_targets_require_that_all_of_5000_waits_find_their_video(self) -> None:
        found = targets_of(result(DEFAULTS, waits=5000, detected=4999))
        assert not found["5000 waits on one loop, not found"].is_met

    def test_targets_compare_whole_generations(self) -> None:
        found = targets_of(
            result(OWN_SCHEDULE, cpu_seconds=8.0, mean_delay=4.0), result(SENSOR_EVERY_5_S, cpu_seconds=30.0)
        )
        ratio, delay = list(found.values())[:2]
        assert (ratio.value, ratio.is_met, delay.value, delay.is_met) == (3.75, False, 4.0, True)

    def test_targets_count_429s_as_a_share_of_all_polls(self) -> None:
        found = targets_of(result(THROTTLED, polls=2000, refused=50, mean_delay=120.0))
        refused, lost, delay = list(found.values())[:3]
        assert (refused.value, refused.is_met) == (2.5, False)
        assert (lost.is_met, delay.is_met) == (True, True)

    def test_targets_contain_only_measured_figures(self) -> None:
        assert list(targets_of()) == ["import of the operators on top of airflow.sdk, ms"]


class TestTable:
    def test_table_shows_the_ratio_to_the_floor_for_as_many_waits(self) -> None:
        rows = list(table([result(cpu_seconds=1.0), result(FLOOR, cpu_seconds=0.25), result(FLOOR, waits=100)]))
        assert rows[1].split()[4:6] == ["1.00", "4.0"]

    def test_table_shows_failures(self) -> None:
        rows = list(table([result(detected=999, failures=["TimeoutError: late"])]))
        assert rows[-1].strip() == "TimeoutError: late"

    def test_table_omits_the_memory_baseline(self) -> None:
        assert len(list(table([result(waits=1)]))) == 1
