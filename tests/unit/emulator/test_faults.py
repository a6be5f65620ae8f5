"""Tests of every fault over a real connection: the response of the client, and the ledger."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.emulator.api_client import ApiClient

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


def read_into(received: bytearray, response: httpx.Response) -> None:
    for part in response.iter_bytes():
        received += part


def booked(client: ApiClient) -> int:
    return len(client.emulator.ledger())


class TestStatus:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 429, 499, 500])
    def test_status_replaces_the_response(self, client: ApiClient, status: int) -> None:
        client.emulator.fault(endpoint="submit", status=status)
        response = client.submit()
        assert response.status_code == status
        assert response.json()["error"]["type"] == str(status)
        assert booked(client) == 0

    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_gateway_status_has_an_html_body(self, client: ApiClient, status: int) -> None:
        client.emulator.fault(endpoint="result", status=status)
        response = client.get_result(client.book())
        assert response.status_code == status
        assert response.headers["Content-Type"].startswith("text/html")
        assert str(status) in response.text

    @pytest.mark.parametrize(("sent", "received"), [(7, "7"), (0, "0"), ("120", "120"), (DATE, DATE), ("soon", "soon")])
    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_sets_the_header(self, client: ApiClient, status: int, sent: object, received: str) -> None:
        client.emulator.fault(endpoint="submit", status=status, retry_after=sent)
        assert client.submit().headers["Retry-After"] == received
        assert booked(client) == 0

    def test_retry_after_header_is_absent_by_default(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", status=429)
        assert "Retry-After" not in client.submit().headers

    @pytest.mark.parametrize("status", [204, 304])
    def test_204_and_304_have_no_body(self, client: ApiClient, status: int) -> None:
        client.emulator.fault(endpoint="result", status=status)
        response = client.get_result(client.book())
        assert (response.status_code, response.content) == (status, b"")

    @pytest.mark.parametrize("effect", [{"status": 500}, {"body": "html"}, {"answer": "code-500"}])
    def test_book_books_despite_a_replaced_response(self, client: ApiClient, effect: dict[str, Any]) -> None:
        client.emulator.fault(endpoint="submit", book=True, **effect)
        assert '"id"' not in client.submit().text
        assert booked(client) == 1

    def test_book_does_not_book_an_invalid_request(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", book=True, status=500)
        assert client.submit(duration=99).status_code == 500
        assert booked(client) == 0

    def test_status_applies_to_models_and_outputs(self, client: ApiClient) -> None:
        prediction_id = client.book_finished()
        client.emulator.faults([{"endpoint": "models", "status": 403}, {"endpoint": "output", "status": 500}])
        assert client.http.get("/v1/models").status_code == 403
        (link,) = client.get_data(prediction_id)["outputs"]
        assert client.keyless.get(link).status_code == 500


class TestBody:
    @pytest.mark.parametrize("endpoint", ["submit", "result"])
    def test_body_can_be_html(self, client: ApiClient, endpoint: str) -> None:
        prediction_id = client.book()
        client.emulator.fault(endpoint=endpoint, body="html")
        response = client.submit() if endpoint == "submit" else client.get_result(prediction_id)
        assert (response.status_code, response.headers["Content-Type"].split(";")[0]) == (200, "text/html")
        assert response.text.startswith("<!DOCTYPE html>")
        assert booked(client) == 1

    def test_body_can_be_invalid_json(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="result", body="not-json")
        response = client.get_result(client.book())
        assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
        with pytest.raises(json.JSONDecodeError):
            response.json()

    def test_body_can_be_empty(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="result", body="empty")
        response = client.get_result(client.book())
        assert (response.status_code, response.content) == (200, b"")

    @pytest.mark.parametrize("body", [{}, {"data": []}, {"data": None, "code": 200}, {"error": "text"}])
    def test_body_can_be_any_json_object(self, client: ApiClient, body: dict[str, Any]) -> None:
        client.emulator.fault(endpoint="result", body=body)
        response = client.get_result(client.book())
        assert (response.status_code, response.json()) == (200, body)

    def test_body_can_be_combined_with_a_status(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", body="html", status=429, retry_after=3)
        response = client.submit()
        assert (response.status_code, response.headers["Retry-After"]) == (429, "3")
        assert response.text.startswith("<!DOCTYPE html>")


class TestDroppedConnection:
    @pytest.mark.parametrize(("drop", "submissions"), [("before", 0), ("after", 1)])
    def test_drop_after_books_and_drop_before_does_not(self, client: ApiClient, drop: str, submissions: int) -> None:
        client.emulator.fault(endpoint="submit", drop=drop)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.submit()
        assert booked(client) == submissions

    def test_drop_reads_a_large_request_first(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", drop="before")
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.submit("image-to-video", image="A" * 4_000_000, is_upload_media=True)

    def test_dropped_result_is_not_delivered(self, client: ApiClient) -> None:
        prediction_id = client.book_finished()
        client.emulator.fault(endpoint="result", drop="after")
        with pytest.raises(httpx.RemoteProtocolError):
            client.get_result(prediction_id)
        (entry,) = client.emulator.ledger()
        assert (entry["polls"], entry["delivered"]) == (1, False)

    def test_drop_applies_to_a_download(self, client: ApiClient) -> None:
        (link,) = client.get_data(client.book_finished())["outputs"]
        client.emulator.fault(endpoint="output", drop="before")
        with pytest.raises(httpx.RemoteProtocolError):
            client.keyless.get(link)

    def test_drop_does_not_affect_the_next_request(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", drop="before")
        with pytest.raises(httpx.RemoteProtocolError):
            client.submit()
        assert client.submit().status_code == 200


class TestTruncatedResponse:
    def test_submission_with_a_truncated_response_is_booked(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", truncate=True)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            client.submit()
        assert booked(client) == 1

    def test_truncated_result_is_not_delivered(self, client: ApiClient) -> None:
        prediction_id = client.book_finished()
        client.emulator.fault(endpoint="result", truncate=True)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            client.get_result(prediction_id)
        assert not client.emulator.ledger()[0]["delivered"]
        client.get_result(prediction_id)
        assert client.emulator.ledger()[0]["delivered"]

    def test_truncated_download_is_half_of_the_video(self, client: ApiClient) -> None:
        link = client.video_link()
        client.emulator.fault(endpoint="output", truncate=True)
        received = bytearray()
        with client.keyless.stream("GET", link) as response:
            length = int(response.headers["Content-Length"])
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                read_into(received, response)
        assert len(received) == length // 2
        assert client.keyless.get(link).content.startswith(received)

    def test_cached_half_of_the_video_has_the_length_of_the_half(self, client: ApiClient) -> None:
        link = client.video_link()
        whole = client.keyless.get(link).content
        client.emulator.fault(endpoint="output", truncate="cached")
        half = client.keyless.get(link)
        assert half.content == whole[: len(whole) // 2]
        assert (half.status_code, half.headers["Content-Length"]) == (200, str(len(whole) // 2))
        assert half.headers["Content-Type"] == "video/mp4"


class TestLatency:
    def test_delayed_response_is_unchanged(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="result", latency=0.02)
        assert client.get_data(client.book())["status"] == "created"

    @pytest.mark.parametrize(
        ("effect", "submissions"), [({}, 1), ({"status": 500}, 0), ({"status": 500, "book": True}, 1)]
    )
    def test_submission_is_booked_before_the_delay(
        self, client: ApiClient, effect: dict[str, Any], submissions: int
    ) -> None:
        client.emulator.fault(endpoint="submit", latency=600, **effect)
        with pytest.raises(httpx.ReadTimeout):
            client.http.post(
                "/api/v3/bytedance/seedance-2-0/text-to-video", json={"prompt": "a"}, timeout=httpx.Timeout(5, read=0.2)
            )
        assert booked(client) == submissions

    def test_result_after_a_client_timeout_is_not_delivered(self, client: ApiClient) -> None:
        prediction_id = client.book_finished()
        client.emulator.fault(endpoint="result", latency=600)
        with pytest.raises(httpx.ReadTimeout):
            client.http.get(f"/api/v3/predictions/{prediction_id}/result", timeout=httpx.Timeout(5, read=0.2))
        assert not client.emulator.ledger()[0]["delivered"]

    def test_latency_can_be_combined_with_drop(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", latency=0.02, drop="after")
        with pytest.raises(httpx.RemoteProtocolError):
            client.submit()
        assert booked(client) == 1


class TestVariant:
    def usual_and_changed(self, client: ApiClient, answer: str, **more: Any) -> tuple[Any, dict[str, Any]]:
        """Return the data of a normal response, and the response to a second poll that a fault changes."""
        prediction_id = client.book_finished()
        usual = client.get_data(prediction_id)
        client.emulator.fault(endpoint="result", answer=answer, **more)
        changed = client.get_result(prediction_id)
        assert changed.status_code == 200
        return usual, changed.json()

    def test_code_500_has_http_status_200(self, client: ApiClient) -> None:
        _, changed = self.usual_and_changed(client, "code-500")
        assert (changed["code"], changed["data"]) == (500, None)

    def test_list_data_wraps_the_data_in_a_list(self, client: ApiClient) -> None:
        usual, changed = self.usual_and_changed(client, "list-data")
        assert changed == {"data": [usual], "message": "success", "code": 200}

    def test_camel_case_renames_the_keys(self, client: ApiClient) -> None:
        usual, changed = self.usual_and_changed(client, "camel-case")
        data = changed["data"]
        assert (data.pop("createdAt"), data.pop("hasNsfwContents")) == (
            usual.pop("created_at"),
            usual.pop("has_nsfw_contents"),
        )
        assert data == usual

    def test_unknown_status_is_not_a_documented_status(self, client: ApiClient) -> None:
        _, changed = self.usual_and_changed(client, "unknown-status")
        known = {"created", "queued", "running", "succeeded", "failed", "expired"}
        assert changed["data"]["status"] not in known
        assert changed["data"]["outputs"] == []

    def test_empty_outputs_is_a_success_without_outputs(self, client: ApiClient) -> None:
        _, changed = self.usual_and_changed(client, "empty-outputs")
        assert (changed["data"]["status"], changed["data"]["outputs"]) == ("succeeded", [])

    def test_nsfw_flags_the_outputs(self, client: ApiClient) -> None:
        usual, changed = self.usual_and_changed(client, "nsfw")
        assert changed["data"] == {**usual, "has_nsfw_contents": [True]}

    def test_expired_has_no_outputs(self, client: ApiClient) -> None:
        _, changed = self.usual_and_changed(client, "expired")
        assert (changed["data"]["status"], changed["data"]["outputs"]) == ("expired", [])

    @pytest.mark.parametrize(("variant", "kind"), [("failed", dict), ("string-error", str)])
    def test_failed_has_an_error_and_no_outputs(self, client: ApiClient, variant: str, kind: type) -> None:
        _, changed = self.usual_and_changed(client, variant)
        assert (changed["data"]["status"], changed["data"]["outputs"]) == ("failed", [])
        assert isinstance(changed["data"]["error"], kind)

    def test_urls_list_wraps_the_urls_in_a_list(self, client: ApiClient) -> None:
        usual, changed = self.usual_and_changed(client, "urls-list")
        assert changed["data"] == {**usual, "urls": [usual["urls"]]}

    def test_foreign_urls_have_the_origin_of_location(self, client: ApiClient) -> None:
        usual, changed = self.usual_and_changed(client, "foreign-urls", location="http://elsewhere.example/")
        expected = f"http://elsewhere.example/api/v3/predictions/{usual['id']}/result"
        assert changed["data"] == {**usual, "urls": {"get": expected}}

    def test_redirect_has_status_and_location(self, client: ApiClient) -> None:
        elsewhere = "http://elsewhere.example/anything"
        prediction_id = client.book()
        client.emulator.faults(
            [
                {"endpoint": "result", "answer": "redirect", "location": elsewhere},
                {"endpoint": "submit", "answer": "redirect", "location": elsewhere, "status": 308},
            ]
        )
        polled, submitted = client.get_result(prediction_id), client.submit()
        assert (polled.status_code, polled.headers["Location"]) == (307, elsewhere)
        assert (submitted.status_code, submitted.headers["Location"]) == (308, elsewhere)
        assert booked(client) == 1

    @pytest.mark.parametrize("variant", ["empty-outputs", "nsfw"])
    def test_success_variant_stays_pending_until_a_success(self, client: ApiClient, variant: str) -> None:
        client.emulator.fault(endpoint="result", answer=variant)
        prediction_id = client.book()
        client.get_data(prediction_id)
        assert len(client.emulator.faults()) == 1
        client.advance(3600)
        client.get_data(prediction_id)
        assert client.emulator.faults() == []

    @pytest.mark.parametrize(
        "variant", ["code-500", "unknown-status", "empty-outputs", "expired", "failed", "string-error"]
    )
    def test_variant_without_outputs_is_not_delivered(self, client: ApiClient, variant: str) -> None:
        prediction_id = client.book_finished()
        client.emulator.fault(endpoint="result", answer=variant)
        client.get_result(prediction_id)
        assert client.emulator.totals()["delivered"] == 0

    @pytest.mark.parametrize("variant", ["list-data", "camel-case", "nsfw", "urls-list"])
    def test_variant_with_outputs_is_delivered(self, client: ApiClient, variant: str) -> None:
        prediction_id = client.book_finished()
        client.emulator.fault(endpoint="result", answer=variant)
        client.get_result(prediction_id)
        assert client.emulator.totals()["delivered"] == 1

    def test_variant_applies_to_a_submission(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", answer="list-data")
        (data,) = client.submit().json()["data"]
        assert data["id"] == client.emulator.ledger()[0]["id"]

    def test_variant_does_not_change_a_refusal(self, client: ApiClient) -> None:
        client.emulator.fault(endpoint="submit", answer="list-data")
        assert client.submit(duration=99).status_code == 400

    def test_variant_does_not_change_the_prediction(self, client: ApiClient) -> None:
        usual, _ = self.usual_and_changed(client, "expired")
        assert client.get_data(usual["id"]) == usual


class TestStopAnswering:
    def test_stopped_service_drops_every_request_and_books_nothing(self, client: ApiClient) -> None:
        prediction_id = client.book()
        client.emulator.stop_answering(60)
        for path in (f"/api/v3/predictions/{prediction_id}/result", "/v1/models"):
            with pytest.raises(httpx.RemoteProtocolError):
                client.http.get(path)
        with pytest.raises(httpx.RemoteProtocolError):
            client.submit()
        assert booked(client) == 1
        assert client.emulator.totals()["polls"] == 0

    def test_stopped_service_resumes_after_the_time_or_with_0(self, client: ApiClient) -> None:
        client.emulator.stop_answering(60)
        client.advance(60)
        assert client.submit().status_code == 200
        client.emulator.stop_answering(60)
        client.emulator.stop_answering(0)
        assert client.submit().status_code == 200


class TestRequestRecords:
    def test_record_contains_the_effects_of_the_fault(self, client: ApiClient) -> None:
        client.emulator.faults(
            [
                {"endpoint": "submit", "drop": "after"},
                {"endpoint": "submit", "truncate": True},
                {"endpoint": "submit", "status": 429, "latency": 0.01},
                {"endpoint": "submit", "body": {}},
            ]
        )
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                client.submit()
        for _ in range(3):
            client.submit()
        assert [(each["status"], each["fault"]) for each in client.emulator.requests()] == [
            (None, "drop after"),
            (200, "truncate"),
            (429, "latency 0.01, status 429"),
            (200, "body"),
            (200, None),
        ]
