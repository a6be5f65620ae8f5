"""What counts as uploaded media, what is wrong with media, and that their content stays out of sight."""

from __future__ import annotations

import base64
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.media import (
    MediaKind,
    UploadedMedia,
    is_uploaded,
    media_problem,
    unwrap_media,
    wrap_media,
)
from tests.unit.gptproto.samples import clip, picture

CONTENT = base64.b64encode(bytes(range(256)) * 3).decode()
PNG = f"data:image/png;base64,{CONTENT}"
URL = "https://example.com/first.png"

#: 30 MB for one image (ByteDance's Ark documentation).
IMAGE_LIMIT = 30 * 1024 * 1024

UPLOADS = {
    "data URI": PNG,
    "data URI in capitals": f"DATA:IMAGE/PNG;BASE64,{CONTENT}",
    "data URI with a parameter": f"data:image/png;name=first.png;base64,{CONTENT}",
    "data URI after a line break": f"\n{PNG}",
    "data URI without a comma": f"data:image/png;base64{CONTENT}",
    "data URI without a type": f"data:{CONTENT}",
    "data URI with base64 for a type": f"data:{CONTENT[:400]}/{CONTENT[:400]};base64,{CONTENT}",
    "base64": CONTENT,
    "base64 for addresses": CONTENT.replace("+", "-").replace("/", "_"),
}
each_upload = pytest.mark.parametrize("text", UPLOADS.values(), ids=UPLOADS)


class TestOutOfSight:
    @each_upload
    def test_no_text_form_shows_the_content(self, text: str) -> None:
        media = wrap_media(text)

        assert isinstance(media, UploadedMedia)
        shown = f"{media} {media!r} {[media]} {media.serialize()} {media!s:>10} {{'image': media}}"
        # Any twelve characters in a row would be a piece of it: a description has none of them by chance.
        assert not any(CONTENT[start : start + 12] in shown for start in range(0, 600, 4))
        assert len(str(media)) < 200

    @each_upload
    def test_the_content_can_be_had_again(self, text: str) -> None:
        assert unwrap_media(wrap_media(text)) == text

    def test_a_data_uri_shows_its_type_and_length(self) -> None:
        media = UploadedMedia(PNG)
        assert str(wrap_media(PNG)) == str(media) == media.serialize() == f"<data:image/png, {len(PNG):,} characters>"

    def test_media_from_a_file_show_where_they_are_from(self) -> None:
        media = UploadedMedia(PNG, source="s3://bucket/boat.png")

        assert str(media) == f"<data:image/png, {len(PNG):,} characters, from s3://bucket/boat.png>"

    def test_base64_shows_its_length(self) -> None:
        assert str(wrap_media(CONTENT)) == "<uploaded media, 1,024 characters>"

    @pytest.mark.parametrize(
        "value",
        [
            "",
            URL,
            "Data: the android plays the violin, alone on the bridge",
            "data:flowing through a city of glass",
            "A cat on a beach",
            "x" * 511,
            "x y " * 500,
            None,
            True,
            5,
            b"bytes",
        ],
    )
    def test_other_values_stay_as_they_are(self, value: object) -> None:
        assert not is_uploaded(value)
        assert wrap_media(value) is value
        assert unwrap_media(value) is value

    def test_nested_media_are_found(self) -> None:
        value = {"images": [URL, PNG], "more": ({"mask": PNG},), "proxy": MappingProxyType({"sound": CONTENT}), "n": 1}

        concealed = wrap_media(value)

        assert CONTENT not in repr(concealed)
        assert unwrap_media(concealed) == {
            "images": [URL, PNG],
            "more": [{"mask": PNG}],
            "proxy": {"sound": CONTENT},
            "n": 1,
        }

    def test_concealing_twice_is_concealing_once(self) -> None:
        assert wrap_media(wrap_media([PNG])) == wrap_media([PNG])

    def test_the_original_is_not_changed(self) -> None:
        original: dict[str, Any] = {"images": [PNG]}

        wrap_media(original)

        assert original == {"images": [PNG]}

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(sorted(UPLOADS.values())),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_whatever_holds_them_comes_back_equal(self, value: object) -> None:
        concealed = wrap_media(value)

        assert CONTENT not in repr(concealed)
        assert unwrap_media(concealed) == value


