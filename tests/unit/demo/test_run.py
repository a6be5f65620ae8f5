"""What is told of a run, and how its seconds are counted."""

from __future__ import annotations

from typing import Any

import pytest

from demo.run import seconds_by_state, service_facts, task_facts


def event(number: int, name: str, when: str, task_id: str | None = "make_video") -> dict[str, Any]:
    return {"event_log_id": number, "event": name, "when": f"2026-01-01T00:00:{when}Z", "task_id": task_id}


#: A run is triggered, and its task runs, waits for half a minute, and runs again.
EVENTS = [
    event(1, "trigger_dag_run", "00", task_id=None),
    event(2, "running", "01.5"),
    event(3, "deferred", "02.25"),
    event(4, "running", "32.25"),
    event(5, "success", "32.5"),
]


class TestSeconds:
    def test_both_stays_on_a_worker_count(self) -> None:
        assert seconds_by_state(EVENTS) == {"running": pytest.approx(1.0), "deferred": pytest.approx(30.0)}

    def test_last_state_lasts_no_time(self) -> None:
        assert seconds_by_state(EVENTS[:2]) == {}


class TestTaskFacts:
    def test_each_event_of_the_task_is_told_once(self) -> None:
        facts = list(task_facts(EVENTS, [], now=0.0))
        assert [fact.text for fact in facts] == [
            "task make_video is running on a worker",
            "task make_video is deferred to the triggerer, and holds no worker",
            "task make_video is running on a worker",
            "task make_video is success",
        ]
        assert len({fact.key for fact in facts}) == 4

    @pytest.mark.parametrize("state", ["scheduled", "queued"])
    def test_states_before_a_worker_are_told_each_time(self, state: str) -> None:
        instances = [{"task_id": "make_video", "state": state}]
        [first] = task_facts(EVENTS[:1], instances, now=5.0)
        *_, second = task_facts(EVENTS[:3], instances, now=30.0)
        assert state in first.text
        assert first.key != second.key

    @pytest.mark.parametrize("state", [None, "running", "deferred", "success"])
    def test_other_states_are_left_to_the_audit_log(self, state: str | None) -> None:
        assert not list(task_facts([], [{"task_id": "make_video", "state": state}], now=5.0))


class TestServiceFacts:
    ENTRY: dict[str, Any] = {  # noqa: RUF012 - a constant
        "id": "abc",
        "cost": "0.499",
        "times": {"created": 1.0, "queued": 2.0},
        "delivered": False,
        "delivered_at": None,
    }

    def test_statuses_and_price_are_told(self) -> None:
        assert [(fact.at, fact.text) for fact in service_facts([self.ENTRY])] == [
            (1.0, "service: prediction abc is created, booked at 0.499 USD"),
            (2.0, "service: prediction abc is queued"),
        ]

    def test_delivery_is_told(self) -> None:
        *_, fact = service_facts([{**self.ENTRY, "delivered": True, "delivered_at": 30.0}])
        assert (fact.at, fact.text) == (30.0, "service: prediction abc is handed over")
