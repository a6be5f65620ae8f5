"""Completeness of a video file in a stream: every box to its end, and the boxes that a player needs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_seedance.emulator.video import Clip, write_video
from airflow_provider_seedance.gptproto.media.completeness import Completeness
from tests.unit.gptproto.samples import clip


def box(kind: bytes, content: bytes = b"content!") -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


def large_box(kind: bytes, content: bytes = b"content!") -> bytes:
    """Return a box with a 64-bit size (ISO/IEC 14496-12, section 4.2)."""
    return b"\x00\x00\x00\x01" + kind + (16 + len(content)).to_bytes(8) + content


def endless_box(kind: bytes, content: bytes = b"content!") -> bytes:
    """Return a box that reaches to the end of the file."""
    return bytes(4) + kind + content


def problem(content: bytes, size: int | None = None) -> str | None:
    """Return the problem of content that arrives in pieces of ``size`` bytes."""
    completeness = Completeness()
    size = size or len(content) or 1
    for start in range(0, len(content), size):
        completeness.feed(content[start : start + size])
    return completeness.problem


FTYP, MOOV, MDAT, MOOF = (box(kind) for kind in (b"ftyp", b"moov", b"mdat", b"moof"))
COMPLETE = {
    "moov first": FTYP + MOOV + MDAT,
    "moov last": FTYP + box(b"free", b"") + MDAT + MOOV,
    "fragments": FTYP + MOOV + MOOF + MDAT + MOOF + MDAT,
    "index of fragments": FTYP + MOOV + box(b"sidx") + MOOF + MDAT + box(b"mfra"),
    "64-bit size": FTYP + MOOV + large_box(b"mdat"),
    "64-bit size first": large_box(b"ftyp") + large_box(b"mdat") + MOOV,
    "to the end": FTYP + MOOV + endless_box(b"mdat"),
    "free at the end": FTYP + MOOV + MDAT + box(b"free", bytes(20)),
    "empty free at the end": FTYP + MOOV + MDAT + box(b"free", b""),
    "uuid": FTYP + MOOV + box(b"uuid", bytes(16)) + MDAT,
    "zeros at the end": FTYP + MOOV + MDAT + bytes(1000),
    "one zero at the end": FTYP + MOOV + MDAT + bytes(1),
    "eight zeros at the end": FTYP + MOOV + MDAT + bytes(8),
    "empty last fragment": FTYP + MOOV + MOOF + MDAT + MOOF + box(b"mdat", b""),
    "an empty and a full mdat": FTYP + MOOV + box(b"mdat", b"") + MDAT,
}
INCOMPLETE = {
    "nothing": (b"", "it has no ftyp and no moov and no mdat"),
    "file type only": (FTYP, "it has no moov and no mdat"),
    "no media data": (FTYP + MOOV, "it has no mdat"),
    "no tracks": (FTYP + MDAT, "it has no moov"),
    "empty media data": (FTYP + MOOV + box(b"mdat", b""), "it has no mdat"),
    "empty media data, then more": (FTYP + MOOV + box(b"mdat", b"") + box(b"free"), "it has no mdat"),
    "empty media data to the end": (FTYP + MOOV + endless_box(b"mdat", b""), "it has no mdat"),
    "fragment without media data": (FTYP + MOOV + MOOF + MDAT + MOOF, "it has no mdat"),
    "cut content": (FTYP + MOOV + MDAT[:-1], "1 bytes are missing at the end of its box 'mdat' of 16 bytes"),
    "cut before the content": (FTYP + MOOV + MDAT[:8], "8 bytes are missing at the end of its box 'mdat' of 16 bytes"),
    "cut header": (FTYP + MOOV + MDAT + MOOF[:5], "the header of the box at byte 48 is cut"),
    "cut 64-bit size": (FTYP + MOOV + large_box(b"mdat")[:15], "the header of the box at byte 32 is cut"),
    "1 byte above 1,000": (
        FTYP + MOOV + box(b"mdat", bytes(1001))[:8],
        "1,001 bytes are missing at the end of its box 'mdat' of 1,009 bytes",
    ),
    "zeros, then more": (FTYP + MOOV + MDAT + bytes(100) + MOOF + MDAT, "the bytes from 48 on are no box"),
    "eight zeros, then more": (FTYP + MOOV + MDAT + bytes(8) + b"more", "the bytes from 48 on are no box"),
    "box smaller than its header": (FTYP + MOOV + MDAT + b"\x00\x00\x00\x07free", "smaller than its header"),
    "empty first fragment": (FTYP + MOOV + MOOF + box(b"mdat", b""), "it has no mdat"),
    "empty last fragment to the end": (FTYP + MOOV + MOOF + MDAT + MOOF + endless_box(b"mdat", b""), "it has no mdat"),
    "text after a fragment without media data": (FTYP + MOOV + MOOF + MDAT + MOOF + b"text", "is cut"),
    "text before the tracks": (FTYP + MDAT + b"text of a proxy", "bytes are missing"),
    "cut header of a large box": (FTYP + MOOV + MDAT + b"\x09\0\0\0mda", "is cut"),
    "first byte of a box": (FTYP + MOOV + MDAT + b"\x08", "is cut"),
    "cut large box": (FTYP + MOOV + MDAT + b"\x09\0\0\0mdat", "bytes are missing"),
    "cut box of an unknown type": (FTYP + MOOV + MDAT + b"\x08\xff\xff\xffXtRa", "bytes are missing"),
    "cut 64-bit box of an unknown type": (
        FTYP + MOOV + MDAT + b"\0\0\0\1XtRa\0\0\0\1\0\0\0\0data",
        "bytes are missing",
    ),
    "more than a tag at the end": (FTYP + MOOV + MDAT + b"x" * 4097, "bytes are missing"),
}
#: What tools and servers append to a file.
TRAILING = {
    "line feed": b"\n",
    "line end": b"\r\n",
    "four characters": b"done",
    "six characters": b"done!\n",
    "comment": b"<!-- served by cdn -->",
    "page of a proxy": b"<html>Bad Gateway</html>",
    "ID3v1 tag": b"TAG" + b"a" * 125,
    "longest": b"x" * 4096,
}


class TestProblem:
    @pytest.mark.parametrize("size", [None, 1, 3, 8, 13])
    @pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
    def test_complete_file_has_no_problem(self, content: bytes, size: int | None) -> None:
        assert problem(content, size) is None

    @pytest.mark.parametrize("size", [None, 1, 3, 8, 13])
    @pytest.mark.parametrize(("content", "expected"), INCOMPLETE.values(), ids=INCOMPLETE)
    def test_incomplete_file_has_a_problem(self, content: bytes, expected: str, size: int | None) -> None:
        assert expected in str(problem(content, size))

    @pytest.mark.parametrize("size", [1, 3, 8, 13])
    @pytest.mark.parametrize("video", [FTYP + MOOV + MDAT, FTYP + MDAT + MOOV, FTYP + MOOV + MOOF + MDAT])
    @pytest.mark.parametrize("end", TRAILING.values(), ids=TRAILING)
    def test_trailing_bytes_that_are_no_box_are_counted_and_no_problem(
        self, video: bytes, end: bytes, size: int
    ) -> None:
        completeness = Completeness()
        for start in range(0, len(video + end), size):
            completeness.feed((video + end)[start : start + size])
        assert (completeness.problem, completeness.trailing) == (None, len(end))

    @pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
    def test_boxes_and_zeros_are_no_trailing_bytes(self, content: bytes) -> None:
        completeness = Completeness()
        completeness.feed(content)
        assert completeness.trailing == 0

    def test_large_box_of_an_unknown_type_is_read_to_its_end(self) -> None:
        completeness = Completeness()
        completeness.feed(FTYP + MOOV + MDAT + (8 + 200 * 2**20).to_bytes(4) + b"XtRa")
        piece = bytes(2**20)
        for _ in range(200):
            completeness.feed(piece)
        assert (completeness.problem, completeness.trailing) == (None, 0)
        completeness.feed(MOOF + MDAT)
        assert (completeness.problem, completeness.trailing) == (None, 0)

    def test_error_is_final(self) -> None:
        completeness = Completeness()
        completeness.feed(FTYP + b"\x00\x00\x00\x07free")
        found = completeness.problem
        completeness.feed(FTYP + MOOV + MDAT)
        assert completeness.problem == found is not None

    def test_empty_piece_changes_nothing(self) -> None:
        completeness = Completeness()
        for piece in (FTYP[:3], b"", FTYP[3:] + MOOV, b"", MDAT, b""):
            completeness.feed(piece)
        assert completeness.problem is None

    @example(content=b"\x00\x00\x00\x08\x00\x00\x00\x00")
    @given(content=st.binary() | st.builds(b"".join, st.permutations([FTYP, MOOV, MDAT, MOOF, bytes(9), b"a"])))
    def test_pieces_make_no_difference(self, content: bytes) -> None:
        assert problem(content, 1) == problem(content, 5) == problem(content)

    def test_large_box_needs_no_memory(self) -> None:
        completeness = Completeness()
        completeness.feed(FTYP + MOOV + b"\x00\x00\x00\x01mdat" + (16 + 10 * 2**20).to_bytes(8))
        piece = bytes(2**20)
        for _ in range(10):
            assert completeness.problem is not None
            completeness.feed(piece)
        assert completeness.problem is None
        assert sum(sys.getsizeof(each) for each in vars(completeness).values()) < 2000


def emulator_video(folder: Path) -> bytes:
    write_video(Clip(width=320, height=240, seconds=1, sound=True, seed=1, model="m", prompt="p"), folder / "0.mp4")
    return (folder / "0.mp4").read_bytes()


@pytest.fixture(scope="module", params=["emulator", "mp4", "mov"])
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a real video: with ``moov`` first, as from the emulator, or last, as FFmpeg writes MP4 and QuickTime."""
    if request.param == "emulator":
        return emulator_video(tmp_path_factory.mktemp("video"))
    return clip(request.param)


class TestRealVideo:
    def test_real_video_is_complete(self, video: bytes) -> None:
        assert problem(video) is None

    def test_no_beginning_of_a_real_video_is_complete(self, video: bytes) -> None:
        completeness = Completeness()
        for position in range(len(video)):
            assert completeness.problem is not None, position
            completeness.feed(video[position : position + 1])
        assert completeness.problem is None

    @given(data=st.data())
    def test_real_video_with_a_gap_is_not_complete(self, video: bytes, data: st.DataObject) -> None:
        start = data.draw(st.integers(video.index(b"mdat") + 4, len(video) - 1))
        end = data.draw(st.integers(start + 1, len(video)))
        assert problem(video[:start] + video[end:], 1000) is not None
