"""
Content sniffing: find the media type from the first bytes, and the size of an image from its header.

File names and declared types may be wrong, and the service checks the content. This module reads headers only and
decodes nothing, so it needs no image library.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

#: The formats that are recognised, for error messages.
RECOGNISED: Mapping[str, str] = {
    "image": "PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC or AVIF",
    "video": "MP4, MOV, WebM, MKV or AVI",
    "audio": "MP3, WAV, M4A, AAC, OGG or FLAC",
}

#: First bytes and media type. Formats with a short, ambiguous signature are left out.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
#: Media types by bytes 8 to 11 of a RIFF file.
_RIFF: Mapping[bytes, str] = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
#: Media types by the major brand of an ISO base media file; all other brands are MP4.
_BRANDS: Mapping[bytes, str] = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
_EBML = b"\x1aE\xdf\xa3"
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_SHORT = 3


def media_type(content: bytes) -> str | None:
    """Return the media type of content, e.g. ``image/png``, or ``None`` for an unknown format."""
    for signature, found in _SIGNATURES:
        if content.startswith(signature):
            return found
    if content.startswith(b"RIFF"):
        return _RIFF.get(content[8:12])
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    if content.startswith(_EBML):
        return "video/webm" if b"webm" in content[:64] else "video/x-matroska"
    if content.startswith(b"BM") and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    return _frame_type(content[:3])


def image_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height of an image in pixels, or ``None`` for an unknown or truncated header."""
    read = _SIZES.get(media_type(content) or "")
    try:
        return read(content) if read else None
    except struct.error:  # truncated header
        return None


def _frame_type(start: bytes) -> str | None:
    """Return the type of an audio file without a header: it starts with its first frame."""
    if len(start) < 3 or start[0] != 0xFF:
        return None
    if start[1] in (0xF0, 0xF1, 0xF8, 0xF9):
        return "audio/aac"
    is_layer_3 = start[1] in (0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3)
    has_rates = 0x00 < start[2] >> 4 < 0x0F and start[2] >> 2 & 0b11 != 0b11
    return "audio/mpeg" if is_layer_3 and has_rates else None


def _png_size(content: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _gif_size(content: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _bmp_size(content: bytes) -> tuple[int, int] | None:
    is_first_version = struct.unpack_from("<I", content, 14) == (12,)
    width, height = struct.unpack_from("<HH" if is_first_version else "<ii", content, 18)
    # A negative height means that rows are stored from top to bottom.
    return width, abs(height)


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    offset = 2
    while True:
        start, marker = struct.unpack_from(">BB", content, offset)
        if start != 0xFF or marker in (0xD9, 0xDA):
            return None
        if marker == 0xFF:
            offset += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:
            offset += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, offset + 5)
            # With a height of zero, the real height follows after the image data.
            return (width, height) if height else None
        else:
            offset += 2 + struct.unpack_from(">H", content, offset + 2)[0]


def _webp_size(content: bytes) -> tuple[int, int] | None:
    chunk = content[12:16]
    if chunk == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", content, 24)
        return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff_size(content: bytes) -> tuple[int, int] | None:
    order = "<" if content.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, directory)
    values = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", content, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            (values[tag],) = struct.unpack_from(f"{order}{'H' if kind == _TIFF_SHORT else 'I'}", content, entry + 8)
    return (values[_TIFF_WIDTH], values[_TIFF_HEIGHT]) if len(values) == 2 else None


_SIZES: Mapping[str, Callable[[bytes], tuple[int, int] | None]] = {
    "image/png": _png_size,
    "image/jpeg": _jpeg_size,
    "image/gif": _gif_size,
    "image/bmp": _bmp_size,
    "image/tiff": _tiff_size,
    "image/webp": _webp_size,
}
