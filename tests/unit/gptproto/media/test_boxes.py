"""The box reader, on boxes that are built here from ISO/IEC 14496-12, section 4.2, and on files of an encoder."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.boxes import Box, BoxError, find_boxes, iter_boxes, read_box
from tests.unit.gptproto.media.making_boxes import box, large_box
from tests.unit.gptproto.samples import clip


def read_all(content: bytes, start: int = 0, end: int | None = None) -> list[Box]:
    return list(iter_boxes(io.BytesIO(content), start, len(content) if end is None else end))


class TestIterBoxes:
    def test_boxes_are_read_one_after_the_other(self) -> None:
        content = box(b"ftyp", b"isom") + box(b"free") + box(b"mdat", bytes(100))

        assert read_all(content) == [Box(b"ftyp", 0, 8, 12), Box(b"free", 12, 8, 8), Box(b"mdat", 20, 8, 108)]

    def test_children_are_between_body_and_end(self) -> None:
        content = box(b"ftyp") + box(b"moov", box(b"mvhd", bytes(4)) + box(b"trak")) + box(b"mdat")
        moov = read_all(content)[1]

        assert [each.type for each in read_all(content, moov.body, moov.end)] == [b"mvhd", b"trak"]

    def test_size_of_64_bits_is_read(self) -> None:
        assert read_all(large_box(b"mdat", bytes(5)) + box(b"moov")) == [
            Box(b"mdat", 0, 16, 21),
            Box(b"moov", 21, 8, 8),
        ]

    def test_size_of_64_bits_is_sought_and_not_read(self) -> None:
        class Sparse(io.BytesIO):
            """A file of 8 GB with a box at each end."""

            def seek(self, offset: int, whence: int = 0) -> int:
                return super().seek(offset - 8 * 1024**3 + 16 if offset else 0, whence)

        length = 8 * 1024**3
        file = Sparse(struct.pack(">I4sQ", 1, b"mdat", length) + box(b"moov"))

        assert [each.type for each in iter_boxes(file, 0, length + 8)] == [b"mdat", b"moov"]

    def test_extended_type_is_a_part_of_the_header(self) -> None:
        assert read_all(box(b"uuid", bytes(16) + b"body")) == [Box(b"uuid", 0, 24, 28)]
        assert read_all(large_box(b"uuid", bytes(16) + b"body")) == [Box(b"uuid", 0, 32, 36)]

    def test_size_zero_reaches_to_the_end(self) -> None:
        content = box(b"ftyp") + struct.pack(">I4s", 0, b"mdat") + bytes(50)

        assert read_all(content)[1] == Box(b"mdat", 8, 8, 58)
        assert read_all(content, end=30)[1] == Box(b"mdat", 8, 8, 22)

    def test_no_content_has_no_boxes(self) -> None:
        assert read_all(b"") == []
        assert read_all(box(b"free"), 8, 8) == read_all(box(b"free"), 9, 8) == []

    def test_file_of_an_encoder_is_read_to_its_end(self) -> None:
        content = clip()
        boxes = read_all(content)

        assert boxes[0].type == b"ftyp"
        assert {b"moov", b"mdat"} <= {each.type for each in boxes}
        assert boxes[-1].end == len(content)

    def test_boxes_have_a_maximum_number(self) -> None:
        content = box(b"free") * 100_001

        assert len(read_all(content[:-8])) == 100_000
        with pytest.raises(BoxError, match="more than 100,000 boxes"):
            read_all(content)


class TestFindBoxes:
    @staticmethod
    def find(content: bytes, *path: bytes) -> list[int]:
        return [each.start for each in find_boxes(io.BytesIO(content), 0, len(content), *path)]

    def test_all_boxes_at_a_path_are_found(self) -> None:
        content = box(b"trak") + box(b"moov", box(b"trak"), box(b"udta", box(b"trak")), box(b"trak")) + box(b"moov")

        assert self.find(content, b"trak") == [0]
        assert self.find(content, b"moov") == [8, 48]
        assert self.find(content, b"moov", b"trak") == [16, 40]
        assert self.find(content, b"moov", b"udta", b"trak") == [32]
        assert self.find(content, b"moov", b"trak", b"mdia") == self.find(content, b"free") == []

    def test_box_with_damaged_content_hides_no_box_behind_it(self) -> None:
        content = box(b"moov", box(b"trak"), b"\0\0\0\1trak") + box(b"moov", box(b"trak"))

        assert self.find(content, b"moov", b"trak") == [8, 32]

    def test_search_ends_at_a_damaged_box(self) -> None:
        content = box(b"moov", box(b"trak")) + b"\0\0\0\x07free" + box(b"moov", box(b"trak"))

        assert self.find(content, b"moov", b"trak") == [8]

    def test_search_has_a_maximum_number_of_boxes_at_all_levels_together(self) -> None:
        half = box(b"moov", box(b"free") * 60_000)

        assert self.find(half + box(b"trak"), b"trak") == [len(half)]
        assert self.find(half + box(b"moov", box(b"trak")), b"moov", b"trak") == [len(half) + 8]
        assert self.find(half + half + box(b"moov", box(b"trak")), b"moov", b"trak") == []


class TestDamage:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"\0\0\0\x08fre", "the header at byte 8 is cut"),
            (b"\0\0\0\x01mdat\0\0\0", "the header at byte 8 is cut"),
            (b"\0\0\0\x07free" + bytes(20), "smaller than its header"),
            (struct.pack(">I4sQ", 1, b"mdat", 15) + bytes(20), "smaller than its header"),
            (struct.pack(">I4sQ", 1, b"mdat", 0) + bytes(20), "smaller than its header"),
            (b"\0\0\0\x17uuid" + bytes(20), "smaller than its header"),
            (b"\0\0\0\0uuid" + bytes(15), "smaller than its header"),
            (b"\0\0\0\x1dmdat" + bytes(20), "the box at byte 8 has 29 bytes, and its container has 28 left"),
            (b"\xff\xff\xff\xffmdat" + bytes(20), "has 4,294,967,295 bytes"),
            (struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1) + bytes(20), "has 18,446,744,073,709,551,615 bytes"),
        ],
    )
    def test_damaged_box_is_one_error_after_the_boxes_before_it(self, content: bytes, problem: str) -> None:
        whole = box(b"ftyp") + content
        boxes = iter_boxes(io.BytesIO(whole), 0, len(whole))

        assert next(boxes).type == b"ftyp"
        with pytest.raises(BoxError, match=problem):
            next(boxes)

    def test_file_that_shrinks_is_one_error(self) -> None:
        with pytest.raises(BoxError, match="cut"):
            read_all(box(b"ftyp"), 0, 100)

    @given(st.binary(max_size=64), st.integers(0, 100), st.integers(0, 100))
    def test_any_bytes_give_a_box_within_its_container_or_the_error(self, head: bytes, start: int, size: int) -> None:
        try:
            found = read_box(head, start, start + size)
        except BoxError:
            return
        assert start < found.body <= found.end <= start + size

    @given(st.lists(st.sampled_from([box(b"free"), large_box(b"mdat"), b"\0\0\0\0mdat", b"\0\0\0\x01", b"\xff\0\0\0"])))
    def test_any_sequence_moves_on(self, parts: list[bytes]) -> None:
        content, offset = b"".join(parts), 0
        try:
            for each in iter_boxes(io.BytesIO(content), 0, len(content)):
                assert each.start == offset
                offset = each.end
                assert offset <= len(content)
        except BoxError:
            pass
