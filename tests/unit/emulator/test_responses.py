"""Tests of the responses: envelope, status over time, final status, outputs and rate limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message

from airflow_provider_seedance.emulator.app import create_app
from airflow_provider_seedance.emulator.service import Service
from airflow_provider_seedance.emulator.videos import Videos
from tests.specification import read_table
from tests.unit.emulator.api_client import FAST, ApiClient


class TestEnvelope:
    def test_submission_returns_the_documented_envelope(self, client: ApiClient) -> None:
        response = client.submit()
        prediction_id = response.json()["data"]["id"]
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
        assert response.json() == {
            "data": {
                "id": prediction_id,
                "model": FAST,
                "outputs": [],
                "urls": {"get": f"{client.emulator.url}/api/v3/predictions/{prediction_id}/result"},
                "status": "created",
                "error": None,
                "executionTime": 0,
                "timings": {"inference": 0},
                "has_nsfw_contents": [],
                "created_at": "2026-01-01 00:00:00",
            },
            "message": "success",
            "code": 200,
        }

    def test_result_adds_outputs_and_times_to_the_envelope(self, client: ApiClient) -> None:
        client.emulator.settings(seconds_created=1, seconds_queued=10, seconds_running=60)
        submitted = client.submit().json()
        client.advance(100)
        data = submitted["data"]
        assert client.get_result(data["id"]).json() == {
            "data": {
                **data,
                "status": "succeeded",
                "outputs": [f"{client.emulator.url}/outputs/{data['id']}/0.mp4"],
                "executionTime": 71_000,
                "timings": {"inference": 60_000},
                "has_nsfw_contents": [False],
            },
            "message": "success",
            "code": 200,
        }

    def test_envelope_has_the_model_id_as_sent(self, client: ApiClient) -> None:
        assert client.submit(model="seedance-2-0-mini").json()["data"]["model"] == "seedance-2-0-mini"

    def test_prediction_id_is_unique_and_has_32_hex_characters(self, client: ApiClient) -> None:
        ids = {client.book() for _ in range(3)}
        assert len(ids) == 3
        assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)

    def test_result_url_of_the_envelope_works(self, client: ApiClient) -> None:
        data = client.submit().json()["data"]
        assert client.http.get(data["urls"]["get"]).json()["data"]["id"] == data["id"]

    def test_public_url_is_the_base_of_output_links(self, client: ApiClient) -> None:
        client.emulator.settings(public_url="https://videos.example.com/")
        prediction_id = client.book_finished()
        assert client.get_data(prediction_id)["outputs"] == [
            f"https://videos.example.com/outputs/{prediction_id}/0.mp4"
        ]


class TestStatus:
    def test_prediction_passes_through_every_status(self, client: ApiClient) -> None:
        client.emulator.settings(seconds_created=2, seconds_queued=20, seconds_running=200)
        prediction_id = client.book()
        statuses = []
        for seconds in (1, 2, 18, 3, 190, 10):
            client.advance(seconds)
            statuses.append(client.get_data(prediction_id)["status"])
        assert statuses == ["created", "queued", "queued", "running", "running", "succeeded"]

    def test_prediction_starts_as_created_even_with_zero_durations(self, client: ApiClient) -> None:
        client.emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=0)
        submitted = client.submit().json()["data"]
        assert submitted["status"] == "created"
        client.advance(0.001)
        assert client.get_data(submitted["id"])["status"] == "succeeded"

    def test_later_settings_do_not_change_a_booked_prediction(self, client: ApiClient) -> None:
        prediction_id = client.book()
        client.emulator.settings(seconds_running=1_000_000)
        client.advance(3600)
        assert client.get_data(prediction_id)["status"] == "succeeded"

    def test_running_prediction_has_no_outputs(self, client: ApiClient) -> None:
        prediction_id = client.book()
        client.advance(2)
        data = client.get_data(prediction_id)
        assert data["status"] == "running"
        assert data["outputs"] == data["has_nsfw_contents"] == []
        assert client.keyless.get(f"/outputs/{prediction_id}/0.mp4").status_code == 404


class TestEnding:
    @pytest.mark.parametrize(
        ("marker", "status", "error"),
        [
            ("[fail]", "failed", "internal error"),
            ("[expire]", "expired", "expired"),
            ("[policy-late]", "failed", "OutputVideoSensitiveContentDetected"),
            ("[policy-audio]", "failed", "OutputAudioSensitiveContentDetected"),
        ],
    )
    def test_marker_in_the_prompt_sets_the_final_status(
        self, client: ApiClient, marker: str, status: str, error: str
    ) -> None:
        prediction_id = client.book(prompt=f"A fox {marker}")
        assert client.get_data(prediction_id)["error"] is None
        client.advance(3600)
        data = client.get_data(prediction_id)
        assert data["status"] == status
        assert error in str(data["error"])
        assert data["outputs"] == data["has_nsfw_contents"] == []

    def test_error_is_a_string_or_an_object(self, client: ApiClient) -> None:
        assert isinstance(client.get_data(client.book_finished(prompt="[fail]"))["error"], str)
        error = client.get_data(client.book_finished(prompt="[policy-late]"))["error"]
        assert set(error) == {"code", "message"}

    def test_policy_audio_without_sound_succeeds(self, client: ApiClient) -> None:
        prediction_id = client.book_finished(prompt="A fox [policy-audio]", generate_audio=False)
        assert client.get_data(prediction_id)["status"] == "succeeded"

    def test_nsfw_marker_flags_the_output(self, client: ApiClient) -> None:
        data = client.get_data(client.book_finished(prompt="A fox [nsfw]"))
        assert (data["status"], data["has_nsfw_contents"]) == ("succeeded", [True])

    def test_final_status_does_not_change(self, client: ApiClient) -> None:
        prediction_id = client.book_finished(prompt="[expire]")
        assert client.get_data(prediction_id) == client.get_data(prediction_id)


class TestOutput:
    def test_output_requires_no_key(self, client: ApiClient) -> None:
        link = client.video_link()
        response = client.keyless.get(link)
        assert (response.status_code, response.headers["Content-Type"]) == (200, "video/mp4")
        assert response.content[4:8] == b"ftyp"

    def test_output_supports_range_requests(self, client: ApiClient) -> None:
        link = client.video_link()
        response = client.keyless.get(link, headers={"Range": "bytes=4-7"})
        assert (response.status_code, response.content) == (206, b"ftyp")

    def test_output_link_expires_after_a_day(self, client: ApiClient) -> None:
        link = client.video_link()
        client.advance(22 * 3600)
        assert client.keyless.get(link).status_code == 200
        client.advance(2 * 3600)
        assert client.keyless.get(link).status_code == 403
        # The result of the prediction is still available.
        assert client.get_data(client.emulator.ledger()[0]["id"])["outputs"] == [link]

    def test_output_link_without_lifetime_does_not_expire(self, client: ApiClient) -> None:
        client.emulator.settings(link_seconds=None)
        link = client.video_link()
        client.advance(1e9)
        assert client.keyless.get(link).status_code == 200

    @pytest.mark.parametrize("name", ["1.mp4", "0.mp4.part", "..%2F0.mp4"])
    def test_other_output_file_is_404(self, client: ApiClient, name: str) -> None:
        prediction_id = client.book_finished()
        assert client.keyless.get(f"/outputs/{prediction_id}/{name}").status_code == 404

    @pytest.mark.parametrize("marker", ["[fail]", "[expire]"])
    def test_output_of_an_unsuccessful_prediction_is_404(self, client: ApiClient, marker: str) -> None:
        prediction_id = client.book_finished(prompt=marker)
        assert client.keyless.get(f"/outputs/{prediction_id}/0.mp4").status_code == 404


class TestModelList:
    def test_model_list_has_every_documented_model(self, client: ApiClient) -> None:
        response = client.http.get("/v1/models")
        assert response.status_code == 200
        assert {each["id"] for each in response.json()["data"]} == {row["id"] for row in read_table("models")}


class TestRateLimit:
    def test_rate_limit_returns_429_with_retry_after(self, client: ApiClient) -> None:
        client.emulator.settings(requests_per_second=0.1)
        assert client.submit().status_code == 200
        response = client.submit()
        assert response.status_code == 429
        assert response.json()["error"]["type"] == "429"
        assert response.headers["Retry-After"] == "10"
        assert len(client.emulator.ledger()) == 1

    def test_request_after_retry_after_is_accepted(self, client: ApiClient) -> None:
        client.emulator.settings(requests_per_second=0.1)
        prediction_id = client.book()
        assert client.get_result(prediction_id).status_code == 429
        client.advance(10)
        assert client.get_result(prediction_id).status_code == 200

    def test_rate_limit_allows_a_burst_of_one_second(self, client: ApiClient) -> None:
        client.emulator.settings(requests_per_second=3)
        assert [client.http.get("/v1/models").status_code for _ in range(5)] == [200, 200, 200, 429, 429]

    def test_submission_rate_limit_does_not_limit_polls(self, client: ApiClient) -> None:
        client.emulator.settings(submissions_per_second=1)
        prediction_id = client.book()
        assert client.submit().status_code == 429
        assert client.get_result(prediction_id).status_code == 200


class TestClientDisconnect:
    async def test_incomplete_request_is_not_booked(self) -> None:
        service, videos = Service(), Videos()
        messages: Iterator[Message] = iter(
            [
                {"type": "http.request", "body": b'{"prompt": "a fox"}', "more_body": True},
                {"type": "http.disconnect"},
                {"type": "http.disconnect"},
            ]
        )
        sent: list[Message] = []
        closed: list[bool] = []

        async def receive() -> Message:
            return next(messages)

        async def send(message: Message) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": f"/api/v3/bytedance/{FAST}/text-to-video",
            "headers": [(b"authorization", b"sk-emulator"), (b"content-type", b"application/json")],
            "state": {"emulator.close_connection": lambda: closed.append(True)},
        }
        await create_app(service, videos)(scope, receive, send)
        videos.close()
        assert service.ledger.to_json(0)["submissions"] == sent == []
        assert closed
