"""
Content sniffing of the ISO base media file format: MP4, MOV, M4A, HEIC and AVIF differ in brands and tracks only.

A file names the formats that it follows in its ``ftyp`` box: a major brand, then compatible ones (ISO/IEC 14496-12,
section 4.3). Most brands allow sound without pictures, so the handlers of the tracks decide (section 8.4.3). The tracks
are in the box ``moov``, which may be at the end of the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

from airflow_provider_seedance.gptproto.media.boxes import VERSION_AND_FLAGS, Box, find_boxes

#: Types of a first box. Files older than the box ``ftyp`` begin with another one (QuickTime File Format, 2001).
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
#: Media types by the major brands of images and sounds; their tracks are no film but frames, thumbnails or covers.
#: ISO/IEC 23008-12, annexes B, E and H (HEIF); AV1 Image File Format, section 8; the MP4 registration authority.
_BRANDS: Mapping[bytes, str] = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), "image/heic"),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic-sequence"),
    **dict.fromkeys((b"mif1", b"mif2", b"miaf"), "image/heif"),
    b"msf1": "image/heif-sequence",
    **dict.fromkeys((b"avci", b"avcs"), "image/avci"),
    # Camera raw: its tracks are no film, and only some programs can show its picture.
    b"crx ": "application/x-canon-cr3",
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
}
#: Images in any coding: a compatible brand names it.
_GENERAL = ("image/heif", "image/heif-sequence")
_QUICKTIME = b"qt  "
#: Compatible brands behind these bytes are not read.
_BRANDS_END = 512
#: Offset of the type in the content of ``hdlr``.
_HANDLER_TYPE = 8


def iso_media_type(content: bytes) -> str | None:
    """Return the media type of content in this format, or ``None`` if it is in another one."""
    if content[4:8] not in _FIRST_BOXES:
        return None
    brands = _brands(content)
    major = brands[0] if brands else _QUICKTIME
    if major in _BRANDS:
        return _with_coding(_BRANDS[major], brands)
    handlers = _handlers(content)
    video = "video/quicktime" if major == _QUICKTIME else "video/mp4"
    found = {b"vide": video, b"pict": _with_coding("image/heif", brands), b"soun": "audio/mp4"}
    for handler, kind in found.items():
        if handler in handlers:
            return kind
    if handlers:
        return "application/mp4"
    # The tracks cannot be read: the file may be cut.
    return video if brands else None


def _brands(content: bytes) -> list[bytes]:
    """Return the major brand and the compatible brands; none if the first box does not name them."""
    if content[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(content[:4]), len(content), _BRANDS_END)
    return [content[8:12], *(content[offset : offset + 4] for offset in range(16, end, 4))]


def _with_coding(found: str, brands: list[bytes]) -> str:
    """Return a type of images, more exactly if a brand names their coding."""
    codings = (_BRANDS[brand] for brand in brands if brand in _BRANDS and found in _GENERAL)
    return next((each for each in codings if each.startswith("image/") and each not in _GENERAL), found)


def _handlers(content: bytes) -> set[bytes]:
    """Return the handlers of the tracks, or of the items in a file without tracks."""
    file = io.BytesIO(content)
    found = handler_types(content, find_boxes(file, 0, len(content), b"moov", b"trak", b"mdia", b"hdlr"))
    # A file has one list of items (section 8.11.1).
    meta = next(find_boxes(file, 0, len(content), b"meta"), None)
    if found or meta is None:
        return found
    return handler_types(content, find_boxes(file, meta.body + VERSION_AND_FLAGS, meta.end, b"hdlr"))


def handler_types(content: bytes, boxes: Iterator[Box]) -> set[bytes]:
    """Return the types in boxes ``hdlr``: ``vide`` for a video track (section 8.4.3)."""
    return {content[box.body + _HANDLER_TYPE : box.body + _HANDLER_TYPE + 4] for box in boxes}
