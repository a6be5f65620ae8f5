"""Generations from XCom and task state: outcomes, prices, filters and sums."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import Charge, WaitTimeoutError
from airflow_provider_seedance.gptproto.predictions import PredictionStatus
from airflow_provider_seedance.plugins.generations import (
    Filters,
    Generation,
    Outcome,
    TaskKey,
    read_json,
    sums,
)
from airflow_provider_seedance.tasks.report import GenerationReport

NOW = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
RUNNING: dict[str, Any] = {
    "id": "4f0a",
    "status": "running",
    "outputs": [],
    "error": None,
    "submitted_at": NOW.isoformat(),
}
DONE = {**RUNNING, "status": "succeeded", "outputs": ["https://videos.example/1.mp4"]}


def generation(value: Any, state: str | None = "success", **changes: Any) -> Generation:
    fields: dict[str, Any] = {
        "key": TaskKey("videos", "run", "make", -1),
        "pushed_at": NOW,
        "try_number": 1,
        "operator": "SeedanceTextToVideoOperator",
        "label": None,
        **changes,
    }
    return Generation(value=value, state=state, **fields)


class TestForeign:
    @pytest.mark.parametrize(
        ("operator", "value", "is_foreign"),
        [
            ("PythonOperator", {"class": "cat"}, True),
            ("PythonOperator", {"id": 7, "status": "shipped"}, True),
            ("BashOperator", 0.97, True),
            (None, None, True),
            # It may be one: nobody can read it here.
            ("PythonOperator", "s3://bucket/value.json", False),
            ("MyOperator", DONE, False),
            ("SeedanceTextToVideoOperator", "broken", False),
            ("@task.seedance", None, False),
        ],
    )
    def test_value_of_another_kind_of_task_is_foreign(self, operator: str | None, value: Any, is_foreign: bool) -> None:
        assert generation(value, operator=operator).is_foreign is is_foreign


class TestOutcome:
    @pytest.mark.parametrize(
        ("state", "value", "expected"),
        [
            ("deferred", RUNNING, "waiting"),
            ("running", RUNNING, "waiting"),
            (None, RUNNING, "waiting"),
            ("up_for_reschedule", {**RUNNING, "id": None, "status": None, "error": "Over budget"}, "waiting"),
            ("success", DONE, "succeeded"),
            ("running", DONE, "succeeded"),
            # fail_on_nsfw fails a task with a video.
            ("failed", {**DONE, "error": "An output is flagged"}, "succeeded"),
            ("failed", {**DONE, "outputs": [], "error": "The list of outputs stayed empty"}, "failed"),
            ("success", RUNNING, "submitted"),
            ("failed", {**RUNNING, "status": "failed", "error": "Refused"}, "failed"),
            ("up_for_retry", {**RUNNING, "status": "failed", "error": "Refused"}, "failed"),
            ("failed", {**RUNNING, "status": "expired", "error": "Expired"}, "failed"),
            ("failed", {**RUNNING, "id": None, "status": None, "error": "Invalid arguments"}, "failed"),
            ("failed", {**RUNNING, "error": "The prediction did not finish in 600 s"}, "timed_out"),
            ("up_for_retry", {**RUNNING, "error": "The prediction did not finish in 600 s"}, "timed_out"),
            # Airflow ended the wait, and no code of the task ran after that.
            ("failed", RUNNING, "timed_out"),
            ("success", "s3://bucket/value.json", "succeeded"),
            ("deferred", "s3://bucket/value.json", "waiting"),
            ("failed", "s3://bucket/value.json", "failed"),
        ],
    )
    def test_outcome_follows_status_and_state(self, state: str | None, value: Any, expected: str) -> None:
        assert generation(value, state).outcome == expected

    def test_report_of_a_timeout_has_timed_out(self) -> None:
        waiting = GenerationReport(id="4f0a", status=PredictionStatus.RUNNING.value)
        error = WaitTimeoutError("Too late", prediction_id="4f0a", charge=Charge.ACCEPTED)
        report = waiting.with_error(error, 1.0)
        assert generation(report.to_dict(), "failed").outcome is Outcome.TIMED_OUT


class TestPrice:
    @pytest.mark.parametrize(
        ("value", "usd", "is_unpriced"),
        [
            ({**DONE, "estimated_cost_usd": 0.1, "submissions": 3, "total_cost_usd": 0.3}, "0.3", False),
            # Of a later try without a record, which knows its own price only.
            ({**DONE, "estimated_cost_usd": 0.1, "submissions": None, "total_cost_usd": None}, "0.1", False),
            # One of several prices is unknown, so the sum is.
            ({**DONE, "estimated_cost_usd": 0.1, "submissions": 2, "total_cost_usd": None}, None, True),
            ({**DONE, "estimated_cost_usd": None}, None, True),
            # Refused before anything was sent.
            ({"id": None, "error": "Invalid", "estimated_cost_usd": 0.1}, "0", False),
            # The response was lost: it may be billed.
            ({"id": None, "error": "Lost", "submissions": 1, "total_cost_usd": 0.1}, "0.1", False),
            # Another task submitted it, and counts its price.
            ({**DONE, "submitted_at": None, "estimated_cost_usd": 0.1}, None, False),
            ("s3://bucket/value.json", None, True),
            (None, None, True),
        ],
    )
    def test_price_is_what_the_task_instance_paid(self, value: Any, usd: str | None, is_unpriced: bool) -> None:
        facts = generation(value).facts
        assert (facts.usd, facts.is_unpriced) == (None if usd is None else Decimal(usd), is_unpriced)

    def test_price_of_a_later_try_without_a_record_is_unknown(self) -> None:
        value = {"id": None, "error": "Refused", "estimated_cost_usd": 0.1}
        assert generation(value, "failed", try_number=2).facts.is_unpriced

    @pytest.mark.parametrize("price", [True, "0.1", -1, float("nan"), float("inf"), 10**400, [], {}])
    def test_what_is_no_price_is_unknown(self, price: object) -> None:
        assert generation({**DONE, "total_cost_usd": price, "estimated_cost_usd": price}).usd is None


class TestSums:
    def test_sums_are_exact_in_decimal(self) -> None:
        tenths = [generation({**DONE, "total_cost_usd": 0.1}).facts] * 3
        assert sums(tenths, UTC)["usd"] == 0.3

    def test_days_are_those_of_the_reader(self) -> None:
        facts = [generation(DONE).facts]
        assert [each["day"] for each in sums(facts, UTC)["by_day"]] == ["2026-11-27"]
        assert [each["day"] for each in sums(facts, ZoneInfo("Europe/Berlin"))["by_day"]] == ["2026-11-28"]

    def test_groups_have_their_own_sums(self) -> None:
        paid = {**DONE, "total_cost_usd": 0.5, "model": "a"}
        facts = [
            generation(paid).facts,
            generation({**paid, "model": "b"}, key=TaskKey("other", "run", "make", -1)).facts,
            generation({**DONE, "model": None}).facts,
        ]
        found = sums(facts, UTC)
        assert (found["count"], found["usd"], found["unknown"]) == (3, 1.0, 1)
        assert found["by_dag"] == [
            {"dag_id": "other", "usd": 0.5, "count": 1},
            {"dag_id": "videos", "usd": 0.5, "count": 2},
        ]
        assert found["by_model"] == [
            {"model": None, "usd": 0.0, "count": 1},
            {"model": "a", "usd": 0.5, "count": 1},
            {"model": "b", "usd": 0.5, "count": 1},
        ]


class TestFilters:
    def test_text_is_a_part_of_the_prompt_in_any_case(self) -> None:
        found = generation({**DONE, "parameters": {"prompt": "Die STRASSE am Meer"}})
        assert Filters(text="straße").match(found)
        assert not Filters(text="Strand").match(found)

    def test_period_has_whole_days_of_the_zone(self) -> None:
        zone = ZoneInfo("Europe/Berlin")
        # In October a day has 25 hours there.
        period = Filters(since=date(2026, 10, 25), until=date(2026, 10, 25)).period(zone)
        assert period == (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC))


def _near(value: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values with the keys of a prediction, and anything in them."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys([*value, "parameters", "submissions", "model"], JSON))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("2026-11-27T00:00:00+23:59"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["prompt", "id", ""]), inner),
    max_leaves=10,
)
STATES = st.sampled_from([None, "success", "failed", "deferred", "up_for_retry", "no such state"])


@given(
    JSON | _near(DONE) | _near({"total_cost_usd": 1, "estimated_cost_usd": 1}), STATES, st.integers(0, 3), st.booleans()
)
def test_any_value_can_be_shown_and_added_up(value: Any, state: str, try_number: int, is_text: bool) -> None:
    text = json.dumps(value)
    found = generation(read_json(json.dumps(text) if is_text else text), state, try_number=try_number)
    assert found.outcome in list(Outcome)
    assert found.waiting_since.tzinfo is not None
    assert Filters(text="a", model="b").match(found) in (True, False)
    json.dumps([found.value, sums([found.facts], UTC)], allow_nan=False)


@given(st.text())
def test_any_text_in_the_database_can_be_read(text: str) -> None:
    json.dumps(read_json(text), allow_nan=False)
