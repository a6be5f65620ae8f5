"""
Validation of a submission by the rules of GPTProto's API page; pure functions.

It refuses what neither the page nor GPTProto's lists have, and most of what ByteDance is known to refuse. So it refuses
values that the client sends with a warning; the service may accept them. It accepts ``camera_fixed`` for every model,
because the page has it.

One refusal lists all invalid parameters, each with its name and the allowed values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from airflow_provider_seedance.emulator.media import Kind, Medium, read_medium
from airflow_provider_seedance.gptproto.catalogue import (
    ASPECT_RATIOS,
    DEFAULT_ASPECT_RATIO,
    DEFAULT_DURATION,
    DEFAULT_RESOLUTION,
    MAXIMUM_IMAGES,
    MAXIMUM_REQUEST_BYTES,
    SEED_MAXIMUM,
    SEED_MINIMUM,
    Mode,
    Model,
    find_model,
    known_models,
)

VENDORS = ("bytedance", "doubao")

_COMMON = ("prompt", "aspect_ratio", "duration", "resolution", "generate_audio", "camera_fixed", "seed")
#: Parameters of each mode: the three tabs of GPTProto's API page.
PARAMETERS: Mapping[Mode, tuple[str, ...]] = {
    Mode.TEXT_TO_VIDEO: _COMMON,
    Mode.IMAGE_TO_VIDEO: (*_COMMON, "image", "last_image", "is_upload_media"),
    Mode.REFERENCE_TO_VIDEO: (*_COMMON, "images", "videos", "audios", "is_upload_media"),
}
_LISTS: Mapping[str, Kind] = {"images": "image", "videos": "video", "audios": "audio"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rejected submission: HTTP status and reason."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Target:
    """Vendor, model and mode from a submit URL."""

    vendor: str
    model: str
    mode: Mode
    known: Model


@dataclass(frozen=True, slots=True)
class Submission:
    """
    A valid submission.

    :param target: Vendor, model and mode from the URL.
    :param prompt: The prompt.
    :param seconds: Duration of the video.
    :param resolution: Resolution of the video.
    :param aspect_ratio: Aspect ratio of the video.
    :param sound: Whether the video has sound.
    :param seed: The seed; -1 for a random seed.
    :param parameters: Parameters as sent; length and checksum replace uploaded media.
    """

    target: Target
    prompt: str
    seconds: int
    resolution: str
    aspect_ratio: str
    sound: bool
    seed: int
    parameters: Mapping[str, Any]


def check_target(vendor: str, model: str, mode: str) -> Target | Refusal:
    """Check the vendor, model and mode segments of a submit URL."""
    if vendor not in VENDORS:
        return Refusal(404, f"unknown vendor {_show(vendor)}; known: {', '.join(VENDORS)}")
    try:
        requested = Mode(mode)
    except ValueError:
        return Refusal(404, f"unknown mode {_show(mode)}; known: {', '.join(Mode)}")
    # The catalogue ignores case and surrounding spaces; the service compares ids exactly.
    known = find_model(model) if model == model.strip().lower() else None
    if known is None:
        return Refusal(400, f"unknown model {_show(model)}; known: {', '.join(known_models())}")
    if requested not in known.modes:
        supported = ", ".join(each for each in Mode if each in known.modes)
        return Refusal(400, f"model {model} does not support {requested}; allowed: {supported}")
    return Target(vendor, model, requested, known)


def read_payload(content_type: str | None, body: bytes) -> dict[str, Any] | Refusal:
    """Parse the JSON body of a submission."""
    if len(body) > MAXIMUM_REQUEST_BYTES:
        return Refusal(400, f"the request is too large; at most {MAXIMUM_REQUEST_BYTES} bytes are allowed")
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        return Refusal(400, "Content-Type: application/json is required")
    try:
        payload = json.loads(body.decode("utf-8"), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return Refusal(400, "the body is not valid JSON")
    if not isinstance(payload, dict):
        return Refusal(400, "the body must be a JSON object")
    return payload


def check_submission(target: Target, payload: Mapping[str, Any]) -> Submission | Refusal:
    """Check the parameters of a submission against its mode and model."""
    reader = _Reader(target, payload)
    reader.reject_unknown()
    prompt = reader.prompt()
    aspect_ratio = reader.aspect_ratio()
    seconds = reader.duration()
    resolution = reader.choice("resolution", target.known.resolutions, DEFAULT_RESOLUTION)
    sound = reader.sound()
    reader.flag("camera_fixed", default=False)
    seed = reader.seed()
    reader.media()
    if reader.problems:
        return Refusal(400, "; ".join(reader.problems))
    return Submission(
        target=target,
        prompt=prompt,
        seconds=seconds,
        resolution=resolution,
        aspect_ratio=aspect_ratio,
        sound=sound,
        seed=seed,
        parameters={**payload, **reader.entries},
    )


@dataclass(slots=True)
class _Reader:
    """Reads each parameter and collects all problems."""

    target: Target
    payload: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)
    entries: dict[str, Any] = field(default_factory=dict)

    def reject_unknown(self) -> None:
        allowed = PARAMETERS[self.target.mode]
        self.problems += [
            f"{_show(name)}: not a parameter of {self.target.mode}; allowed: {', '.join(allowed)}"
            for name in self.payload
            if name not in allowed
        ]

    def prompt(self) -> str:
        prompt = self.payload.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            self.problems.append("prompt: required; must be a non-blank string")
            return ""
        return prompt

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.payload.get(name, default)
        if not isinstance(value, str) or value not in allowed:
            self.problems.append(
                f"{name}: {_show(value)} is not allowed; allowed for {self._model}: {', '.join(allowed)}"
            )
            return default
        return value

    def aspect_ratio(self) -> str:
        if self.target.known.follows_image and self.target.mode is Mode.IMAGE_TO_VIDEO:
            if "aspect_ratio" in self.payload:
                self.problems.append(
                    f"aspect_ratio: {_show(self.payload['aspect_ratio'])} is not allowed for {self._model} in "
                    f"{self.target.mode} (InvalidParameter.TaskTypeConstraint); leave it out"
                )
            return DEFAULT_ASPECT_RATIO
        return self.choice("aspect_ratio", ASPECT_RATIOS, DEFAULT_ASPECT_RATIO)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.payload.get(name, default)
        if not isinstance(value, bool):
            self.problems.append(f"{name}: {_show(value)} is not allowed; allowed: true and false")
            return default
        return value

    def duration(self) -> int:
        shortest, longest = self.target.known.durations
        value = self.payload.get("duration", DEFAULT_DURATION)
        # GPTProto's API page declares a string, but every example there has an integer.
        if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not shortest <= value <= longest:
            self.problems.append(
                f"duration: {_show(value)} is not allowed; "
                f"allowed for {self._model}: whole seconds from {shortest} to {longest}"
            )
            return DEFAULT_DURATION
        return value

    def sound(self) -> bool:
        supported = self.target.known.generate_audio
        requested = self.flag("generate_audio", default=supported)
        if requested and not supported:
            self.problems.append(f"generate_audio: {self._model} does not support sound; allowed: false")
        return requested

    def seed(self) -> int:
        value = self.payload.get("seed", SEED_MINIMUM)
        if isinstance(value, bool) or not isinstance(value, int) or not SEED_MINIMUM <= value <= SEED_MAXIMUM:
            self.problems.append(
                f"seed: {_show(value)} is not allowed; allowed: integers from {SEED_MINIMUM} to {SEED_MAXIMUM}"
            )
            return SEED_MINIMUM
        return value

    def media(self) -> None:
        if self.target.mode is Mode.TEXT_TO_VIDEO:
            return
        uploads = self.flag("is_upload_media", default=False)
        media = self._frames() if self.target.mode is Mode.IMAGE_TO_VIDEO else self._references()
        if uploads and media and not any(medium.uploaded for medium in media):
            self.problems.append("is_upload_media: true requires media as base64 data or data URIs")
        if not uploads and any(medium.uploaded for medium in media):
            self.problems.append("is_upload_media: must be true for media as base64 data or data URIs")

    def _frames(self) -> list[Medium]:
        media: list[Medium] = []
        if "image" not in self.payload:
            self.problems.append("image: required for image-to-video; an http(s) URL or base64 data")
        if "last_image" in self.payload and not self.target.known.last_image:
            self.problems.append(f"last_image: {self._model} does not support a last frame")
        for name in ("image", "last_image"):
            if name in self.payload:
                self.entries[name] = self._medium(name, self.payload[name], "image", media)
        return media

    def _references(self) -> list[Medium]:
        media: list[Medium] = []
        sent: dict[str, list[Any]] = {}
        for name, kind in _LISTS.items():
            items = self.payload.get(name, [])
            if not isinstance(items, list):
                self.problems.append(f"{name}: must be a list of strings")
                items = []
            sent[name] = items
            if name in self.payload:
                self.entries[name] = [
                    self._medium(f"{name}[{index}]", item, kind, media) for index, item in enumerate(items)
                ]
        if len(sent["images"]) > MAXIMUM_IMAGES:
            self.problems.append(f"images: {len(sent['images'])} images; at most {MAXIMUM_IMAGES} are allowed")
        limits = self.target.known.references
        if limits is not None:
            most = {"videos": limits.videos, "audios": limits.audios}
            self.problems += [
                f"{name}: {len(sent[name])} items; at most {number} are allowed for {self._model}"
                for name, number in most.items()
                if len(sent[name]) > number
            ]
            if (total := sum(map(len, sent.values()))) > limits.files:
                self.problems.append(
                    f"images, videos, audios: {total} items; at most {limits.files} are allowed for {self._model}"
                )
        if not sent["images"] and not sent["videos"]:
            self.problems.append("images, videos: at least one of them is required; audios alone are not allowed")
        return media

    def _medium(self, name: str, value: object, kind: Kind, media: list[Medium]) -> Any:
        medium = read_medium(name, value, kind)
        if isinstance(medium, str):
            self.problems.append(medium)
            return None
        media.append(medium)
        return medium.entry

    @property
    def _model(self) -> str:
        return f"Seedance {self.target.known.name}"


def _show(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")
