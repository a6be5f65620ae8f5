"""
The rules of the catalogue for media: numbers, formats and sizes.

Only one of them comes from GPTProto's page, the number of images. Upstream (ByteDance) documents the others. A link is
not followed, so formats, sizes and lengths are known of uploads only. The length of a sound is not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from airflow_provider_seedance.gptproto.catalogue import (
    IMAGE_RATIOS,
    MAXIMUM_IMAGE_BYTES,
    MAXIMUM_IMAGE_SIDE,
    MAXIMUM_IMAGES,
    MEDIA_FORMATS,
    MINIMUM_IMAGE_SIDE,
    SHORTEST_CLIP_SECONDS,
    Model,
)
from airflow_provider_seedance.gptproto.media.media import NamedMedium, UploadedContent, is_asset, read_upload
from airflow_provider_seedance.gptproto.rules import Finding, doubtful, refused

#: Other names of a format in media types.
_SYNONYMS: Mapping[str, str] = {"jpg": "jpeg", "mp3": "mpeg", "mpeg3": "mpeg", "wave": "wav", "mov": "quicktime"}
#: Two frames have the same aspect ratio if the ratios differ by less: sides are rounded to whole pixels.
_RATIO_TOLERANCE = 0.01


def asset_findings(media: Sequence[NamedMedium]) -> Iterator[Finding]:
    """Yield a warning for each upstream asset id, which may be used with any model."""
    for name, _, value in media:
        if is_asset(value):
            yield doubtful(name, value, "only ByteDance documents asset ids")


def media_findings(known: Model, media: Sequence[NamedMedium]) -> Iterator[Finding]:
    """
    Yield what the catalogue has against media.

    :param known: The model.
    :param media: The media of the request.
    """
    yield from _last_frame(known, media)
    yield from _reference_numbers(known, [medium for medium in media if medium.is_listed])
    uploads = {name: (kind, content) for name, kind, value in media if (content := read_upload(value)) is not None}
    for name, (kind, content) in uploads.items():
        yield from _upload(name, kind, content)
    yield from _clip_lengths(known, {name: content for name, (kind, content) in uploads.items() if kind == "video"})
    first, last = (uploads[name][1].ratio if name in uploads else None for name in ("image", "last_image"))
    if first and last and abs(first / last - 1) > _RATIO_TOLERANCE:
        yield doubtful("last_image", f"width / height = {last:.2f}", f"the first image has {first:.2f}")


def _last_frame(known: Model, media: Sequence[NamedMedium]) -> Iterator[Finding]:
    for name, _, value in media:
        if name == "last_image" and not known.last_image:
            yield doubtful(name, value, f"Seedance {known.name} takes no last frame")


def _reference_numbers(known: Model, references: Sequence[NamedMedium]) -> Iterator[Finding]:
    numbers = {"images": 0, "videos": 0, "audios": 0}
    for name, _, _ in references:
        numbers[name.partition("[")[0]] += 1
    limits = known.references
    if numbers["audios"] == len(references) > 0:
        if not known.takes_sounds_alone:
            yield refused("images, videos", None, "at least one image or video; audios alone are not enough")
        else:
            yield doubtful("images, videos", None, "GPTProto's page wants an image or a video beside sounds")
    images = f"{numbers['images']} items"
    if numbers["images"] > MAXIMUM_IMAGES:
        if limits is None or limits.images <= MAXIMUM_IMAGES:
            yield refused("images", images, f"at most {MAXIMUM_IMAGES} items")
            numbers["images"] = 0
        elif numbers["images"] <= limits.images:
            yield doubtful("images", images, f"GPTProto's page allows {MAXIMUM_IMAGES}")
    if limits is None:
        return
    most = {"images": limits.images, "videos": limits.videos, "audios": limits.audios}
    for name, number in numbers.items():
        if number > most[name]:
            yield doubtful(name, f"{number} items", f"ByteDance takes {most[name]} for Seedance {known.name}")
    if len(references) > limits.files:
        why = f"ByteDance takes {limits.files} references in all for Seedance {known.name}"
        yield doubtful("images, videos, audios", f"{len(references)} items", why)


def _clip_lengths(known: Model, clips: Mapping[str, UploadedContent]) -> Iterator[Finding]:
    lengths = {name: content.seconds for name, content in clips.items() if content.seconds is not None}
    for name, seconds in lengths.items():
        if seconds < SHORTEST_CLIP_SECONDS:
            yield doubtful(name, f"{seconds:.1f} s", f"ByteDance takes clips from {SHORTEST_CLIP_SECONDS} s on")
    total, limits = sum(lengths.values()), known.references
    if limits is not None and total > limits.clip_seconds:
        why = f"ByteDance takes clips of {limits.clip_seconds} s together for Seedance {known.name}"
        yield doubtful("videos", f"{total:.1f} s", why)


def _upload(name: str, kind: str, content: UploadedContent) -> Iterator[Finding]:
    if kind == "video":
        yield doubtful(name, "an upload", "ByteDance documents base64 for images and sounds only; use a URL")
    formats = MEDIA_FORMATS[kind]
    declared = content.media_type.partition("/")[2].removeprefix("x-")
    if declared and _SYNONYMS.get(declared, declared) not in formats:
        yield doubtful(name, content.media_type, f"ByteDance takes {', '.join(formats)}")
    if kind != "image":
        return
    if content.size > MAXIMUM_IMAGE_BYTES:
        yield doubtful(name, f"{content.size:,} bytes", f"ByteDance takes images of {MAXIMUM_IMAGE_BYTES:,} bytes")
    if content.sides and not all(MINIMUM_IMAGE_SIDE <= side <= MAXIMUM_IMAGE_SIDE for side in content.sides):
        width, height = content.sides
        why = f"ByteDance takes sides of {MINIMUM_IMAGE_SIDE} to {MAXIMUM_IMAGE_SIDE:,} pixels"
        yield doubtful(name, f"{width} x {height} pixels", why)
    lowest, highest = IMAGE_RATIOS
    if content.ratio and not lowest <= content.ratio <= highest:
        why = f"ByteDance takes {lowest} to {highest}"
        yield doubtful(name, f"width / height = {content.ratio:.2f}", why)
