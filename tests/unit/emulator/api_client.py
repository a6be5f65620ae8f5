"""An HTTP client for the tests; it also advances the clock of the emulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.rules import Submission, Target, check_submission, check_target

#: 2026-01-01 00:00:00 UTC, as in the example response of GPTProto's API page.
START = 1767225600.0
KEY = "sk-emulator"
FAST = "doubao-seedance-2-0-fast-260128"
#: The smallest valid request of each mode.
REQUESTS: dict[str, dict[str, Any]] = {
    "text-to-video": {"prompt": "A red fox runs over the snow"},
    "image-to-video": {"prompt": "The fox turns its head", "image": "https://example.com/fox.png"},
    "reference-to-video": {"prompt": "The fox, once more", "images": ["https://example.com/fox.png"]},
}


@dataclass(slots=True)
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Sends API requests to the emulator and controls its clock."""

    emulator: Emulator
    #: Sends the key with every request.
    http: httpx.Client
    #: Sends no key.
    keyless: httpx.Client
    clock: Clock

    def submit(
        self, mode: str = "text-to-video", *, model: str = FAST, vendor: str = "bytedance", **changes: Any
    ) -> httpx.Response:
        return self.http.post(f"/api/v3/{vendor}/{model}/{mode}", json=REQUESTS[mode] | changes)

    def post(self, payload: Any, mode: str = "text-to-video") -> httpx.Response:
        return self.http.post(f"/api/v3/bytedance/{FAST}/{mode}", json=payload)

    def book(self, mode: str = "text-to-video", **changes: Any) -> str:
        response = self.submit(mode, **changes)
        assert response.status_code == 200, response.text
        return str(response.json()["data"]["id"])

    def book_finished(self, mode: str = "text-to-video", **changes: Any) -> str:
        prediction_id = self.book(mode, **changes)
        self.advance(3600)
        return prediction_id

    def get_result(self, prediction_id: str) -> httpx.Response:
        return self.http.get(f"/api/v3/predictions/{prediction_id}/result")

    def get_data(self, prediction_id: str) -> dict[str, Any]:
        response = self.get_result(prediction_id)
        assert response.status_code == 200, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    def video_link(self, **changes: Any) -> str:
        # A fixed seed, so that the store encodes the video only once.
        video: dict[str, Any] = {"duration": 4, "resolution": "480p", "seed": 1}
        (link,) = self.get_data(self.book_finished(**video | changes))["outputs"]
        return str(link)

    def advance(self, seconds: float) -> None:
        self.clock.now += seconds


def submission_of(mode: str = "text-to-video", *, model: str = FAST, **changes: Any) -> Submission:
    """Return the checked submission for a valid request, without HTTP."""
    target = check_target("bytedance", model, mode)
    assert isinstance(target, Target)
    submission = check_submission(target, REQUESTS[mode] | changes)
    assert isinstance(submission, Submission)
    return submission
