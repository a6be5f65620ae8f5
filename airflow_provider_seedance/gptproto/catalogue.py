"""
What GPTProto offers: modes, models and what each accepts, frame sizes, list prices, usual times.

Everything that changes when ByteDance publishes a new model is in this module and nowhere else. The parameter ranges,
the frame sizes and the notes on 1080p come from GPTProto's page "doubao-seedance-2-0-fast-260128 (Text To Video)";
what single models accept and the prices come from GPTProto's model list of September 2026. Prices and times are for
estimates only.

A model id is a free string, because new ones appear every few months: :func:`find_model` answers ``None`` for an id
that is not listed, and callers let such a model through unchecked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NamedTuple


class Mode(StrEnum):
    """The last segment of the submit address: what a video is made from."""

    TEXT_TO_VIDEO = "text-to-video"
    IMAGE_TO_VIDEO = "image-to-video"
    REFERENCE_TO_VIDEO = "reference-to-video"


class FrameSize(NamedTuple):
    """Width and height of a video, in pixels."""

    width: int
    height: int


#: The model of GPTProto's page, used where none is named.
DEFAULT_MODEL = "doubao-seedance-2-0-fast-260128"
#: What the service assumes for a parameter that is not sent (page, "Core Parameters").
DEFAULT_ASPECT_RATIO = "16:9"
DEFAULT_DURATION = 5
DEFAULT_RESOLUTION = "720p"

#: Allowed values and ranges (page, "Core Parameters"). Durations and resolutions are narrower for most models.
ASPECT_RATIOS = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
RESOLUTIONS = ("480p", "720p", "1080p")
SEED_MINIMUM = -1
SEED_MAXIMUM = 2147483647
#: Reference images in one request (page, "Reference to Video").
MAXIMUM_IMAGES = 10
#: Limits on uploaded media, in bytes: one image, and the whole request (ByteDance's Ark documentation).
MAXIMUM_IMAGE_BYTES = 30 * 1024 * 1024
MAXIMUM_REQUEST_BYTES = 64 * 1024 * 1024
#: Limits on width and height of an image, in pixels (likewise).
MINIMUM_IMAGE_SIDE = 300
MAXIMUM_IMAGE_SIDE = 6000
#: Every Seedance video has this many frames a second.
FRAMES_PER_SECOND = 24

#: The generations differ in frame sizes and in what upstream accepts.
ModelFamily = Literal["1.0", "1.5", "2.x"]


@dataclass(frozen=True, slots=True)
class Model:
    """
    What one Seedance model accepts and costs.

    :param name: The model's name as people say it, e.g. ``2.0 fast``.
    :param modes: What it can make videos from.
    :param durations: Shortest and longest video, in seconds, both allowed.
    :param resolutions: Resolutions on offer.
    :param last_image: Whether image-to-video takes a closing frame.
    :param generate_audio: Whether it can make sound.
    :param generation: Decides on the column of the page's size table, and on :attr:`ignores_camera_and_seed`.
    :param prices: List price in USD per second of video, by resolution; empty where none is published.
    :param usual_time: How long it takes for a video, as a multiple of :data:`USUAL_SECONDS`.
    """

    name: str
    modes: frozenset[Mode]
    durations: tuple[int, int]
    resolutions: tuple[str, ...]
    last_image: bool
    generate_audio: bool
    generation: ModelFamily
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    usual_time: float = 1.0

    @property
    def ignores_camera_and_seed(self) -> bool:
        """Whether ``camera_fixed`` and ``seed`` are refused upstream although the page lists them for every model."""
        return self.generation == "2.x"


def _prices(*usd: str) -> Mapping[str, Decimal]:
    """Pair prices with 480p, 720p and 1080p, in this order."""
    return MappingProxyType({resolution: Decimal(price) for resolution, price in zip(RESOLUTIONS, usd, strict=False)})


_TEXT = frozenset({Mode.TEXT_TO_VIDEO})
_IMAGE = frozenset({Mode.IMAGE_TO_VIDEO})
_ALL = frozenset(Mode)
_UP_TO_720P = ("480p", "720p")

_MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "seedance-1-0-lite-t2v": Model(
            name="1.0 lite t2v",
            modes=_TEXT,
            durations=(2, 12),
            resolutions=RESOLUTIONS,
            last_image=False,
            generate_audio=False,
            generation="1.0",
        ),
        "seedance-1-0-lite-i2v": Model(
            name="1.0 lite i2v",
            modes=_IMAGE,
            durations=(2, 12),
            resolutions=RESOLUTIONS,
            last_image=True,
            generate_audio=False,
            generation="1.0",
        ),
        "seedance-1-0-pro": Model(
            name="1.0 pro",
            modes=_TEXT | _IMAGE,
            durations=(2, 12),
            resolutions=RESOLUTIONS,
            last_image=True,
            generate_audio=False,
            generation="1.0",
            prices=_prices("0.0196", "0.0434", "0.1003"),
        ),
        "seedance-1-0-pro-fast": Model(
            name="1.0 pro fast",
            modes=_TEXT | _IMAGE,
            durations=(2, 12),
            resolutions=RESOLUTIONS,
            last_image=False,
            generate_audio=False,
            generation="1.0",
            # Resellers say about three times as fast as 1.0 pro; a queue is no faster for it.
            usual_time=0.5,
        ),
        "seedance-1-5-pro": Model(
            name="1.5 pro",
            modes=_TEXT | _IMAGE,
            durations=(4, 12),
            resolutions=RESOLUTIONS,
            last_image=True,
            generate_audio=True,
            generation="1.5",
            prices=_prices("0.0102", "0.0221", "0.0493"),
        ),
        "seedance-2-0": Model(
            name="2.0",
            modes=_ALL,
            durations=(4, 15),
            resolutions=RESOLUTIONS,
            last_image=True,
            generate_audio=True,
            generation="2.x",
            prices=_prices("0.0739", "0.1663", "0.4116"),
        ),
        "seedance-2-0-fast": Model(
            name="2.0 fast",
            modes=_ALL,
            durations=(4, 15),
            resolutions=_UP_TO_720P,
            last_image=True,
            generate_audio=True,
            generation="2.x",
            prices=_prices("0.0443", "0.0998"),
        ),
        "seedance-2-0-mini": Model(
            name="2.0 mini",
            modes=_ALL,
            durations=(4, 15),
            resolutions=_UP_TO_720P,
            last_image=True,
            generate_audio=True,
            generation="2.x",
            prices=_prices("0.0237", "0.0532"),
        ),
        "seedance-2-5": Model(
            name="2.5",
            modes=_ALL,
            durations=(4, 30),
            resolutions=_UP_TO_720P,
            last_image=True,
            generate_audio=True,
            generation="2.x",
            prices=_prices("0.113", "0.254"),
            # One run of three times the usual was published; how usual that is nobody says.
            usual_time=2.0,
        ),
    }
)

#: Page, "Aspect Ratio & Resolution": one table for each column; both have the same sizes at 1080p.
_FRAME_SIZES_1080P: Mapping[str, tuple[int, int]] = {
    "16:9": (1920, 1088),
    "4:3": (1664, 1248),
    "1:1": (1440, 1440),
    "3:4": (1248, 1664),
    "9:16": (1088, 1920),
    "21:9": (2176, 928),
}
_FIRST_FRAME_SIZES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "480p": {
        "16:9": (864, 480),
        "4:3": (736, 544),
        "1:1": (640, 640),
        "3:4": (544, 736),
        "9:16": (480, 864),
        "21:9": (960, 416),
    },
    "720p": {
        "16:9": (1248, 704),
        "4:3": (1120, 832),
        "1:1": (960, 960),
        "3:4": (832, 1120),
        "9:16": (704, 1248),
        "21:9": (1504, 640),
    },
    "1080p": _FRAME_SIZES_1080P,
}
_LATER_FRAME_SIZES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "480p": {
        "16:9": (864, 496),
        "4:3": (752, 560),
        "1:1": (640, 640),
        "3:4": (560, 752),
        "9:16": (496, 864),
        "21:9": (992, 432),
    },
    "720p": {
        "16:9": (1280, 720),
        "4:3": (1112, 834),
        "1:1": (960, 960),
        "3:4": (834, 1112),
        "9:16": (720, 1280),
        "21:9": (1470, 630),
    },
    "1080p": _FRAME_SIZES_1080P,
}
_FRAME_SIZES: Mapping[ModelFamily, Mapping[str, Mapping[str, tuple[int, int]]]] = {
    "1.0": _FIRST_FRAME_SIZES,
    "1.5": _LATER_FRAME_SIZES,
    "2.x": _LATER_FRAME_SIZES,
}

_MODEL_ID = re.compile(r"(?:doubao-|dreamina-)?(?P<version>.+?)(?:-\d{6,8})?")


def find_model(model: str) -> Model | None:
    """
    Return what is known of a model id, or ``None`` for an id that is not listed.

    ``doubao-``, ``dreamina-`` and bare ids of one version are the same model, with or without the date at the end.

    :param model: Model id as it stands in the submit address, e.g. ``doubao-seedance-2-0-fast-260128``.
    """
    matched = _MODEL_ID.fullmatch(model.strip().lower())
    return _MODELS.get(matched["version"]) if matched else None


def known_models() -> Mapping[str, Model]:
    """Return every listed model by its bare id, without vendor prefix and date."""
    return _MODELS


def frame_size(model: str, resolution: str, aspect_ratio: str) -> FrameSize | None:
    """
    Return the width and height of a video in pixels, or ``None`` where they are not published.

    This is the page's size table; whether the model offers that resolution is :attr:`Model.resolutions`.

    :param model: Model id, e.g. ``doubao-seedance-2-0-fast-260128``.
    :param resolution: One of :data:`RESOLUTIONS`.
    :param aspect_ratio: One of :data:`ASPECT_RATIOS`.
    """
    known = find_model(model)
    if known is None:
        return None
    size = _FRAME_SIZES[known.generation].get(resolution, {}).get(aspect_ratio)
    return FrameSize(*size) if size else None


def estimate_cost(model: str, resolution: str | None, duration: int) -> Decimal | None:
    """
    Return what a video costs at list price in USD, or ``None`` where no price is published.

    :param model: Model id.
    :param resolution: Resolution as sent; ``None`` stands for the service's default, :data:`DEFAULT_RESOLUTION`.
    :param duration: Length of the video in seconds.
    """
    known = find_model(model)
    price = known.prices.get(resolution or DEFAULT_RESOLUTION) if known else None
    return None if price is None else price * duration


#: How long a 5 s video at 720p usually takes, in seconds: 55-90 s were seen. Unknown models are taken to be usual.
USUAL_SECONDS = 75.0
#: Multiples of it, and rough ones: it is known that more pixels take longer, not how much longer.
_RESOLUTION_FACTORS: Mapping[str, float] = {"480p": 0.7, "720p": 1.0, "1080p": 1.8}
#: The longest expectation, as a multiple of it: 300 s were seen now and then, and beyond that nothing can be expected.
_LONGEST_FACTOR = 4.0


def expected_seconds(
    model: str | None = None, resolution: str | None = None, duration: int = DEFAULT_DURATION
) -> float:
    """
    Return how long a generation usually takes from submission to result, in seconds.

    A rough figure that decides only when to look; a wrong one costs a few polls or a little delay.

    :param model: Model id; ``None`` and ids that are not listed stand for a usual model.
    :param resolution: Resolution as sent; ``None`` stands for the service's default, :data:`DEFAULT_RESOLUTION`.
    :param duration: Length of the video in seconds.
    """
    known = find_model(model) if model else None
    factor = known.usual_time if known else 1.0
    factor *= _RESOLUTION_FACTORS.get(resolution or DEFAULT_RESOLUTION, 1.0)
    # The video is only a part of the work: one of twice the length does not take twice the time.
    factor *= 0.5 + 0.1 * duration
    return USUAL_SECONDS * min(factor, _LONGEST_FACTOR)
