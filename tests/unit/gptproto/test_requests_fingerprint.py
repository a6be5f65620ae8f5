"""Fingerprints (idempotency keys): equal for the same generation, which is paid once, and different for others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.prices import Price
from airflow_provider_seedance.gptproto.requests import CheckedRequest, ImageToVideo
from tests.unit.gptproto.making import (
    AUDIO,
    IMAGE,
    OTHER_IMAGE,
    PNG,
    PROMPT,
    SEEDANCE_2_0,
    UNKNOWN_MODEL,
    VIDEO,
    make,
)

CONNECTION = "seedance_default"
EVERYTHING: dict[str, Any] = {
    "aspect_ratio": "16:9",
    "duration": 5,
    "resolution": "720p",
    "generate_audio": True,
    "camera_fixed": False,
    "seed": -1,
    "extra_parameters": {"watermark": False, "style": {"grain": 1, "tone": "warm"}},
}


def fingerprint(mode: str = "text-to-video", *, connection: str = CONNECTION, **arguments: Any) -> str:
    request = make(mode, **arguments)
    price = Price(estimate=None, highest=None)
    checked = CheckedRequest(request=request, payload=request.payload(), price=price, frame_size=None)
    return checked.fingerprint(connection)


def with_one_byte_changed(text: str, position: int) -> str:
    return text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]


class TestSameGeneration:
    def test_equal_arguments_have_the_same_fingerprint(self) -> None:
        assert fingerprint(**EVERYTHING) == fingerprint(**EVERYTHING)

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("duration", [5, "5", " 5 ", 5.0, "5.0", Decimal(5), None]),
            ("seed", [-1, "-1", -1.0]),
            ("generate_audio", [True, "true", "True"]),
            ("camera_fixed", [False, "false"]),
            ("extra_parameters", [None, {}]),
        ],
    )
    def test_other_spellings_of_a_value_have_the_same_fingerprint(self, name: str, values: list[Any]) -> None:
        assert len({fingerprint(**{name: value}) for value in values}) == 1

    def test_single_reference_has_the_same_fingerprint_as_a_list_of_one(self) -> None:
        assert len({fingerprint("reference-to-video", images=images) for images in (IMAGE, [IMAGE], (IMAGE,))}) == 1

    def test_is_upload_media_has_the_same_fingerprint_given_or_derived(self) -> None:
        assert fingerprint("image-to-video", image=PNG) == fingerprint(
            "image-to-video", image=PNG, is_upload_media="true"
        )

    def test_resolution_that_is_not_given_does_not_depend_on_the_catalogue(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = fingerprint(resolution=None)
        monkeypatch.setattr("airflow_provider_seedance.gptproto.requests.find_model", lambda model: None)
        assert "resolution" not in make("text-to-video", resolution=None).payload()
        assert fingerprint(resolution=None) == known

    @given(st.dictionaries(st.text(), st.dictionaries(st.text(), st.integers() | st.text(), min_size=2), min_size=2))
    def test_order_of_a_dict_does_not_change_the_fingerprint(self, extra: dict[str, dict[str, Any]]) -> None:
        reversed_extra = {name: dict(reversed(inner.items())) for name, inner in reversed(extra.items())}

        assert fingerprint(extra_parameters=extra) == fingerprint(extra_parameters=reversed_extra)


class TestOtherGeneration:
    @pytest.mark.parametrize(
        "change",
        [
            {"prompt": PROMPT + " "},
            {"model": SEEDANCE_2_0},
            {"model": UNKNOWN_MODEL},
            {"aspect_ratio": "9:16"},
            {"aspect_ratio": None},
            {"duration": 6},
            {"resolution": "480p"},
            {"resolution": None},
            {"generate_audio": False},
            {"generate_audio": None},
            {"camera_fixed": True},
            {"camera_fixed": None},
            {"seed": 0},
            {"seed": None},
            {"extra_parameters": None},
            {"extra_parameters": {"watermark": False, "style": {"grain": 2, "tone": "warm"}}},
            {"extra_parameters": {"watermark": None, "style": {"grain": 1, "tone": "warm"}}},
            {"connection": "seedance_other"},
        ],
        ids=repr,
    )
    def test_any_other_value_changes_the_fingerprint(self, change: dict[str, Any]) -> None:
        assert fingerprint(**{**EVERYTHING, **change}) != fingerprint(**EVERYTHING)

    @pytest.mark.parametrize(
        "change",
        [
            {"image": OTHER_IMAGE},
            {"last_image": None},
            {"last_image": IMAGE},
            {"is_upload_media": False},
            {"image": PNG},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_other_frames_change_the_fingerprint(self, change: dict[str, Any]) -> None:
        frames: dict[str, Any] = {"image": IMAGE, "last_image": OTHER_IMAGE}

        assert fingerprint("image-to-video", **{**frames, **change}) != fingerprint("image-to-video", **frames)

    @pytest.mark.parametrize(
        "change",
        [
            {"images": [OTHER_IMAGE, IMAGE]},
            {"images": [IMAGE]},
            {"images": None},
            {"videos": [VIDEO, VIDEO]},
            {"videos": None},
            {"audios": None},
        ],
        ids=repr,
    )
    def test_other_references_change_the_fingerprint(self, change: dict[str, Any]) -> None:
        references: dict[str, Any] = {"images": [IMAGE, OTHER_IMAGE], "videos": [VIDEO], "audios": [AUDIO]}

        assert fingerprint("reference-to-video", **{**references, **change}) != fingerprint(
            "reference-to-video", **references
        )

    def test_other_mode_changes_the_fingerprint(self) -> None:
        # The same payload under another URL: an extra parameter in one mode, an argument in the other.
        assert fingerprint("text-to-video", extra_parameters={"image": IMAGE}) != fingerprint("image-to-video")

    @pytest.mark.parametrize("position", [30, len(PNG) // 2, len(PNG) - 3])
    def test_changed_byte_of_an_upload_changes_the_fingerprint(self, position: int) -> None:
        assert fingerprint("image-to-video", image=PNG) != fingerprint(
            "image-to-video", image=with_one_byte_changed(PNG, position)
        )

    def test_changed_byte_of_a_listed_upload_changes_the_fingerprint(self) -> None:
        other = with_one_byte_changed(PNG, len(PNG) // 2)

        assert fingerprint("reference-to-video", images=[IMAGE, PNG]) != fingerprint(
            "reference-to-video", images=[IMAGE, other]
        )


class TestUpgrades:
    def test_fingerprint_is_stable_across_versions(self) -> None:
        # Records of paid submissions hold it. If it changes, a retry pays a second time.
        request = ImageToVideo(
            prompt="Ein Papierboot im Frühling",
            model="doubao-seedance-2-0-fast-260128",
            image="https://example.com/boat.png",
            last_image="data:image/png;base64,aGVsbG8=",
            aspect_ratio="16:9",
            resolution="720p",
            generate_audio=True,
            seed=-1,
            extra_parameters={"watermark": False, "style": {"grain": 0.5, "tone": "warm"}},
        )

        assert (
            request.check().fingerprint("seedance_default")
            == "a595e968fb3b061a61d0a5e2c8d2ae2ce947afbb91a5297a2e667854d54992d5"
        )
