"""Validation of requests by the rules of the page and of each model; payloads and warnings."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pytest

from tests.specification import read_table
from tests.unit.gptproto.making import (
    AUDIO,
    CLASSES,
    IMAGE,
    MP4,
    NEEDED,
    OTHER_IMAGE,
    PNG,
    PROMPT,
    SEEDANCE_2_0,
    UNKNOWN_MODEL,
    VIDEO,
    make,
    refusal,
    refusals,
    warnings,
)

PARAMETERS = read_table("parameters")
MODELS = read_table("models")

#: The required media of each mode, as uploads.
UPLOADED: dict[str, dict[str, Any]] = {"image-to-video": {"image": PNG}, "reference-to-video": {"images": [PNG]}}

each_mode = pytest.mark.parametrize("mode", CLASSES)


def rows_with(*, span: bool) -> list[Any]:
    """Return the page's rows with a range of numbers (``span``), or with a list of values."""
    rows = [row for row in PARAMETERS if row["parameter"] != "images" and row["range"] != "-"]
    return [pytest.param(row, id=f"{row['mode']}-{row['parameter']}") for row in rows if ("~" in row["range"]) == span]


class TestPageParameters:
    @each_mode
    def test_request_has_exactly_the_parameters_of_the_page(self, mode: str) -> None:
        names = {field.name for field in dataclasses.fields(CLASSES[mode])}

        assert names - {"model", "extra_parameters"} == {row["parameter"] for row in PARAMETERS if row["mode"] == mode}

    @pytest.mark.parametrize("row", rows_with(span=False))
    def test_listed_value_is_sent_and_any_other_is_refused(self, row: dict[str, str]) -> None:
        mode, name, choices = row["mode"], row["parameter"], row["range"].split()
        for choice in choices:
            value = choice == "true" if row["type"] == "boolean" else choice
            media = UPLOADED[mode] if name == "is_upload_media" and value else {}
            request = make(mode, model=SEEDANCE_2_0, **media, **{name: value})
            request.check()
            assert request.payload()[name] == value

        line = refusal(make(mode, model=SEEDANCE_2_0, **{name: "other"}))

        assert line.startswith(f"{name}: 'other' is not allowed; allowed: ")
        assert all(choice in line.partition("allowed: ")[2] for choice in choices)

    @pytest.mark.parametrize("row", rows_with(span=True))
    def test_limits_of_a_range_are_sent_and_values_beyond_are_refused(self, row: dict[str, str]) -> None:
        mode, name = row["mode"], row["parameter"]
        lowest, highest = (int(end) for end in row["range"].split(" ~ "))
        for value in (lowest, highest):
            request = make(mode, model=SEEDANCE_2_0, **{name: value})
            request.check()
            assert request.payload()[name] == value

        for value in (lowest - 1, highest + 1):
            line = refusal(make(mode, model=SEEDANCE_2_0, **{name: value}))
            assert line.startswith(f"{name}: {value} is not allowed; allowed: {lowest} to {highest}")

    @pytest.mark.parametrize(
        ("mode", "parameter"), [(row["mode"], row["parameter"]) for row in PARAMETERS if row["required"] == "yes"]
    )
    @pytest.mark.parametrize("value", [None, "", " \n"])
    def test_missing_required_parameter_is_refused(self, mode: str, parameter: str, value: str | None) -> None:
        line = refusal(make(mode, **{parameter: value}))

        # What is missing is not given; only the prompt is shown as it arrived.
        shown = value if parameter == "prompt" else None
        assert line.startswith(f"{parameter}: {shown!r} is not allowed; allowed: ")
        assert not line.endswith("allowed: None")


