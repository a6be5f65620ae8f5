"""How the benchmark reads a triggerer's database and log."""

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
    def test_row_has_map_index_and_time_of_the_event(self) -> None:
        resumed = row(event=True)
        assert (resumed.number, resumed.at) == (7, datetime(2026, 11, 24, 10, 0, 0, 500_000, UTC).timestamp())

    @pytest.mark.parametrize(
        "event", [True, {"wait": {}, "failure": None}, {"__classname__": "pendulum.datetime.DateTime", "__data__": {}}]
    )
    def test_row_has_no_failure_if_the_video_was_found(self, event: object) -> None:
        assert row(event=event).failure is None

    def test_row_has_the_failure_of_the_event(self) -> None:
        assert row(event={"wait": {}, "failure": {"what": "GPTProto answered 401"}}).failure == "GPTProto answered 401"

    def test_row_has_the_last_line_of_the_trigger_traceback(self) -> None:
        traceback = ["Traceback (most recent call last):\n", "ValueError: no\n"]
        assert row(error="Trigger failure", traceback=traceback).failure == "ValueError: no"

    def test_row_has_the_error_of_airflow(self) -> None:
        assert row(error="Trigger timeout", traceback=None).failure == "Trigger timeout"


class TestReadBlocks:
    def test_blocks_are_read_from_the_watchdog_messages(self) -> None:
        log = (
            "Starting the triggerer\n"
            "[info] Triggerer's async thread was blocked for 0.36 seconds, exceeding the configured threshold\n"
            "[info] 5 triggers currently running\n"
            "[info] Triggerer's async thread was blocked for 12.50 seconds, exceeding the configured threshold\n"
        )
        assert read_blocks(log) == [0.36, 12.5]

    def test_log_without_watchdog_messages_has_no_blocks(self) -> None:
        assert read_blocks("Starting the triggerer\n") == []


class TestMeanDelay:
    def test_mean_delay_counts_from_the_end_of_each_generation(self) -> None:
        assert mean_delay([Resumed(0, 101.0, None), Resumed(1, 105.0, None)], {0: 100.0, 1: 102.0}) == 2.0

    def test_mean_delay_ignores_failed_waits(self) -> None:
        assert mean_delay([Resumed(0, 101.0, None), Resumed(1, 105.0, "no")], {0: 100.0, 1: 102.0}) == 1.0

    def test_mean_delay_of_no_waits_is_zero(self) -> None:
        assert mean_delay([], {}) == 0.0


def test_provider_trigger_uses_the_default_poll_schedule() -> None:
    _, arguments = provider_trigger("0" * 32, 1000.0, 90.0).serialize()
    assert arguments["poll_interval"] is None
    assert (arguments["submitted_at"], arguments["expected_seconds"]) == (1000.0, 90.0)
