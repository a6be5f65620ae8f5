"""
Content sniffing of MP4 and its relatives: files of encoders, and files built here from ISO/IEC 14496-12.

Brands: the registration authority of the format (mp4ra.org); ISO/IEC 23008-12, annexes B and E (HEIF and HEVC); AV1
Image File Format, sections 6 and 8. Handlers: ISO/IEC 14496-12, section 12, and ISO/IEC 23008-12, section 7.2.2.
"""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from airflow_provider_seedance.gptproto.media.sniff import media_type
from tests.unit.gptproto.media.making_boxes import box, file_type, handler, items, large_box, movie
from tests.unit.gptproto.samples import clip, picture, sound

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
MEDIA = box(b"mdat", bytes(1000))


def animation(kind: str) -> bytes:
    """Return an animated image of two frames."""
    file = io.BytesIO()
    first, second = (Image.new("RGB", (64, 64), colour) for colour in ("black", "white"))
    first.save(file, kind, save_all=True, append_images=[second])
    return file.getvalue()


class TestFilesOfEncoders:
    @pytest.mark.parametrize("container", ["mp4", "mov", "3gp", "3g2", "ipod", "ismv", "f4v"])
    def test_sound_alone_is_audio(self, container: str) -> None:
        assert media_type(sound(container, "aac")) == "audio/mp4"

    @pytest.mark.parametrize(
        ("container", "expected"),
        [("mp4", "video/mp4"), ("mov", "video/quicktime"), ("ipod", "video/mp4"), ("f4v", "video/mp4")],
    )
    def test_film_is_video(self, container: str, expected: str) -> None:
        assert media_type(clip(container)) == expected

    def test_fragmented_file_is_told_by_its_tracks(self) -> None:
        assert media_type(clip("mp4", **FRAGMENTED)) == "video/mp4"
        assert media_type(sound("mp4", "aac", **FRAGMENTED)) == "audio/mp4"

    def test_tracks_are_found_at_the_end_of_the_file(self) -> None:
        content = sound("mp4", "aac")

        assert content.index(b"moov") > content.index(b"mdat")
        assert media_type(content) == "audio/mp4"

    def test_still_and_animated_avif_are_images(self) -> None:
        assert media_type(picture("AVIF")) == media_type(animation("AVIF")) == "image/avif"

    @pytest.mark.parametrize(("kind", "expected"), [("WEBP", "image/webp"), ("GIF", "image/gif"), ("PNG", "image/png")])
    def test_other_animated_images_are_images(self, kind: str, expected: str) -> None:
        assert media_type(animation(kind)) == expected


class TestBrands:
    @pytest.mark.parametrize(
        ("brands", "expected"),
        [
            (["heic", "mif1", "heic"], "image/heic"),
            (["heix", "mif1", "heix"], "image/heic"),
            (["heim", "mif1"], "image/heic"),
            (["heis", "mif1"], "image/heic"),
            (["avif", "mif1", "miaf", "MA1B"], "image/avif"),
            (["mif1", "heic"], "image/heic"),
            (["mif1", "heix", "miaf"], "image/heic"),
            (["mif1", "avif", "miaf"], "image/avif"),
            (["mif1", "miaf", "MiHB", "avif"], "image/avif"),
            (["mif1"], "image/heif"),
            (["mif1", "jpeg", "M4A "], "image/heif"),
            (["mif2", "mif1"], "image/heif"),
            (["avci", "mif1"], "image/avci"),
        ],
        ids=" ".join,
    )
    def test_still_image_is_told_by_its_brands(self, brands: list[str], expected: str) -> None:
        assert media_type(file_type(*brands) + items() + MEDIA) == expected

    @pytest.mark.parametrize(
        ("brands", "expected"),
        [
            (["avis", "avif", "avis", "msf1", "iso8", "mif1", "miaf"], "image/avif"),
            (["hevc", "msf1", "iso8"], "image/heic-sequence"),
            (["hevx", "msf1"], "image/heic-sequence"),
            (["msf1", "hevc", "iso8"], "image/heic-sequence"),
            (["msf1", "avis"], "image/avif"),
            (["msf1", "iso8"], "image/heif-sequence"),
            (["avcs", "msf1"], "image/avci"),
            (["heic", "mif1", "msf1", "hevc"], "image/heic"),
        ],
        ids=" ".join,
    )
    @pytest.mark.parametrize("tracks", [["pict"], ["pict", "soun"], ["vide"]], ids=" ".join)
    def test_image_sequence_is_an_image_with_any_tracks(
        self, brands: list[str], expected: str, tracks: list[str]
    ) -> None:
        assert media_type(file_type(*brands) + items() + movie(*tracks) + MEDIA) == expected

    @pytest.mark.parametrize("brand", ["M4A ", "M4B ", "M4P "])
    def test_album_with_pictures_is_audio(self, brand: str) -> None:
        assert media_type(file_type(brand, "isom") + movie("soun", "vide") + MEDIA) == "audio/mp4"

    def test_camera_raw_is_no_video(self) -> None:
        assert media_type(file_type("crx ", "isom") + movie("vide", "vide", "meta")) == "application/x-canon-cr3"

    def test_brands_behind_a_limit_are_not_read(self) -> None:
        near, far = [["free"] * count + ["avif"] for count in (123, 124)]

        assert media_type(file_type("mif1", *near)) == "image/avif"
        assert media_type(file_type("mif1", *far)) == "image/heif"

    def test_bytes_behind_the_brands_are_no_brands(self) -> None:
        assert media_type(file_type("mif1") + b"avif" * 10) == "image/heif"