class TestUnknownModel:
    @each_mode
    def test_unknown_model_accepts_any_value_of_the_right_type(self, mode: str) -> None:
        arguments = {
            "aspect_ratio": "2:1",
            "duration": 120,
            "resolution": "2160p",
            "generate_audio": True,
            "camera_fixed": True,
            "seed": 2**40,
        }
        request = make(mode, model=UNKNOWN_MODEL, **arguments)

        assert request.payload() == {"prompt": PROMPT, **NEEDED[mode], **arguments}
        [warning] = warnings(request)
        assert f"model '{UNKNOWN_MODEL}' is not in this provider's catalogue, docs/models.md" in warning

    @each_mode
    def test_unknown_model_checks_types(self, mode: str) -> None:
        wrong = {
            "prompt": b"A",
            "aspect_ratio": 1,
            "duration": "abc",
            "resolution": 1,
            "generate_audio": 2,
            "seed": True,
        }

        lines = refusals(make(mode, model=UNKNOWN_MODEL, **wrong))

        assert {line.partition(":")[0] for line in lines} == set(wrong)

    def test_unknown_model_accepts_any_number_of_references(self) -> None:
        make("reference-to-video", model=UNKNOWN_MODEL, images=[IMAGE] * 100).check()
        make("reference-to-video", model=UNKNOWN_MODEL, images=None, audios=[AUDIO]).check()

    def test_unknown_model_checks_required_media(self) -> None:
        assert refusal(make("image-to-video", model=UNKNOWN_MODEL, image=None)).startswith("image: None")
        assert refusal(make("reference-to-video", model=UNKNOWN_MODEL, images=None)).startswith("images, videos: None")


class TestMediaRules:
    def test_last_image_without_a_first_image_is_refused(self) -> None:
        assert refusal(make("image-to-video", image=None, last_image=OTHER_IMAGE)).startswith("image: None")

    def test_reference_to_video_without_references_is_refused(self) -> None:
        assert refusal(make("reference-to-video", images=None)) == (
            "images, videos: None is not allowed; allowed: at least one image or video"
        )

    @pytest.mark.parametrize("references", [{"images": [IMAGE]}, {"images": None, "videos": [VIDEO]}])
    @pytest.mark.parametrize("audios", [None, [AUDIO]])
    def test_single_image_or_video_is_accepted(self, references: dict[str, Any], audios: list[str] | None) -> None:
        make("reference-to-video", **references, audios=audios).check()

    def test_upload_is_refused_if_is_upload_media_is_false(self) -> None:
        lines = refusals(make("image-to-video", image=IMAGE, last_image=PNG, is_upload_media=False))

        assert [line.partition(":")[0] for line in lines] == ["last_image"]
        assert "if is_upload_media is false" in lines[0]

    @pytest.mark.parametrize("mode", UPLOADED)
    def test_urls_alone_are_refused_if_is_upload_media_is_true(self, mode: str) -> None:
        assert refusal(make(mode, is_upload_media=True)).startswith(
            "is_upload_media: True is not allowed; allowed: false"
        )
        make("image-to-video", last_image=PNG, is_upload_media=True).check()

    def test_size_of_a_request_is_limited(self) -> None:
        clip = MP4 + MP4.partition(",")[2] * 2270  # 7 MB
        assert 9 * len(clip) < 64 * 1024 * 1024 < 10 * len(clip)

        make("reference-to-video", images=None, videos=[clip] * 9).check()

        line = refusal(make("reference-to-video", images=None, videos=[clip] * 10))
        assert line.endswith("allowed: at most 67,108,864 bytes in one request")


