"""A customer who speaks plain HTTP to the emulator, and moves its clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.rules import Submission, Target, check_submission, check_target

#: The time in the page's example of an answer: 2026-01-01 00:00:00 UTC.
START = 1767225600.0
KEY = "sk-emulator"
FAST = "doubao-seedance-2-0-fast-260128"
#: The smallest request of each mode that is in order.
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
class Customer:
    """What a customer of the service does, and the passing of time."""

    emulator: Emulator
    #: Sends the key with every request.
    http: httpx.Client
    #: Has no key.
    keyless: httpx.Client
    clock: Clock

    def submit(
        self, mode: str = "text-to-video", *, model: str = FAST, vendor: str = "bytedance", **changes: Any
    ) -> httpx.Response:
        return self.http.post(f"/api/v3/{vendor}/{model}/{mode}", json=REQUESTS[mode] | changes)

    def post(self, payload: Any, mode: str = "text-to-video") -> httpx.Response:
        return self.http.post(f"/api/v3/bytedance/{FAST}/{mode}", json=payload)

    def book(self, mode: str = "text-to-video", **changes: Any) -> str:
        answer = self.submit(mode, **changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["id"])

    def book_finished(self, mode: str = "text-to-video", **changes: Any) -> str:
        prediction_id = self.book(mode, **changes)
        self.wait(3600)
        return prediction_id

    def ask(self, prediction_id: str) -> httpx.Response:
        return self.http.get(f"/api/v3/predictions/{prediction_id}/result")

    def see(self, prediction_id: str) -> dict[str, Any]:
        answer = self.ask(prediction_id)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def link_to_video(self, **changes: Any) -> str:
        # With a seed of its own every such video would be made anew.
        video: dict[str, Any] = {"duration": 4, "resolution": "480p", "seed": 1}
        (link,) = self.see(self.book_finished(**video | changes))["outputs"]
        return str(link)

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds


def submission_of(mode: str = "text-to-video", *, model: str = FAST, **changes: Any) -> Submission:
    """Return what the emulator makes of a request that is in order, without any HTTP."""
    target = check_target("bytedance", model, mode)
    assert isinstance(target, Target)
    submission = check_submission(target, REQUESTS[mode] | changes)
    assert isinstance(submission, Submission)
    return submission
