"""
Content sniffing: find the media type of content, and the size of an image.

File names and declared types may be wrong, and the service checks the content. The first bytes name the format. Where a
format holds both video and sound, its headers name the tracks. Nothing is decoded, so no image library is needed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping

from airflow_provider_seedance.gptproto.media import matroska, ogg
from airflow_provider_seedance.gptproto.media.boxes import BoxError
from airflow_provider_seedance.gptproto.media.heif import heif_size
from airflow_provider_seedance.gptproto.media.isobmff import iso_media_type

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
    (b"fLaC", "audio/flac"),
)
#: Media types by bytes 8 to 11 of a RIFF file.
_RIFF: Mapping[bytes, str] = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
#: Header of a tag before an audio file: four times seven bits are its size without header and footer (ID3v2.4.0, 3.1).
_ID3 = re.compile(rb"ID3[\x02-\x04].(?P<flags>.)(?P<size>[\x00-\x7f]{4})", re.DOTALL)
_MAXIMUM_TAGS = 10
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
    if content.startswith(matroska.SIGNATURE):
        return matroska.matroska_media_type(content)
    if content.startswith(ogg.SIGNATURE):
        return ogg.ogg_media_type(content)
    if content.startswith(b"BM") and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    return iso_media_type(content) or _audio_type(content)


def image_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height of an image in pixels, or ``None`` for an unknown or truncated header."""
    read = _SIZES.get(media_type(content) or "")
    try:
        return read(content) if read else None
    except (struct.error, BoxError):  # truncated header
        return None


def _audio_type(content: bytes) -> str | None:
    """Return the type of an audio file without a header of its own, which starts with a tag or its first frame."""
    tags = _tags_end(content)
    start = content[tags : tags + 4]
    if tags and start == b"fLaC":
        return "audio/flac"
    # Any bytes may stand between a tag and the first frame.
    return _frame_type(start) or ("audio/mpeg" if tags else None)


def _tags_end(content: bytes) -> int:
    """Return the offset behind the ID3 tags at the start; 0 without one."""
    offset = 0
    for _ in range(_MAXIMUM_TAGS):
        tag = _ID3.match(content, offset)
        if tag is None:
            break
        size = sum(each << shift for each, shift in zip(tag["size"], (21, 14, 7, 0), strict=True))
        has_footer = tag["flags"][0] & 0x10
        offset = tag.end() + size + (len(tag[0]) if has_footer else 0)
    return offset


def _frame_type(start: bytes) -> str | None:
    """Return the type of an audio file that starts with its first frame."""
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
    "image/heic": heif_size,
    "image/heif": heif_size,
    "image/avif": heif_size,
    "image/heic-sequence": heif_size,
    "image/heif-sequence": heif_size,
    "image/avci": heif_size,
}
