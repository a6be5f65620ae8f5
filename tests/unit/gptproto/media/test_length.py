"""The length of films, and the warnings of clips that upstream does not take."""

from __future__ import annotations

import base64
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import pytest

from airflow_provider_seedance.gptproto.media.length import film_seconds
from airflow_provider_seedance.gptproto.requests import ReferenceToVideo


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
