"""Steps of a run, and seconds in each state."""

from __future__ import annotations

from typing import Any

import pytest

from demo.run import seconds_by_state, service_steps, task_steps


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
    def test_seconds_add_up_both_periods_on_a_worker(self) -> None:
        assert seconds_by_state(EVENTS) == {"running": pytest.approx(1.0), "deferred": pytest.approx(30.0)}

    def test_seconds_of_the_last_state_are_not_counted(self) -> None:
        assert seconds_by_state(EVENTS[:2]) == {}


class TestTaskSteps:
    def test_each_event_of_the_task_is_one_step(self) -> None:
        steps = list(task_steps(EVENTS, [], now=0.0))
        assert [step.text for step in steps] == [
            "task make_video: running on a worker",
            "task make_video: deferred to the triggerer, occupies no worker",
            "task make_video: running on a worker",
            "task make_video: success",
        ]
        assert len({step.key for step in steps}) == 4

    @pytest.mark.parametrize("state", ["scheduled", "queued"])
    def test_states_before_the_worker_are_a_step_each_time(self, state: str) -> None:
        instances = [{"task_id": "make_video", "state": state}]
        [first] = task_steps(EVENTS[:1], instances, now=5.0)
        *_, second = task_steps(EVENTS[:3], instances, now=30.0)
        assert state in first.text
        assert first.key != second.key

    @pytest.mark.parametrize("state", [None, "running", "deferred", "success"])
    def test_other_states_come_from_the_audit_log_only(self, state: str | None) -> None:
        assert not list(task_steps([], [{"task_id": "make_video", "state": state}], now=5.0))


class TestServiceSteps:
    ENTRY: dict[str, Any] = {  # noqa: RUF012 - a constant
        "id": "abc",
        "cost": "0.499",
        "times": {"created": 1.0, "queued": 2.0},
        "delivered": False,
        "delivered_at": None,
    }

    def test_service_statuses_are_steps_with_the_price(self) -> None:
        assert [(step.at, step.text) for step in service_steps([self.ENTRY])] == [
            (1.0, "service: prediction abc: created, booked at 0.499 USD"),
            (2.0, "service: prediction abc: queued"),
        ]

    def test_delivery_of_the_video_is_a_step(self) -> None:
        *_, step = service_steps([{**self.ENTRY, "delivered": True, "delivered_at": 30.0}])
        assert (step.at, step.text) == (30.0, "service: prediction abc: delivered")
