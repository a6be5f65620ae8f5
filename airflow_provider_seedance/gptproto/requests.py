"""
Generation requests: one frozen value for each mode, its validation, and the JSON payload.

The fields are the API's own parameters (page, "Core Parameters" of each mode). A field that is ``None`` is not sent.
``duration`` and, to a model whose price depends on it, ``resolution`` are always sent: otherwise the service's default
or the model decides the price. Values may come from rendered templates: text such as "5" or "true" is converted.

:meth:`GenerationRequest.check` refuses a request that the service is certain to refuse, with all problems in one error.
For a model that is not in the catalogue only types and structure are checked, so that a new model works at once. The
values derived from a valid request are computed once, in :class:`CheckedRequest`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from airflow_provider_seedance.gptproto.catalogue import (
    ASPECT_RATIOS,
    DEFAULT_ASPECT_RATIO,
    DEFAULT_DURATION,
    DEFAULT_MODEL,
    DEFAULT_RESOLUTION,
    MAXIMUM_IMAGES,
    MAXIMUM_REQUEST_BYTES,
    SEED_MAXIMUM,
    SEED_MINIMUM,
    Mode,
    Model,
    estimate_cost,
    find_model,
    frame_size,
)
from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.gptproto.media.media import (
    ALLOWED_MEDIA,
    MediaKind,
    Medium,
    NamedMedium,
    is_uploaded,
    is_web_address,
    media_problem,
    unwrap_media,
    wrap_media,
)
from airflow_provider_seedance.gptproto.prices import Price
from airflow_provider_seedance.gptproto.values import (
    as_boolean,
    as_list,
    as_whole_number,
    described,
    is_text,
    is_whole_number,
    json_problem,
    problem,
)

_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckedRequest:
    """
    A valid request with the values derived from it.

    :param request: The request.
    :param payload: The JSON object that is sent.
    :param price: Its price in USD.
    :param frame_size: Width and height of the video in pixels; ``None`` if unknown.
    """

    request: GenerationRequest
    payload: Mapping[str, Any]
    price: Price
    frame_size: tuple[int, int] | None

    @cached_property
    def body(self) -> bytes:
        """The payload as JSON text in UTF-8."""
        return json.dumps(self.payload, ensure_ascii=False, allow_nan=False).encode()

    def fingerprint(self, connection_id: str) -> str:
        """
        Return the idempotency key of a generation: SHA-256 of connection, mode, model and payload.

        Media are hashed with their whole content, so two requests with the same fingerprint are the same generation.
        A resolution that was not given is left out, because the records of older versions lack it.

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
    :param resolution: ``480p``, ``720p`` or ``1080p``; the model decides which.
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
        self._set("prompt", unwrap_media(self.prompt))
        self._set("duration", DEFAULT_DURATION if self.duration is None else as_whole_number(self.duration))
        self._set("seed", as_whole_number(self.seed))
        self._set("generate_audio", as_boolean(self.generate_audio))
        self._set("camera_fixed", as_boolean(self.camera_fixed))
        for name in self.single_media:
            self._set(name, wrap_media(getattr(self, name)))
        for name in self.listed_media:
            self._set(name, wrap_media(as_list(getattr(self, name))))
        self._set("extra_parameters", wrap_media(self.extra_parameters))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def check(self) -> CheckedRequest:
        """
        Return the request with its derived values, unless the service is certain to refuse it.

        :raises InvalidRequestError: With every problem on a line of its own: argument, value and allowed values.
        """
        if problems := list(self.problems()):
            raise InvalidRequestError.from_problems(problems)
        resolution, aspect_ratio = self.resolution or DEFAULT_RESOLUTION, self.aspect_ratio or DEFAULT_ASPECT_RATIO
        payload = self.payload()
        names = ("prompt", "duration", "resolution", "generate_audio", "videos")
        priced: dict[str, Any] = {name: payload[name] for name in names if name in payload}
        price = estimate_cost(self.model, extra_parameters=self.extra_parameters, **priced)
        size = frame_size(self.model, resolution, aspect_ratio)
        return CheckedRequest(request=self, payload=payload, price=price, frame_size=size)

    def problems(self) -> Iterator[str]:
        """Yield each problem: the argument, its value and the allowed values."""
        known = find_model(self.model) if isinstance(self.model, str) else None
        yield from self._model_problems(known)
        yield from self._value_problems()
        if known is not None:
            yield from self._range_problems(known)
        yield from self._media_problems()
        yield from self._extra_problems()

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for each value that is sent but may have no effect."""
        known = find_model(self.model)
        if known is None:
            yield f"model {self.model!r} is not in this provider's catalogue; its arguments are sent unchecked"
        elif known.ignores_camera_and_seed:
            ignored = {"camera_fixed": self.camera_fixed is True, "seed": self.seed not in (None, SEED_MINIMUM)}
            for name, is_set in ignored.items():
                if is_set:
                    yield f"{name} is documented for every model but not honoured by Seedance {known.name}"

    def payload(self) -> dict[str, Any]:
        """Return the JSON object to send: the given values under the API's names, with media as plain text."""
        sent = {name: value for name, value in self._parameters() if value is not None}
        known = find_model(str(self.model))
        if known is not None and known.prices:
            sent.setdefault("resolution", DEFAULT_RESOLUTION)
        return {**sent, **(unwrap_media(self.extra_parameters) or {})}

    def description(self) -> dict[str, Any]:
        """Return the given values under the API's names, for display: uploaded media are only described."""
        given = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
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

    def _parameters(self) -> Iterator[tuple[str, Any]]:
        for field in dataclasses.fields(self):
            if field.name not in ("model", "extra_parameters"):
                yield field.name, unwrap_media(getattr(self, field.name))

    def _model_problems(self, known: Model | None) -> Iterator[str]:
        if not isinstance(self.model, str) or not _MODEL_ID.fullmatch(self.model):
            yield problem("model", self.model, "a model id such as " + DEFAULT_MODEL)
        elif known is not None and self.mode not in known.modes:
            modes = ", ".join(sorted(known.modes))
            yield problem("model", self.model, f"one that offers {self.mode.value}; this one offers {modes}")

    def _value_problems(self) -> Iterator[str]:
        if not is_text(self.prompt):
            yield problem("prompt", self.prompt, "Unicode text that is not blank")
        for name in ("aspect_ratio", "resolution"):
            value = getattr(self, name)
            if value is not None and not is_text(value):
                yield problem(name, value, "Unicode text that is not blank, or None")
        for name in ("duration", "seed"):
            value = getattr(self, name)
            if value is not None and not is_whole_number(value):
                yield problem(name, value, "a whole number, or None")
        for name in ("generate_audio", "camera_fixed"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool):
                yield problem(name, value, "true, false, or None")

    def _range_problems(self, known: Model) -> Iterator[str]:
        for_model = f"for Seedance {known.name}"
        shortest, longest = known.durations
        if is_whole_number(self.duration) and not shortest <= self.duration <= longest:
            yield problem("duration", self.duration, f"{shortest} to {longest} seconds {for_model}")
        if is_text(self.aspect_ratio) and self.aspect_ratio not in ASPECT_RATIOS:
            yield problem("aspect_ratio", self.aspect_ratio, ", ".join(ASPECT_RATIOS))
        if is_text(self.resolution) and self.resolution not in known.resolutions:
            yield problem("resolution", self.resolution, f"{', '.join(known.resolutions)} {for_model}")
        if is_whole_number(self.seed) and not SEED_MINIMUM <= self.seed <= SEED_MAXIMUM:
            yield problem("seed", self.seed, f"{SEED_MINIMUM} to {SEED_MAXIMUM}")
        if self.generate_audio is True and not known.generate_audio:
            yield problem("generate_audio", True, f"false, or None {for_model}, which generates no audio")

    def _media_problems(self) -> Iterator[str]:
        """Yield the problems of media; a request without media has none."""
        yield from ()

    def _extra_problems(self) -> Iterator[str]:
        if self.extra_parameters is None:
            return
        if not isinstance(self.extra_parameters, Mapping):
            yield problem("extra_parameters", self.extra_parameters, "a dict, or None")
            return
        own = {name for name, _ in self._parameters()}
        for name, value in self.extra_parameters.items():
            if name in own:
                yield problem(f"extra_parameters[{name!r}]", value, f"the argument {name} instead")
        why = json_problem(unwrap_media(self.extra_parameters))
        if why is not None:
            yield problem("extra_parameters", self.extra_parameters, f"only JSON values ({why})")


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

    def _media_problems(self) -> Iterator[str]:
        if self.is_upload_media is not None and not isinstance(self.is_upload_media, bool):
            yield problem("is_upload_media", self.is_upload_media, "true, false, or None")
        media = list(self.media())
        if self.is_upload_media is False:
            for name, _, value in media:
                if is_uploaded(value):
                    yield problem(name, value, "an http(s) URL if is_upload_media is false")
        if self.is_upload_media is True and media and all(_is_linked(value) for _, _, value in media):
            yield problem("is_upload_media", True, "false, or None if all media are URLs")
        for name in self.listed_media:
            values = getattr(self, name)
            if values is not None and not isinstance(values, list):
                yield problem(name, values, "a list, or None")
        for name, kind, value in media:
            why = media_problem(value, kind=kind, declared_upload=self.is_upload_media is True)
            if why is not None:
                yield f"{problem(name, value, ALLOWED_MEDIA)}; the value {why}"
        size = sum(len(unwrap_media(value)) for _, _, value in media if isinstance(unwrap_media(value), str))
        if size > MAXIMUM_REQUEST_BYTES:
            allowed = f"at most {MAXIMUM_REQUEST_BYTES:,} bytes in one request"
            yield problem("media", f"{size:,} bytes in {len(media)} parts", allowed)


