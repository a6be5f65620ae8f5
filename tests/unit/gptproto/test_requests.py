"""Validation of requests by the rules of the page and of each model; payloads and warnings."""

from __future__ import annotations

import dataclasses
import itertools
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

    def test_number_of_images_is_limited(self) -> None:
        (row,) = (row for row in PARAMETERS if row["parameter"] == "images")
        limit = int(row["range"].removeprefix("at most "))

        make("reference-to-video", images=[IMAGE] * limit).check()

        assert refusal(make("reference-to-video", images=[IMAGE] * (limit + 1))) == (
            f"images: '{limit + 1} items' is not allowed; allowed: at most {limit} items"
        )

    @pytest.mark.parametrize(
        ("mode", "parameter"), [(row["mode"], row["parameter"]) for row in PARAMETERS if row["required"] == "yes"]
    )
    @pytest.mark.parametrize("value", [None, "", " \n"])
    def test_missing_required_parameter_is_refused(self, mode: str, parameter: str, value: str | None) -> None:
        line = refusal(make(mode, **{parameter: value}))

        assert line.startswith(f"{parameter}: {value!r} is not allowed; allowed: ")
        assert not line.endswith("allowed: None")


class TestModels:
    @each_mode
    @pytest.mark.parametrize("row", MODELS, ids=lambda row: row["model"])
    def test_model_is_refused_in_a_mode_that_it_does_not_offer(self, row: dict[str, str], mode: str) -> None:
        request = make(mode, model=row["id"])
        if row[mode] == "yes":
            request.check()
        else:
            line = refusal(request)
            assert line.startswith(f"model: '{row['id']}' is not allowed; allowed: one that offers {mode}")
            assert all(offered in line for offered in CLASSES if row[offered] == "yes")

    each_offer = pytest.mark.parametrize(
        ("row", "mode"),
        [
            pytest.param(row, mode, id=f"{row['model']}-{mode}")
            for row, mode in itertools.product(MODELS, CLASSES)
            if row[mode] == "yes"
        ],
    )

    @each_offer
    def test_duration_outside_the_range_of_the_model_is_refused(self, row: dict[str, str], mode: str) -> None:
        shortest, longest = (int(end) for end in row["duration"].split(" ~ "))
        for value in (shortest, longest):
            make(mode, model=row["id"], duration=value).check()

        for value in (shortest - 1, longest + 1):
            assert refusal(make(mode, model=row["id"], duration=value)) == (
                f"duration: {value} is not allowed; "
                f"allowed: {shortest} to {longest} seconds for Seedance {row['model']}"
            )

    @each_offer
    def test_resolution_that_the_model_does_not_offer_is_refused(self, row: dict[str, str], mode: str) -> None:
        offered = row["resolutions"].split()
        for value in ("480p", "720p", "1080p"):
            request = make(mode, model=row["id"], resolution=value)
            if value in offered:
                request.check()
            else:
                assert refusal(request) == (
                    f"resolution: {value!r} is not allowed; allowed: {', '.join(offered)} for Seedance {row['model']}"
                )

    @each_offer
    def test_audio_is_refused_only_for_a_model_without_audio(self, row: dict[str, str], mode: str) -> None:
        make(mode, model=row["id"], generate_audio=False).check()
        request = make(mode, model=row["id"], generate_audio=True)
        if row["generate_audio"] == "yes":
            request.check()
        else:
            assert refusal(request).startswith("generate_audio: True is not allowed; allowed: false")

    @pytest.mark.parametrize(
        "row", [row for row in MODELS if row["image-to-video"] == "yes"], ids=lambda row: row["model"]
    )
    def test_last_image_is_refused_only_for_a_model_without_last_frames(self, row: dict[str, str]) -> None:
        request = make("image-to-video", model=row["id"], last_image=OTHER_IMAGE)
        if row["last_image"] == "yes":
            request.check()
        else:
            allowed = f"None for Seedance {row['model']}, which takes no last frame"
            assert refusal(request) == f"last_image: '{OTHER_IMAGE}' is not allowed; allowed: {allowed}"

    def test_unsupported_mode_does_not_hide_other_problems(self) -> None:
        lines = refusals(make("reference-to-video", model="seedance-1-0-pro", duration=13, generate_audio=True))

        assert [line.partition(":")[0] for line in lines] == ["model", "duration", "generate_audio"]


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

        request.check()

        assert request.payload() == {"prompt": PROMPT, **NEEDED[mode], **arguments}
        assert [warning for warning in request.warnings() if UNKNOWN_MODEL in warning]

    @each_mode
    def test_unknown_model_checks_types(self, mode: str) -> None:
        wrong = {"prompt": 1, "aspect_ratio": 1, "duration": "abc", "resolution": "", "generate_audio": 2, "seed": True}

        lines = refusals(make(mode, model=UNKNOWN_MODEL, **wrong))

        assert {line.partition(":")[0] for line in lines} == set(wrong)

    def test_unknown_model_checks_required_media(self) -> None:
        assert refusal(make("image-to-video", model=UNKNOWN_MODEL, image=None)).startswith("image: None")
        assert refusal(make("reference-to-video", model=UNKNOWN_MODEL, images=None)).startswith("images, videos: None")


class TestMediaRules:
    def test_last_image_without_a_first_image_is_refused(self) -> None:
        assert refusal(make("image-to-video", image=None, last_image=OTHER_IMAGE)).startswith("image: None")

    @pytest.mark.parametrize("empty", [None, [], ()])
    def test_audios_without_an_image_or_video_are_refused(self, empty: object) -> None:
        line = refusal(make("reference-to-video", images=empty, videos=empty, audios=[AUDIO]))

        assert line == (
            "images, videos: None is not allowed; allowed: at least one image or video; audios alone are not enough"
        )

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


class TestWarnings:
    @pytest.mark.parametrize("row", [row for row in MODELS if row["model"] >= "2"], ids=lambda row: row["model"])
    def test_camera_fixed_and_seed_are_sent_to_2_x_with_a_warning(self, row: dict[str, str]) -> None:
        request = make("text-to-video", model=row["id"], camera_fixed=True, seed=0)

        request.check()

        assert request.payload().items() >= {"camera_fixed": True, "seed": 0}.items()
        assert [warning.split()[0] for warning in request.warnings()] == ["camera_fixed", "seed"]

    @pytest.mark.parametrize("row", MODELS, ids=lambda row: row["model"])
    def test_default_values_give_no_warning(self, row: dict[str, str]) -> None:
        mode = next(mode for mode in CLASSES if row[mode] == "yes")

        assert not list(make(mode, model=row["id"]).warnings())
        assert not list(make(mode, model=row["id"], camera_fixed=False, seed=-1).warnings())

    @pytest.mark.parametrize("row", [row for row in MODELS if row["model"] < "2"], ids=lambda row: row["model"])
    def test_camera_fixed_and_seed_give_no_warning_for_1_x(self, row: dict[str, str]) -> None:
        mode = next(mode for mode in CLASSES if row[mode] == "yes")

        assert not list(make(mode, model=row["id"], camera_fixed=True, seed=7).warnings())