class TestPayload:
    """Given values are sent under the same names, duration and resolution always; the scenarios are the page's."""

    #: What is sent to the default model if it is not given.
    DEFAULTS: ClassVar[dict[str, Any]] = {"duration": 5, "resolution": "720p"}

    @pytest.mark.parametrize(
        ("mode", "scenario"),
        [
            pytest.param(
                "text-to-video",
                {"prompt": PROMPT, "aspect_ratio": "16:9", "duration": 5, "resolution": "720p", "seed": -1},
                id="text",
            ),
            pytest.param("image-to-video", {"prompt": PROMPT, "image": IMAGE}, id="first frame"),
            pytest.param(
                "image-to-video",
                {"prompt": PROMPT, "image": IMAGE, "last_image": OTHER_IMAGE},
                id="first and last frame",
            ),
            pytest.param("reference-to-video", {"prompt": PROMPT, "images": [IMAGE, OTHER_IMAGE]}, id="images"),
            pytest.param(
                "reference-to-video",
                {"prompt": PROMPT, "videos": [VIDEO], "images": [IMAGE], "audios": [AUDIO]},
                id="images, videos and audios",
            ),
            pytest.param(
                "image-to-video",
                {"prompt": PROMPT, "image": PNG, "last_image": PNG, "is_upload_media": True},
                id="uploaded frames",
            ),
            pytest.param(
                "reference-to-video",
                {"prompt": PROMPT, "images": [PNG], "videos": [MP4], "is_upload_media": True},
                id="uploaded references",
            ),
        ],
    )
    def test_arguments_of_a_scenario_are_the_payload(self, mode: str, scenario: dict[str, Any]) -> None:
        request = CLASSES[mode](**scenario)

        request.check()

        assert request.payload() == {**self.DEFAULTS, **scenario}

    def test_all_parameters_together_are_the_payload(self) -> None:
        everything = {
            "prompt": PROMPT,
            "image": IMAGE,
            "last_image": OTHER_IMAGE,
            "aspect_ratio": "9:16",
            "duration": 8,
            "resolution": "480p",
            "generate_audio": False,
            "camera_fixed": True,
            "seed": 0,
            "is_upload_media": False,
        }
        request = make("image-to-video", **everything)

        request.check()

        assert request.payload() == everything

    @each_mode
    def test_argument_none_is_not_sent(self, mode: str) -> None:
        nothing = {field.name: None for field in dataclasses.fields(CLASSES[mode]) if field.name != "model"}

        request = make(mode, **{**nothing, "prompt": PROMPT, **NEEDED[mode]})

        assert request.payload() == {"prompt": PROMPT, **NEEDED[mode], **self.DEFAULTS}

    @pytest.mark.parametrize("row", [*MODELS, {"id": UNKNOWN_MODEL, "prices": "-"}], ids=lambda row: row["id"])
    def test_default_resolution_is_sent_if_the_price_depends_on_it(self, row: dict[str, str]) -> None:
        sent = make("text-to-video", model=row["id"]).payload()

        assert sent.get("resolution") == (None if row["prices"] == "-" else "720p")

    @pytest.mark.parametrize("media", [{"image": PNG}, {"image": IMAGE, "last_image": PNG}, {"image": "QUJD" * 200}])
    def test_is_upload_media_is_set_for_uploads(self, media: dict[str, str]) -> None:
        request = make("image-to-video", **media)

        request.check()

        assert request.payload() == {"prompt": PROMPT, **media, **self.DEFAULTS, "is_upload_media": True}

    def test_short_base64_is_sent_if_is_upload_media_is_true(self) -> None:
        request = make("image-to-video", image="aGVsbG8=", is_upload_media=True)

        request.check()

        assert request.payload()["image"] == "aGVsbG8="

    @pytest.mark.parametrize("images", [IMAGE, [IMAGE], (IMAGE,)])
    def test_single_reference_is_sent_as_a_list(self, images: object) -> None:
        assert make("reference-to-video", images=images).payload()["images"] == [IMAGE]

    @each_mode
    def test_extra_parameters_are_sent_unchanged(self, mode: str) -> None:
        extra = {"watermark": False, "style": {"grain": 0.5, "mask": PNG, "tags": ["a", None]}, "note": None}
        request = make(mode, extra_parameters=extra)

        request.check()

        assert request.payload() == {"prompt": PROMPT, **NEEDED[mode], **self.DEFAULTS, **extra}

    @pytest.mark.parametrize("row", PARAMETERS, ids=lambda row: f"{row['mode']}-{row['parameter']}")
    def test_extra_parameter_with_the_name_of_an_argument_is_refused(self, row: dict[str, str]) -> None:
        name = row["parameter"]

        line = refusal(make(row["mode"], extra_parameters={name: 1}))

        assert line == f"extra_parameters['{name}']: 1 is not allowed; allowed: the argument {name} instead"
