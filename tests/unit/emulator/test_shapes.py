"""Tests of the shapes: each one by marker and by fault, what the ledger books, and the table of the documentation."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.emulator.__main__ import main
from airflow_provider_seedance.emulator.shapes import SHAPES
from tests.unit.emulator.api_client import ApiClient
from tests.unit.tables import DOCS, read_table

PAGE = "answer-shapes.md"
TABLE = {row[0].strip("`"): row[1:] for row in read_table(PAGE, "| shape | request | answer | meaning |")}
SUBMISSIONS = [name for name, row in TABLE.items() if row[0] in ("submission", "both")]
POLLS = [name for name, row in TABLE.items() if row[0] in ("poll", "both")]
REFUSED = [name for name in TABLE if name.startswith(("refused-", "lost-")) or name == "code-500"]
BOOKED = [name for name, row in TABLE.items() if row[-1].endswith("; booked")]
#: Shapes that apply to a success only, and those that end the prediction.
ON_SUCCESS = [name for name, row in TABLE.items() if row[0] == "poll" and row[-1].startswith("done")] + [
    "empty-outputs"
]
_ENDS = re.compile(r'"(?:task_)?status": "(failed|expired|FAIL|FAILURE|canceled|cancelled|error|timeout)"')
ENDED = [name for name, row in TABLE.items() if _ENDS.search(row[1]) and not name.startswith("poll-")]

#: Values of GPTProto's relatives in public reports, each with a shape that has it, and the HTTP status.
REPORTED = [
    ("outputs-objects", 200, '"outputs": [{"url": "http'),
    ("output-text", 200, '"output": "http'),
    ("output-list", 200, '"output": ["http'),
    ("output-object", 200, '"output": {"video_url": "http'),
    ("content-video-url", 200, '"content": {"video_url": "http'),
    ("result-url", 200, '"result_url": "http'),
    ("unsigned-urls", 200, '"unsigned_urls": ["http'),
    ("fail-reason-url", 200, '"fail_reason": "http'),
    ("wrapped", 200, '"output": {"task_id": "'),
    ("failed-wrapped", 200, '"task_status": "failed"'),
    ("failed-safety-code", 200, "SAFETY.INPUT.TEXT"),
    ("failed-audit-code", 200, "AuditSubmitIllegal"),
    ("refused-arguments-mixed", 400, "cannot be mixed with reference media content"),
    ("delivered-500", 500, '"status": "succeeded"'),
    ("poll-not-over-400", 400, "not completed yet"),
    ("poll-not-over-404", 404, "not ready yet"),
    ("status-done", 200, '"status": "DONE"'),
    ("status-finished", 200, '"status": "FINISHED"'),
    ("status-failure", 200, '"status": "FAILURE"'),
    ("failed-sound", 200, "output audio may"),
    ("failed-real-person", 200, "may contain real person"),
    ("failed-copyright", 200, "may be related to copyright"),
    ("failed-rules", 200, "may violate platform rules"),
    ("failed-flagged", 200, "flagged as"),
    ("failed-chinese-sensitive", 200, "敏感"),
    ("failed-chinese-violation", 200, "违规"),
    ("failed-chinese-review", 200, "审核"),
    ("failed-chinese-copyright", 200, "版权"),
    ("failed-json-text", 200, '"error": "{\\"message\\"'),
    ("failed-response-metadata", 200, '"ResponseMetadata": {"Error": {'),
    ("failed-overdue", 200, "AccountOverdueError"),
    ("failed-chinese-overdue", 200, "欠费"),
    ("failed-chinese-points", 200, "积分"),
    ("failed-arguments", 200, "InvalidParameter"),
    ("failed-check-failed", 200, "ContentSecurityDetectionError"),
    ("failed-500", 500, '"status": "failed"'),
    ("poll-capacity-200", 200, '"code": 503'),
    ("poll-capacity-400", 400, '"code": "503"'),
    ("poll-capacity-503", 503, "model_overloaded"),
    ("poll-capacity-429", 429, "ServerOverloaded"),
    *((f"poll-page-{status}", status, "<html>") for status in (403, 401, 407, 404, 451, 520, 523, 526)),
    ("poll-unknown", 404, "task not found"),
    ("created-seconds", 200, '"created_at": 1767225600}'),
    ("created-milliseconds", 200, '"created_at": 1767225600000'),
    ("created-text", 200, '"created_at": "1767225600"'),
    ("nsfw-lists", 200, '"has_nsfw_contents": [["false"]]'),
    ("nsfw-text", 200, '"has_nsfw_contents": "False"'),
    ("refused-402", 402, "Payment Required"),
    ("refused-quota", 403, "insufficient_user_quota"),
    ("refused-429", 429, "insufficient_quota"),
    ("refused-413", 413, "<html>"),
    ("refused-firewall", 403, "error code: 1010"),
    ("poll-firewall", 403, "error code: 1010"),
    ("refused-msg", 400, '"msg": '),
    ("refused-detail", 400, '"detail": '),
    ("refused-errors", 400, '"errors": '),
    ("refused-error-msg", 400, '"error_msg": '),
    ("refused-fail-reason", 400, '"fail_reason": '),
    ("refused-check-failed", 400, "ContentSecurityDetectionError"),
    *((f"lost-{status}", status, "upstream") for status in (499, 424, 408, 425)),
    ("http-201", 201, '"code": 201'),
    ("http-202", 202, '"code": 202'),
    ("code-0", 200, '"code": 0'),
    ("code-200-text", 200, '"code": "200"'),
    ("code-success", 200, '"code": "success"'),
    ("status-submitted", 200, '"status": "SUBMITTED"'),
    ("status-not-start", 200, '"status": "NOT_START"'),
    ("status-in-queue", 200, '"status": "IN_QUEUE"'),
    ("status-generating", 200, '"status": "GENERATING"'),
    ("id-integer", 200, '"id": '),
    ("id-cgt", 200, '{"id": "cgt-'),
    ("task-id", 200, '"task_id": "'),
    ("result-id", 200, '"result_id": "'),
]


def usual(response: httpx.Response) -> dict[str, Any]:
    """Return the data of an answer that has the usual form."""
    assert response.status_code == 200
    assert set(response.json()) == {"data", "message", "code"}
    data: dict[str, Any] = response.json()["data"]
    return data


class TestTable:
    def test_documentation_has_the_table_that_the_command_prints(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--shapes"]) == 0
        printed = capsys.readouterr().out
        assert (DOCS / PAGE).read_text(encoding="utf-8").endswith(printed)

    def test_documentation_lists_every_shape(self) -> None:
        assert list(TABLE) == list(SHAPES)

    @pytest.mark.parametrize(("name", "status", "text"), REPORTED)
    def test_reported_answer_has_a_shape(self, client: ApiClient, name: str, status: int, text: str) -> None:
        answer = client.submit(prompt=f"A fox [shape:{name}]")
        if TABLE[name][0] == "poll" or name in ENDED:
            prediction_id = answer.json()["data"]["id"]
            client.advance(3600)
            answer = client.get_result(prediction_id)
        assert answer.status_code == status
        is_page = answer.headers["Content-Type"].startswith("text/html")
        assert text in (answer.text if is_page else json.dumps(answer.json(), ensure_ascii=False))

    def test_login_redirects_to_another_host(self, client: ApiClient) -> None:
        answer = client.get_result(client.book(prompt="[shape:poll-login-302]"))
        assert (answer.status_code, answer.content) == (302, b"")
        assert answer.headers["Location"] == "https://login.example/"


class TestMarker:
    @pytest.mark.parametrize("name", [name for name in SUBMISSIONS if name not in [*REFUSED, *ENDED, "unknown-status"]])
    def test_submission_in_a_shape_is_booked_under_the_id_that_it_names(self, client: ApiClient, name: str) -> None:
        answer = client.submit(prompt=f"A fox [shape:{name}]")
        assert 200 <= answer.status_code < 300
        (booked,) = client.emulator.ledger()
        assert booked["id"] in answer.text
        client.advance(3600)
        assert f"/outputs/{booked['id']}/0.mp4" in client.get_result(booked["id"]).text

    @pytest.mark.parametrize("name", REFUSED)
    def test_refused_submission_is_booked_only_if_the_table_says_so(self, client: ApiClient, name: str) -> None:
        client.submit(prompt=f"A fox [shape:{name}]")
        assert len(client.emulator.ledger()) == (name in BOOKED)

    @pytest.mark.parametrize("name", ENDED)
    def test_marker_of_a_failure_ends_the_prediction_at_its_usual_time(self, client: ApiClient, name: str) -> None:
        prediction_id = client.book(prompt=f"A fox [shape:{name}]")
        assert usual(client.get_result(prediction_id))["status"] == "created"
        client.advance(3600)
        (booked,) = client.emulator.ledger()
        assert booked["status"] == ("expired" if name == "expired" else "failed")
        assert "0.mp4" not in client.get_result(prediction_id).text
        assert client.emulator.totals()["delivered"] == 0

    @pytest.mark.parametrize("name", POLLS)
    def test_number_limits_a_shape_to_the_first_polls(self, client: ApiClient, name: str) -> None:
        prediction_id = client.book(prompt=f"A fox [shape:{name}*2]")
        if name in ON_SUCCESS:
            client.advance(3600)
        first, second = client.get_result(prediction_id), client.get_result(prediction_id)
        assert first.text == second.text
        third = client.get_result(prediction_id)
        assert third.text != first.text
        assert usual(third)["id"] == prediction_id
        client.advance(3600)
        assert client.get_data(prediction_id)["status"] == "succeeded"
        assert client.emulator.ledger()[0]["status"] == "succeeded"

    def test_success_shape_leaves_a_prediction_in_progress_alone(self, client: ApiClient) -> None:
        prediction_id = client.book(prompt="[shape:output-text]")
        assert usual(client.get_result(prediction_id))["outputs"] == []

    @pytest.mark.parametrize("name", ["output-object", "top-level", "text-data", "nsfw-null", "status-done"])
    def test_success_in_a_shape_is_delivered(self, client: ApiClient, name: str) -> None:
        client.submit(prompt=f"[shape:{name}]")
        client.advance(3600)
        client.get_result(client.emulator.ledger()[0]["id"])
        assert client.emulator.totals()["delivered"] == 1

    @pytest.mark.parametrize("name", ["poll-other-id", "poll-page-404", "empty-outputs"])
    def test_answer_without_the_links_delivers_nothing(self, client: ApiClient, name: str) -> None:
        client.get_result(client.book_finished(prompt=f"[shape:{name}]"))
        assert client.emulator.totals()["delivered"] == 0

    @pytest.mark.parametrize(
        ("prompt", "message"),
        [
            ("[shape:output-txt]", "did you mean output-text"),
            ("[shape:nothing-like-it]", "--shapes lists all"),
            ("[shape:]", "[shape:NAME"),
            ("[shape:failed*0]", "[shape:NAME*POLLS]"),
            ("[shape:failed*some]", "[shape:NAME*POLLS]"),
            ("[shape:refused-quota*2]", "answer to a submission"),
            ("[shape:failed] [shape:expired]", "only one"),
        ],
    )
    def test_wrong_marker_is_refused_with_the_reason(self, client: ApiClient, prompt: str, message: str) -> None:
        answer = client.submit(prompt=prompt)
        assert answer.status_code == 400
        assert message in answer.json()["error"]["message"]
        assert client.emulator.ledger() == []

    def test_marker_ignores_case_and_spaces(self, client: ApiClient) -> None:
        assert client.submit(prompt="A fox [Shape: Refused-402 ]").status_code == 402


class TestFault:
    @pytest.mark.parametrize("name", SUBMISSIONS)
    def test_fault_answers_a_submission_like_the_marker(self, client: ApiClient, name: str) -> None:
        client.emulator.fault(endpoint="submit", answer=name)
        answer = client.submit()
        booked = client.emulator.ledger()
        assert len(booked) == (name not in REFUSED or name in BOOKED)
        if name not in ENDED:
            marked = client.submit(prompt=f"[shape:{name}]")
            assert (marked.status_code, marked.headers["Content-Type"]) == (
                answer.status_code,
                answer.headers["Content-Type"],
            )

    @pytest.mark.parametrize("name", POLLS)
    def test_fault_answers_one_poll_and_does_not_change_the_prediction(self, client: ApiClient, name: str) -> None:
        prediction_id = client.book()
        if name in ON_SUCCESS:
            client.advance(3600)
        before = client.get_result(prediction_id)
        client.emulator.fault(endpoint="result", answer=name)
        changed = client.get_result(prediction_id)
        assert (changed.status_code, changed.text) != (before.status_code, before.text)
        assert client.emulator.faults() == []
        assert client.get_result(prediction_id).text == before.text

    def test_fault_replaces_the_shape_of_the_prompt(self, client: ApiClient) -> None:
        client.submit(prompt="[shape:top-level]")
        client.advance(3600)
        prediction_id = client.emulator.ledger()[0]["id"]
        client.emulator.fault(endpoint="result", answer="output-text")
        assert "output" in client.get_result(prediction_id).json()["data"]

    def test_fault_that_books_leaves_a_refusal_unchanged(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", answer="lost-with-id")
        assert client.submit(duration=99).status_code == 400
        assert client.emulator.ledger() == []

    def test_book_books_despite_a_refusing_shape(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", answer="refused-402", book=True)
        assert client.submit().status_code == 402
        assert len(client.emulator.ledger()) == 1

    def test_body_of_a_fault_names_the_prediction(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", body={"task": {"id": "{id}"}}, book=True)
        submitted = client.submit().json()
        (booked,) = client.emulator.ledger()
        assert submitted == {"task": {"id": booked["id"]}}
        client.emulator.fault(endpoint="result", body=["{id}"], status=500)
        assert client.get_result(booked["id"]).json() == [booked["id"]]
