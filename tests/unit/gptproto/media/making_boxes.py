"""Files of the ISO base media file format (ISO/IEC 14496-12), built here from boxes."""

from __future__ import annotations

import struct


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box that begins with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def large_box(kind: bytes, *content: bytes) -> bytes:
    """Return a box with a 64-bit size."""
    body = b"".join(content)
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def file_type(major: str, *compatible: str) -> bytes:
    """Return the box with the brands: major brand, its version, compatible brands (section 4.3)."""
    return box(b"ftyp", major.encode(), bytes(4), *(brand.encode() for brand in compatible))


def handler(kind: str, *, component: bytes = bytes(4)) -> bytes:
    """Return a handler box (section 8.4.3); QuickTime names the component, where ISO has zeros."""
    return full_box(b"hdlr", component, kind.encode(), bytes(13))


def track(kind: str) -> bytes:
    """Return a track with its header, and a handler as the second box of its media."""
    # QuickTime has a second handler, of the data, deeper inside.
    data = box(b"minf", full_box(b"hdlr", b"dhlr", b"url ", bytes(13)))
    return box(b"trak", full_box(b"tkhd", bytes(80)), box(b"mdia", full_box(b"mdhd", bytes(20)), handler(kind), data))


def movie(*kinds: str) -> bytes:
    return box(b"moov", full_box(b"mvhd", bytes(96)), *(track(kind) for kind in kinds))


def items(*content: bytes, kind: str = "pict") -> bytes:
    """Return the box of items that have no time, such as still images (section 8.11.1)."""
    return full_box(b"meta", handler(kind), *content)