VIDEO_BRANDS = ["isom", "iso2", "iso5", "iso6", "mp41", "mp42", "avc1", "3gp4", "3gp5", "M4V ", "dash", "MSNV", "????"]


class TestTracks:
    @pytest.mark.parametrize("brand", VIDEO_BRANDS)
    def test_handlers_decide_when_the_brand_does_not(self, brand: str) -> None:
        start = file_type(brand, "isom", "mp42")

        assert media_type(start + movie("soun")) == "audio/mp4"
        assert media_type(start + movie("soun", "soun", "text")) == "audio/mp4"
        assert media_type(start + movie("soun", "vide")) == "video/mp4"
        assert media_type(start + movie("pict", "soun")) == "image/heif"
        assert media_type(start + items()) == "image/heif"

    def test_image_in_a_general_file_is_told_by_compatible_brands(self) -> None:
        assert media_type(file_type("isom", "heic", "mif1") + items()) == "image/heic"
        assert media_type(file_type("iso8", "avis") + movie("pict")) == "image/avif"

    @pytest.mark.parametrize("order", ["movie first", "movie last", "64-bit size", "media to the end of the file"])
    def test_movie_is_found_wherever_it_stands(self, order: str) -> None:
        start, tracks, media = file_type("isom"), movie("soun"), bytes(5000)
        content = {
            "movie first": start + tracks + box(b"mdat", media),
            "movie last": start + box(b"free") + box(b"mdat", media) + tracks,
            "64-bit size": start + large_box(b"mdat", media) + tracks,
            "media to the end of the file": start + tracks + struct.pack(">I4s", 0, b"mdat") + media,
        }[order]

        assert media_type(content) == "audio/mp4"

    def test_film_with_a_picture_item_is_video(self) -> None:
        assert media_type(file_type("isom", "mif1") + items() + movie("vide", "soun")) == "video/mp4"

    def test_sound_with_a_picture_item_is_audio(self) -> None:
        assert media_type(file_type("isom") + items() + movie("soun")) == "audio/mp4"

    @pytest.mark.parametrize("kind", ["text", "sbtl", "hint", "meta", "tmcd"])
    def test_file_with_other_tracks_alone_is_no_medium(self, kind: str) -> None:
        assert media_type(file_type("isom") + movie(kind)) == "application/mp4"

    def test_file_whose_tracks_cannot_be_read_is_told_by_its_brand(self) -> None:
        cut = movie("soun")[:-1]

        assert media_type(file_type("isom") + MEDIA) == media_type(file_type("isom") + cut) == "video/mp4"
        assert media_type(file_type("qt  ") + MEDIA) == media_type(file_type("qt  ") + cut) == "video/quicktime"


class TestQuickTime:
    @pytest.mark.parametrize("first", [b"wide", b"free", b"skip", b"pnot", b"mdat"])
    def test_old_file_without_brands_is_told_by_its_tracks(self, first: bytes) -> None:
        assert media_type(box(first, bytes(9)) + movie("vide", "soun")) == "video/quicktime"
        assert media_type(box(first, bytes(9)) + movie("soun")) == "audio/mp4"
        assert media_type(box(first, bytes(9))) is None

    def test_old_file_may_begin_with_its_movie(self) -> None:
        assert media_type(movie("vide") + MEDIA) == "video/quicktime"

    def test_quicktime_names_a_component_in_the_handler(self) -> None:
        tracks = [box(b"trak", box(b"mdia", handler(kind, component=b"mhlr"))) for kind in ("soun", "vide")]

        assert media_type(file_type("qt  ") + box(b"moov", *tracks)) == "video/quicktime"
        assert media_type(file_type("qt  ") + box(b"moov", tracks[0])) == "audio/mp4"

    @pytest.mark.parametrize("text", [b"The free market\n", b"Get moov and go\n", b"....styp", b"   \nmoov"])
    def test_text_that_has_the_name_of_a_box_is_no_medium(self, text: bytes) -> None:
        assert media_type(text) is None


class TestDamage:
    whole = file_type("isom", "mp42") + movie("soun", "vide") + MEDIA

    @pytest.mark.parametrize("size", [0, 1, 7, 8, 15, 16, 2**31, 2**32 - 1])
    @pytest.mark.parametrize("kind", [b"ftyp", b"moov", b"trak", b"mdia", b"hdlr", b"mdat"])
    def test_any_size_of_a_box_gives_a_type_of_this_format(self, kind: bytes, size: int) -> None:
        offset = self.whole.index(kind) - 4
        content = self.whole[:offset] + struct.pack(">I", size) + self.whole[offset + 4 :]

        assert media_type(content) in ("video/mp4", "audio/mp4", "application/mp4")

    def test_any_cut_gives_a_type_of_this_format(self) -> None:
        found = {media_type(self.whole[:length]) for length in range(8, len(self.whole))}

        assert found == {"video/mp4"}

    def test_boxes_in_boxes_are_no_recursion(self) -> None:
        nested = b""
        for _ in range(3000):
            nested = box(b"moov", nested)

        assert media_type(file_type("isom") + nested) == "video/mp4"

    def test_only_the_first_list_of_items_is_read(self) -> None:
        # A file has one at most (ISO/IEC 14496-12, section 8.11.1); to read many would take minutes.
        assert media_type(file_type("isom", "mif1") + items(kind="auxv") + items()) == "application/mp4"

    @given(st.binary(max_size=200), st.sampled_from([b"ftyp", b"moov", b"mdat", b"meta", b"free"]))
    def test_any_bytes_raise_no_error(self, content: bytes, kind: bytes) -> None:
        media_type(content[:4] + kind + content[4:])
        media_type(file_type("isom") + box(kind, content) + content)
