"""
Boxes of the ISO base media file format (ISO/IEC 14496-12, section 4.2), which MP4, MOV, M4A, HEIC and AVIF share.

A file is a sequence of boxes, and so is the content of some boxes. This module reads headers only. Each step moves on
by at least eight bytes, so no content makes it loop.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

#: The content of a ``FullBox`` begins with these bytes.
VERSION_AND_FLAGS = 4
#: A header has at most this many bytes: size, type, 64-bit size, and the extended type of ``uuid``.
_LONGEST_HEADER = 32
#: A file with more boxes on the way is no medium; to read their headers would take minutes.
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

    The children of a box are at ``iter_boxes(file, box.body, box.end)``; in a ``FullBox`` such as ``meta``, they begin
    :data:`VERSION_AND_FLAGS` bytes later.

    :param file: A file that can seek; ``io.BytesIO(content)`` for bytes. Other readers may move it between two boxes.
    :param start: Offset of the first box.
    :param end: Offset behind the last one: the end of the file, or of the container.
    :raises BoxError: When the bytes at an offset are no box, or the box does not end within the part. The boxes before
        it have been yielded by then.
    """
    yield from _iter_boxes(file, start, end, itertools.count(1))


def find_boxes(file: BinaryIO, start: int, end: int, kind: bytes, *inner: bytes) -> Iterator[Box]:
    """
    Yield the boxes of a type, or the boxes in them, up to the first damaged one: what follows that cannot be found.

    :param file: A file that can seek.
    :param start: Offset of the first box.
    :param end: Offset behind the last one.
    :param kind: The type, such as ``b"moov"``.
    :param inner: The types on the way to a box inside: ``b"trak", b"mdia"``.
    """
    yield from _find_boxes(file, start, end, (kind, *inner), itertools.count(1))


def _iter_boxes(file: BinaryIO, start: int, end: int, counter: Iterator[int]) -> Iterator[Box]:
    while start < end:
        if next(counter) > _MAXIMUM_BOXES:
            raise BoxError(f"more than {_MAXIMUM_BOXES:,} boxes")
        file.seek(start)
        box = read_box(file.read(min(_LONGEST_HEADER, end - start)), start, end)
        yield box
        start = box.end


def _find_boxes(file: BinaryIO, start: int, end: int, path: tuple[bytes, ...], counter: Iterator[int]) -> Iterator[Box]:
    with suppress(BoxError):
        for box in _iter_boxes(file, start, end, counter):
            if box.type != path[0]:
                continue
            if len(path) == 1:
                yield box
            else:
                yield from _find_boxes(file, box.body, box.end, path[1:], counter)


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
