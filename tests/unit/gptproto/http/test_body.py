"""The body of a response: decoded, and never larger than 1 MiB."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.http.body import Body

LIMIT = 1024 * 1024
TEXT = '{"data": {"id": "abc", "prompt": "Größe 猫"}}' * 100


def raw_deflate(content: bytes) -> bytes:
    return zlib.compress(content)[2:-4]


def read(pieces: list[bytes], encoding: str = "") -> Body:
    """Read as a transport does: until the body is cut."""
    body = Body(encoding)
    for piece in pieces:
        body.add(piece)
        if body.is_cut:
            break
    return body


def split(content: bytes, size: int = 7) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


class TestEncoding:
    @pytest.mark.parametrize(
        ("encoding", "content"),
        [
            ("", TEXT.encode()),
            ("identity", TEXT.encode()),
            ("gzip", gzip.compress(TEXT.encode())),
            ("GZIP", gzip.compress(TEXT.encode())),
            ("x-gzip", gzip.compress(TEXT.encode())),
            ("deflate", zlib.compress(TEXT.encode())),
            ("deflate", raw_deflate(TEXT.encode())),
            ("deflate, gzip", gzip.compress(zlib.compress(TEXT.encode()))),
            ("zstd-of-tomorrow", TEXT.encode()),
        ],
    )
    @pytest.mark.parametrize("size", [1, 7, 100_000])
    def test_body_is_decoded(self, encoding: str, content: bytes, size: int) -> None:
        body = read(split(content, size), encoding)
        assert (body.text(), body.is_cut) == (TEXT, False)

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
    @pytest.mark.parametrize("size", [1, 7, 100_000])
    def test_body_with_a_wrong_encoding_is_taken_as_it_is(self, encoding: str, size: int) -> None:
        assert read(split(TEXT.encode(), size), encoding).text() == TEXT

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    def test_other_text_with_a_wrong_encoding_is_an_error(self, encoding: str) -> None:
        with pytest.raises(httpx.DecodingError):
            read([b"not compressed"], encoding)

    def test_encoding_with_a_wrong_end_keeps_what_was_decoded(self) -> None:
        content = bytearray(gzip.compress(TEXT.encode()))
        content[-6:] = b"broken"
        body = Body("gzip")
        body.add(bytes(content[:-8]))
        with pytest.raises(httpx.DecodingError):
            body.add(bytes(content[-8:]))
        assert body.text()[:40] == TEXT[:40]

    def test_hundreds_of_encodings_are_not_decoded(self) -> None:
        assert read([b"{}"], ", ".join(["gzip"] * 500)).text() == "{}"

    @given(st.lists(st.binary()), st.sampled_from(["", "gzip", "deflate", "gzip, gzip", "br", ", ;"]))
    def test_any_bytes_give_text_or_a_decoding_error(self, pieces: list[bytes], encoding: str) -> None:
        try:
            body = read(pieces, encoding)
        except httpx.DecodingError:
            return
        assert isinstance(body.text(), str)


class TestLimit:
    def test_body_of_the_limit_is_whole(self) -> None:
        body = read(split(b"x" * LIMIT, 65_536))
        assert (len(body.text()), body.is_cut) == (LIMIT, False)

    def test_larger_body_is_cut_to_its_beginning(self) -> None:
        body = read(split(b"begin" + b"x" * LIMIT, 65_536))
        assert body.is_cut
        assert body.text().startswith("beginxxx")
        assert len(body.text()) <= 65_536

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "gzip, deflate, gzip"])
    def test_compressed_bomb_is_cut_in_little_memory(self, encoding: str) -> None:
        content = b"begin" + b"\0" * 200_000_000
        for name in encoding.split(", "):
            content = gzip.compress(content) if name == "gzip" else zlib.compress(content)
        pieces = split(content, 65_536)
        del content
        tracemalloc.start()
        body = read(pieces, encoding)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert body.is_cut
        assert body.text().startswith("begin")
        assert peak < 4_000_000
