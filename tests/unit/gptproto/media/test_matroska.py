"""Content sniffing of Matroska and WebM: files of an encoder, and files built here from RFC 8794 and RFC 9559."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.sniff import media_type
from tests.unit.gptproto.samples import clip, sound

HEADER, DOCUMENT_TYPE = bytes.fromhex("1A45DFA3"), bytes.fromhex("4282")
SEGMENT, SEEK_HEAD, TRACKS, CLUSTER = (bytes.fromhex(each) for each in ("18538067", "114D9B74", "1654AE6B", "1F43B675"))
TRACK_ENTRY, TRACK_NUMBER, TRACK_TYPE = (bytes.fromhex(each) for each in ("AE", "D7", "83"))
#: RFC 9559, section 5.1.4.1.3.
VIDEO, AUDIO, COMPLEX, SUBTITLE = 1, 2, 3, 17
#: RFC 8794, section 6.2: a size of which all bits are set.
UNKNOWN = {1: b"\xff", 8: b"\x01" + b"\xff" * 7}


def element(identifier: bytes, *content: bytes, length: int = 4) -> bytes:
    """Return an element whose size has a number of bytes (RFC 8794, section 4)."""
    body = b"".join(content)
    return identifier + (1 << 7 * length | len(body)).to_bytes(length) + body


def tracks(*kinds: int) -> bytes:
    entries = (element(TRACK_ENTRY, element(TRACK_NUMBER, b"\1"), element(TRACK_TYPE, bytes([kind]))) for kind in kinds)
    return element(TRACKS, *entries)


def document(kind: bytes, *content: bytes) -> bytes:
    return element(HEADER, element(DOCUMENT_TYPE, kind)) + element(SEGMENT, *content)


class TestFilesOfEncoders:
    @pytest.mark.parametrize("options", [{}, {"live": "1"}], ids=["file", "stream"])
    def test_recording_of_sound_is_audio(self, options: dict[str, str]) -> None:
        assert media_type(sound("webm", "libopus", **options)) == "audio/webm"
        assert media_type(sound("matroska", "libopus", **options)) == "audio/x-matroska"

    @pytest.mark.parametrize("options", [{}, {"live": "1"}], ids=["file", "stream"])
    def test_film_is_video(self, options: dict[str, str]) -> None:
        assert media_type(clip("webm", "libvpx", **options)) == "video/webm"
        assert media_type(clip("matroska", "libx264", **options)) == "video/x-matroska"


class TestTracks:
    @pytest.mark.parametrize(
        ("kinds", "expected"),
        [
            ([VIDEO], "video"),
            ([AUDIO], "audio"),
            ([COMPLEX], "video"),
            ([AUDIO, AUDIO, SUBTITLE], "audio"),
            ([AUDIO, VIDEO], "video"),
            ([SUBTITLE, COMPLEX, AUDIO], "video"),
            ([SUBTITLE], "application"),
            ([], "video"),
        ],
    )
    def test_types_of_the_tracks_decide(self, kinds: list[int], expected: str) -> None:
        assert media_type(document(b"matroska", tracks(*kinds))) == f"{expected}/x-matroska"
        assert media_type(document(b"webm", element(SEEK_HEAD, bytes(40)), tracks(*kinds))) == f"{expected}/webm"

    def test_text_may_be_padded_with_zeros(self) -> None:
        assert media_type(document(b"webm\0\0", tracks(AUDIO))) == "audio/webm"

    def test_file_type_is_the_element_and_no_other_text(self) -> None:
        header = element(HEADER, element(b"\xec", b"webm"), element(DOCUMENT_TYPE, b"matroska"))

        assert media_type(header + element(SEGMENT, tracks(AUDIO))) == "audio/x-matroska"

    @pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8])
    def test_size_may_have_any_length(self, length: int) -> None:
        entry = element(TRACK_ENTRY, element(TRACK_TYPE, b"\2", length=length), length=length)
        content = element(SEGMENT, element(TRACKS, entry, length=length), length=length)

        assert media_type(element(HEADER) + content) == "audio/x-matroska"

    @pytest.mark.parametrize("length", UNKNOWN)
    def test_segment_of_unknown_size_reaches_to_the_end(self, length: int) -> None:
        content = element(HEADER) + SEGMENT + UNKNOWN[length] + tracks(AUDIO) + CLUSTER + UNKNOWN[length] + bytes(99)

        assert media_type(content) == "audio/x-matroska"

    def test_tracks_behind_a_cluster_are_found(self) -> None:
        assert media_type(document(b"webm", element(CLUSTER, bytes(999)), tracks(AUDIO))) == "audio/webm"


class TestDamage:
    def test_cut_file_is_told_by_what_is_left(self) -> None:
        content = document(b"webm", tracks(AUDIO), element(CLUSTER, bytes(99)))
        found = [media_type(content[:length]) for length in range(4, len(content))]

        assert set(found) == {"video/x-matroska", "video/webm", "audio/webm"}
        assert found[-1] == found[-99] == "audio/webm"

    def test_id_of_zeros_ends_the_search(self) -> None:
        assert media_type(element(HEADER) + b"\0" * 20 + element(SEGMENT, tracks(AUDIO))) == "video/x-matroska"
        assert media_type(element(HEADER) + b"\xec\0" + element(SEGMENT, tracks(AUDIO))) == "video/x-matroska"

    def test_search_has_a_maximum_number_of_elements(self) -> None:
        void = element(b"\xec", length=1)

        assert media_type(document(b"webm", void * 99_000, tracks(AUDIO))) == "audio/webm"
        assert media_type(document(b"webm", void * 100_001, tracks(AUDIO))) == "video/webm"

    @given(st.binary(max_size=200))
    def test_any_bytes_raise_no_error(self, content: bytes) -> None:
        media_type(HEADER + content)
        media_type(document(b"webm", content))
        media_type(document(b"webm", TRACKS + content))
