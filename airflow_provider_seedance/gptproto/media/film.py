"""The length and the frame size of a film: from the box ``moov`` of MP4 and QuickTime files (ISO/IEC 14496-12)."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

from airflow_provider_seedance.gptproto.media.boxes import VERSION_AND_FLAGS, Box, find_boxes
from airflow_provider_seedance.gptproto.media.isobmff import handler_types

#: The movie header after version and flags: two times, the time scale and the duration, by version (section 8.2.2).
_HEADER = {0: struct.Struct(">IIII"), 1: struct.Struct(">QQIQ")}
#: The duration of a film with its fragments (section 8.8.2).
_EXTENDED = {0: struct.Struct(">I"), 1: struct.Struct(">Q")}
#: Width and height of a sample entry (section 12.1.3), and their offset in ``stsd`` (section 8.5.2): behind version,
#: flags and the number of entries, the header of the first entry, its reference, and reserved bytes.
_FRAME_SIZE = struct.Struct(">HH")
_FRAME_SIZE_OFFSET = VERSION_AND_FLAGS + 4 + 8 + 8 + 16


def film_seconds(content: bytes) -> float | None:
    """
    Return the length of an MP4 or QuickTime film in seconds, or ``None`` if it is unknown.

    It is unknown for a fragmented film, whose header has the length of its first part only, unless the film states its
    whole length as well.

    :param content: The whole file, whose header may stand at its end, or the box ``moov`` alone.
    """
    header = _fields(content, _HEADER, b"moov", b"mvhd")
    if header is None:
        return None
    *_, scale, duration = header
    if _first(content, b"moov", b"mvex") is not None:
        (duration,) = _fields(content, _EXTENDED, b"moov", b"mvex", b"mehd") or (0,)
    # All bits set mean that the duration is not known.
    is_known = scale and duration and duration not in (2**32 - 1, 2**64 - 1)
    return duration / scale if is_known else None


def film_frame_size(content: bytes) -> tuple[int, int] | None:
    """
    Return width and height of the coded frames of the first video track, or ``None`` if they are unknown.

    A player may show them rotated or stretched, if the file says so.

    :param content: See :func:`film_seconds`.
    """
    file = io.BytesIO(content)
    for track in find_boxes(file, 0, len(content), b"moov", b"trak"):
        if b"vide" not in handler_types(content, find_boxes(file, track.body, track.end, b"mdia", b"hdlr")):
            continue
        for entries in find_boxes(file, track.body, track.end, b"mdia", b"minf", b"stbl", b"stsd"):
            fields = content[entries.body : entries.end]
            if len(fields) >= _FRAME_SIZE_OFFSET + _FRAME_SIZE.size:
                width, height = _FRAME_SIZE.unpack_from(fields, _FRAME_SIZE_OFFSET)
                return (width, height) if width and height else None
    return None


def _first(content: bytes, *path: bytes) -> Box | None:
    return next(find_boxes(io.BytesIO(content), 0, len(content), *path), None)


def _fields(content: bytes, layouts: Mapping[int, struct.Struct], *path: bytes) -> tuple[int, ...] | None:
    """Return the fields of a box by the layout of its version, or ``None`` if they cannot be read."""
    box = _first(content, *path)
    if box is None:
        return None
    fields = content[box.body : box.end]
    layout = layouts.get(fields[0]) if fields else None
    if layout is None or len(fields) < VERSION_AND_FLAGS + layout.size:
        return None
    return layout.unpack_from(fields, VERSION_AND_FLAGS)
