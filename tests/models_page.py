"""
The documentation page ``docs/models.md``, written from the catalogue: ``make docs``.

What a model refuses, and what is only warned of, is not repeated here: the rules are asked about each value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from airflow_provider_seedance.gptproto.catalogue import (
    ADAPTIVE_RATIO,
    ASPECT_RATIOS,
    DURATIONS,
    IMAGE_RATIOS,
    LISTED_RESOLUTIONS,
    MAXIMUM_IMAGE_BYTES,
    MAXIMUM_IMAGE_SIDE,
    MAXIMUM_IMAGES,
    MAXIMUM_REQUEST_BYTES,
    MEDIA_FORMATS,
    MINIMUM_IMAGE_SIDE,
    MODEL_DURATION,
    RESOLUTIONS,
    Mode,
    Model,
    frame_size,
    known_models,
)
from airflow_provider_seedance.gptproto.requests import REQUESTS, GenerationRequest

PAGE = Path(__file__).parents[1] / "docs" / "models.md"

_IMAGE = "https://example.com/first.png"
_MEDIA: Mapping[Mode, Mapping[str, object]] = {
    Mode.TEXT_TO_VIDEO: {},
    Mode.IMAGE_TO_VIDEO: {"image": _IMAGE},
    Mode.REFERENCE_TO_VIDEO: {"images": [_IMAGE]},
}
_INTRODUCTION = f"""\
# Models

The Seedance models that the provider knows, as of November 2026. `make docs` writes this page from the catalogue. You
can use any other model id: the task logs a warning and sends the arguments unchecked.

## What is refused, and what is only warned of

- **Refused** before anything is sent: what GPTProto's page "doubao-seedance-2-0-fast-260128 (Text To Video)" excludes.
  It has the parameters and their ranges, no 1080p on 2.0 fast, and references only from 2.0 on.
- **Sent with a warning**: what neither the page nor GPTProto's lists of models and prices (September 2026) confirm, and
  what only ByteDance's documentation excludes. It is not known whether GPTProto passes such a value on.

With `validation="warn"` a task sends what the page refuses, too, with a warning. `max_cost` holds in any case: a value
without a list price has no highest price, and a generation without a highest price is not submitted.

In all modes the page allows `aspect_ratio` {", ".join(ASPECT_RATIOS)} and `duration` {DURATIONS[0]} to {DURATIONS[1]}.
`aspect_ratio="{ADAPTIVE_RATIO}"` (the ratio of the image) and asset ids of ByteDance (`asset://...`) are sent with a
warning. Nobody sells 2k, and the page refuses it.

An id has a prefix, `doubao-`, `dreamina-` or none, and usually a date of six digits at the end.
"""
_REFERENCES = """\

## References

The most in one request, by ByteDance; more is sent with a warning. The page allows {images} images, and so the
provider refuses more on the 2.0 models. On 2.5 more than {images} are sent with a warning, and so are sounds alone,
which the page refuses. The length of an uploaded MP4 or MOV clip is measured, that of sounds is not.

"""
_MEDIA_LIMITS = f"""\

## Media

By ByteDance; other media are sent with a warning. The content of a link is not checked.

| what | limit |
|---|---|
| format of an image | {", ".join(MEDIA_FORMATS["image"])} |
| size of an image | {MAXIMUM_IMAGE_BYTES:,} bytes |
| sides of an image | {MINIMUM_IMAGE_SIDE:,} to {MAXIMUM_IMAGE_SIDE:,} pixels |
| width of an image | {IMAGE_RATIOS[0]} to {IMAGE_RATIOS[1]} times the height |
| last frame | the aspect ratio of the first frame |
| format of a clip | {", ".join(MEDIA_FORMATS["video"])}; as a URL: base64 is for images and sounds |
| format of a sound | {", ".join(MEDIA_FORMATS["audio"])} |
| request | {MAXIMUM_REQUEST_BYTES:,} bytes, uploads as base64 included; more is refused |
"""
_SIZES = """\

## Frame sizes

Width and height in pixels, by GPTProto's page. It names 1.5 pro, 2.0 and 2.0 fast for the second column; for 2.0 mini
and 2.5 that is an assumption. No size is published for 4k and for `adaptive`.

