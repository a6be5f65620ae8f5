"""What is read from a triggerer's database and log."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from benchmarks.deferrals import provider_trigger
from benchmarks.triggerer import Resumed, mean_delay, read_blocks, read_row

AT = "2026-11-24 10:00:00.500000"


def row(**next_kwargs: object) -> Resumed:
    return read_row(7, AT, json.dumps(next_kwargs))


class TestReadRow:
    def test_knows_the_task_instance_and_when_it_went_on(self) -> None:
        resumed = row(event=True)
        assert (resumed.number, resumed.at) == (7, datetime(2026, 11, 24, 10, 0, 0, 500_000, UTC).timestamp())

    @pytest.mark.parametrize("event", [True, {"wait": {}, "failure": None}])
    def test_has_no_failure_where_the_video_was_found(self, event: object) -> None:
        assert row(event=event).failure is None

    def test_has_the_failure_that_the_event_tells(self) -> None:
        assert row(event={"wait": {}, "failure": {"what": "GPTProto answered 401"}}).failure == "GPTProto answered 401"

    def test_has_the_last_line_of_what_the_trigger_raised(self) -> None:
        traceback = ["Traceback (most recent call last):\n", "ValueError: no\n"]
        assert row(error="Trigger failure", traceback=traceback).failure == "ValueError: no"

    def test_has_what_airflow_ended_it_with(self) -> None:
        assert row(error="Trigger timeout", traceback=None).failure == "Trigger timeout"


class TestReadBlocks:
    def test_finds_what_the_watchdog_says(self) -> None:
        log = (
            "Starting the triggerer\n"
            "[info] Triggerer's async thread was blocked for 0.36 seconds, exceeding the configured threshold\n"
            "[info] 5 triggers currently running\n"
            "[info] Triggerer's async thread was blocked for 12.50 seconds, exceeding the configured threshold\n"
        )
        assert read_blocks(log) == [0.36, 12.5]

    def test_finds_nothing_in_a_quiet_log(self) -> None:
        assert read_blocks("Starting the triggerer\n") == []


class TestMeanDelay:
    def test_counts_from_the_end_of_each_generation(self) -> None:
        assert mean_delay([Resumed(0, 101.0, None), Resumed(1, 105.0, None)], {0: 100.0, 1: 102.0}) == 2.0

    def test_leaves_out_what_found_no_video(self) -> None:
        assert mean_delay([Resumed(0, 101.0, None), Resumed(1, 105.0, "no")], {0: 100.0, 1: 102.0}) == 1.0

    def test_is_nothing_where_nothing_was_found(self) -> None:
        assert mean_delay([], {}) == 0.0


def test_the_provider_waits_as_it_comes() -> None:
    _, arguments = provider_trigger("0" * 32, 1000.0, 90.0).serialize()
    assert arguments["poll_interval"] is None
    assert (arguments["submitted_at"], arguments["expected_seconds"]) == (1000.0, 90.0)
