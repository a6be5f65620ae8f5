"""The mock service: responses in the documented format, and counters of the requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.service import (
    NOT_FOUND_UNTIL_DONE,
    RESULT,
    Counters,
    State,
    name_drip,
    name_prediction,
    read_end,
    respond,
)

END = 1_800_000_000.25
ID = name_prediction(END, 7)


def request(path: str, now: float, state: State | None = None) -> tuple[int, Any]:
    head, _, content = respond(path, now, state or State()).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    return int(head.split(b" ")[1]), json.loads(content)


class TestIds:
    def test_id_has_32_hexadecimal_digits(self) -> None:
        assert len(ID) == 32
        int(ID, 16)

    def test_id_contains_the_end_of_the_generation(self) -> None:
        assert read_end(ID) == END

    def test_ids_differ_for_generations_that_end_together(self) -> None:
        assert name_prediction(END, 1) != name_prediction(END, 2)

    def test_id_of_a_response_that_drips_is_no_other_id(self) -> None:
        assert len(name_drip(1)) == 32
        assert name_drip(1) not in (name_drip(2), ID)


class TestResult:
    def test_result_is_running_without_outputs_until_the_end(self) -> None:
        status, body = request(RESULT.format(ID), END - 0.001)
        assert (status, body["code"], body["message"]) == (200, 200, "success")
        assert (body["data"]["id"], body["data"]["status"], body["data"]["outputs"]) == (ID, "running", [])

    def test_result_has_succeeded_with_outputs_from_the_end_on(self) -> None:
        status, body = request(RESULT.format(ID), END)
        assert (status, body["code"]) == (200, 200)
        assert body["data"]["status"] == "succeeded"
        assert body["data"]["outputs"]

    @pytest.mark.parametrize(("now", "expected"), [(END - 1, 404), (END, 200)])
    def test_not_found_until_done_path_answers_404_until_the_end(self, now: float, expected: int) -> None:
        assert request(NOT_FOUND_UNTIL_DONE.format(ID), now)[0] == expected


class TestCounters:
    def test_counters_count_polls_but_not_their_own_requests(self) -> None:
        state = State(Counters(connections=3))
        request(RESULT.format(ID), END, state)
        request(NOT_FOUND_UNTIL_DONE.format(ID), END, state)
        for _ in range(2):
            assert request("/counters", END, state) == (200, {"connections": 3, "polls": 2, "refused": 0})


class TestRateLimit:
    def test_rate_limit_answers_429_to_excess_requests(self) -> None:
        state = State()
        request("/allow/3", END, state)
        statuses = [request(RESULT.format(ID), END + seconds, state)[0] for seconds in (0, 0, 0, 0.1, 0.4, 0.5, 0.8)]
        assert statuses == [200, 200, 200, 429, 200, 429, 200]
        assert (state.counters.polls, state.counters.refused) == (7, 2)

    def test_rate_limit_can_be_removed(self) -> None:
        state = State()
        request("/allow/1", END, state)
        request("/allow/inf", END, state)
        assert [request(RESULT.format(ID), END, state)[0] for _ in range(3)] == [200, 200, 200]
