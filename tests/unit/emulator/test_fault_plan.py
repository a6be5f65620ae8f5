"""How a fault is described, and which requests it strikes."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.emulator.faults import Endpoint, FaultError, FaultPlan, read_fault


def plan_of(*faults: dict[str, Any]) -> FaultPlan:
    plan = FaultPlan()
    plan.add([read_fault(fault) for fault in faults])
    return plan


def statuses(plan: FaultPlan, requests: int, endpoint: Endpoint = "result", **request: Any) -> list[int | None]:
    """Return the status of the fault that strikes each of some like requests, ``None`` where none does."""
    struck = [
        plan.take(endpoint, request.get("prediction_id"), succeeded=request.get("succeeded", False))
        for _ in range(requests)
    ]
    return [fault.status if fault else None for fault in struck]


class TestAim:
    def test_is_one_request_unless_told(self) -> None:
        assert statuses(plan_of({"endpoint": "result", "status": 500}), 3) == [500, None, None]

    def test_is_an_endpoint(self) -> None:
        plan = plan_of({"endpoint": "submit", "status": 500})
        others: tuple[Endpoint, ...] = ("result", "models", "output")
        assert [statuses(plan, 1, endpoint) for endpoint in others] == [[None]] * 3
        assert statuses(plan, 1, "submit") == [500]

    def test_can_be_several_requests(self) -> None:
        assert statuses(plan_of({"endpoint": "result", "status": 500, "times": 2}), 3) == [500, 500, None]

    def test_can_be_all_requests_until_it_is_cleared(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "times": None})
        assert statuses(plan, 50) == [500] * 50
        plan.clear()
        assert statuses(plan, 1) == [None]

    def test_can_begin_later(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "after": 2})
        assert statuses(plan, 4) == [None, None, 500, None]

    def test_can_be_one_prediction(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "prediction_id": "a"})
        assert statuses(plan, 1, prediction_id="b") == statuses(plan, 1) == [None]
        assert statuses(plan, 1, prediction_id="a") == [500]

    def test_is_hit_in_the_order_of_the_plan(self) -> None:
        plan = plan_of(*({"endpoint": "result", "status": status} for status in (500, 429, 401)))
        assert statuses(plan, 4) == [500, 429, 401, None]

    def test_of_a_later_fault_counts_requests_that_an_earlier_one_struck(self) -> None:
        plan = plan_of(
            {"endpoint": "result", "status": 500, "times": 2}, {"endpoint": "result", "status": 429, "after": 3}
        )
        assert statuses(plan, 5) == [500, 500, None, 429, None]

    def test_can_be_left_to_chance_that_a_seed_repeats(self) -> None:
        fault = {"endpoint": "result", "status": 500, "times": None, "probability": 0.3, "seed": 7}
        struck = statuses(plan_of(fault), 1000)
        assert struck == statuses(plan_of(fault), 1000)
        assert struck != statuses(plan_of({**fault, "seed": 8}), 1000)
        assert 250 < struck.count(500) < 350

    @pytest.mark.parametrize(("probability", "struck"), [(0, [None] * 5), (1, [500] * 5)])
    def test_of_a_certain_chance_is_certain(self, probability: float, struck: list[int | None]) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "times": None, "probability": probability})
        assert statuses(plan, 5) == struck

    @pytest.mark.parametrize("answer", ["empty-outputs", "nsfw"])
    def test_of_some_variants_is_a_success(self, answer: str) -> None:
        plan = plan_of({"endpoint": "result", "answer": answer})
        assert plan.take("result", None, succeeded=False) is None
        assert plan.take("result", None, succeeded=True) is not None


class TestShownPlan:
    def test_has_what_is_still_to_come(self) -> None:
        plan = plan_of({"endpoint": "result", "status": 500, "times": 3}, {"endpoint": "submit", "drop": "after"})
        statuses(plan, 2)
        first, second = plan.shown()
        assert (first["status"], first["times"], first["seen"], first["struck"]) == (500, 3, 2, 2)
        assert (second["drop"], second["seen"], second["struck"]) == ("after", 0, 0)
        statuses(plan, 1)
        assert [each["endpoint"] for each in plan.shown()] == ["submit"]


class TestDescription:
    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            ("boom", "JSON object"),
            ({}, "endpoint"),
            ({"status": 500}, "endpoint"),
            ({"endpoint": "poll", "status": 500}, "submit, result, models, output"),
            ({"endpoint": 5, "status": 500}, "endpoint"),
            ({"endpoint": "submit"}, "nothing happens"),
            ({"endpoint": "submit", "times": 2}, "nothing happens"),
            ({"endpoint": "submit", "latency": 0, "truncate": False}, "nothing happens"),
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
            ({"endpoint": "submit", "retry_after": 5, "body": "html"}, "retry_after: needs a status"),
            ({"endpoint": "submit", "status": 429, "retry_after": []}, "retry_after"),
            ({"endpoint": "submit", "status": 429, "retry_after": True}, "retry_after"),
            ({"endpoint": "submit", "body": "xml"}, "html, not-json, empty"),
            ({"endpoint": "submit", "body": [1]}, "body"),
            ({"endpoint": "submit", "drop": "during"}, "before, after"),
            ({"endpoint": "submit", "drop": "before", "status": 500}, "drop"),
            ({"endpoint": "submit", "drop": "after", "body": {}}, "drop"),
            ({"endpoint": "submit", "drop": "after", "truncate": True}, "drop"),
            ({"endpoint": "submit", "drop": "after", "answer": "list-data"}, "drop"),
            ({"endpoint": "submit", "truncate": "yes"}, "truncate"),
            ({"endpoint": "submit", "answer": "upside-down"}, "list-data"),
            ({"endpoint": "submit", "answer": "nsfw"}, "result only"),
            ({"endpoint": "submit", "answer": "empty-outputs"}, "result only"),
            ({"endpoint": "models", "answer": "list-data"}, "submit and result only"),
            ({"endpoint": "output", "answer": "expired"}, "submit and result only"),
            ({"endpoint": "result", "answer": "list-data", "status": 500}, "neither status nor body"),
            ({"endpoint": "result", "answer": "list-data", "body": "html"}, "neither status nor body"),
            ({"endpoint": "result", "answer": "redirect"}, "location: required"),
            ({"endpoint": "result", "answer": "foreign-urls"}, "location: required"),
            ({"endpoint": "result", "answer": "redirect", "location": "/", "status": 200}, "301, 302, 303, 307"),
            ({"endpoint": "result", "status": 500, "book": True}, "book: for submit only"),
        ],
        ids=str,
    )
    def test_that_makes_no_sense_is_refused_with_the_reason(self, fault: object, told: str) -> None:
        with pytest.raises(FaultError) as refused:
            read_fault(fault)
        assert told in str(refused.value)

    @pytest.mark.parametrize(
        "fault",
        [
            {"endpoint": "submit", "body": {}},
            {"endpoint": "submit", "latency": 0.5, "drop": "after"},
            {"endpoint": "submit", "latency": 2, "status": 503, "retry_after": "soon", "body": "html", "book": True},
            {"endpoint": "models", "answer": "redirect", "location": "https://elsewhere.example/", "status": 302},
            {"endpoint": "output", "truncate": True, "times": None, "after": 3, "probability": 0.5, "seed": -1},
            {"endpoint": "result", "status": None, "body": None, "drop": None, "answer": "code-500"},
        ],
        ids=str,
    )
    def test_that_makes_sense_is_taken(self, fault: dict[str, Any]) -> None:
        plan = FaultPlan()
        plan.add([read_fault(fault)])
        (shown,) = plan.shown()
        assert {name: shown[name] for name in fault} == fault
