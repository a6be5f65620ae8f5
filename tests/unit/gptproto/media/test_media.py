"""Uploaded media: how they are recognised, checked, and wrapped so that no log shows their content."""

from __future__ import annotations

import base64
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.media import (
    MediaKind,
    UploadedContent,
    UploadedMedia,
    is_linked,
    is_uploaded,
    media_problem,
    read_upload,
    unwrap_media,
    wrap_media,
)
from tests.unit.gptproto.samples import clip, picture, sound

CONTENT = base64.b64encode(bytes(range(256)) * 3).decode()
PNG = f"data:image/png;base64,{CONTENT}"
URL = "https://example.com/first.png"

UPLOADS = {
    "data URI": PNG,
    "data URI in capitals": f"DATA:IMAGE/PNG;BASE64,{CONTENT}",
    "data URI with a parameter": f"data:image/png;name=first.png;base64,{CONTENT}",
    "data URI after a line break": f"\n{PNG}",
    "data URI without a comma": f"data:image/png;base64{CONTENT}",
    "data URI without a type": f"data:{CONTENT}",
    "data URI with base64 for a type": f"data:{CONTENT[:400]}/{CONTENT[:400]};base64,{CONTENT}",
    "base64": CONTENT,
    "URL-safe base64": CONTENT.replace("+", "-").replace("/", "_"),
}
each_upload = pytest.mark.parametrize("text", UPLOADS.values(), ids=UPLOADS)


class TestWrapMedia:
    @each_upload
    def test_wrapped_media_never_show_their_content(self, text: str) -> None:
        media = wrap_media(text)

        assert isinstance(media, UploadedMedia)
        text_forms = f"{media} {media!r} {[media]} {media.serialize()} {media!s:>10} {{'image': media}}"
        # Twelve characters are long enough that a description never contains them by chance.
        assert not any(CONTENT[start : start + 12] in text_forms for start in range(0, 600, 4))
        assert len(str(media)) < 200

    @each_upload
    def test_unwrap_returns_the_original_text(self, text: str) -> None:
        assert unwrap_media(wrap_media(text)) == text

    def test_data_uri_is_described_by_type_and_length(self) -> None:
        media = UploadedMedia(PNG)
        assert str(wrap_media(PNG)) == str(media) == media.serialize() == f"<data:image/png, {len(PNG):,} characters>"

    def test_media_from_a_file_are_described_with_their_source(self) -> None:
        media = UploadedMedia(PNG, source="s3://bucket/boat.png")

        assert str(media) == f"<data:image/png, {len(PNG):,} characters, from s3://bucket/boat.png>"

    def test_base64_is_described_by_length(self) -> None:
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
    def test_wrapping_leaves_other_values_unchanged(self, value: object) -> None:
        assert not is_uploaded(value)
        assert wrap_media(value) is value
        assert unwrap_media(value) is value

    def test_nested_media_are_wrapped(self) -> None:
        value = {"images": [URL, PNG], "more": ({"mask": PNG},), "proxy": MappingProxyType({"sound": CONTENT}), "n": 1}

        wrapped = wrap_media(value)

        assert CONTENT not in repr(wrapped)
        assert unwrap_media(wrapped) == {
            "images": [URL, PNG],
            "more": [{"mask": PNG}],
            "proxy": {"sound": CONTENT},
            "n": 1,
        }

    def test_wrapping_twice_equals_wrapping_once(self) -> None:
        assert wrap_media(wrap_media([PNG])) == wrap_media([PNG])

    def test_wrapping_leaves_the_original_unchanged(self) -> None:
        original: dict[str, Any] = {"images": [PNG]}

        wrap_media(original)

        assert original == {"images": [PNG]}

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(sorted(UPLOADS.values())),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_unwrap_restores_any_nested_value(self, value: object) -> None:
        wrapped = wrap_media(value)

        assert CONTENT not in repr(wrapped)
        assert unwrap_media(wrapped) == value


def image_problem(value: object, *, declared_upload: bool = False) -> str | None:
    return media_problem(value, kind="image", declared_upload=declared_upload)


