"""The rules of the catalogue for media: numbers, formats, sizes, frames and asset ids."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from tests.specification import read_table
from tests.unit.gptproto.making import (
    AUDIO,
    IMAGE,
    OTHER_IMAGE,
    UNKNOWN_MODEL,
    VIDEO,
    make,
    refusal,
    refusals,
    warnings,
)
from tests.unit.gptproto.samples import clip, picture, sound

MODELS = read_table("models")
REFERRING = [row for row in MODELS if row["references"] != "-"]
#: Upstream: 30 MB for an image.
IMAGE_LIMIT = 30 * 1024 * 1024

IMAGE_FORMATS = ("jpeg", "jpg", "png", "webp", "bmp", "tiff", "gif")
SIDES = "image: '{} x {} pixels' may be refused or ignored: ByteDance takes sides of 300 to 6,000 pixels"

each_referring = pytest.mark.parametrize("row", REFERRING, ids=lambda row: row["model"])


def uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def names(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


class TestNumbers:
    @each_referring
    def test_number_of_each_kind_is_limited_by_upstream(self, row: dict[str, str]) -> None:
        # Of images the page's number, 10, counts as well; see below.
        _, videos, audios, _, _ = (int(each) for each in row["references"].split())
        for name, value, most in (("videos", VIDEO, videos), ("audios", AUDIO, audios)):
            assert warnings(make("reference-to-video", model=row["id"], **{name: [value] * most})) == []
            assert warnings(make("reference-to-video", model=row["id"], **{name: [value] * (most + 1)})) == [
                f"{name}: '{most + 1} items' may be refused or ignored: ByteDance takes {most} for Seedance "
                f"{row['model']}"
            ]

    @pytest.mark.parametrize("model", ["seedance-2-0", "seedance-2-0-fast", "seedance-2-0-mini"])
    def test_2_0_takes_9_images_warns_of_10_and_refuses_11(self, model: str) -> None:
        assert warnings(make("reference-to-video", model=model, images=[IMAGE] * 9)) == []
        [warning] = warnings(make("reference-to-video", model=model, images=[IMAGE] * 10))
        assert warning.startswith("images: '10 items' may be refused or ignored: ByteDance takes 9 for Seedance 2.0")
        assert refusal(make("reference-to-video", model=model, images=[IMAGE] * 11)) == (
            "images: '11 items' is not allowed; allowed: at most 10 items"
        )

    @pytest.mark.parametrize(
        ("number", "why"),
        [(10, None), (11, "GPTProto's page allows 10"), (30, "GPTProto's page allows 10"), (31, "ByteDance takes 30 ")],
    )
    def test_2_5_takes_10_images_and_warns_of_more(self, number: int, why: str | None) -> None:
        lines = warnings(make("reference-to-video", model="seedance-2-5", images=[IMAGE] * number))

        assert len(lines) == (why is not None)
        for line in lines:
            assert line.startswith(f"images: '{number} items' may be refused or ignored: {why}")

    @each_referring
    def test_number_of_all_references_is_limited_by_upstream(self, row: dict[str, str]) -> None:
        images, videos, audios, files, _ = (int(each) for each in row["references"].split())
        media = ([IMAGE] * images, [VIDEO] * videos, [AUDIO] * (files - images - videos))
        most: dict[str, Any] = dict(zip(("images", "videos", "audios"), media, strict=True))
        assert len(most["audios"]) < audios or files - images - videos <= audios

        fitting = names(warnings(make("reference-to-video", model=row["id"], **most)))
        above = names(
            warnings(make("reference-to-video", model=row["id"], **{**most, "audios": [*most["audios"], AUDIO]}))
        )

        assert "images, videos, audios" not in fitting
        assert "images, videos, audios" in above

    def test_11_images_are_refused_for_a_model_without_references(self) -> None:
        lines = refusals(make("reference-to-video", model="seedance-1-5-pro", images=[IMAGE] * 11))

        assert names(lines) == ["model", "images"]

    def test_warn_sends_more_images_than_the_page_allows(self) -> None:
        checked = make("reference-to-video", images=[IMAGE] * 11).check("warn")

        assert len(checked.payload["images"]) == 11
        assert checked.warnings[0].startswith("images: '11 items' is not allowed; allowed: at most 10 items (sent,")


class TestSoundsAlone:
    @pytest.mark.parametrize("empty", [None, [], ()])
    @pytest.mark.parametrize("model", ["seedance-2-0", "seedance-2-0-fast", "seedance-2-0-mini"])
    def test_page_refuses_them_for_2_0(self, model: str, empty: Any) -> None:
        request = make("reference-to-video", model=model, images=empty, videos=empty, audios=[AUDIO])

        assert refusal(request) == (
            "images, videos: None is not allowed; allowed: at least one image or video; audios alone are not enough"
        )
        assert names(warnings(request, "warn")) == ["images, videos"]

    def test_2_5_takes_them_with_a_warning(self) -> None:
        request = make("reference-to-video", model="seedance-2-5", images=None, audios=[AUDIO])

        assert warnings(request) == [
            "images, videos: None may be refused or ignored: GPTProto's page wants an image or a video beside sounds"
        ]

    @pytest.mark.parametrize("model", ["seedance-2-5", UNKNOWN_MODEL])
    @pytest.mark.parametrize("validation", ["strict", "warn"])
    def test_no_reference_at_all_is_refused(self, model: str, validation: Any) -> None:
        with pytest.raises(InvalidRequestError, match="at least one image or video"):
            make("reference-to-video", model=model, images=None).check(validation)


class TestLastFrame:
    @pytest.mark.parametrize(
        "row", [row for row in MODELS if row["image-to-video"] == "yes"], ids=lambda row: row["model"]
    )
    def test_last_frame_is_a_warning_for_a_model_without(self, row: dict[str, str]) -> None:
        lines = names(warnings(make("image-to-video", model=row["id"], last_image=OTHER_IMAGE)))

        assert ("last_image" in lines) == (row["last_image"] == "no")

    @pytest.mark.parametrize(
        ("first", "last", "is_warned"),
        [
            ((1280, 720), (1920, 1080), False),
            ((1281, 721), (1920, 1080), False),
            ((1280, 720), (720, 1280), True),
            ((1280, 720), (1280, 700), True),
            ((400, 400), (400, 300), True),
        ],
    )
    def test_other_aspect_than_the_first_is_a_warning(
        self, first: tuple[int, int], last: tuple[int, int], is_warned: bool
    ) -> None:
        images = {
            "image": uri("image/png", picture("PNG", *first)),
            "last_image": uri("image/png", picture("PNG", *last)),
        }

        assert names(warnings(make("image-to-video", **images))) == (["last_image"] if is_warned else [])

    def test_warning_has_both_aspects(self) -> None:
        images = {
            "image": uri("image/png", picture("PNG", 800, 400)),
            "last_image": uri("image/jpeg", picture("JPEG", 400, 400)),
        }

        assert warnings(make("image-to-video", **images)) == [
            "last_image: 'width / height = 1.00' may be refused or ignored: the first image has 2.00"
        ]

    def test_aspect_of_a_link_is_unknown(self) -> None:
        assert warnings(make("image-to-video", last_image=uri("image/png", picture("PNG", 300, 600)))) == []


class TestImages:
    @pytest.mark.parametrize(
        ("width", "height", "is_warned"),
        [
            *((300, 300, False), (6000, 2400, False), (2400, 6000, False)),
            *((299, 300, True), (300, 299, True), (6001, 2401, True), (2401, 6001, True)),
        ],
    )
    def test_sides_of_300_to_6000_pixels_are_sent_without_a_warning(
        self, width: int, height: int, is_warned: bool
    ) -> None:
        image = uri("image/png", picture("PNG", width, height, mode="L"))

        assert warnings(make("image-to-video", image=image)) == ([SIDES.format(width, height)] if is_warned else [])

    @pytest.mark.parametrize(
        ("width", "height", "is_warned"),
        [(400, 1000, False), (1000, 400, False), (399, 1000, True), (1003, 400, True)],
    )
    def test_aspect_of_0_4_to_2_5_is_sent_without_a_warning(self, width: int, height: int, is_warned: bool) -> None:
        lines = warnings(make("reference-to-video", images=[uri("image/png", picture("PNG", width, height))]))

        assert len(lines) == is_warned
        for line in lines:
            assert line.startswith("images[0]: 'width / height = ")
            assert line.endswith("ByteDance takes 0.4 to 2.5")

    @pytest.mark.parametrize(("excess", "is_warned"), [(0, False), (1, True)])
    def test_30_mb_are_sent_without_a_warning(self, excess: int, is_warned: bool) -> None:
        image = uri("image/png", picture().ljust(IMAGE_LIMIT + excess, b"\0"))

        assert warnings(make("image-to-video", image=image)) == (
            ["image: '31,457,281 bytes' may be refused or ignored: ByteDance takes images of 31,457,280 bytes"]
            if is_warned
            else []
        )

    @pytest.mark.parametrize("bare", ["short", "long"])
    def test_bare_base64_is_read_too(self, bare: str) -> None:
        content = picture("PNG", 299, 300)
        image = base64.b64encode(content if bare == "long" else content[:40]).decode()

        lines = warnings(make("image-to-video", image=image, is_upload_media=True))

        assert names(lines) == ["image"]

    @pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"\x89PNG" + b"pixels" * 100, bytes(600)])
    def test_unreadable_header_gives_no_warning(self, content: bytes) -> None:
        assert warnings(make("image-to-video", image=uri("image/png", content))) == []

    def test_side_of_zero_has_no_aspect(self) -> None:
        broken = b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + bytes(20)

        frames = {name: uri("image/png", broken) for name in ("image", "last_image")}

        lines = warnings(make("image-to-video", **frames))

        assert lines == [SIDES.format(0, 0), f"last_{SIDES}".format(0, 0)]


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "media_type", "content", "is_warned"),
        [
            *(("images", f"image/{kind}", bytes(600), False) for kind in IMAGE_FORMATS),
            *(("images", f"image/{kind}", bytes(600), True) for kind in ("heic", "avif", "svg+xml")),
            ("images", "image/png", b"\0\0\0\x18ftypheic" + bytes(40), True),
            ("images", "image/heic", picture("JPEG"), False),
            *(("audios", f"audio/{kind}", bytes(600), False) for kind in ("wav", "x-wav", "wave", "mpeg", "mp3")),
            *(("audios", f"audio/{kind}", bytes(600), True) for kind in ("ogg", "mp4", "flac")),
            ("audios", "audio/mpeg", sound("wav", "pcm_s16le"), False),
            ("audios", "audio/wav", sound("flac", "flac"), True),
        ],
        ids=lambda value: value if isinstance(value, str) else None,
    )
    def test_formats_of_upstream_are_sent_without_a_warning(
        self, name: str, media_type: str, content: bytes, is_warned: bool
    ) -> None:
        references: dict[str, Any] = {"images": [IMAGE], name: [uri(media_type, content)]}

        assert names(warnings(make("reference-to-video", **references))) == ([f"{name}[0]"] if is_warned else [])

    @pytest.mark.parametrize("media_type", ["video/mp4", "video/quicktime"])
    def test_uploaded_clip_is_a_warning(self, media_type: str) -> None:
        assert warnings(make("reference-to-video", videos=[uri(media_type, bytes(600))])) == [
            "videos[0]: 'an upload' may be refused or ignored: ByteDance documents base64 for images and sounds only; "
            "use a URL"
        ]

    def test_uploaded_clip_in_another_format_is_two_warnings(self) -> None:
        _, line = warnings(make("reference-to-video", videos=[uri("video/webm", bytes(600))]))

        assert line == "videos[0]: 'video/webm' may be refused or ignored: ByteDance takes mp4, quicktime"

    def test_content_counts_before_the_declared_type(self) -> None:
        lines = warnings(make("reference-to-video", videos=[uri("video/webm", clip())]))

        assert not any("ByteDance takes mp4" in line for line in lines)

    def test_format_of_a_link_is_unknown(self) -> None:
        references = {
            "images": ["https://example.com/a.svg"],
            "videos": ["https://example.com/a.webm"],
            "audios": ["https://example.com/a.ogg"],
        }

        assert warnings(make("reference-to-video", **references)) == []


class TestAssets:
    ASSET = "asset://asset-20260224200602-qn7wr"

    @pytest.mark.parametrize("model", ["seedance-2-0", "seedance-2-5", "seedance-1-5-pro", UNKNOWN_MODEL])
    @pytest.mark.parametrize("name", ["image", "last_image"])
    def test_asset_is_sent_with_a_warning(self, model: str, name: str) -> None:
        request = make("image-to-video", model=model, **{name: self.ASSET})

        lines = [line for line in warnings(request) if line.startswith(name)]

        assert request.payload()[name] == self.ASSET
        assert "is_upload_media" not in request.payload()
        assert lines == [f"{name}: '{self.ASSET}' may be refused or ignored: only ByteDance documents asset ids"]

    def test_asset_in_a_list_is_sent_with_a_warning(self) -> None:
        media = {"images": [IMAGE, self.ASSET], "videos": [self.ASSET], "audios": ["ASSET://a"]}

        assert names(warnings(make("reference-to-video", **media))) == ["images[1]", "videos[0]", "audios[0]"]

    def test_assets_are_no_uploads(self) -> None:
        line = refusal(make("image-to-video", image=self.ASSET, is_upload_media=True))

        assert line.startswith("is_upload_media: True is not allowed")

    @pytest.mark.parametrize(
        "value", ["asset://", "asset:/a", "asset://a b", "asset://a\n", "asset", "xasset://a", "asset://\0"]
    )
    def test_malformed_asset_is_refused(self, value: str) -> None:
        assert refusal(make("image-to-video", image=value)).startswith("image: ")


def test_media_of_an_unknown_model_are_sent_unchecked() -> None:
    image = uri("image/svg+xml", bytes(IMAGE_LIMIT + 1))

    assert len(warnings(make("image-to-video", model=UNKNOWN_MODEL, image=image))) == 1
    assert len(list(itertools.islice(make("image-to-video", image=image).findings(), 5))) == 2
