"""The length of a film: from the movie header of MP4 and QuickTime files (ISO/IEC 14496-12, section 8.2.2)."""

from __future__ import annotations

import io
import struct

from airflow_provider_seedance.gptproto.media.boxes import VERSION_AND_FLAGS, find_boxes

#: After version and flags: two times, the time scale and the duration, by version.
_LAYOUTS = {0: struct.Struct(">IIII"), 1: struct.Struct(">QQIQ")}


def film_seconds(content: bytes) -> float | None:
    """
    Return the length of an MP4 or QuickTime film in seconds, or ``None`` if it is unknown.

    A fragmented file has the duration 0 in its header, which is unknown as well.

    :param content: The whole file, whose header may stand at its end.
    """
    header = next(find_boxes(io.BytesIO(content), 0, len(content), b"moov", b"mvhd"), None)
    if header is None:
        return None
    fields = content[header.body : header.end]
    layout = _LAYOUTS.get(fields[0]) if fields else None
    if layout is None or len(fields) < VERSION_AND_FLAGS + layout.size:
        return None
    *_, scale, duration = layout.unpack_from(fields, VERSION_AND_FLAGS)
    # All bits set mean that the duration is not known.
    is_known = scale and duration and duration not in (2**32 - 1, 2**64 - 1)
    return duration / scale if is_known else None
