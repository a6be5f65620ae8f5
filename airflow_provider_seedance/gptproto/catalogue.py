"""
The models of GPTProto: limits and list prices.

When ByteDance publishes a new model, only this module changes. "The page" is GPTProto's page
"doubao-seedance-2-0-fast-260128 (Text To Video)". It has the parameters, their ranges, and the notes on 1080p and on
references. "The lists" are GPTProto's lists of models and prices of September 2026. "Upstream" is ByteDance, whose
documentation has the limits of each model and of media. :mod:`~airflow_provider_seedance.gptproto.rules` turns them
into refusals and warnings. Prices change.

A model id can be any string, because new ones appear every few months: :func:`find_model` returns ``None`` for an
unlisted id, and callers do not check the parameters of such a model. ``docs/models.md`` shows the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from airflow_provider_seedance.gptproto.frame_sizes import FIRST_SIZES, LATER_SIZES, FrameSize
from airflow_provider_seedance.gptproto.modes import DEFAULT_ASPECT_RATIO as DEFAULT_ASPECT_RATIO
from airflow_provider_seedance.gptproto.modes import DEFAULT_DURATION as DEFAULT_DURATION
from airflow_provider_seedance.gptproto.modes import DEFAULT_MODEL as DEFAULT_MODEL
from airflow_provider_seedance.gptproto.modes import DEFAULT_RESOLUTION as DEFAULT_RESOLUTION
from airflow_provider_seedance.gptproto.modes import Mode as Mode
from airflow_provider_seedance.gptproto.modes import Validation as Validation
from airflow_provider_seedance.gptproto.prices import CLIP_RATE, Price, billed_flags
from airflow_provider_seedance.gptproto.whole_numbers import as_whole_number, is_whole_number

#: Allowed values and ranges (page, "Core Parameters"). The page has one range for all models.
ASPECT_RATIOS = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
DURATIONS = (4, 15)
RESOLUTIONS = ("480p", "720p", "1080p")
SEED_MINIMUM = -1
SEED_MAXIMUM = 2147483647
#: The largest number of reference images in one request (page, "Reference to Video").
MAXIMUM_IMAGES = 10
#: The resolutions of the price list: one more than the page has.
LISTED_RESOLUTIONS = (*RESOLUTIONS, "4k")
#: The aspect ratio of the first image (upstream), and the duration that leaves the length to the model (upstream).
ADAPTIVE_RATIO = "adaptive"
MODEL_DURATION = -1
#: Limits of media, in bytes: one image, and the whole request (upstream).
MAXIMUM_IMAGE_BYTES = 30 * 1024 * 1024
MAXIMUM_REQUEST_BYTES = 64 * 1024 * 1024
#: Limits of width and height of an image in pixels, and of width divided by height (upstream).
MINIMUM_IMAGE_SIDE = 300
MAXIMUM_IMAGE_SIDE = 6000
IMAGE_RATIOS = (0.4, 2.5)
#: The shortest reference clip, in seconds (upstream).
SHORTEST_CLIP_SECONDS = 2
#: The formats of media, by kind: the second part of their media types (upstream).
MEDIA_FORMATS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image": ("jpeg", "png", "webp", "bmp", "tiff", "gif"),
        "video": ("mp4", "quicktime"),
        "audio": ("wav", "mpeg"),
    }
)
#: Frame rate of every Seedance video.
FRAMES_PER_SECOND = 24

#: Model generations. They differ in frame sizes and in the values that upstream accepts.
ModelFamily = Literal["1.0", "1.5", "2.0", "2.5"]


@dataclass(frozen=True, slots=True)
class References:
    """
    The most references in one request (upstream).

    :param images: Images.
    :param videos: Clips.
    :param audios: Sounds.
    :param files: All of them together.
    :param clip_seconds: Length of the clips together, in seconds.
    """

    images: int
    videos: int
    audios: int
    files: int
    clip_seconds: int


@dataclass(frozen=True, slots=True)
class Model:
    """
    Limits and prices of one Seedance model.

    :param name: Short name, e.g. ``2.0 fast``.
    :param modes: Supported modes.
    :param durations: Shortest and longest video in seconds, inclusive (upstream).
    :param resolutions: The resolutions that the page or a list confirms.
    :param last_image: Whether image-to-video accepts a last frame (upstream).
    :param generate_audio: Whether it can generate audio (upstream).
    :param generation: Model family; it sets the frame sizes and the properties below.
    :param excluded_resolutions: Resolutions that the page excludes for this model.
    :param prices: List price in USD per second of video, by resolution; empty if none is published.
    :param references: The limits of references; ``None`` if it takes none.
    :param retired: Where and since when the model is no longer listed; empty for a current one.
    :param sound_factor: Highest price of a video with sound, as a multiple of the list price.
    :param usual_time: Usual generation time, as a multiple of that of other models.
    """

    name: str
    modes: frozenset[Mode]
    durations: tuple[int, int]
    resolutions: tuple[str, ...]
    last_image: bool
    generate_audio: bool
    generation: ModelFamily
    excluded_resolutions: tuple[str, ...] = ()
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    references: References | None = None
    retired: str = ""
    sound_factor: int = 1
    usual_time: float = 1.0

    @property
    def refuses_camera_fixed(self) -> bool:
        """Whether upstream refuses ``camera_fixed``, although the page lists it for every model."""
        return self.generation in ("2.0", "2.5")

    @property
    def reads_prompt_flags(self) -> bool:
        """Whether flags in the prompt, such as ``--dur 12``, override the arguments (upstream)."""
        return self.generation in ("1.0", "1.5")

    @property
    def chooses_duration(self) -> bool:
        """Whether it accepts :data:`MODEL_DURATION` (upstream)."""
        return self.generation in ("1.5", "2.0")

    @property
    def follows_image(self) -> bool:
        """Whether image-to-video has the image's aspect ratio, and upstream refuses any other."""
        return self.generation == "2.5"

    @property
    def takes_sounds_alone(self) -> bool:
        """Whether reference-to-video accepts sounds without images and clips (upstream)."""
        return self.generation == "2.5"


