"""Content sniffing of Ogg: a file of an encoder, and pages built here from RFC 3533 and the mappings of the codecs."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.sniff import media_type
from tests.unit.gptproto.samples import sound

#: First bytes of the first packet (Xiph.Org, "MIME Types and Codecs"; RFC 7845; Theora and Dirac specifications).
SOUNDS = {
    "Vorbis": b"\x01vorbis",
    "Opus": b"OpusHead\x01",
    "Speex": b"Speex   1.2",
    "FLAC": b"\x7fFLAC\x01\x00",
}
VIDEOS = {"Theora": b"\x80theora\x03\x02", "Dirac": b"BBCD\x00", "VP8": b"OVP80\x01", "OGM": b"\x01video\x00\x00\x00"}
SKELETON = b"fishead\x00"
FIRST, OTHER, LAST = 2, 0, 4


def page(packet: bytes, flags: int = FIRST) -> bytes:
    """Return a page: version, flags, position, serial and page number, checksum, lengths of the segments, content."""
    lengths = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    return b"OggS" + struct.pack("<BBQIIIB", 0, flags, 0, 1, 0, 0, len(lengths)) + lengths + packet


def test_file_of_an_encoder_is_audio() -> None:
    assert media_type(sound("ogg", "libopus")) == "audio/ogg"


@pytest.mark.parametrize("packet", SOUNDS.values(), ids=SOUNDS)
def test_stream_of_sound_is_audio(packet: bytes) -> None:
    assert media_type(page(packet + bytes(30)) + page(b"\x80theora", OTHER)) == "audio/ogg"


@pytest.mark.parametrize("packet", VIDEOS.values(), ids=VIDEOS)
@pytest.mark.parametrize("before", [b"", SKELETON + bytes(56), SOUNDS["Vorbis"], bytes(700)], ids=len)
def test_stream_of_video_is_video_wherever_it_begins(packet: bytes, before: bytes) -> None:
    start = page(before) if before else b""

    assert media_type(start + page(packet + bytes(30)) + page(SOUNDS["Opus"]) + page(b"data", OTHER)) == "video/ogg"


def test_name_of_a_codec_in_the_middle_of_a_packet_is_no_stream() -> None:
    assert media_type(page(SOUNDS["Vorbis"] + b"\x80theora") + page(b"\x80theora", LAST)) == "audio/ogg"


def test_search_ends_where_no_page_begins() -> None:
    theora = page(VIDEOS["Theora"])

    assert media_type(page(SOUNDS["Vorbis"]) + b"NoPg" + theora[4:]) == "audio/ogg"
    assert media_type(page(SOUNDS["Vorbis"]) + b"-" + theora) == "audio/ogg"


def test_search_has_a_maximum_number_of_streams() -> None:
    sound_page, theora = page(SOUNDS["Opus"]), page(VIDEOS["Theora"])

    assert media_type(sound_page * 999 + theora) == "video/ogg"
    assert media_type(sound_page * 1000 + theora) == "audio/ogg"


@pytest.mark.parametrize("length", range(4, 60))
def test_cut_file_is_still_ogg(length: int) -> None:
    assert media_type((page(SKELETON) + page(VIDEOS["Theora"]))[:length]) == "audio/ogg"


@given(st.binary(max_size=200))
def test_any_bytes_raise_no_error(content: bytes) -> None:
    assert media_type(b"OggS" + content) in ("audio/ogg", "video/ogg")
