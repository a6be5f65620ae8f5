"""
The width and height of a video in pixels, by resolution and aspect ratio.

Source: GPTProto's page, "Aspect Ratio & Resolution". No size is published for other resolutions, such as 4k, or for
``aspect_ratio="adaptive"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class FrameSize(NamedTuple):
    """Width and height of a video, in pixels."""

    width: int
    height: int


#: Sizes by resolution, then by aspect ratio.
SizeTable = Mapping[str, Mapping[str, tuple[int, int]]]

#: Both columns have the same sizes at 1080p.
_SIZES_1080P: Mapping[str, tuple[int, int]] = {
    "16:9": (1920, 1088),
    "4:3": (1664, 1248),
    "1:1": (1440, 1440),
    "3:4": (1248, 1664),
    "9:16": (1088, 1920),
    "21:9": (2176, 928),
}
#: The column of Seedance 1.0.
FIRST_SIZES: SizeTable = {
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
    "1080p": _SIZES_1080P,
}
#: The column of Seedance 1.5 pro, 2.0 and 2.0 fast. Assumed for the models that are newer than the page.
LATER_SIZES: SizeTable = {
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
    "1080p": _SIZES_1080P,
}