def _is_linked(value: object) -> bool:
    return isinstance(value, str) and is_web_address(value)


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

    def _range_problems(self, known: Model) -> Iterator[str]:
        yield from super()._range_problems(known)
        if self.last_image is not None and not known.last_image:
            yield problem("last_image", self.last_image, f"None for Seedance {known.name}, which takes no last frame")

    def _media_problems(self) -> Iterator[str]:
        yield from super()._media_problems()
        if self.image is None:
            yield problem("image", None, f"{ALLOWED_MEDIA}; image-to-video needs it")


@dataclass(frozen=True, kw_only=True)
class ReferenceToVideo(MediaRequest):
    """
    A video that takes its subject, style, motion or sound from references.

    At least one of ``images`` and ``videos`` is needed. Further parameters as in :class:`MediaRequest` and
    :class:`GenerationRequest`.

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

    def _range_problems(self, known: Model) -> Iterator[str]:
        yield from super()._range_problems(known)
        if isinstance(self.images, list) and len(self.images) > MAXIMUM_IMAGES:
            yield problem("images", f"{len(self.images)} items", f"at most {MAXIMUM_IMAGES} items")

    def _media_problems(self) -> Iterator[str]:
        yield from super()._media_problems()
        if self.images is None and self.videos is None:
            with_audios = "" if self.audios is None else "; audios alone are not enough"
            yield problem("images, videos", None, f"at least one image or video{with_audios}")


#: The request class of each mode.
REQUESTS: Mapping[Mode, type[GenerationRequest]] = {
    request.mode: request for request in (TextToVideo, ImageToVideo, ReferenceToVideo)
}
