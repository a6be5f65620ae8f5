"""Content sniffing: media types and image sizes of files that real libraries write."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.sniff import image_size, media_type
from tests.unit.gptproto.samples import clip, picture, sound

#: Pillow's name, options, and the registered media type.
IMAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "PNG": ("PNG", {}, "image/png"),
    "PNG with a palette": ("PNG", {"mode": "P"}, "image/png"),
    "JPEG": ("JPEG", {}, "image/jpeg"),
    "progressive JPEG": ("JPEG", {"progressive": True}, "image/jpeg"),
    "JPEG with a large comment": ("JPEG", {"comment": b"x" * 60_000}, "image/jpeg"),
    "JPEG with metadata": (
        "JPEG",
        {"exif": b"Exif\x00\x00" + b"\xff\xc0" * 500, "icc_profile": b"x" * 90_000},
        "image/jpeg",
    ),
    "lossy WebP": ("WEBP", {}, "image/webp"),
    "lossless WebP": ("WEBP", {"lossless": True}, "image/webp"),
    "WebP with metadata": ("WEBP", {"exif": b"Exif\x00\x00" + b"x" * 50}, "image/webp"),
    "lossless WebP with transparency": ("WEBP", {"mode": "RGBA", "lossless": True}, "image/webp"),
    "GIF": ("GIF", {}, "image/gif"),
    "BMP": ("BMP", {}, "image/bmp"),
    "TIFF": ("TIFF", {}, "image/tiff"),
    "compressed TIFF": ("TIFF", {"compression": "tiff_lzw"}, "image/tiff"),
    "TIFF in the other byte order": ("TIFF", {"mode": "I;16B"}, "image/tiff"),
    "AVIF": ("AVIF", {}, "image/avif"),
}
each_image = pytest.mark.parametrize(("kind", "options", "expected"), IMAGES.values(), ids=IMAGES)

CLIPS = {
    "MP4": (("mp4", "libx264"), "video/mp4"),
    "MOV": (("mov", "mpeg4"), "video/quicktime"),
    "WebM": (("webm", "libvpx"), "video/webm"),
    "MKV": (("matroska", "libx264"), "video/x-matroska"),
    "AVI": (("avi", "mpeg4"), "video/x-msvideo"),
}
SOUNDS = {
    "MP3": (("mp3", "libmp3lame"), {}, "audio/mpeg"),
    "MP3 without a tag": (("mp3", "libmp3lame"), {"id3v2_version": "0", "write_xing": "0"}, "audio/mpeg"),
    "WAV": (("wav", "pcm_s16le"), {}, "audio/wav"),
    "M4A": (("ipod", "aac"), {}, "audio/mp4"),
    "AAC": (("adts", "aac"), {}, "audio/aac"),
    "OGG": (("ogg", "libopus"), {}, "audio/ogg"),
    "FLAC": (("flac", "flac"), {}, "audio/flac"),
}

OTHER_FILES = {
    "nothing": b"",
    "one byte": b"\xff",
    "text": b"root:x:0:0:root:/root:/bin/bash\n",
    "text that starts like a bitmap": b"BMW builds cars in Munich, and has done so for more than a century.",
    "UTF-16": "\ufeffA paper boat".encode("utf-16-le"),
    "a private key": b"-----BEGIN PRIVATE KEY-----\nMIIEvQ",
    "JSON": b'{"password": "secret"}',
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400"/>',
    "PDF": b"%PDF-1.7",
    "ZIP": b"PK\x03\x04",
    "ELF": b"\x7fELF\x02\x01\x01",
    "SQLite": b"SQLite format 3\x00",
    "other RIFF": b"RIFF\x24\x00\x00\x00CDR9vrsn",
    "half a signature": b"\x89PNG",
    "text that starts like a tag": b"ID3 is the name of a tag, and of a decision tree.",
    "tag of a version that does not exist": b"ID3\x05\0\0\0\0\0\0",
    "tag with an invalid size": b"ID3\x03\0\0\0\0\x80\0",
    "half a tag": b"ID3\x03\0\0\0\0\0",
    "FLAC name without a tag": b"    fLaC",
}


class TestMediaType:
    @each_image
    def test_image_is_recognised(self, kind: str, options: dict[str, Any], expected: str) -> None:
        assert media_type(picture(kind, **options)) == expected

    @pytest.mark.parametrize(("arguments", "expected"), CLIPS.values(), ids=CLIPS)
    def test_video_is_recognised(self, arguments: tuple[str, str], expected: str) -> None:
        assert media_type(clip(*arguments)) == expected

    @pytest.mark.parametrize(("arguments", "options", "expected"), SOUNDS.values(), ids=SOUNDS)
    def test_audio_is_recognised(self, arguments: tuple[str, str], options: dict[str, str], expected: str) -> None:
        assert media_type(sound(*arguments, **options)) == expected

    def test_audio_frames_of_aac_and_mp3_are_recognised(self) -> None:
        # ISO/IEC 13818-7, table 8 (ADTS); ISO/IEC 11172-3, section 2.4.2.3: layer III of MPEG-1, MPEG-2 and MPEG-2.5.
        aac = dict.fromkeys((0xF0, 0xF1, 0xF8, 0xF9), "audio/aac")
        mp3 = dict.fromkeys((0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3), "audio/mpeg")
        found = {second: media_type(bytes((0xFF, second, 0x90))) for second in range(256)}
        assert {second: each for second, each in found.items() if each} == aac | mp3

    @pytest.mark.parametrize(
        ("rates", "is_valid"),
        # Four bits of bit rate, where 0 and 15 are invalid, and two of sampling rate, where 3 is reserved.
        [(0x0F, False), (0x10, True), (0xE8, True), (0xF0, False), (0x18, True), (0x1C, False)],
    )
    def test_mp3_frame_needs_valid_rates(self, rates: int, is_valid: bool) -> None:
        assert media_type(bytes((0xFF, 0xFB, rates))) == ("audio/mpeg" if is_valid else None)

    @pytest.mark.parametrize("version", [2, 3, 4])
    @pytest.mark.parametrize(
        ("start", "expected"),
        [
            (b"fLaC\0\0\0\x22", "audio/flac"),
            (b"\xff\xf1\x50\x80", "audio/aac"),
            (b"\xff\xfb\x90\x00", "audio/mpeg"),
            (b"\0\0\0\0\xff\xfb\x90", "audio/mpeg"),
            (b"", "audio/mpeg"),
        ],
        ids=["FLAC", "AAC", "MP3", "MP3 after padding", "tag alone"],
    )
    def test_format_behind_a_tag_is_recognised(self, version: int, start: bytes, expected: str) -> None:
        # ID3v2.4.0, section 3.1: the size is four times seven bits, without header and footer; bit 4 marks a footer.
        size = b"\x00\x00\x02\x01"
        tag = b"ID3" + bytes([version, 0, 0]) + size + bytes(257)
        tag_with_footer = b"ID3" + bytes([version, 0, 0x10]) + size + bytes(257) + b"3DI" + bytes(7)

        assert media_type(tag + start) == expected
        assert media_type(tag_with_footer + start) == expected
        assert media_type(tag + tag_with_footer + tag + start) == expected

    def test_tag_of_two_megabytes_is_skipped(self) -> None:
        assert media_type(b"ID3\x03\0\0\x01\0\0\0" + bytes(2**21) + b"fLaC") == "audio/flac"

    def test_number_of_tags_is_limited(self) -> None:
        tag = b"ID3\x03\0\0\0\0\0\0"

        assert media_type(tag * 10 + b"fLaC") == "audio/flac"
        assert media_type(tag * 11 + b"fLaC") == "audio/mpeg"

    @pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES)
    def test_other_content_is_not_recognised(self, content: bytes) -> None:
        assert media_type(content) is None


class TestImageSize:
    @each_image
    @pytest.mark.parametrize(("width", "height"), [(300, 6000), (317, 1), (4099, 513)])
    def test_size_is_read(self, kind: str, options: dict[str, Any], expected: str, width: int, height: int) -> None:
        assert image_size(picture(kind, width, height, **options)) == (width, height)

    @pytest.mark.parametrize(("width", "height"), [(70_000, 300), (300, 70_000), (2**24, 2**24)])
    def test_webp_sides_have_24_bits(self, width: int, height: int) -> None:
        # No encoder writes sides above 16 bits, but the container has 24 bits, for the side minus one.
        header = b"RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00" + b"\x00" * 4
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        assert image_size(header + sides) == (width, height)

    def test_gif_sides_have_16_bits(self) -> None:
        assert image_size(b"GIF89a" + struct.pack("<HH", 65_535, 40_000)) == (65_535, 40_000)

    def test_size_of_a_first_version_bitmap_is_read(self) -> None:
        assert image_size(b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 640, 480, 1, 24)) == (640, 480)

    def test_size_of_a_bitmap_with_negative_height_is_read(self) -> None:
        assert image_size(b"BM" + bytes(12) + struct.pack("<Iii", 40, 640, -480)) == (640, 480)

    def test_size_of_a_tiff_with_long_numbers_is_read(self) -> None:
        entries = struct.pack(">HHII", 256, 4, 1, 70000) + struct.pack(">HHII", 257, 4, 1, 300)
        assert image_size(b"MM\x00*" + struct.pack(">IH", 8, 2) + entries) == (70000, 300)

    def test_size_of_a_jpeg_with_fill_bytes_is_read(self) -> None:
        content = picture("JPEG")
        assert image_size(content[:2] + b"\xff\xff\xff" + content[2:]) == (400, 300)

    @pytest.mark.parametrize(
        "content",
        [
            clip(),
            b"\xff\xd8\xff\xda\x00\x08",
            b"\xff\xd8\xff\xe0\x00\x02no marker",
            # The height follows after the image data.
            b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x01\x90",
            b"RIFF\x16\x00\x00\x00WEBPJUNK" + bytes(30),
            b"II*\x00\x08\x00\x00\x00\x00\x00",
        ],
        ids=[
            "clip",
            "JPEG without a frame",
            "corrupt JPEG",
            "JPEG without a height",
            "WebP",
            "TIFF without one",
        ],
    )
    def test_size_is_unknown_for_other_headers(self, content: bytes) -> None:
        assert image_size(content) is None

    @each_image
    def test_truncated_header_raises_no_error(self, kind: str, options: dict[str, Any], expected: str) -> None:
        content = picture(kind, **options)
        sizes = {image_size(content[:length]) for length in range(min(len(content), 200))}
        assert sizes <= {None, (400, 300)}

    @given(st.sampled_from([picture(kind)[:40] for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]), st.binary())
    def test_any_bytes_after_a_signature_raise_no_error(self, start: bytes, rest: bytes) -> None:
        for length in (4, 8, 12, 16, 20, 40):
            image_size(start[:length] + rest)
