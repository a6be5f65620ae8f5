"""Every fault over a real connection: what the caller sees, and what was booked behind it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.emulator.customer import Customer

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


def read_into(received: bytearray, answer: httpx.Response) -> None:
    for part in answer.iter_bytes():
        received += part


def booked(customer: Customer) -> int:
    return len(customer.emulator.ledger())


class TestStatus:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 429, 499, 500])
    def test_comes_in_place_of_the_answer(self, customer: Customer, status: int) -> None:
        customer.emulator.fault(endpoint="submit", status=status)
        answer = customer.submit()
        assert answer.status_code == status
        assert answer.json()["error"]["type"] == str(status)
        assert booked(customer) == 0

    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_of_a_gateway_comes_as_a_page_of_html(self, customer: Customer, status: int) -> None:
        customer.emulator.fault(endpoint="result", status=status)
        answer = customer.ask(customer.book())
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert str(status) in answer.text

    @pytest.mark.parametrize(("sent", "received"), [(7, "7"), (0, "0"), ("120", "120"), (DATE, DATE), ("soon", "soon")])
    @pytest.mark.parametrize("status", [429, 503])
    def test_may_say_when_to_come_back(self, customer: Customer, status: int, sent: object, received: str) -> None:
        customer.emulator.fault(endpoint="submit", status=status, retry_after=sent)
        assert customer.submit().headers["Retry-After"] == received
        assert booked(customer) == 0

    def test_says_nothing_of_that_unless_told(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", status=429)
        assert "Retry-After" not in customer.submit().headers

    @pytest.mark.parametrize("status", [204, 304])
    def test_without_a_body_is_sent_so(self, customer: Customer, status: int) -> None:
        customer.emulator.fault(endpoint="result", status=status)
        answer = customer.ask(customer.book())
        assert (answer.status_code, answer.content) == (status, b"")

    @pytest.mark.parametrize("effect", [{"status": 500}, {"body": "html"}, {"answer": "code-500"}])
    def test_may_hide_a_submission_that_was_booked(self, customer: Customer, effect: dict[str, Any]) -> None:
        customer.emulator.fault(endpoint="submit", book=True, **effect)
        assert '"id"' not in customer.submit().text
        assert booked(customer) == 1

    def test_never_books_a_request_that_is_not_in_order(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", book=True, status=500)
        assert customer.submit(duration=99).status_code == 500
        assert booked(customer) == 0

    def test_can_strike_the_list_of_models_and_the_outputs(self, customer: Customer) -> None:
        prediction_id = customer.book_finished()
        customer.emulator.faults([{"endpoint": "models", "status": 403}, {"endpoint": "output", "status": 500}])
        assert customer.http.get("/v1/models").status_code == 403
        (link,) = customer.see(prediction_id)["outputs"]
        assert customer.keyless.get(link).status_code == 500


class TestBody:
    @pytest.mark.parametrize("endpoint", ["submit", "result"])
    def test_can_be_a_page_of_html(self, customer: Customer, endpoint: str) -> None:
        prediction_id = customer.book()
        customer.emulator.fault(endpoint=endpoint, body="html")
        answer = customer.submit() if endpoint == "submit" else customer.ask(prediction_id)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
        assert answer.text.startswith("<!DOCTYPE html>")
        assert booked(customer) == 1

    def test_can_be_broken_json(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="result", body="not-json")
        answer = customer.ask(customer.book())
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
        with pytest.raises(json.JSONDecodeError):
            answer.json()

    def test_can_be_empty(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="result", body="empty")
        answer = customer.ask(customer.book())
        assert (answer.status_code, answer.content) == (200, b"")

    @pytest.mark.parametrize("body", [{}, {"data": []}, {"data": None, "code": 200}, {"error": "text"}])
    def test_can_be_any_object(self, customer: Customer, body: dict[str, Any]) -> None:
        customer.emulator.fault(endpoint="result", body=body)
        answer = customer.ask(customer.book())
        assert (answer.status_code, answer.json()) == (200, body)

    def test_goes_with_a_status(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", body="html", status=429, retry_after=3)
        answer = customer.submit()
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
        assert answer.text.startswith("<!DOCTYPE html>")


class TestDroppedConnection:
    @pytest.mark.parametrize(("drop", "submissions"), [("before", 0), ("after", 1)])
    def test_leaves_the_submission_out_or_in_the_ledger(self, customer: Customer, drop: str, submissions: int) -> None:
        customer.emulator.fault(endpoint="submit", drop=drop)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            customer.submit()
        assert booked(customer) == submissions

    def test_is_as_plain_for_a_large_request(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", drop="before")
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            customer.submit("image-to-video", image="A" * 4_000_000, is_upload_media=True)

    def test_after_the_result_has_delivered_nothing(self, customer: Customer) -> None:
        prediction_id = customer.book_finished()
        customer.emulator.fault(endpoint="result", drop="after")
        with pytest.raises(httpx.RemoteProtocolError):
            customer.ask(prediction_id)
        (entry,) = customer.emulator.ledger()
        assert (entry["polls"], entry["delivered"]) == (1, False)

    def test_can_strike_a_download(self, customer: Customer) -> None:
        (link,) = customer.see(customer.book_finished())["outputs"]
        customer.emulator.fault(endpoint="output", drop="before")
        with pytest.raises(httpx.RemoteProtocolError):
            customer.keyless.get(link)

    def test_lets_the_next_request_through(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", drop="before")
        with pytest.raises(httpx.RemoteProtocolError):
            customer.submit()
        assert customer.submit().status_code == 200


class TestTruncatedAnswer:
    def test_of_a_submission_leaves_it_booked(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", truncate=True)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            customer.submit()
        assert booked(customer) == 1

    def test_of_a_result_is_no_delivery(self, customer: Customer) -> None:
        prediction_id = customer.book_finished()
        customer.emulator.fault(endpoint="result", truncate=True)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            customer.ask(prediction_id)
        assert not customer.emulator.ledger()[0]["delivered"]
        customer.ask(prediction_id)
        assert customer.emulator.ledger()[0]["delivered"]

    def test_sends_half_of_a_video(self, customer: Customer) -> None:
        link = customer.link_to_video()
        customer.emulator.fault(endpoint="output", truncate=True)
        received = bytearray()
        with customer.keyless.stream("GET", link) as answer:
            length = int(answer.headers["Content-Length"])
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                read_into(received, answer)
        assert len(received) == length // 2
        assert customer.keyless.get(link).content.startswith(received)


class TestLatency:
    def test_delays_an_answer_that_is_then_as_usual(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="result", latency=0.02)
        assert customer.see(customer.book())["status"] == "created"

    @pytest.mark.parametrize(
        ("effect", "submissions"), [({}, 1), ({"status": 500}, 0), ({"status": 500, "book": True}, 1)]
    )
    def test_above_the_callers_patience_comes_after_the_booking(
        self, customer: Customer, effect: dict[str, Any], submissions: int
    ) -> None:
        customer.emulator.fault(endpoint="submit", latency=600, **effect)
        with pytest.raises(httpx.ReadTimeout):
            customer.http.post(
                "/api/v3/bytedance/seedance-2-0/text-to-video", json={"prompt": "a"}, timeout=httpx.Timeout(5, read=0.2)
            )
        assert booked(customer) == submissions

    def test_of_a_result_that_nobody_waited_for_is_no_delivery(self, customer: Customer) -> None:
        prediction_id = customer.book_finished()
        customer.emulator.fault(endpoint="result", latency=600)
        with pytest.raises(httpx.ReadTimeout):
            customer.http.get(f"/api/v3/predictions/{prediction_id}/result", timeout=httpx.Timeout(5, read=0.2))
        assert not customer.emulator.ledger()[0]["delivered"]

    def test_goes_with_a_dropped_connection(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", latency=0.02, drop="after")
        with pytest.raises(httpx.RemoteProtocolError):
            customer.submit()
        assert booked(customer) == 1


class TestVariant:
    def struck(self, customer: Customer, answer: str, **more: Any) -> tuple[Any, dict[str, Any]]:
        """Return the data of a usual answer and, asked for once more, the whole answer that a fault changed."""
        prediction_id = customer.book_finished()
        usual = customer.see(prediction_id)
        customer.emulator.fault(endpoint="result", answer=answer, **more)
        changed = customer.ask(prediction_id)
        assert changed.status_code == 200
        return usual, changed.json()

    def test_code_500_stands_in_a_body_of_status_200(self, customer: Customer) -> None:
        _, changed = self.struck(customer, "code-500")
        assert (changed["code"], changed["data"]) == (500, None)

    def test_data_can_be_a_list(self, customer: Customer) -> None:
        usual, changed = self.struck(customer, "list-data")
        assert changed == {"data": [usual], "message": "success", "code": 200}

    def test_keys_can_be_in_camel_case(self, customer: Customer) -> None:
        usual, changed = self.struck(customer, "camel-case")
        data = changed["data"]
        assert (data.pop("createdAt"), data.pop("hasNsfwContents")) == (
            usual.pop("created_at"),
            usual.pop("has_nsfw_contents"),
        )
        assert data == usual

    def test_the_status_can_be_unheard_of(self, customer: Customer) -> None:
        _, changed = self.struck(customer, "unknown-status")
        known = {"created", "queued", "running", "succeeded", "failed", "expired"}
        assert changed["data"]["status"] not in known
        assert changed["data"]["outputs"] == []

    def test_a_success_can_have_no_outputs(self, customer: Customer) -> None:
        _, changed = self.struck(customer, "empty-outputs")
        assert (changed["data"]["status"], changed["data"]["outputs"]) == ("succeeded", [])

    def test_a_success_can_be_flagged(self, customer: Customer) -> None:
        usual, changed = self.struck(customer, "nsfw")
        assert changed["data"] == {**usual, "has_nsfw_contents": [True]}

    def test_a_prediction_can_expire(self, customer: Customer) -> None:
        _, changed = self.struck(customer, "expired")
        assert (changed["data"]["status"], changed["data"]["outputs"]) == ("expired", [])

    @pytest.mark.parametrize(("variant", "kind"), [("failed", dict), ("string-error", str)])
    def test_a_prediction_can_fail(self, customer: Customer, variant: str, kind: type) -> None:
        _, changed = self.struck(customer, variant)
        assert (changed["data"]["status"], changed["data"]["outputs"]) == ("failed", [])
        assert isinstance(changed["data"]["error"], kind)

    def test_urls_can_be_a_list(self, customer: Customer) -> None:
        usual, changed = self.struck(customer, "urls-list")
        assert changed["data"] == {**usual, "urls": [usual["urls"]]}

    def test_urls_can_lead_elsewhere(self, customer: Customer) -> None:
        usual, changed = self.struck(customer, "foreign-urls", location="http://elsewhere.example/")
        expected = f"http://elsewhere.example/api/v3/predictions/{usual['id']}/result"
        assert changed["data"] == {**usual, "urls": {"get": expected}}

    def test_a_request_can_be_sent_elsewhere(self, customer: Customer) -> None:
        elsewhere = "http://elsewhere.example/anything"
        prediction_id = customer.book()
        customer.emulator.faults(
            [
                {"endpoint": "result", "answer": "redirect", "location": elsewhere},
                {"endpoint": "submit", "answer": "redirect", "location": elsewhere, "status": 308},
            ]
        )
        asked, submitted = customer.ask(prediction_id), customer.submit()
        assert (asked.status_code, asked.headers["Location"]) == (307, elsewhere)
        assert (submitted.status_code, submitted.headers["Location"]) == (308, elsewhere)
        assert booked(customer) == 1

    @pytest.mark.parametrize("variant", ["empty-outputs", "nsfw"])
    def test_of_a_success_waits_for_one(self, customer: Customer, variant: str) -> None:
        customer.emulator.fault(endpoint="result", answer=variant)
        prediction_id = customer.book()
        customer.see(prediction_id)
        assert len(customer.emulator.faults()) == 1
        customer.wait(3600)
        customer.see(prediction_id)
        assert customer.emulator.faults() == []

    @pytest.mark.parametrize(
        "variant", ["code-500", "unknown-status", "empty-outputs", "expired", "failed", "string-error"]
    )
    def test_without_the_outputs_is_no_delivery(self, customer: Customer, variant: str) -> None:
        prediction_id = customer.book_finished()
        customer.emulator.fault(endpoint="result", answer=variant)
        customer.ask(prediction_id)
        assert customer.emulator.totals()["delivered"] == 0

    @pytest.mark.parametrize("variant", ["list-data", "camel-case", "nsfw", "urls-list"])
    def test_with_the_outputs_is_a_delivery(self, customer: Customer, variant: str) -> None:
        prediction_id = customer.book_finished()
        customer.emulator.fault(endpoint="result", answer=variant)
        customer.ask(prediction_id)
        assert customer.emulator.totals()["delivered"] == 1

    def test_strikes_the_answer_to_a_submission_too(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", answer="list-data")
        (data,) = customer.submit().json()["data"]
        assert data["id"] == customer.emulator.ledger()[0]["id"]

    def test_leaves_a_refusal_as_it_is(self, customer: Customer) -> None:
        customer.emulator.fault(endpoint="submit", answer="list-data")
        assert customer.submit(duration=99).status_code == 400

    def test_does_not_change_the_prediction(self, customer: Customer) -> None:
        usual, _ = self.struck(customer, "expired")
        assert customer.see(usual["id"]) == usual


class TestServiceThatIsDown:
    def test_drops_every_request_and_books_nothing(self, customer: Customer) -> None:
        prediction_id = customer.book()
        customer.emulator.stop_answering(60)
        for path in (f"/api/v3/predictions/{prediction_id}/result", "/v1/models"):
            with pytest.raises(httpx.RemoteProtocolError):
                customer.http.get(path)
        with pytest.raises(httpx.RemoteProtocolError):
            customer.submit()
        assert booked(customer) == 1
        assert customer.emulator.totals()["polls"] == 0

    def test_comes_back_when_the_time_is_over_or_when_told(self, customer: Customer) -> None:
        customer.emulator.stop_answering(60)
        customer.wait(60)
        assert customer.submit().status_code == 200
        customer.emulator.stop_answering(60)
        customer.emulator.stop_answering(0)
        assert customer.submit().status_code == 200


class TestRecordOfRequests:
    def test_names_what_struck(self, customer: Customer) -> None:
        customer.emulator.faults(
            [
                {"endpoint": "submit", "drop": "after"},
                {"endpoint": "submit", "truncate": True},
                {"endpoint": "submit", "status": 429, "latency": 0.01},
                {"endpoint": "submit", "body": {}},
            ]
        )
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                customer.submit()
        for _ in range(3):
            customer.submit()
        assert [(each["status"], each["fault"]) for each in customer.emulator.requests()] == [
            (None, "drop after"),
            (200, "truncate"),
            (429, "latency 0.01, status 429"),
            (200, "body"),
            (200, None),
        ]
