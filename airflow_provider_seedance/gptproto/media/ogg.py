"""
Content sniffing of Ogg, which holds sound (Vorbis, Opus, FLAC, Speex) or video (Theora, Dirac) and sound.

The first page of each stream is marked, and stands before all other pages (RFC 3533, section 4). Its content begins
with the name of the codec.
"""

from __future__ import annotations

SIGNATURE = b"OggS"

#: First bytes of a video stream: Theora, Dirac, the VP8 of libogg's mapping, and OGM.
_VIDEO = (b"\x80theora", b"BBCD\x00", b"OVP80", b"\x01video")
_PAGE_HEADER = 27
_FIRST_PAGE = 0b10
#: A file with more streams is no medium; to read their first pages would take seconds.
_MAXIMUM_STREAMS = 1_000


def ogg_media_type(content: bytes) -> str:
    """Return the media type of content that starts with :data:`SIGNATURE`."""
    start = 0
    for _ in range(_MAXIMUM_STREAMS):
        if not content.startswith(SIGNATURE, start) or start + _PAGE_HEADER > len(content):
            break
        flags, segments = content[start + 5], content[start + _PAGE_HEADER - 1]
        if not flags & _FIRST_PAGE:
            break
        body = start + _PAGE_HEADER + segments
        if content.startswith(_VIDEO, body):
            return "video/ogg"
        start = body + sum(content[start + _PAGE_HEADER : body])
    return "audio/ogg"
