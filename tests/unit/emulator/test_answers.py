"""What the emulator answers: the envelope of the page, the way of a prediction through time, and how it ends."""

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
from tests.unit.emulator.customer import FAST, Customer


class TestEnvelope:
    def test_of_a_submission_is_that_of_the_page(self, customer: Customer) -> None:
        answer = customer.submit()
        prediction_id = answer.json()["data"]["id"]
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {
            "data": {
                "id": prediction_id,
                "model": FAST,
                "outputs": [],
                "urls": {"get": f"{customer.emulator.url}/api/v3/predictions/{prediction_id}/result"},
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

    def test_of_a_result_is_the_same_with_the_outputs(self, customer: Customer) -> None:
        customer.emulator.settings(seconds_created=1, seconds_queued=10, seconds_running=60)
        submitted = customer.submit().json()
        customer.wait(100)
        data = submitted["data"]
        assert customer.ask(data["id"]).json() == {
            "data": {
                **data,
                "status": "succeeded",
                "outputs": [f"{customer.emulator.url}/outputs/{data['id']}/0.mp4"],
                "executionTime": 71_000,
                "timings": {"inference": 60_000},
                "has_nsfw_contents": [False],
            },
            "message": "success",
            "code": 200,
        }

    def test_names_the_model_as_it_was_sent(self, customer: Customer) -> None:
        assert customer.submit(model="seedance-2-0-mini").json()["data"]["model"] == "seedance-2-0-mini"

    def test_has_an_id_of_32_hex_characters_that_is_new_each_time(self, customer: Customer) -> None:
        ids = {customer.book() for _ in range(3)}
        assert len(ids) == 3
        assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)

    def test_has_an_address_to_ask_that_works(self, customer: Customer) -> None:
        data = customer.submit().json()["data"]
        assert customer.http.get(data["urls"]["get"]).json()["data"]["id"] == data["id"]

    def test_has_links_with_the_public_address_where_one_is_set(self, customer: Customer) -> None:
        customer.emulator.settings(public_url="https://videos.example.com/")
        prediction_id = customer.book_finished()
        assert customer.see(prediction_id)["outputs"] == [f"https://videos.example.com/outputs/{prediction_id}/0.mp4"]


class TestTime:
    def test_takes_a_prediction_through_every_status(self, customer: Customer) -> None:
        customer.emulator.settings(seconds_created=2, seconds_queued=20, seconds_running=200)
        prediction_id = customer.book()
        seen = []
        for seconds in (1, 2, 18, 3, 190, 10):
            customer.wait(seconds)
            seen.append(customer.see(prediction_id)["status"])
        assert seen == ["created", "queued", "queued", "running", "running", "succeeded"]

    def test_is_needed_even_when_every_status_lasts_no_time(self, customer: Customer) -> None:
        customer.emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=0)
        submitted = customer.submit().json()["data"]
        assert submitted["status"] == "created"
        customer.wait(0.001)
        assert customer.see(submitted["id"])["status"] == "succeeded"

    def test_is_fixed_when_a_prediction_is_booked(self, customer: Customer) -> None:
        prediction_id = customer.book()
        customer.emulator.settings(seconds_running=1_000_000)
        customer.wait(3600)
        assert customer.see(prediction_id)["status"] == "succeeded"

    def test_shows_no_outputs_before_the_end(self, customer: Customer) -> None:
        prediction_id = customer.book()
        customer.wait(2)
        data = customer.see(prediction_id)
        assert data["status"] == "running"
        assert data["outputs"] == data["has_nsfw_contents"] == []
        assert customer.keyless.get(f"/outputs/{prediction_id}/0.mp4").status_code == 404


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
    def test_is_decided_by_a_marker_in_the_prompt(
        self, customer: Customer, marker: str, status: str, error: str
    ) -> None:
        prediction_id = customer.book(prompt=f"A fox {marker}")
        assert customer.see(prediction_id)["error"] is None
        customer.wait(3600)
        data = customer.see(prediction_id)
        assert data["status"] == status
        assert error in str(data["error"])
        assert data["outputs"] == data["has_nsfw_contents"] == []

    def test_tells_a_failure_as_text_or_as_an_object(self, customer: Customer) -> None:
        assert isinstance(customer.see(customer.book_finished(prompt="[fail]"))["error"], str)
        error = customer.see(customer.book_finished(prompt="[policy-late]"))["error"]
        assert set(error) == {"code", "message"}

    def test_is_good_without_the_sound_that_was_at_fault(self, customer: Customer) -> None:
        prediction_id = customer.book_finished(prompt="A fox [policy-audio]", generate_audio=False)
        assert customer.see(prediction_id)["status"] == "succeeded"

    def test_may_be_flagged(self, customer: Customer) -> None:
        data = customer.see(customer.book_finished(prompt="A fox [nsfw]"))
        assert (data["status"], data["has_nsfw_contents"]) == ("succeeded", [True])

    def test_stays(self, customer: Customer) -> None:
        prediction_id = customer.book_finished(prompt="[expire]")
        assert customer.see(prediction_id) == customer.see(prediction_id)


