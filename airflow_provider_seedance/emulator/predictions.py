"""
A prediction: its status at a given time, and its final status.

Markers in the prompt set the final status at submission:

``[policy]``, ``[policy-type]``
    Refused by the content policy: HTTP 400; the body contains 503 in ``code`` or in ``error.type``.
``[policy-late]``
    Accepted; fails with ``OutputVideoSensitiveContentDetected``.
``[policy-audio]``
    Accepted; fails with ``OutputAudioSensitiveContentDetected`` unless the video has no sound.
``[fail]``
    Accepted; fails with an internal error, as a plain string.
``[expire]``
    Accepted; expires.
``[nsfw]``
    Accepted; succeeds, with the output flagged in ``has_nsfw_contents``.
``[shape:NAME]``
    Answers of another shape (:mod:`airflow_provider_seedance.emulator.marks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from airflow_provider_seedance.emulator.marks import read_mark
from airflow_provider_seedance.emulator.rules import Submission
from airflow_provider_seedance.emulator.settings import Settings

Status = Literal["created", "queued", "running", "succeeded", "failed", "expired"]
Ending = Literal["succeeded", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class Fate:
    """How a prediction ends: final status, ``error`` of the response, and whether the video is flagged as NSFW."""

    status: Ending = "succeeded"
    error: str | Mapping[str, str] | None = None
    nsfw: bool = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """
    One booked prediction; immutable.

    :param id: 32 hex characters, or the form of a shape.
    :param submitted_at: Time of the submission, in seconds since 1970.
    :param queued_at: Time when it becomes ``queued``.
    :param running_at: Time when it becomes ``running``.
    :param finished_at: Time when it ends.
    :param fate: How it ends.
    :param vendor: Vendor segment of the submit URL.
    :param model: Model id as sent.
    :param mode: Mode as sent.
    :param parameters: Parameters as sent; length and checksum replace uploaded media.
    :param prompt: The prompt.
    :param seconds: Duration of the video.
    :param resolution: Resolution of the video.
    :param aspect_ratio: Aspect ratio of the video.
    :param sound: Whether the video has sound.
    :param seed: Seed of the video; random if the request has none.
    :param cost: Estimated cost in USD; ``None`` if no price is published.
    """

    id: str
    submitted_at: float
    queued_at: float
    running_at: float
    finished_at: float
    fate: Fate
    vendor: str
    model: str
    mode: str
    parameters: Mapping[str, Any]
    prompt: str
    seconds: int
    resolution: str
    aspect_ratio: str
    sound: bool
    seed: int
    cost: str | None

    def is_over(self, now: float) -> bool:
        """Return whether the prediction has ended."""
        return now > self.finished_at

    def status(self, now: float) -> Status:
        """Return the status at a time; at the time of submission it is always ``created``."""
        if self.is_over(now):
            return self.fate.status
        if now > self.running_at:
            return "running"
        return "queued" if now > self.queued_at else "created"

    def times(self, now: float) -> dict[str, float]:
        """Return the start time of each status that is reached by now."""
        times = {"queued": self.queued_at, "running": self.running_at, self.fate.status: self.finished_at}
        return {"created": self.submitted_at, **{status: at for status, at in times.items() if now > at}}


def policy_marker(prompt: str) -> Literal["code", "type"] | None:
    """Return which field of a content policy refusal contains 503; ``None`` without a marker."""
    lowered = prompt.lower()
    if "[policy]" in lowered:
        return "code"
    return "type" if "[policy-type]" in lowered else None


def decide_fate(prompt: str, *, sound: bool) -> Fate:
    """Return how a prediction ends, from the markers in its prompt."""
    lowered = prompt.lower()
    if "[policy-late]" in lowered:
        return Fate("failed", _sensitive("OutputVideoSensitiveContentDetected", "video"))
    if "[policy-audio]" in lowered and sound:
        return Fate("failed", _sensitive("OutputAudioSensitiveContentDetected", "audio"))
    if "[fail]" in lowered:
        return Fate("failed", "The service encountered an unexpected internal error.")
    if "[expire]" in lowered:
        return Fate("expired", "The prediction expired before it was finished.")
    mark = read_mark(prompt)
    if mark is not None and mark.polls is None and mark.shape.ends is not None:
        return Fate(mark.shape.ends)
    return Fate(nsfw="[nsfw]" in lowered)


def plan(
    submission: Submission, settings: Settings, now: float, *, prediction_id: str, random_seed: int, cost: str | None
) -> Prediction:
    """
    Create the prediction for a submission.

    Its times are final: a later change of the settings applies to later submissions only.

    :param submission: The checked request.
    :param settings: Contains the duration of each status.
    :param now: Time of the submission.
    :param prediction_id: Id of the prediction.
    :param random_seed: Seed for a request without a seed.
    :param cost: Estimated cost in USD.
    """
    queued_at = now + settings.seconds_created
    running_at = queued_at + settings.seconds_queued
    return Prediction(
        id=prediction_id,
        submitted_at=now,
        queued_at=queued_at,
        running_at=running_at,
        finished_at=running_at + settings.seconds_running,
        fate=decide_fate(submission.prompt, sound=submission.sound),
        vendor=submission.target.vendor,
        model=submission.target.model,
        mode=submission.target.mode.value,
        parameters=submission.parameters,
        prompt=submission.prompt,
        seconds=submission.seconds,
        resolution=submission.resolution,
        aspect_ratio=submission.aspect_ratio,
        sound=submission.sound,
        seed=random_seed if submission.seed < 0 else submission.seed,
        cost=cost,
    )


def to_json(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as JSON."""
    return asdict(prediction)


def from_json(values: Mapping[str, Any]) -> Prediction:
    """Restore a prediction from the result of :func:`to_json`."""
    return Prediction(**{**values, "fate": Fate(**values["fate"])})


def _sensitive(code: str, medium: str) -> Mapping[str, str]:
    return {
        "code": code,
        "message": f"{code}: the request failed because the output {medium} may contain sensitive information.",
    }