class TestUrls:
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
    def test_http_url_is_allowed(self, address: str, declared_upload: bool) -> None:
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
    def test_text_that_is_no_url_is_refused(self, value: str) -> None:
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
    def test_url_with_spaces_or_line_breaks_is_refused(self, value: str, declared_upload: bool) -> None:
        assert image_problem(value, declared_upload=declared_upload) == "has spaces or line breaks in it"

    @pytest.mark.parametrize("value", [None, "", " ", "\n", 5, 1.5, True, b"bytes", [URL], {"url": URL}, object()])
    @pytest.mark.parametrize("declared_upload", [False, True])
    def test_empty_value_or_other_type_is_refused_as_url(self, value: object, declared_upload: bool) -> None:
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
    def test_data_uri_and_long_base64_are_allowed(self, text: str) -> None:
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
    def test_malformed_data_uri_is_refused(self, text: str) -> None:
        assert image_problem(text) == "is not a base64 data URI"

    @pytest.mark.parametrize("data", ["a", "aGVsbG8", "aGVs*G8=", "aGVs-_8=", "=", "äöü="])
    def test_invalid_base64_is_refused(self, data: str) -> None:
        assert image_problem(f"data:image/png;base64,{data}") == "holds text that is not base64"
        assert image_problem(data, declared_upload=True) == "holds text that is not base64"

    def test_data_uri_without_data_is_refused(self) -> None:
        assert image_problem("data:image/png;base64,") == "holds no data"

    @pytest.mark.parametrize("kind", ["image", "video", "audio"])
    @pytest.mark.parametrize("actual", ["image", "video", "audio", "text", "application"])
    def test_data_uri_of_another_kind_is_refused(self, kind: MediaKind, actual: str) -> None:
        problem = media_problem(f"data:{actual}/x;base64,aGVsbG8=", kind=kind, declared_upload=False)

        assert problem == (None if actual == kind else f"is of type {actual}, not {kind}")

    @pytest.mark.parametrize("declared", ["image/png", "image/jpeg", "image/x-unheard-of"])
    def test_content_overrides_the_declared_type(self, declared: str) -> None:
        film = base64.b64encode(clip()).decode()

        assert image_problem(f"data:{declared};base64,{film}") == "holds video/mp4, not image"
        assert image_problem(film) == "holds video/mp4, not image"

    def test_image_of_another_format_than_declared_is_allowed(self) -> None:
        image = base64.b64encode(picture("WEBP")).decode()

        assert image_problem(f"data:image/png;base64,{image}") is None

    def test_sound_in_a_container_of_films_is_refused_as_video(self) -> None:
        song = base64.b64encode(sound("mp4", "aac")).decode()

        for text in (song, f"data:video/mp4;base64,{song}"):
            assert media_problem(text, kind="video", declared_upload=False) == "holds audio/mp4, not video"
            assert media_problem(text, kind="audio", declared_upload=False) == (
                None if text == song else "is of type video, not audio"
            )


class TestReadUpload:
    def test_image_has_type_size_and_sides(self) -> None:
        content = picture("WEBP", 40, 30)
        text = base64.b64encode(content).decode()

        for value in (text, f"data:image/png;base64,{text}", UploadedMedia(text)):
            assert read_upload(value) == UploadedContent("image/webp", len(content), (40, 30))

    @pytest.mark.parametrize("padding", [0, 1, 2, 2_000_000, 2_000_001, 2_000_002])
    def test_size_is_that_of_the_whole_content(self, padding: int) -> None:
        content = picture("PNG", 40, 30) + bytes(padding)

        assert read_upload(base64.b64encode(content).decode()) == UploadedContent("image/png", len(content), (40, 30))

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ("data:IMAGE/SVG+xml;charset=utf-8;base64,aGVsbG8=", UploadedContent("image/svg+xml", 5, None)),
            ("aGVsbG8=", UploadedContent("", 5, None)),
            *(
                (value, None)
                for value in ("https://example.com/a", "asset://a", "data:image/png,a", "boat.png", 7, None)
            ),
        ],
    )
    def test_unknown_content_has_the_declared_type_and_other_media_none(
        self, value: object, found: UploadedContent | None
    ) -> None:
        assert read_upload(value) == found

    @pytest.mark.parametrize(("sides", "ratio"), [((40, 30), 40 / 30), ((0, 30), None), ((30, 0), None), (None, None)])
    def test_ratio_is_width_by_height(self, sides: tuple[int, int] | None, ratio: float | None) -> None:
        assert UploadedContent("image/png", 1, sides).ratio == ratio


class TestLinked:
    @pytest.mark.parametrize("value", ["https://example.com/a", "http://a", "asset://asset-1", "Asset://A"])
    def test_url_or_asset_is_linked(self, value: str) -> None:
        assert is_linked(value)
        assert media_problem(value, kind="image", declared_upload=False) is None

    @pytest.mark.parametrize("value", ["", "asset://", "ftp://a", "a.png", PNG, None, 7])
    def test_anything_else_is_not(self, value: object) -> None:
        assert not is_linked(value)