def image_problem(value: object, *, declared_upload: bool = False) -> str | None:
    return media_problem(value, kind="image", declared_upload=declared_upload)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            URL,
            "http://example.com:8080/first.png?signature=a%20b&expires=1#top",
            "HTTPS://EXAMPLE.COM/FIRST.PNG",
            "https://example.com/ein-frühstück.png",
            "https://[::1]/first.png",
        ],
    )
    @pytest.mark.parametrize("declared_upload", [False, True])
    def test_web_addresses_are_allowed(self, address: str, declared_upload: bool) -> None:
        assert image_problem(address, declared_upload=declared_upload) is None

    @pytest.mark.parametrize(
        "value",
        [
            "ftp://example.com/first.png",
            "s3://bucket/first.png",
            "file:///pictures/first.png",
            "pictures/first.png",
            "//example.com/first.png",
            "https:///first.png",
            "https://",
            "https://example.com:port/first.png",
            "https://example.com:99999/first.png",
            "https://[::1/first.png",
            "https://example.com/\x00first.png",
            "https://example.com/\ud800.png",
            "first.png",
            "None",
            "aGVsbG8=",
        ],
    )
    def test_other_text_is_neither_address_nor_upload(self, value: str) -> None:
        assert image_problem(value) == "is neither URL nor data URI, and no file was read"

    @pytest.mark.parametrize(
        "value",
        [
            "https://example.com/first frame.png",
            " https://example.com/first.png",
            "https://example.com/first.png\n",
            "https://exam\tple.com/first.png",
            f"{PNG}\n",
            f"data:image/png;base64, {CONTENT}",
            f"data:image/png;base64,{CONTENT[:76]}\n{CONTENT[76:]}",
            "A cat on a beach",
        ],
    )
    @pytest.mark.parametrize("declared_upload", [False, True])
    def test_spaces_and_line_breaks_are_told(self, value: str, declared_upload: bool) -> None:
        assert image_problem(value, declared_upload=declared_upload) == "has spaces or line breaks in it"

    @pytest.mark.parametrize("value", [None, "", " ", "\n", 5, 1.5, True, b"bytes", [URL], {"url": URL}, object()])
    @pytest.mark.parametrize("declared_upload", [False, True])
    def test_what_is_empty_or_no_text_is_told(self, value: object, declared_upload: bool) -> None:
        assert image_problem(value, declared_upload=declared_upload) == "is empty or not text"


class TestUploads:
    @pytest.mark.parametrize(
        "text",
        [
            PNG,
            "data:image/png;base64,aGVsbG8=",
            "DATA:IMAGE/PNG;BASE64,aGVsbG8=",
            "data:image/svg+xml;charset=utf-8;base64,aGVsbG8=",
            CONTENT,
        ],
    )
    def test_data_uris_and_long_base64_are_allowed(self, text: str) -> None:
        assert image_problem(text) is None
        assert image_problem(wrap_media(text)) is None

    def test_short_base64_is_allowed_only_as_a_declared_upload(self) -> None:
        assert image_problem("aGVsbG8=", declared_upload=True) is None
        assert image_problem("aGVsbG8=") == "is neither URL nor data URI, and no file was read"

    @pytest.mark.parametrize(
        "text",
        [
            "data:image/png,aGVsbG8=",
            "data:image/png;base64",
            "data:;base64,aGVsbG8=",
            "data:image;base64,aGVsbG8=",
            "data:base64,aGVsbG8=",
            "data:",
        ],
    )
    def test_a_malformed_data_uri_is_told(self, text: str) -> None:
        assert image_problem(text) == "is not a base64 data URI"

    @pytest.mark.parametrize("data", ["a", "aGVsbG8", "aGVs*G8=", "aGVs-_8=", "=", "äöü="])
    def test_what_is_not_base64_is_told(self, data: str) -> None:
        assert image_problem(f"data:image/png;base64,{data}") == "holds text that is not base64"
        assert image_problem(data, declared_upload=True) == "holds text that is not base64"

    def test_a_data_uri_without_data_is_told(self) -> None:
        assert image_problem("data:image/png;base64,") == "holds no data"

    @pytest.mark.parametrize("kind", ["image", "video", "audio"])
    @pytest.mark.parametrize("actual", ["image", "video", "audio", "text", "application"])
    def test_a_data_uri_of_another_kind_is_told(self, kind: MediaKind, actual: str) -> None:
        problem = media_problem(f"data:{actual}/x;base64,aGVsbG8=", kind=kind, declared_upload=False)

        assert problem == (None if actual == kind else f"is of type {actual}, not {kind}")

    def test_an_image_may_be_as_large_as_the_limit(self) -> None:
        largest = base64.b64encode(bytes(IMAGE_LIMIT)).decode()

        assert image_problem(f"data:image/png;base64,{largest}") is None

    def test_an_image_above_the_limit_is_told(self) -> None:
        too_large = base64.b64encode(bytes(IMAGE_LIMIT + 1)).decode()
        problem = "holds an image of 31,457,281 bytes, above the limit of 31,457,280"

        assert image_problem(f"data:image/png;base64,{too_large}") == problem
        assert image_problem(too_large, declared_upload=True) == problem

    @pytest.mark.parametrize("declared", ["image/png", "image/jpeg", "image/x-unheard-of"])
    def test_content_counts_more_than_the_declared_type(self, declared: str) -> None:
        film = base64.b64encode(clip()).decode()

        assert image_problem(f"data:{declared};base64,{film}") == "holds video/mp4, not image"
        assert image_problem(film) == "holds video/mp4, not image"

    def test_an_image_of_another_format_than_declared_may_be_taken(self) -> None:
        image = base64.b64encode(picture("WEBP")).decode()

        assert image_problem(f"data:image/png;base64,{image}") is None

    @pytest.mark.parametrize(("width", "height", "allowed"), [(300, 6000, True), (299, 300, False), (300, 6001, False)])
    def test_sides_of_an_image_are_limited(self, width: int, height: int, allowed: bool) -> None:
        image = base64.b64encode(picture("PNG", width, height)).decode()
        problem = f"holds an image of {width} x {height} pixels; each side has to have 300 to 6,000"

        assert image_problem(f"data:image/png;base64,{image}") == (None if allowed else problem)

    def test_the_limit_holds_for_images_alone(self) -> None:
        clip = "data:video/mp4;base64," + base64.b64encode(bytes(IMAGE_LIMIT + 1)).decode()

        assert media_problem(clip, kind="video", declared_upload=False) is None
