"""
Generation requests: one frozen value for each mode, its validation, and the JSON payload.

The fields are the API's own parameters (page, "Core Parameters" of each mode). A field that is ``None`` is not sent.
``duration`` and, to a model whose price depends on it, ``resolution`` are always sent: otherwise the service's default
or the model decides the price. Values may come from rendered templates: text such as "5" or "true" is converted, and
missing values (:func:`~airflow_provider_seedance.gptproto.given.is_missing`) count as not given.

:meth:`GenerationRequest.check` refuses a request that the service is certain to refuse, with all problems in one error.
The rules of :mod:`~airflow_provider_seedance.gptproto.problems` apply to every request, those of the catalogue
(:mod:`~airflow_provider_seedance.gptproto.rules`) to a model that it has, so that a new model works at once. The values
derived from a valid request are computed once, in :class:`CheckedRequest`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, get_args

from airflow_provider_seedance.gptproto.catalogue import (
    DEFAULT_ASPECT_RATIO,
    DEFAULT_DURATION,
    DEFAULT_MODEL,
    DEFAULT_RESOLUTION,
    Mode,
    Validation,
    estimate_cost,
    find_model,
    frame_size,
)
from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.gptproto.given import as_text, is_missing
from airflow_provider_seedance.gptproto.media.media import (
    ALLOWED_MEDIA,
    MediaKind,
    Medium,
    NamedMedium,
    is_uploaded,
    unwrap_media,
    wrap_media,
)
from airflow_provider_seedance.gptproto.media_rules import asset_findings, media_findings
from airflow_provider_seedance.gptproto.nesting import within_depth
from airflow_provider_seedance.gptproto.prices import Price
from airflow_provider_seedance.gptproto.problems import extra_problems, media_problems, value_problems
from airflow_provider_seedance.gptproto.rules import Finding, parameter_findings, unknown_model
from airflow_provider_seedance.gptproto.values import (
    as_boolean,
    as_media_list,
    described,
    problem,
)
from airflow_provider_seedance.gptproto.whole_numbers import as_whole_number

#: What to do about a refusal of the catalogue; no help with a problem that no model can excuse.
OUTDATED_ADVICE = 'If the service accepts the values by now, set validation="warn".'


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckedRequest:
    """
    A valid request with the values derived from it.

    :param request: The request.
    :param payload: The JSON object that is sent.
    :param price: Its price in USD.
    :param frame_size: Width and height of the video in pixels; ``None`` if unknown.
    :param warnings: A sentence for each value that is sent although the service may refuse or ignore it.
    """

    request: GenerationRequest
    payload: Mapping[str, Any]
    price: Price
    frame_size: tuple[int, int] | None
    warnings: tuple[str, ...] = ()

    @cached_property
    def body(self) -> bytes:
        """The payload as JSON text in UTF-8."""
        return json.dumps(self.payload, ensure_ascii=False, allow_nan=False).encode()

    def fingerprint(self, connection_id: str) -> str:
        """
        Return the idempotency key of a generation: SHA-256 of connection, mode, model and payload.

        Media are hashed with their whole content, so two requests with the same fingerprint are the same generation.
        A resolution that was not given is left out: the payload has its default only for models whose prices are in the
        catalogue. Otherwise a price that is added to the catalogue would make a paid generation a new one.

        :param connection_id: The Airflow connection that submits.
        """
        is_given = self.request.resolution is not None
        payload = {name: value for name, value in self.payload.items() if is_given or name != "resolution"}
        parts = [connection_id, self.request.mode.value, self.request.model, payload]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """
    The parameters that all three modes share.

    :param prompt: A description of the video.
    :param model: Model id, as in the submit URL.
    :param aspect_ratio: One of ``21:9 16:9 4:3 1:1 3:4 9:16``.
    :param duration: Length of the video in seconds; the model decides on the range.
    :param resolution: ``480p``, ``720p``, ``1080p`` or ``4k``; the model decides which.
    :param generate_audio: Whether the video has sound.
    :param camera_fixed: Whether the camera keeps its position.
    :param seed: -1 (random) to 2147483647.
    :param extra_parameters: Parameters that the API adds later, sent unchanged.
    """

    mode: ClassVar[Mode]
    #: The kind of media by field name: fields with one medium, and fields with a list of media.
    single_media: ClassVar[Mapping[str, MediaKind]] = {}
    listed_media: ClassVar[Mapping[str, MediaKind]] = {}

    prompt: str
    model: str = DEFAULT_MODEL
    aspect_ratio: str | None = None
    duration: int | None = None
    resolution: str | None = None
    generate_audio: bool | None = None
    camera_fixed: bool | None = None
    seed: int | None = None
    extra_parameters: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name, value in self._arguments().items():
            self._set(name, within_depth(value))
        for field in dataclasses.fields(self):
            if field.name != "prompt" and is_missing(getattr(self, field.name)):
                self._set(field.name, field.default)
        self._set("prompt", as_text(unwrap_media(self.prompt)))
        self._set("duration", DEFAULT_DURATION if self.duration is None else as_whole_number(self.duration))
        self._set("seed", as_whole_number(self.seed))
        self._set("generate_audio", as_boolean(self.generate_audio))
        self._set("camera_fixed", as_boolean(self.camera_fixed))
        for name in self.single_media:
            self._set(name, wrap_media(getattr(self, name)))
        for name in self.listed_media:
            self._set(name, wrap_media(as_media_list(getattr(self, name))))
        self._set("extra_parameters", wrap_media(self.extra_parameters))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def check(self, validation: Validation = "strict") -> CheckedRequest:
        """
        Return the request with its derived values, unless the service is certain to refuse it.

        :param validation: ``warn`` turns the refusals of the catalogue into warnings, in case it is out of date.
            Problems that no model can excuse, such as a blank prompt, are refused in any case.
        :raises InvalidRequestError: With every problem on a line of its own: argument, value and allowed values.
        :raises ValueError: When ``validation`` is another word.
        """
        if validation not in get_args(Validation):
            raise ValueError(problem("validation", validation, ", ".join(get_args(Validation))))
        problems, findings = list(self._problems()), list(self.findings())
        refusals = [finding.message for finding in findings if finding.is_refusal]
        warnings = [finding.message for finding in findings if not finding.is_refusal]
        if validation == "warn":
            warnings = [f'{refusal} (sent, because validation is "warn")' for refusal in refusals] + warnings
            refusals = []
        if problems or refusals:
            error = InvalidRequestError.from_problems(problems + refusals)
            if refusals:
                error.advice = f"{error.advice} {OUTDATED_ADVICE}"
            raise error
        resolution, aspect_ratio = self.resolution or DEFAULT_RESOLUTION, self.aspect_ratio or DEFAULT_ASPECT_RATIO
        payload = self.payload()
        names = ("prompt", "duration", "resolution", "generate_audio", "videos")
        priced: dict[str, Any] = {name: payload[name] for name in names if name in payload}
        price = estimate_cost(self.model, extra_parameters=self.extra_parameters, **priced)
        size = frame_size(self.model, resolution, aspect_ratio)
        return CheckedRequest(request=self, payload=payload, price=price, frame_size=size, warnings=tuple(warnings))

    def problems(self) -> Iterator[str]:
        """Yield each problem that :meth:`check` refuses: the argument, its value and the allowed values."""
        yield from self._problems()
        yield from (finding.message for finding in self.findings() if finding.is_refusal)

    def findings(self) -> Iterator[Finding]:
        """Yield what the catalogue has against the request: its refusals and its warnings."""
        if not isinstance(self.model, str):
            return
        known, media = find_model(self.model), list(self.media())
        if known is None:
            yield unknown_model(self.model)
        else:
            yield from parameter_findings(known, self.mode, self._arguments())
            yield from media_findings(known, media)
        yield from asset_findings(media)

    def payload(self) -> dict[str, Any]:
        """Return the JSON object to send: the given values under the API's names, with media as plain text."""
        sent = {name: value for name, value in self._parameters() if value is not None}
        known = find_model(str(self.model))
        if known is not None and known.prices:
            sent.setdefault("resolution", DEFAULT_RESOLUTION)
        return {**sent, **(unwrap_media(self.extra_parameters) or {})}

    def description(self) -> dict[str, Any]:
        """Return the given values under the API's names, for display: uploaded media are only described."""
        given = self._arguments().items()
        return {name: described(value) for name, value in given if value is not None and name != "model"}

    def with_media(self, replace: Callable[[Any, MediaKind], Any]) -> Self:
        """
        Return the request with each medium replaced.

        :param replace: Returns the replacement for a medium of a kind.
        """
        media: dict[str, Any] = {}
        for name, kind in self.single_media.items():
            value = getattr(self, name)
            media[name] = None if value is None else replace(value, kind)
        for name, kind in self.listed_media.items():
            values = getattr(self, name)
            media[name] = [replace(value, kind) for value in values] if isinstance(values, list) else values
        return dataclasses.replace(self, **media)

    def media(self) -> Iterator[NamedMedium]:
        """Yield every medium with its kind and a name for messages, ``image`` or ``images[0]``."""
        for name, kind in self.single_media.items():
            if getattr(self, name) is not None:
                yield NamedMedium(name, kind, getattr(self, name))
        for name, kind in self.listed_media.items():
            values = getattr(self, name)
            if isinstance(values, list):
                yield from (NamedMedium(f"{name}[{index}]", kind, value) for index, value in enumerate(values))

    def _arguments(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def _parameters(self) -> Iterator[tuple[str, Any]]:
        for name, value in self._arguments().items():
            if name not in ("model", "extra_parameters"):
                yield name, unwrap_media(value)

    def _problems(self) -> Iterator[str]:
        """Yield the problems that no model can excuse."""
        yield from value_problems(self._arguments())
        for name in self.listed_media:
            values = getattr(self, name)
            if values is not None and not isinstance(values, list):
                yield problem(name, values, "a list, or None")
        yield from self._missing_media()
        yield from media_problems(list(self.media()), getattr(self, "is_upload_media", None))
        yield from extra_problems(self.extra_parameters, [name for name, _ in self._parameters()])

    def _missing_media(self) -> Iterator[str]:
        """Yield a problem if the mode's media are missing; a request without media has none."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class TextToVideo(GenerationRequest):
    """A video from a prompt alone. Parameters as in :class:`GenerationRequest`."""

    mode = Mode.TEXT_TO_VIDEO


@dataclass(frozen=True, kw_only=True)
class MediaRequest(GenerationRequest):
    """
    The parameters that both modes with media share.

    :param is_upload_media: Whether the media are base64 text or data URIs; ``None`` derives it from the media.
    """

    is_upload_media: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("is_upload_media", as_boolean(self.is_upload_media))
        if self.is_upload_media is None and any(is_uploaded(value) for _, _, value in self.media()):
            self._set("is_upload_media", True)


@dataclass(frozen=True, kw_only=True)
class ImageToVideo(MediaRequest):
    """
    A video that begins with an image, and may end with another.

    Further parameters as in :class:`MediaRequest` and :class:`GenerationRequest`.

    :param image: The first frame: an http(s) URL, a data URI, or a file that
        :func:`~airflow_provider_seedance.gptproto.media.files.with_media_files` reads.
    :param last_image: The last frame, likewise.
    """

    mode = Mode.IMAGE_TO_VIDEO
    single_media: ClassVar[Mapping[str, MediaKind]] = {"image": "image", "last_image": "image"}

    image: Medium | None = None
    last_image: Medium | None = None

    def _missing_media(self) -> Iterator[str]:
        if self.image is None:
            yield problem("image", None, f"{ALLOWED_MEDIA}; image-to-video needs it")


@dataclass(frozen=True, kw_only=True)
class ReferenceToVideo(MediaRequest):
    """
    A video that takes its subject, style, motion or sound from references.

    At least one of ``images`` and ``videos`` is needed; for 2.5 ``audios`` alone are only a warning. Further parameters
    as in :class:`MediaRequest` and :class:`GenerationRequest`.

    :param images: Up to 10 images of the subject, scene or style: http(s) URLs, data URIs, or files that
        :func:`~airflow_provider_seedance.gptproto.media.files.with_media_files` reads.
    :param videos: Reference clips, likewise.
    :param audios: Reference sounds, likewise; an image or a video is needed with them.
    """

    mode = Mode.REFERENCE_TO_VIDEO
    listed_media: ClassVar[Mapping[str, MediaKind]] = {"images": "image", "videos": "video", "audios": "audio"}

    images: Sequence[Medium] | None = None
    videos: Sequence[Medium] | None = None
    audios: Sequence[Medium] | None = None

    def _missing_media(self) -> Iterator[str]:
        if self.images is None and self.videos is None and self.audios is None:
            yield problem("images, videos", None, "at least one image or video")


#: The request class of each mode.
REQUESTS: Mapping[Mode, type[GenerationRequest]] = {
    request.mode: request for request in (TextToVideo, ImageToVideo, ReferenceToVideo)
}
