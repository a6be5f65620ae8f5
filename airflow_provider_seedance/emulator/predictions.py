"""
One generation: where it stands at a given time and how it ends.

How it ends is decided when it is booked, by markers in the prompt:

``[policy]``, ``[policy-type]``
    The submission is refused for its content: HTTP 400, with the 503 in the body's ``code`` or in ``error.type``.
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
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from airflow_provider_seedance.emulator.rules import Submission
from airflow_provider_seedance.emulator.settings import Settings

Status = Literal["created", "queued", "running", "succeeded", "failed", "expired"]
Ending = Literal["succeeded", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class Fate:
    """How a generation ends: its status, its error as the answer shows it, and whether the video is flagged."""

    status: Ending = "succeeded"
    error: str | Mapping[str, str] | None = None
    nsfw: bool = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """
    One booked generation; all about it that never changes.

    :param id: 32 hex characters.
    :param submitted_at: When it was booked, in seconds since 1970.
    :param queued_at: When it starts waiting.
    :param running_at: When it starts running.
    :param finished_at: When it ends.
    :param fate: How it ends.
    :param vendor: Vendor segment of the address it was submitted to.
    :param model: Model id as sent.
    :param mode: Mode as sent.
    :param parameters: Parameters as sent, uploaded media shortened.
    :param prompt: The prompt.
    :param seconds: Length of the video.
    :param resolution: Resolution of the video.
    :param aspect_ratio: Aspect ratio of the video.
    :param sound: Whether the video has sound.
    :param seed: Seed of the video, chosen when none was sent.
    :param cost: Estimated cost in USD; ``None`` where no price is published.
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
        """Return whether the generation has ended."""
        return now > self.finished_at

    def status(self, now: float) -> Status:
        """Return where the generation stands: at the time of booking ``created``, however short that lasts."""
        if self.is_over(now):
            return self.fate.status
        if now > self.running_at:
            return "running"
        return "queued" if now > self.queued_at else "created"

    def times(self, now: float) -> dict[str, float]:
        """Return when each status that is reached by now began."""
        times = {"queued": self.queued_at, "running": self.running_at, self.fate.status: self.finished_at}
        return {"created": self.submitted_at, **{status: at for status, at in times.items() if now > at}}


def policy_marker(prompt: str) -> Literal["code", "type"] | None:
    """Return how a submission is refused for its content, if a marker asks for that."""
    lowered = prompt.lower()
    if "[policy]" in lowered:
        return "code"
    return "type" if "[policy-type]" in lowered else None


def decide_fate(prompt: str, *, sound: bool) -> Fate:
    """Return how a generation ends, from the markers in its prompt."""
    lowered = prompt.lower()
    if "[policy-late]" in lowered:
        return Fate("failed", _sensitive("OutputVideoSensitiveContentDetected", "video"))
    if "[policy-audio]" in lowered and sound:
        return Fate("failed", _sensitive("OutputAudioSensitiveContentDetected", "audio"))
    if "[fail]" in lowered:
        return Fate("failed", "The service encountered an unexpected internal error.")
    if "[expire]" in lowered:
        return Fate("expired", "The prediction expired before it was finished.")
    return Fate(nsfw="[nsfw]" in lowered)


def plan(
    submission: Submission, settings: Settings, now: float, *, prediction_id: str, random_seed: int, cost: str | None
) -> Prediction:
    """
    Return the prediction that a submission becomes.

    Its times are fixed here, so a later change of the settings concerns later submissions only.

    :param submission: What was sent, checked.
    :param settings: How long each status lasts.
    :param now: Time of booking.
    :param prediction_id: Id to give.
    :param random_seed: Seed to use when none was sent.
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
    """Return the prediction that :func:`to_json` wrote."""
    return Prediction(**{**values, "fate": Fate(**values["fate"])})


def _sensitive(code: str, what: str) -> Mapping[str, str]:
    return {
        "code": code,
        "message": f"{code}: the request failed because the output {what} may contain sensitive information.",
    }