def _prices(*usd: str) -> Mapping[str, Decimal]:
    """Return prices by resolution; the arguments are for 480p, 720p, 1080p and 4k, in this order."""
    return MappingProxyType({each: Decimal(price) for each, price in zip(LISTED_RESOLUTIONS, usd, strict=False)})


_TEXT = frozenset({Mode.TEXT_TO_VIDEO})
_IMAGE = frozenset({Mode.IMAGE_TO_VIDEO})
_ALL = frozenset(Mode)
_UP_TO_720P = ("480p", "720p")
_REFERENCES_2_0 = References(images=9, videos=3, audios=3, files=12, clip_seconds=15)
_RETIRED_LITE = "ByteDance retired it on 2026-05-13, and GPTProto's model list no longer has it"

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
            retired=_RETIRED_LITE,
        ),
        "seedance-1-0-lite-i2v": Model(
            name="1.0 lite i2v",
            modes=_IMAGE,
            durations=(2, 12),
            resolutions=RESOLUTIONS,
            last_image=True,
            generate_audio=False,
            generation="1.0",
            retired=_RETIRED_LITE,
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
            usual_time=0.9,
        ),
        "seedance-1-0-pro-fast": Model(
            name="1.0 pro fast",
            modes=_TEXT | _IMAGE,
            durations=(2, 12),
            resolutions=RESOLUTIONS,
            last_image=False,
            generate_audio=False,
            generation="1.0",
            retired="GPTProto's model list of 2026-09-14 no longer has it",
            usual_time=0.7,
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
            # Upstream doubles the price with sound; GPTProto's list has one price.
            sound_factor=2,
        ),
        "seedance-2-0": Model(
            name="2.0",
            modes=_ALL,
            durations=(4, 15),
            resolutions=LISTED_RESOLUTIONS,
            last_image=True,
            generate_audio=True,
            generation="2.0",
            prices=_prices("0.0739", "0.1663", "0.4116", "0.85536"),
            references=_REFERENCES_2_0,
        ),
        "seedance-2-0-fast": Model(
            name="2.0 fast",
            modes=_ALL,
            durations=(4, 15),
            resolutions=_UP_TO_720P,
            last_image=True,
            generate_audio=True,
            generation="2.0",
            excluded_resolutions=("1080p",),
            prices=_prices("0.0443", "0.0998"),
            references=_REFERENCES_2_0,
        ),
        "seedance-2-0-mini": Model(
            name="2.0 mini",
            modes=_ALL,
            durations=(4, 15),
            resolutions=_UP_TO_720P,
            last_image=True,
            generate_audio=True,
            generation="2.0",
            prices=_prices("0.0237", "0.0532"),
            references=_REFERENCES_2_0,
        ),
        "seedance-2-5": Model(
            name="2.5",
            modes=_ALL,
            durations=(4, 30),
            resolutions=_UP_TO_720P,
            last_image=True,
            generate_audio=True,
            generation="2.5",
            prices=_prices("0.113", "0.254"),
            references=References(images=30, videos=10, audios=10, files=50, clip_seconds=30),
            # Measured: 125 s for 4 s at 720p.
            usual_time=1.75,
        ),
    }
)

