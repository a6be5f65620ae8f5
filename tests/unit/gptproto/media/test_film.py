"""Length and frame size of films, and the warnings of clips that upstream does not take."""

from __future__ import annotations

import base64
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import pytest

from airflow_provider_seedance.gptproto.media.completeness import Completeness
from airflow_provider_seedance.gptproto.media.film import film_frame_size, film_seconds
from airflow_provider_seedance.gptproto.requests import ReferenceToVideo
from tests.films import FILMS, FRAGMENTED, read_by_pyav
from tests.films import film as any_film


def film(seconds: int, kind: str = "mp4", **options: str) -> bytes:
    """Return a film of FFmpeg, one frame a second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"film.{kind}")
        _encode(path, seconds, options)
        return path.read_bytes()


def _encode(path: Path, seconds: int, options: dict[str, str]) -> None:
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=1)
        stream.width = stream.height = 64
        for _ in range(seconds):
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode())


def warnings(model: str, lengths: Sequence[int]) -> list[str]:
    clips = [f"data:video/mp4;base64,{base64.b64encode(film(seconds)).decode()}" for seconds in lengths]
    request = ReferenceToVideo(prompt="It dances", model=model, videos=clips)
    return [line for line in request.check().warnings if " s;" in line or (" s " in line and "base64" not in line)]


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["header at the end", "header first"])
@pytest.mark.parametrize("kind", ["mp4", "mov"])
def test_length_of_a_film(kind: str, options: dict[str, str]) -> None:
    assert film_seconds(film(3, kind, **options)) == pytest.approx(3, abs=0.1)


def test_long_header_has_64_bits() -> None:
    fields = b"\1\0\0\0" + struct.pack(">QQIQ", 0, 0, 1000, 5_000_000)
    header = struct.pack(">I4s", 8 + len(fields), b"mvhd") + fields
    assert film_seconds(struct.pack(">I4s", 8 + len(header), b"moov") + header) == 5000


@pytest.mark.parametrize(
    "content",
    [b"", b"text", film(2)[:200], film(2, movflags="frag_keyframe+empty_moov"), b"\0\0\0\x10moov\0\0\0\x08mvhd"],
)
def test_unknown_length(content: bytes) -> None:
    assert film_seconds(content) is None


def movie(content: bytes, size: int) -> bytes:
    """Return the box that is kept of content that arrives in pieces of ``size`` bytes."""
    completeness = Completeness()
    for start in range(0, len(content), size):
        completeness.feed(content[start : start + size])
    assert completeness.problem is None
    return completeness.movie


@pytest.mark.parametrize("size", [1, 7, 1000, 10**9])
@pytest.mark.parametrize("content", FILMS.values(), ids=FILMS)
def test_length_and_frame_size_of_a_stream_are_those_that_ffmpeg_reads(content: bytes, size: int) -> None:
    width, height, seconds = read_by_pyav(content)
    kept = movie(content, size)
    assert film_frame_size(kept) == film_frame_size(content) == (width, height)
    # The unit of the header is a millisecond, and FFmpeg rounds up.
    assert film_seconds(kept) == film_seconds(content) == pytest.approx(seconds, abs=0.00101)


@pytest.mark.parametrize("content", FRAGMENTED.values(), ids=FRAGMENTED)
def test_fragmented_film_has_a_frame_size_and_no_length(content: bytes) -> None:
    kept = movie(content, 1000)
    assert film_frame_size(kept) == read_by_pyav(content)[:2]
    assert film_seconds(kept) is None


@pytest.mark.parametrize(("version", "width"), [(0, 4), (1, 8)])
def test_fragmented_film_may_state_its_length(version: int, width: int) -> None:
    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    header = box(b"mvhd", bytes(4) + struct.pack(">IIII", 0, 0, 1000, 2000) + bytes(80))
    whole = box(b"mehd", bytes([version, 0, 0, 0]) + (7500).to_bytes(width))
    assert film_seconds(box(b"moov", header + box(b"mvex", whole))) == 7.5
    assert film_seconds(box(b"moov", header + box(b"mvex", whole[:-1]))) is None
    assert film_seconds(box(b"moov", header + box(b"mvex", b""))) is None


def test_film_without_pictures_has_no_frame_size() -> None:
    content = any_film(sound=True)
    assert film_frame_size(content.replace(b"\0vide", b"\0text")) is None
    assert film_frame_size(content[:-400]) is None


@pytest.mark.parametrize("value", [b"\0\0", b""], ids=["0", "cut"])
def test_frame_size_may_be_missing_in_the_header(value: bytes) -> None:
    content = any_film(width=322, height=182)
    assert film_frame_size(content.replace(struct.pack(">HH", 322, 182), value + struct.pack(">H", 182))) is None


def test_very_long_header_is_kept_up_to_a_limit() -> None:
    header = struct.pack(">I4s", 100 * 2**20, b"moov")
    completeness = Completeness()
    completeness.feed(header)
    for _ in range(99):
        completeness.feed(bytes(2**20))
    assert 8 * 2**20 <= len(completeness.movie) < 9.1 * 2**20
    assert (film_frame_size(completeness.movie), film_seconds(completeness.movie)) == (None, None)


@pytest.mark.parametrize(
    ("model", "lengths", "found"),
    [
        ("doubao-seedance-2-0-260128", [2, 13], []),
        ("doubao-seedance-2-0-260128", [8, 8], ["16.0 s"]),
        ("doubao-seedance-2-0-fast-260128", [1, 5], ["1.0 s"]),
        ("dreamina-seedance-2-5-260628", [15, 15], []),
        ("dreamina-seedance-2-5-260628", [16, 15], ["31.0 s"]),
    ],
)
def test_clips_that_upstream_does_not_take_are_warned_of(model: str, lengths: Sequence[int], found: list[str]) -> None:
    lines = warnings(model, lengths)
    assert len(lines) == len(found)
    assert all(length in line for length, line in zip(found, lines, strict=True))
