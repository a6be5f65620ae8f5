"""
Boxes of the ISO base media file format (ISO/IEC 14496-12, section 4.2), which MP4, MOV, M4A, HEIC and AVIF share.

A file is a sequence of boxes, and so is the content of some boxes. This module reads headers only. Each step moves on
by at least eight bytes, so no content makes it loop.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

#: A header has at most this many bytes: size, type, 64-bit size, and the extended type of ``uuid``.
_LONGEST_HEADER = 32
#: More boxes in one container are no medium; their headers alone would take seconds to read.
_MAXIMUM_BOXES = 100_000


class BoxError(ValueError):
    """The next bytes are no box, or the box ends behind its container: the content is damaged or cut."""


@dataclass(frozen=True, slots=True)
class Box:
    """
    The header of a box.

    :param type: Its four characters, such as ``b"moov"``.
    :param start: Offset of the box in the file, in bytes.
    :param header: Length of the header, in bytes.
    :param size: Length of the whole box, in bytes.
    """

    type: bytes
    start: int
    header: int
    size: int

    @property
    def body(self) -> int:
        """Offset of the content in the file, in bytes."""
        return self.start + self.header

    @property
    def end(self) -> int:
        """Offset of the first byte behind the box."""
        return self.start + self.size


def iter_boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """
    Yield the boxes in a part of a file, one after the other, without the boxes in them.

    The children of a box are at ``iter_boxes(file, box.body, box.end)``; where the box begins with version and flags (a
    ``FullBox``), they begin four bytes later.

    :param file: A file that can seek; ``io.BytesIO(content)`` for bytes. Other readers may move it between two boxes.
    :param start: Offset of the first box.
    :param end: Offset behind the last one: the end of the file, or of the container.
    :raises BoxError: When the bytes at an offset are no box, or the box does not end within the part. The boxes before
        it have been yielded by then.
    """
    count = 0
    while start < end:
        count += 1
        if count > _MAXIMUM_BOXES:
            raise BoxError(f"more than {_MAXIMUM_BOXES:,} boxes in a row")
        file.seek(start)
        box = read_box(file.read(min(_LONGEST_HEADER, end - start)), start, end)
        yield box
        start = box.end


def read_box(head: bytes, start: int, end: int) -> Box:
    """
    Return the box at an offset.

    :param head: The first bytes of the box: 32, or all up to ``end`` if these are fewer.
    :param start: Offset of the box.
    :param end: Offset behind its container. A box of size 0 reaches up to there.
    :raises BoxError: When the bytes are no box, or the box does not end within its container.
    """
    try:
        size, kind = struct.unpack_from(">I4s", head)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", head, header)
            header = 16
        elif size == 0:
            size = end - start
    except struct.error:
        raise BoxError(f"the header at byte {start:,} is cut") from None
    if kind == b"uuid":
        header += 16
    if size < header:
        raise BoxError(f"the box at byte {start:,} is smaller than its header")
    if size > end - start:
        raise BoxError(f"the box at byte {start:,} has {size:,} bytes, and its container has {end - start:,} left")
    return Box(kind, start, header, size)
