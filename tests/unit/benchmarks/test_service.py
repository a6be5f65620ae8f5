"""The mock service: answers as the page describes them, and counts what it was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.service import NOT_FOUND_UNTIL_DONE, RESULT, Counters, State, answer, name_prediction, read_end

END = 1_800_000_000.25
ID = name_prediction(END, 7)


def ask(path: str, now: float, state: State | None = None) -> tuple[int, Any]:
    head, _, content = answer(path, now, state or State()).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    return int(head.split(b" ")[1]), json.loads(content)


class TestIds:
    def test_has_32_hexadecimal_digits(self) -> None:
        assert len(ID) == 32
        int(ID, 16)

    def test_tells_when_the_generation_ends(self) -> None:
        assert read_end(ID) == END

    def test_differs_for_generations_that_end_together(self) -> None:
        assert name_prediction(END, 1) != name_prediction(END, 2)


class TestResult:
    def test_is_running_without_outputs_until_the_end(self) -> None:
        status, body = ask(RESULT.format(ID), END - 0.001)
        assert (status, body["code"], body["message"]) == (200, 200, "success")
        assert (body["data"]["id"], body["data"]["status"], body["data"]["outputs"]) == (ID, "running", [])

    def test_has_succeeded_with_outputs_from_the_end_on(self) -> None:
        status, body = ask(RESULT.format(ID), END)
        assert (status, body["code"]) == (200, 200)
        assert body["data"]["status"] == "succeeded"
        assert body["data"]["outputs"]

    @pytest.mark.parametrize(("now", "expected"), [(END - 1, 404), (END, 200)])
    def test_tells_by_its_http_status_whoever_reads_nothing_else(self, now: float, expected: int) -> None:
        assert ask(NOT_FOUND_UNTIL_DONE.format(ID), now)[0] == expected


class TestCounters:
    def test_counts_polls_but_not_who_reads_the_count(self) -> None:
        state = State(Counters(connections=3))
        ask(RESULT.format(ID), END, state)
        ask(NOT_FOUND_UNTIL_DONE.format(ID), END, state)
        for _ in range(2):
            assert ask("/counters", END, state) == (200, {"connections": 3, "polls": 2, "refused": 0})


class TestLimit:
    def test_allows_so_many_requests_in_any_second(self) -> None:
        state = State()
        ask("/allow/3", END, state)
        statuses = [ask(RESULT.format(ID), END + seconds, state)[0] for seconds in (0, 0.5, 0.6, 0.9, 1.0, 1.2, 1.5)]
        assert statuses == [200, 200, 200, 429, 200, 429, 200]
        assert (state.counters.polls, state.counters.refused) == (7, 2)

    def test_is_lifted(self) -> None:
        state = State()
        ask("/allow/1", END, state)
        ask("/allow/inf", END, state)
        assert [ask(RESULT.format(ID), END, state)[0] for _ in range(3)] == [200, 200, 200]