"""


def page() -> str:
    """Return the text of the page."""
    return "".join(
        [
            _INTRODUCTION,
            "\n## The models\n\nPrices are USD per second of video, by GPTProto's price list of September 2026.\n\n",
            _header("model", "id", "modes", "seconds", "resolutions and prices", "sound", "last frame"),
            *(_overview(model_id, known) for model_id, known in known_models().items()),
            "\n",
            _header("model", "refused", "sent with a warning"),
            *(_levels(model_id, known) for model_id, known in known_models().items()),
            _REFERENCES.format(images=MAXIMUM_IMAGES),
            _header("model", "images", "clips", "sounds", "all together", "seconds of all clips"),
            *(_references(known) for known in known_models().values() if known.references),
            _MEDIA_LIMITS,
            _SIZES,
            _header("resolution", "aspect ratio", "1.0", "1.5, 2.0 and 2.5"),
            *_sizes(),
        ]
    )


def _header(*cells: str) -> str:
    return f"{_row(*cells)}|{'---|' * len(cells)}\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _overview(model_id: str, known: Model) -> str:
    priced = (f"{each} {known.prices[each]}" if each in known.prices else each for each in known.resolutions)
    modes = ", ".join(mode.value for mode in Mode if mode in known.modes)
    yes = {True: "yes", False: "no"}
    seconds = " to ".join(map(str, known.durations))
    sound, last_frame = yes[known.generate_audio], yes[known.last_image]
    return _row(known.name, f"`{model_id}`", modes, seconds, ", ".join(priced), sound, last_frame)


def _levels(model_id: str, known: Model) -> str:
    found: dict[bool, list[str]] = {True: [], False: []}
    if known.retired:
        found[False].append(f"the model: {known.retired}")
    for level, text in _asked(model_id, known):
        if level is not None:
            found[level].append(text)
    return _row(known.name, "; ".join(found[True]), "; ".join(found[False]))


def _asked(model_id: str, known: Model) -> Iterator[tuple[bool | None, str]]:
    """Yield for each value whether the rules refuse it (true), warn of it (false) or have nothing against it."""
    mode = next(mode for mode in Mode if mode in known.modes)
    for each in Mode:
        if each not in known.modes:
            yield _level("model", _request(model_id, each)), each.value
    lengths = ((_level("duration", _request(model_id, mode, duration=length)), length) for length in range(1, 32))
    for level, run in groupby(lengths, key=lambda pair: pair[0]):
        first, *rest = (length for _, length in run)
        last = rest[-1] if rest else first
        shown = f"{first} and more" if last == 31 else f"below {last + 1}" if first == 1 else f"{first} to {last}"
        yield level, f"`duration` {shown}"
    for name, value in (
        ("duration", MODEL_DURATION),
        *(("resolution", each) for each in (*LISTED_RESOLUTIONS, "2k")),
        ("generate_audio", True),
        ("camera_fixed", True),
    ):
        yield _level(name, _request(model_id, mode, **{name: value})), f"`{name}={value!r}`"
    yield _level("prompt", _request(model_id, mode, prompt="--dur 12")), "prompt flags that change the bill, as `--dur`"
    if Mode.IMAGE_TO_VIDEO in known.modes:
        request = _request(model_id, Mode.IMAGE_TO_VIDEO, last_image=_IMAGE, aspect_ratio=ASPECT_RATIOS[0])
        yield _level("last_image", request), "`last_image`"
        yield _level("aspect_ratio", request), f"image-to-video with an `aspect_ratio` other than `{ADAPTIVE_RATIO}`"


def _request(model_id: str, mode: Mode, **arguments: object) -> GenerationRequest:
    given: dict[str, object] = {"prompt": "A paper boat", **_MEDIA[mode], **arguments}
    return REQUESTS[mode](model=model_id, **given)  # type: ignore[arg-type]


def _level(name: str, request: GenerationRequest) -> bool | None:
    levels = [finding.is_refusal for finding in request.findings() if finding.message.startswith(f"{name}:")]
    return max(levels, default=None)


def _references(known: Model) -> str:
    limits = known.references
    assert limits is not None
    numbers = (limits.images, limits.videos, limits.audios, limits.files, limits.clip_seconds)
    return _row(known.name, *map(str, numbers))


def _sizes() -> Iterator[str]:
    for resolution in RESOLUTIONS:
        for ratio in ASPECT_RATIOS:
            sizes = (frame_size(model, resolution, ratio) for model in ("seedance-1-0-pro", "seedance-2-0"))
            yield _row(resolution, ratio, *("\N{MULTIPLICATION SIGN}".join(map(str, size or ())) for size in sizes))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
