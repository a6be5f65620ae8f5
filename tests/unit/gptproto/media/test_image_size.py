"""Image sizes from rare headers, which are built here from the specifications of the formats."""

from __future__ import annotations

import struct

import pytest

from airflow_provider_seedance.gptproto.media.sniff import image_size

#: ITU-T T.81, table B.1: C0-CF start a frame, except DHT, JPG and DAC.
NO_FRAMES = (0xC4, 0xC8, 0xCC)
FRAMES = [marker for marker in range(0xC0, 0xD0) if marker not in NO_FRAMES]
#: The same table: markers without a segment.
TEMPORARY, RESTARTS = 0x01, range(0xD0, 0xD8)
END_OF_IMAGE, START_OF_SCAN, APPLICATION = 0xD9, 0xDA, 0xE0


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def frame(marker: int = 0xC0, width: int = 400, height: int = 300) -> bytes:
    """Return a frame header: precision, height, width, and no components."""
    return segment(marker, struct.pack(">BHHB", 8, height, width, 0))


def jpeg(*parts: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(parts)


class TestJpeg:
    @pytest.mark.parametrize("marker", FRAMES, ids=hex)
    def test_jpeg_size_is_read_from_every_kind_of_frame(self, marker: int) -> None:
        assert image_size(jpeg(segment(APPLICATION, b"JFIF"), frame(marker))) == (400, 300)

    @pytest.mark.parametrize("marker", NO_FRAMES, ids=hex)
    def test_jpeg_segment_that_is_no_frame_is_skipped(self, marker: int) -> None:
        assert image_size(jpeg(frame(marker, 1, 1), frame())) == (400, 300)

    @pytest.mark.parametrize("marker", [TEMPORARY, *RESTARTS], ids=hex)
    def test_jpeg_marker_without_a_segment_is_skipped(self, marker: int) -> None:
        alone = bytes([0xFF, marker])
        assert image_size(jpeg(segment(APPLICATION, b"JFIF"), alone, alone, frame())) == (400, 300)

    def test_fill_bytes_before_a_marker_are_skipped(self) -> None:
        assert image_size(jpeg(segment(APPLICATION, b"JFIF"), b"\xff\xff\xff", frame())) == (400, 300)

    @pytest.mark.parametrize("marker", [END_OF_IMAGE, START_OF_SCAN], ids=hex)
    def test_size_is_unknown_after_scan_or_end_marker(self, marker: int) -> None:
        assert image_size(jpeg(segment(marker, b""), frame())) is None

    @pytest.mark.parametrize("rest", [b"\x00\xc0" + frame()[2:], jpeg(frame())], ids=["no marker", "second start"])
    def test_size_is_unknown_after_an_invalid_marker(self, rest: bytes) -> None:
        assert image_size(jpeg(segment(APPLICATION, b"JFIF"), rest)) is None

    def test_jpeg_sides_use_all_16_bits(self) -> None:
        assert image_size(jpeg(segment(APPLICATION, b"JFIF"), frame(width=65_535, height=40_000))) == (65_535, 40_000)


def tiff(order: str, *entries: tuple[int, int, int]) -> bytes:
    """Return a file of one directory at byte 8, with entries of tag, type and value (TIFF 6.0, section 2)."""
    codes = {3: "H2x", 4: "I"}
    fields = [struct.pack(f"{order}HHI{codes[kind]}", tag, kind, 1, value) for tag, kind, value in entries]
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    return mark + struct.pack(f"{order}IH", 8, len(fields)) + b"".join(fields)


WIDTH, HEIGHT, SHORT, LONG = 256, 257, 3, 4


@pytest.mark.parametrize("order", ["<", ">"])
class TestTiff:
    @pytest.mark.parametrize("kind", [SHORT, LONG])
    def test_tiff_size_is_read_from_short_and_long_numbers(self, order: str, kind: int) -> None:
        assert image_size(tiff(order, (WIDTH, kind, 400), (HEIGHT, kind, 300))) == (400, 300)

    @pytest.mark.parametrize(("kind", "side"), [(SHORT, 65_535), (LONG, 4_294_967_295)])
    def test_tiff_numbers_are_unsigned(self, order: str, kind: int, side: int) -> None:
        assert image_size(tiff(order, (WIDTH, kind, side), (HEIGHT, kind, side))) == (side, side)

    def test_tiff_entries_without_a_size_are_skipped(self, order: str) -> None:
        entries = [(254, LONG, 0), (WIDTH, LONG, 400), (255, LONG, 1), (HEIGHT, SHORT, 300)]
        assert image_size(tiff(order, *entries)) == (400, 300)


class TestBitmap:
    def test_bitmap_of_first_version_has_unsigned_16_bit_sides(self) -> None:
        header = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 65_535, 40_000, 1, 24)
        assert image_size(header) == (65_535, 40_000)

    def test_bitmap_with_negative_height_is_read(self) -> None:
        header = b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 400, -300, 1, 24)
        assert image_size(header) == (400, 300)
