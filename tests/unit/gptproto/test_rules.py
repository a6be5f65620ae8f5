"""
The rules of the catalogue, and their levels.

GPTProto's page refuses. What only ByteDance refuses, and what no list confirms, is a warning. ``validation="warn"``
leaves no refusal of the catalogue.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest

from airflow_provider_seedance.gptproto.catalogue import Mode, find_model
from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.gptproto.rules import Finding, Source, parameter_findings, unknown_model
from tests.specification import read_table
from tests.unit.gptproto.making import (
    CLASSES,
    IMAGE,
    OTHER_IMAGE,
    PROMPT,
    SEEDANCE_2_0,
    UNKNOWN_MODEL,
    make,
    refusal,
    refusals,
    warnings,
)

MODELS = read_table("models")
#: GPTProto's page, "Core Parameters": one range of seconds for all models.
PAGE_SECONDS = range(4, 16)
#: Upstream takes the flag -1 on these.
CHOOSES_DURATION = {"1.5 pro", "2.0", "2.0 fast", "2.0 mini"}

each_model = pytest.mark.parametrize("row", MODELS, ids=lambda row: row["model"])
each_offer = pytest.mark.parametrize(
    ("row", "mode"),
    [
        pytest.param(row, mode, id=f"{row['model']}-{mode}")
        for row, mode in itertools.product(MODELS, CLASSES)
        if row[mode] == "yes"
    ],
)


def about(name: str, lines: list[str]) -> list[str]:
    """Return the lines about an argument."""
    return [line for line in lines if line.startswith(f"{name}:")]


def level(name: str, request: GenerationRequest) -> str:
    """Return what a check does about an argument: ``sent``, ``warned`` or ``refused``."""
    if about(name, list(request.problems())):
        with pytest.raises(InvalidRequestError):
            request.check()
        assert about(name, warnings(request, "warn"))
        return "refused"
    return "warned" if about(name, warnings(request)) else "sent"


class TestModel:
    @pytest.mark.parametrize("mode", CLASSES)
    @each_model
    def test_mode_that_a_model_does_not_offer(self, row: dict[str, str], mode: str) -> None:
        # The page: "Reference scenarios are only supported by Seedance 2.0." The other modes are upstream's.
        without = "refused" if mode == "reference-to-video" else "warned"
        offered = "sent" if row["current"] == "yes" else "warned"

        assert level("model", make(mode, model=row["id"])) == (offered if row[mode] == "yes" else without)

    def test_refused_mode_names_the_offered_ones(self) -> None:
        assert refusal(make("reference-to-video", model="seedance-1-0-pro")) == (
            "model: 'seedance-1-0-pro' is not allowed; allowed: one that offers reference-to-video; "
            "this one offers image-to-video, text-to-video"
        )

    @pytest.mark.parametrize(
        ("model", "words"),
        [
            ("seedance-1-0-lite-t2v-250428", "ByteDance retired it on 2026-05-13"),
            ("doubao-seedance-1-0-lite-i2v-250428", "ByteDance retired it on 2026-05-13"),
            ("seedance-1-0-pro-fast-251015", "GPTProto's model list of 2026-09-14 no longer has it"),
        ],
    )
    def test_retired_model_is_sent_with_a_warning(self, model: str, words: str) -> None:
        mode = "image-to-video" if "i2v" in model else "text-to-video"

        [warning] = warnings(make(mode, model=model))

        assert warning.startswith(f"model: '{model}' may be refused or ignored: {words}")

    def test_unknown_model_is_only_a_warning(self) -> None:
        finding = unknown_model(UNKNOWN_MODEL)

        assert not finding.is_refusal
        assert finding.source is Source.LISTS
        assert finding.message.startswith(f"model '{UNKNOWN_MODEL}' is not in this provider's catalogue")
        assert "docs/models.md" in finding.message

    def test_unsupported_mode_does_not_hide_other_problems(self) -> None:
        lines = refusals(make("reference-to-video", model="seedance-1-0-pro", duration=16, seed=-2))

        assert [line.partition(":")[0] for line in lines] == ["model", "duration", "seed"]


class TestDuration:
    @pytest.mark.parametrize("seconds", [-2, -1, 0, 1, 2, 3, 4, 5, 12, 13, 15, 16, 30, 31])
    @each_offer
    def test_duration_of_a_model(self, row: dict[str, str], mode: str, seconds: int) -> None:
        shortest, longest = (int(end) for end in row["duration"].split(" ~ "))
        if shortest <= seconds <= longest:
            expected = "sent"
        elif seconds in PAGE_SECONDS or (seconds == -1 and row["model"] in CHOOSES_DURATION):
            expected = "warned"
        else:
            expected = "refused"

        assert level("duration", make(mode, model=row["id"], duration=seconds)) == expected

    def test_refusal_names_the_range_of_the_model(self) -> None:
        assert refusal(make("text-to-video", model="seedance-2-5", duration=31)) == (
            "duration: 31 is not allowed; allowed: 4 to 30 seconds for Seedance 2.5"
        )

    def test_warning_names_the_range_of_the_model(self) -> None:
        assert warnings(make("text-to-video", model="seedance-1-5-pro", duration=13)) == [
            "duration: 13 may be refused or ignored: ByteDance documents 4 to 12 seconds for Seedance 1.5 pro"
        ]

    def test_warning_about_minus_one_names_the_price(self) -> None:
        [warning] = warnings(make("text-to-video", duration=-1))

        assert warning.endswith("only ByteDance documents it; the model chooses the length, and so the price")


class TestResolution:
    #: The page excludes only this: "1080p is not supported for Seedance 2.0 fast."
    WARNED: ClassVar[dict[str, set[str]]] = {
        "1.0 lite t2v": {"4k"},
        "1.0 lite i2v": {"4k"},
        "1.0 pro": {"4k"},
        "1.0 pro fast": {"4k"},
        "1.5 pro": {"4k"},
        "2.0": set(),
        "2.0 fast": {"4k"},
        "2.0 mini": {"1080p", "4k"},
        "2.5": {"1080p", "4k"},
    }

    @pytest.mark.parametrize("resolution", ["480p", "720p", "1080p", "4k", "2k", "360p", "4K", "720"])
    @each_offer
    def test_resolution_of_a_model(self, row: dict[str, str], mode: str, resolution: str) -> None:
        expected = "refused"
        if resolution in row["resolutions"].split():
            expected = "sent"
        elif resolution in self.WARNED[row["model"]]:
            expected = "warned"

        assert level("resolution", make(mode, model=row["id"], resolution=resolution)) == expected

    def test_refusal_names_the_resolutions_of_the_model(self) -> None:
        assert refusal(make("text-to-video", resolution="1080p")) == (
            "resolution: '1080p' is not allowed; allowed: 480p, 720p for Seedance 2.0 fast"
        )

    def test_warning_names_the_resolutions_of_the_list(self) -> None:
        assert warnings(make("text-to-video", model="seedance-2-5", resolution="1080p")) == [
            "resolution: '1080p' may be refused or ignored: GPTProto lists 480p, 720p for Seedance 2.5"
        ]

    @pytest.mark.parametrize("model", ["doubao-seedance-2-0-260128", "dreamina-seedance-2-0-260128"])
    def test_4k_of_2_0_is_sent_without_a_frame_size(self, model: str) -> None:
        checked = make("text-to-video", model=model, resolution="4k", duration=4).check()

        assert checked.payload["resolution"] == "4k"
        assert checked.frame_size is None
        assert str(checked.price) == "about 3.42 USD at list price"
        assert checked.warnings == ()


class TestAspectRatio:
    @pytest.mark.parametrize("ratio", ["21:9", "16:9", "4:3", "1:1", "3:4", "9:16"])
    @each_offer
    def test_ratio_of_the_page_is_sent(self, row: dict[str, str], mode: str, ratio: str) -> None:
        # Upstream refuses a fixed ratio for image-to-video with 2.5.
        expected = "warned" if (row["model"], mode) == ("2.5", "image-to-video") else "sent"

        assert level("aspect_ratio", make(mode, model=row["id"], aspect_ratio=ratio)) == expected

    @each_offer
    def test_adaptive_ratio_is_sent_with_a_warning(self, row: dict[str, str], mode: str) -> None:
        request = make(mode, model=row["id"], aspect_ratio="adaptive")

        assert level("aspect_ratio", request) == "warned"
        checked = request.check()
        assert checked.payload["aspect_ratio"] == "adaptive"
        assert checked.frame_size is None

    @each_offer
    def test_other_ratio_is_refused(self, row: dict[str, str], mode: str) -> None:
        assert level("aspect_ratio", make(mode, model=row["id"], aspect_ratio="9:21")) == "refused"

    def test_warning_for_2_5_names_the_ratio_that_it_takes(self) -> None:
        request = make("image-to-video", model="seedance-2-5", last_image=OTHER_IMAGE, aspect_ratio="16:9")

        assert warnings(request) == [
            "aspect_ratio: '16:9' may be refused or ignored: ByteDance takes only 'adaptive' for image-to-video with "
            "Seedance 2.5"
        ]
        assert warnings(make("image-to-video", model="seedance-2-5")) == []


class TestFlags:
    @each_offer
    def test_sound_of_a_model(self, row: dict[str, str], mode: str) -> None:
        # The page lists generate_audio for every model.
        expected = "sent" if row["generate_audio"] == "yes" else "warned"

        assert level("generate_audio", make(mode, model=row["id"], generate_audio=True)) == expected
        assert level("generate_audio", make(mode, model=row["id"], generate_audio=False)) == "sent"

    @each_offer
    def test_camera_fixed_is_a_warning_for_2_x_only(self, row: dict[str, str], mode: str) -> None:
        expected = "warned" if row["model"] >= "2" else "sent"

        request = make(mode, model=row["id"], camera_fixed=True)

        assert level("camera_fixed", request) == expected
        assert request.check().payload["camera_fixed"] is True
        assert level("camera_fixed", make(mode, model=row["id"], camera_fixed=False)) == "sent"

    @pytest.mark.parametrize("seed", [-1, 0, 7, 2147483647])
    @each_offer
    def test_seed_in_range_is_sent_without_a_warning(self, row: dict[str, str], mode: str, seed: int) -> None:
        assert level("seed", make(mode, model=row["id"], seed=seed)) == "sent"

    @pytest.mark.parametrize("seed", [-2, 2147483648])
    @each_model
    def test_seed_out_of_range_is_refused(self, row: dict[str, str], seed: int) -> None:
        mode = next(mode for mode in CLASSES if row[mode] == "yes")

        assert level("seed", make(mode, model=row["id"], seed=seed)) == "refused"

    @each_model
    def test_prompt_flags_that_change_the_bill_are_a_warning_for_1_x_only(self, row: dict[str, str]) -> None:
        mode = next(mode for mode in CLASSES if row[mode] == "yes")
        request = make(mode, model=row["id"], prompt=f"{PROMPT} --rs 1080p --dur 12 --ratio 16:9")

        found = [line for line in warnings(request) if line.startswith("prompt: ")]

        assert [line.split("the flag ")[1].split(",")[0] for line in found] == (
            ["--rs", "--dur"] if row["model"] < "2" else []
        )


class TestDefaults:
    @each_offer
    def test_default_values_of_a_current_model_give_no_warning(self, row: dict[str, str], mode: str) -> None:
        if row["current"] == "yes":
            assert warnings(make(mode, model=row["id"])) == []
            assert warnings(make(mode, model=row["id"], camera_fixed=False, seed=-1, resolution="720p")) == []


class TestValidation:
    WRONG: ClassVar[dict[str, Any]] = {"duration": 16, "resolution": "2k", "aspect_ratio": "2:1", "seed": -2}

    def test_warn_sends_what_the_catalogue_refuses(self) -> None:
        checked = make("text-to-video", **self.WRONG).check("warn")

        assert checked.payload.items() >= self.WRONG.items()
        assert {line.partition(":")[0] for line in checked.warnings} == set(self.WRONG)
        assert all(line.endswith('(sent, because validation is "warn")') for line in checked.warnings)

    @pytest.mark.parametrize("validation", [(), ("strict",)], ids=["default", "strict"])
    def test_strict_refuses_and_names_the_way_out(self, validation: Any) -> None:
        with pytest.raises(InvalidRequestError, match="refuses 4 arguments") as caught:
            make("text-to-video", **self.WRONG).check(*validation)

        assert str(caught.value).endswith('If the service accepts the values by now, set validation="warn".')

    @pytest.mark.parametrize(
        ("mode", "wrong"),
        [
            ("text-to-video", {"prompt": " "}),
            ("text-to-video", {"model": "a/b"}),
            ("text-to-video", {"duration": "soon"}),
            ("text-to-video", {"resolution": 720}),
            ("text-to-video", {"generate_audio": "loud"}),
            ("text-to-video", {"extra_parameters": {"noise": float("nan")}}),
            ("text-to-video", {"extra_parameters": {"seed": 7}}),
            ("image-to-video", {"image": None}),
            ("image-to-video", {"image": "boat.png"}),
            ("image-to-video", {"is_upload_media": True}),
            ("reference-to-video", {"images": None}),
            ("reference-to-video", {"images": {IMAGE}}),
        ],
        ids=repr,
    )
    def test_warn_refuses_what_no_model_can_excuse(self, mode: str, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError, match="refuses 1 argument:") as caught:
            make(mode, **{"model": SEEDANCE_2_0, **wrong}).check("warn")

        assert "validation" not in str(caught.value)

    def test_certain_problems_do_not_hide_those_of_the_catalogue(self) -> None:
        lines = refusals(make("text-to-video", prompt=" ", duration=16))

        assert [line.partition(":")[0] for line in lines] == ["prompt", "duration"]

    @pytest.mark.parametrize("word", ["Strict", "warning", "", None, True])
    def test_other_word_is_an_error(self, word: Any) -> None:
        with pytest.raises(ValueError, match=r"validation: .* is not allowed; allowed: strict, warn"):
            make("text-to-video").check(word)

    def test_warn_does_not_change_the_fingerprint(self) -> None:
        request = make("text-to-video")

        assert request.check("warn").fingerprint("c") == request.check().fingerprint("c")


class TestFindings:
    ARGUMENTS: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("model", "prompt", "aspect_ratio", "duration", "resolution", "generate_audio", "camera_fixed", "seed")
    )

    def findings(self, **arguments: Any) -> list[Finding]:
        known = find_model("seedance-2-0-fast")
        assert known is not None
        return list(parameter_findings(known, Mode.TEXT_TO_VIDEO, {**self.ARGUMENTS, **arguments}))

    @pytest.mark.parametrize(
        ("arguments", "source", "is_refusal"),
        [
            ({"resolution": "1080p"}, Source.PAGE, True),
            ({"resolution": "4k"}, Source.LISTS, False),
            ({"duration": 16}, Source.PAGE, True),
            ({"duration": -1}, Source.UPSTREAM, False),
            ({"camera_fixed": True}, Source.UPSTREAM, False),
        ],
    )
    def test_source_sets_the_level(self, arguments: dict[str, Any], source: Source, is_refusal: bool) -> None:
        [finding] = self.findings(**arguments)

        assert (finding.source, finding.is_refusal) == (source, is_refusal)

    @pytest.mark.parametrize("value", ["5", [5], 5.5, True])
    def test_values_of_a_wrong_type_are_skipped(self, value: Any) -> None:
        assert self.findings(duration=value, seed=value, prompt=7, resolution=7, aspect_ratio=None) == []