class TestOutput:
    def test_needs_no_key(self, customer: Customer) -> None:
        link = customer.link_to_video()
        answer = customer.keyless.get(link)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")
        assert answer.content[4:8] == b"ftyp"

    def test_can_be_read_in_parts(self, customer: Customer) -> None:
        link = customer.link_to_video()
        answer = customer.keyless.get(link, headers={"Range": "bytes=4-7"})
        assert (answer.status_code, answer.content) == (206, b"ftyp")

    def test_is_gone_after_a_day(self, customer: Customer) -> None:
        link = customer.link_to_video()
        customer.wait(22 * 3600)
        assert customer.keyless.get(link).status_code == 200
        customer.wait(2 * 3600)
        assert customer.keyless.get(link).status_code == 403
        # The prediction itself can still be asked for.
        assert customer.see(customer.emulator.ledger()[0]["id"])["outputs"] == [link]

    def test_is_there_for_ever_when_so_set(self, customer: Customer) -> None:
        customer.emulator.settings(link_seconds=None)
        link = customer.link_to_video()
        customer.wait(1e9)
        assert customer.keyless.get(link).status_code == 200

    @pytest.mark.parametrize("name", ["1.mp4", "0.mp4.part", "..%2F0.mp4"])
    def test_is_the_only_file(self, customer: Customer, name: str) -> None:
        prediction_id = customer.book_finished()
        assert customer.keyless.get(f"/outputs/{prediction_id}/{name}").status_code == 404

    @pytest.mark.parametrize("marker", ["[fail]", "[expire]"])
    def test_exists_for_a_success_only(self, customer: Customer, marker: str) -> None:
        prediction_id = customer.book_finished(prompt=marker)
        assert customer.keyless.get(f"/outputs/{prediction_id}/0.mp4").status_code == 404


class TestModelList:
    def test_names_every_model(self, customer: Customer) -> None:
        answer = customer.http.get("/v1/models")
        assert answer.status_code == 200
        assert {each["id"] for each in answer.json()["data"]} == {row["id"] for row in read_table("models")}


class TestRateLimit:
    def test_is_told_with_429_and_when_to_come_back(self, customer: Customer) -> None:
        customer.emulator.settings(requests_per_second=0.1)
        assert customer.submit().status_code == 200
        answer = customer.submit()
        assert answer.status_code == 429
        assert answer.json()["error"]["type"] == "429"
        assert answer.headers["Retry-After"] == "10"
        assert len(customer.emulator.ledger()) == 1

    def test_lets_pass_who_comes_back_then(self, customer: Customer) -> None:
        customer.emulator.settings(requests_per_second=0.1)
        prediction_id = customer.book()
        assert customer.ask(prediction_id).status_code == 429
        customer.wait(10)
        assert customer.ask(prediction_id).status_code == 200

    def test_allows_the_requests_of_a_second_at_once(self, customer: Customer) -> None:
        customer.emulator.settings(requests_per_second=3)
        assert [customer.http.get("/v1/models").status_code for _ in range(5)] == [200, 200, 200, 429, 429]

    def test_can_concern_submissions_alone(self, customer: Customer) -> None:
        customer.emulator.settings(submissions_per_second=1)
        prediction_id = customer.book()
        assert customer.submit().status_code == 429
        assert customer.ask(prediction_id).status_code == 200


class TestSenderWhoLeaves:
    async def test_in_the_midst_of_a_request_has_submitted_nothing(self) -> None:
        service, videos = Service(), Videos()
        messages: Iterator[Message] = iter(
            [
                {"type": "http.request", "body": b'{"prompt": "a fox"}', "more_body": True},
                {"type": "http.disconnect"},
                {"type": "http.disconnect"},
            ]
        )
        sent: list[Message] = []
        hung_up: list[bool] = []

        async def receive() -> Message:
            return next(messages)

        async def send(message: Message) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": f"/api/v3/bytedance/{FAST}/text-to-video",
            "headers": [(b"authorization", b"sk-emulator"), (b"content-type", b"application/json")],
            "state": {"emulator.hang_up": lambda: hung_up.append(True)},
        }
        await create_app(service, videos)(scope, receive, send)
        videos.close()
        assert service.ledger.shown(0)["submissions"] == sent == []
        assert hung_up
