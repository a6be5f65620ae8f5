"""
The modes with their media, and the defaults of the arguments.

Operators need no more of the catalogue when DAG files are parsed, and importing all of it takes longer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Literal


class Mode(StrEnum):
    """The input that a video is made from: the last path segment of the submit URL."""

    TEXT_TO_VIDEO = "text-to-video"
    IMAGE_TO_VIDEO = "image-to-video"
    REFERENCE_TO_VIDEO = "reference-to-video"


#: The media arguments of each mode; text-to-video has none.
MEDIA_OF: Mapping[Mode, tuple[str, ...]] = {
    Mode.IMAGE_TO_VIDEO: ("image", "last_image"),
    Mode.REFERENCE_TO_VIDEO: ("images", "videos", "audios"),
}
#: The media arguments of all modes.
MEDIA = tuple(name for names in MEDIA_OF.values() for name in names)


def mode_of(media: Collection[str]) -> Mode:
    """Return the first mode that takes one of these media arguments."""
    return next((mode for mode, names in MEDIA_OF.items() if set(names) & set(media)), Mode.TEXT_TO_VIDEO)


#: The default model: the one of GPTProto's page.
DEFAULT_MODEL = "doubao-seedance-2-0-fast-260128"
#: The service's defaults for parameters that are not sent (page, "Core Parameters").
DEFAULT_ASPECT_RATIO = "16:9"
DEFAULT_DURATION = 5
DEFAULT_RESOLUTION = "720p"

#: Whether a refusal of the catalogue refuses a request, or is only a warning.
Validation = Literal["strict", "warn"]
