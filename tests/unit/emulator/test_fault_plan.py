"""Tests of the fault fields, and of the requests that a fault applies to."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.emulator.faults import Endpoint, FaultError, FaultPlan, read_fault


def plan_of(*faults: dict[str, Any]) -> FaultPlan:
    plan = FaultPlan()
    plan.add([read_fault(fault) for fault in faults])
    return plan


def statuses(plan: FaultPlan, requests: int, endpoint: Endpoint = "result", **request: Any) -> list[int | None]:
    """Return, for each of some equal requests, the status of the fault that applies to it, or ``None``."""
    faults = [plan.take(endpoint, request.get("prediction_id"), request.get("status")) for _ in range(requests)]
    return [fault.status if fault else None for fault in faults]


class TestMatching:
    def test_fault_applies_once_by_default(self) -> None:
        assert statuses(plan_of({"endpoint": "result", "status": 500}), 3) == [500, None, None]

    def test_fault_applies_to_its_endpoint_only(self) -> None:
        plan = plan_of({"endpoint": "submit", "status": 500})
        others: tuple[Endpoint, ...] = ("result", "models", "output")
        assert [statuses(plan, 1, endpoint) for endpoint in others] == [[None]] * 3
        assert statuses(plan, 1, "submit") == [500]

    def test_times_sets_the_number_of_requests(self) -> None:
        assert statuses(plan_of({"endpoint": "result", "status": 500, "times": 2}), 3) == [500, 500, None]

    def test_times_null_applies_until_the_plan_is_cleared(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "times": None})
        assert statuses(plan, 50) == [500] * 50
        plan.clear()
        assert statuses(plan, 1) == [None]

    def test_after_skips_requests(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "after": 2})
        assert statuses(plan, 4) == [None, None, 500, None]

    def test_fault_applies_to_its_prediction_only(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "prediction_id": "a"})
        assert statuses(plan, 1, prediction_id="b") == statuses(plan, 1) == [None]
        assert statuses(plan, 1, prediction_id="a") == [500]

    def test_faults_apply_in_the_order_of_the_plan(self) -> None:
        plan = plan_of(*({"endpoint": "result", "status": status} for status in (500, 429, 401)))
        assert statuses(plan, 4) == [500, 429, 401, None]

    def test_after_counts_requests_with_another_fault(self) -> None:
        plan = plan_of(
            {"endpoint": "result", "status": 500, "times": 2}, {"endpoint": "result", "status": 429, "after": 3}
        )
        assert statuses(plan, 5) == [500, 500, None, 429, None]

    def test_seed_makes_probability_repeatable(self) -> None:
        fault = {"endpoint": "result", "status": 500, "times": None, "probability": 0.3, "seed": 7}
        struck = statuses(plan_of(fault), 1000)
        assert struck == statuses(plan_of(fault), 1000)
        assert struck != statuses(plan_of({**fault, "seed": 8}), 1000)
        assert 250 < struck.count(500) < 350

    @pytest.mark.parametrize(("probability", "struck"), [(0, [None] * 5), (1, [500] * 5)])
    def test_probability_0_and_1_are_exact(self, probability: float, struck: list[int | None]) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "times": None, "probability": probability})
        assert statuses(plan, 5) == struck

    @pytest.mark.parametrize("answer", ["empty-outputs", "nsfw"])
    def test_success_variants_apply_to_a_success_only(self, answer: str) -> None:
        plan = plan_of({"endpoint": "result", "answer": answer})
        assert plan.take("result", None, "running") is None
        assert plan.take("result", None, "succeeded") is not None


class TestPendingFaults:
    def test_pending_faults_have_counters(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "times": 3}, {"endpoint": "submit", "drop": "after"})
        statuses(plan, 2)
        first, second = plan.to_json()
        assert (first["status"], first["times"], first["seen"], first["struck"]) == (500, 3, 2, 2)
        assert (second["drop"], second["seen"], second["struck"]) == ("after", 0, 0)
        statuses(plan, 1)
        assert [each["endpoint"] for each in plan.to_json()] == ["submit"]


class TestFaultFields:
    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ("boom", "JSON object"),
            ({}, "endpoint"),
            ({"status": 500}, "endpoint"),
            ({"endpoint": "poll", "status": 500}, "submit, result, models, output"),
            ({"endpoint": 5, "status": 500}, "endpoint"),
            ({"endpoint": "submit"}, "no effect"),
            ({"endpoint": "submit", "times": 2}, "no effect"),
            ({"endpoint": "submit", "latency": 0, "truncate": False}, "no effect"),
            ({"endpoint": "submit", "status": 500, "delay": 3}, "delay: unknown"),
            ({"endpoint": "submit", "status": 199}, "status"),
            ({"endpoint": "submit", "status": 600}, "status"),
            ({"endpoint": "submit", "status": "500"}, "status"),
            ({"endpoint": "submit", "status": True}, "status"),
            ({"endpoint": "submit", "status": 500, "times": 0}, "times"),
            ({"endpoint": "submit", "status": 500, "times": 1.5}, "times"),
            ({"endpoint": "submit", "status": 500, "after": -1}, "after"),
            ({"endpoint": "submit", "status": 500, "probability": 1.1}, "probability"),
            ({"endpoint": "submit", "status": 500, "probability": "often"}, "probability"),
            ({"endpoint": "submit", "status": 500, "seed": "a"}, "seed"),
            ({"endpoint": "submit", "status": 500, "prediction_id": 7}, "prediction_id"),
            ({"endpoint": "submit", "status": 500, "book": 1}, "book"),
            ({"endpoint": "submit", "latency": -1}, "latency"),
            ({"endpoint": "submit", "latency": "1"}, "latency"),
            ({"endpoint": "submit", "retry_after": 5, "body": "html"}, "retry_after: requires a status"),
            ({"endpoint": "submit", "status": 429, "retry_after": []}, "retry_after"),
            ({"endpoint": "submit", "status": 429, "retry_after": True}, "retry_after"),
            ({"endpoint": "submit", "body": "xml"}, "html, not-json, empty"),
            ({"endpoint": "submit", "body": 7}, "body"),
            ({"endpoint": "submit", "drop": "during"}, "before, after"),
            ({"endpoint": "submit", "drop": "before", "status": 500}, "drop"),
            ({"endpoint": "submit", "drop": "after", "body": {}}, "drop"),
            ({"endpoint": "submit", "drop": "after", "truncate": True}, "drop"),
            ({"endpoint": "submit", "drop": "after", "answer": "list-data"}, "drop"),
            ({"endpoint": "submit", "truncate": "yes"}, "truncate: must be true, false or cached"),
            ({"endpoint": "submit", "truncate": ["cached"]}, "truncate"),
            ({"endpoint": "submit", "drop": "after", "truncate": "cached"}, "drop"),
            ({"endpoint": "submit", "answer": "upside-down"}, "list-data"),
            ({"endpoint": "submit", "answer": "nsfw"}, "result only"),
            ({"endpoint": "submit", "answer": "empty-outputs"}, "result only"),
            ({"endpoint": "models", "answer": "list-data"}, "submit and result only"),
            ({"endpoint": "output", "answer": "expired"}, "submit and result only"),
            ({"endpoint": "result", "answer": "list-data", "status": 500}, "cannot be combined with status or body"),
            ({"endpoint": "result", "answer": "list-data", "body": "html"}, "cannot be combined with status or body"),
            ({"endpoint": "result", "answer": "redirect"}, "location: required"),
            ({"endpoint": "result", "answer": "foreign-urls"}, "location: required"),
            ({"endpoint": "result", "answer": "redirect", "location": "/", "status": 200}, "301, 302, 303, 307"),
            ({"endpoint": "result", "status": 500, "book": True}, "book: allowed for submit only"),
        ],
        ids=str,
    )
    def test_invalid_fault_is_refused_with_the_reason(self, fault: object, message: str) -> None:
        with pytest.raises(FaultError) as error:
            read_fault(fault)
        assert message in str(error.value)

    @pytest.mark.parametrize(
        "fault",
        [
            {"endpoint": "submit", "body": {}},
            {"endpoint": "submit", "latency": 0.5, "drop": "after"},
            {"endpoint": "submit", "latency": 2, "status": 503, "retry_after": "soon", "body": "html", "book": True},
            {"endpoint": "models", "answer": "redirect", "location": "https://elsewhere.example/", "status": 302},
            {"endpoint": "output", "truncate": True, "times": None, "after": 3, "probability": 0.5, "seed": -1},
            {"endpoint": "output", "truncate": "cached", "latency": 1},
            {"endpoint": "result", "status": None, "body": None, "drop": None, "answer": "code-500"},
        ],
        ids=str,
    )
    def test_valid_fault_is_accepted(self, fault: dict[str, Any]) -> None:
        plan = FaultPlan()
        plan.add([read_fault(fault)])
        (pending,) = plan.to_json()
        assert {name: pending[name] for name in fault} == fault
