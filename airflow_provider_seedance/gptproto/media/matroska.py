"""
Content sniffing of Matroska and WebM: a file that has sound alone is audio.

A file is a sequence of EBML elements, each with id, size and content (RFC 8794). The header names the type of document;
the types of the tracks are in ``Segment``, ``Tracks``, ``TrackEntry``, ``TrackType`` (RFC 9559, section 5.1.4.1.3).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

SIGNATURE = b"\x1aE\xdf\xa3"

_HEADER, _DOCUMENT_TYPE = 0x1A45DFA3, 0x4282
_TRACK_TYPES = (0x18538067, 0x1654AE6B, 0xAE, 0x83)
#: Track types: video, audio, and both in one track.
_VIDEO, _AUDIO, _COMPLEX = 1, 2, 3
#: A file with more elements before its tracks is no medium; to read them would take minutes.
_MAXIMUM_ELEMENTS = 100_000


def matroska_media_type(content: bytes) -> str:
    """Return the media type of content that starts with :data:`SIGNATURE`."""
    document = next(_find(content, _HEADER, _DOCUMENT_TYPE), b"")
    name = "webm" if document.rstrip(b"\0") == b"webm" else "x-matroska"
    tracks = {int.from_bytes(number) for number in _find(content, *_TRACK_TYPES) if number}
    if not tracks or tracks & {_VIDEO, _COMPLEX}:
        return f"video/{name}"
    return f"audio/{name}" if _AUDIO in tracks else f"application/{name}"


def _find(content: bytes, *path: int) -> Iterator[bytes]:
    """Yield the contents of the elements at a path of ids, up to eight bytes of each."""
    yield from _find_within(content, 0, len(content), path, itertools.count(1))


def _find_within(
    content: bytes, start: int, end: int, path: tuple[int, ...], counter: Iterator[int]
) -> Iterator[bytes]:
    for identifier, body, following in _elements(content, start, end, counter):
        if identifier != path[0]:
            continue
        if len(path) == 1:
            yield content[body : min(following, body + 8)]
        else:
            yield from _find_within(content, body, following, path[1:], counter)


def _elements(content: bytes, start: int, end: int, counter: Iterator[int]) -> Iterator[tuple[int, int, int]]:
    """Yield id, offset of the content, and offset behind it of each element, up to the first damaged one."""
    while next(counter) <= _MAXIMUM_ELEMENTS:
        id_length, size_length = _length(content, start), _length(content, start + _length(content, start))
        body = start + id_length + size_length
        if not id_length or not size_length or body > end:
            return
        size = int.from_bytes(content[start + id_length : body]) - (1 << 7 * size_length)
        # All bits set mean that the size is unknown: a recording that was not finished.
        is_unknown = size == (1 << 7 * size_length) - 1
        following = end if is_unknown else min(body + size, end)
        yield int.from_bytes(content[start : start + id_length]), body, following
        start = following


def _length(content: bytes, offset: int) -> int:
    """Return the length of a number: its first byte has as many zeros before the first one; 0 if there is none."""
    first = content[offset : offset + 1]
    return 9 - first[0].bit_length() if first and first[0] else 0