_MODEL_ID = re.compile(r"(?:doubao-|dreamina-)?(?P<version>.+?)(?:-\d{6,8})?")


def find_model(model: str) -> Model | None:
    """
    Return the model of an id, or ``None`` for an unlisted id.

    The prefixes ``doubao-`` and ``dreamina-`` and the date at the end are optional.

    :param model: Model id as in the submit URL, e.g. ``doubao-seedance-2-0-fast-260128``.
    """
    matched = _MODEL_ID.fullmatch(model.strip().lower())
    return _MODELS.get(matched["version"]) if matched else None


def known_models() -> Mapping[str, Model]:
    """Return all listed models, by id without vendor prefix and date."""
    return _MODELS


def frame_size(model: str, resolution: str, aspect_ratio: str) -> FrameSize | None:
    """
    Return the width and height of a video in pixels, or ``None`` if they are not published.

    The source is the page's size table; :attr:`Model.resolutions` says which resolutions the model supports.

    :param model: Model id, e.g. ``doubao-seedance-2-0-fast-260128``.
    :param resolution: A resolution; those of :data:`RESOLUTIONS` have a size.
    :param aspect_ratio: An aspect ratio; those of :data:`ASPECT_RATIOS` have a size.
    """
    known = find_model(model)
    if known is None:
        return None
    sizes = FIRST_SIZES if known.generation == "1.0" else LATER_SIZES
    size = sizes.get(resolution, {}).get(aspect_ratio)
    return FrameSize(*size) if size else None


def estimate_cost(
    model: str = DEFAULT_MODEL,
    *,
    duration: int | str | None = None,
    resolution: str | None = None,
    generate_audio: bool | None = None,
    videos: object = None,
    prompt: str = "",
    extra_parameters: Mapping[str, Any] | None = None,
) -> Price:
    """
    Return what a generation with these arguments of an operator costs: the list price, and the most it can cost.

    A DAG file can call it: it needs no connection, and loads neither Airflow nor an HTTP client. The rules are in
    :mod:`~airflow_provider_seedance.gptproto.prices`.

    :param model: Model id.
    :param duration: Length of the video in seconds, read as a request reads it; -1 if the model chooses it.
    :param resolution: Resolution; ``None`` means :data:`DEFAULT_RESOLUTION`.
    :param generate_audio: Whether the video has sound; the service's default is true.
    :param videos: The reference clips, or ``True`` if there are any. If there are more than the model is known to take,
        there is no highest price.
    :param prompt: The prompt, because of its flags.
    :param extra_parameters: Parameters that are sent unchanged.
    :raises ValueError: When ``duration`` is no whole number, as "5" and "5.0" are.
    """
    given = DEFAULT_DURATION if duration is None else as_whole_number(duration)
    if not is_whole_number(given):
        allowed = f"a whole number of seconds, or {MODEL_DURATION}"
        raise ValueError(f"duration: {duration!r} is not allowed; allowed: {allowed}")
    known = find_model(model)
    unbounded_by = ["extra_parameters"] if extra_parameters else []
    if known and known.reads_prompt_flags:
        unbounded_by += [f"prompt flag {flag}" for flag in billed_flags(prompt)]
    number = len(videos) if isinstance(videos, list | tuple) else 1
    if known and videos and (known.references is None or number > known.references.videos):
        unbounded_by.append("reference clips")
    rate = known.prices.get(resolution or DEFAULT_RESOLUTION) if known else None
    if known is None or rate is None:
        unlisted = f"resolution {resolution!r}" if known and known.prices else f"model {model!r}"
        return Price(estimate=None, highest=None, unbounded_by=(unlisted, *unbounded_by))

    seconds = longest = given
    raised_by = []
    if given < 1:
        raised_by.append(f"duration={given}")
        seconds, longest = DEFAULT_DURATION, known.durations[1]
    elif given < known.durations[0]:
        raised_by.append(f"duration={given}")
        longest = known.durations[0]
    highest = rate * longest
    if known.sound_factor > 1 and generate_audio is not False:
        raised_by.append("sound")
        highest *= known.sound_factor
    if videos and known.references:
        raised_by.append("reference clips")
        highest = max(highest, rate * CLIP_RATE * (known.references.clip_seconds + longest))
    if unbounded_by:
        return Price(estimate=rate * seconds, highest=None, unbounded_by=tuple(unbounded_by))
    return Price(estimate=rate * seconds, highest=highest, raised_by=tuple(raised_by))
