"""Constants that the service is certain to refuse, and values that are not certain."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.catalogue import Mode
from airflow_provider_seedance.tasks.constants import constant_problems

LINK = "https://example.com/a.png"
FULL = "doubao-seedance-2-0-260128"
TEMPLATE = "{{ params.value }}"
#: What every mode needs.
NEEDED: dict[Mode, dict[str, Any]] = {
    Mode.TEXT_TO_VIDEO: {},
    Mode.IMAGE_TO_VIDEO: {"image": LINK, "last_image": None},
    Mode.REFERENCE_TO_VIDEO: {"images": [LINK], "videos": None, "audios": None},
}


def problems(mode: Mode = Mode.TEXT_TO_VIDEO, *, is_native: bool = False, **arguments: Any) -> list[str]:
    """Return the names of the arguments with problems."""
    given = {"prompt": "A paper boat", "model": None, "prediction_id": None, **NEEDED[mode], **arguments}
    found = constant_problems(mode, given, prompt_files=(".txt", ".md"), is_native=is_native)
    return sorted(each.partition(":")[0] for each in found)


class TestCertain:
    # The page: 4 to 15 s, six ratios, three resolutions (2.0 fast: no 1080p), seeds from -1.
    @pytest.mark.parametrize("mode", list(Mode))
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("duration", 99),
            ("duration", "99"),
            ("duration", 5.5),
            ("duration", "five"),
            ("resolution", "8k"),
            ("resolution", "1080p"),
            ("resolution", 720),
            ("aspect_ratio", "2:1"),
            ("seed", -5),
            ("seed", 2147483648),
            ("generate_audio", "perhaps"),
            ("camera_fixed", 2),
            ("model", "a/b"),
            ("prompt", ""),
            ("prompt", "None"),
            ("prompt", None),
            ("prompt", ["A paper boat"]),
            ("extra_parameters", ["a"]),
            ("extra_parameters", {"noise": float("nan")}),
        ],
    )
    def test_constant_that_the_service_refuses(self, mode: Mode, name: str, value: Any) -> None:
        assert problems(mode, **{name: value}) == [name]

    def test_message_names_value_and_allowed_values(self) -> None:
        given = {"prompt": "A", "model": None, "duration": 99, "prediction_id": ""}
        assert constant_problems(Mode.TEXT_TO_VIDEO, given) == [
            "duration: 99 is not allowed; allowed: 4 to 15 seconds for Seedance 2.0 fast"
        ]

    def test_all_problems_are_found_at_once(self) -> None:
        assert problems(duration=99, seed=-5, resolution="8k") == ["duration", "resolution", "seed"]

    @pytest.mark.parametrize("value", [None, "", "None"])
    def test_missing_media(self, value: Any) -> None:
        assert problems(Mode.IMAGE_TO_VIDEO, image=value) == ["image"]
        assert problems(Mode.REFERENCE_TO_VIDEO, images=value) == ["images, videos"]
        assert problems(Mode.REFERENCE_TO_VIDEO, images=[value]) == ["images, videos"]
        assert problems(Mode.REFERENCE_TO_VIDEO, images=value, audios=[LINK]) == ["images, videos"]

    def test_links(self) -> None:
        assert problems(Mode.REFERENCE_TO_VIDEO, images=[LINK] * 11) == ["images"]
        assert problems(Mode.IMAGE_TO_VIDEO, is_upload_media=True) == ["is_upload_media"]
        assert problems(Mode.IMAGE_TO_VIDEO, last_image=LINK, is_upload_media=True) == ["is_upload_media"]


class TestUncertain:
    @pytest.mark.parametrize("mode", list(Mode))
    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"duration": 5, "resolution": "480p", "aspect_ratio": "16:9", "seed": -1, "generate_audio": "true"},
            {"duration": "", "resolution": None, "seed": float("nan"), "extra_parameters": {}},
            {"model": "seedance-of-tomorrow", "duration": 99, "resolution": "8k", "seed": -5},
            {"model": FULL, "resolution": "1080p"},
            {"model": FULL, "resolution": "4k", "aspect_ratio": "adaptive", "camera_fixed": True, "duration": -1},
            {"prompt": 1984},
            {"prompt": TEMPLATE},
            {"prompt": "shots/one.txt"},
            {"prompt": "shots/one.md"},
            {"duration": TEMPLATE, "resolution": "{% if params %}8k{% endif %}", "seed": "{# none #}"},
            {"aspect_ratio": "16:9\n"},
            {"extra_parameters": {"noise": TEMPLATE}},
            {"duration": object(), "prompt": object(), "extra_parameters": object()},
        ],
    )
    def test_value_that_may_be_right(self, mode: Mode, arguments: dict[str, Any]) -> None:
        assert problems(mode, **arguments) == []

    @pytest.mark.parametrize("name", ["model", "prediction_id", "validation"])
    def test_argument_that_another_value_may_replace(self, name: str) -> None:
        given = {"prompt": "A", "model": None, "prediction_id": None, "resolution": "1080p"}
        given.pop(name, None)
        assert bool(constant_problems(Mode.TEXT_TO_VIDEO, given)) == (name == "validation")

    @pytest.mark.parametrize("prediction_id", ["cgt-1", TEMPLATE, object(), 12])
    def test_arguments_beside_a_prediction_are_not_used(self, prediction_id: Any) -> None:
        assert problems(prediction_id=prediction_id, duration=99, prompt="") == []

    @pytest.mark.parametrize("value", [TEMPLATE, "a.png", "s3://bucket/a.png", object(), "data:image/png;base64,@@"])
    @pytest.mark.parametrize("is_upload", [None, True, False])
    def test_media_that_are_no_links(self, value: Any, is_upload: Any) -> None:
        assert problems(Mode.IMAGE_TO_VIDEO, image=value, is_upload_media=is_upload) == []
        assert problems(Mode.IMAGE_TO_VIDEO, last_image=value, is_upload_media=is_upload) == []
        for media in ({"images": [LINK, value] * 6}, {"images": value}, {"images": None, "videos": [value]}):
            assert problems(Mode.REFERENCE_TO_VIDEO, **media, is_upload_media=is_upload) == []
        assert problems(Mode.REFERENCE_TO_VIDEO, images=None, videos=value, audios=[LINK]) == []

    def test_other_constants_beside_a_template_are_checked(self) -> None:
        assert problems(Mode.IMAGE_TO_VIDEO, image=TEMPLATE, duration=99) == ["duration"]
        assert problems(Mode.REFERENCE_TO_VIDEO, images=TEMPLATE, prompt=TEMPLATE, seed=-5) == ["seed"]

    @pytest.mark.parametrize(
        "arguments", [{"aspect_ratio": "'16:9'"}, {"extra_parameters": "{'a': 1}"}, {"seed": "8-3"}]
    )
    def test_text_that_native_rendering_may_change(self, arguments: dict[str, Any]) -> None:
        assert problems(is_native=True, **arguments) == []
        assert problems(is_native=False, **arguments) == list(arguments)
        assert problems(is_native=True, **arguments, duration=99) == ["duration"]


@pytest.mark.parametrize(
    ("arguments", "is_loaded"),
    [
        ({"model": None, "duration": 5, "prompt": "A"}, False),
        ({"image": LINK, "prompt": TEMPLATE}, False),
        ({"seed": 1}, True),
    ],
)
def test_rules_are_loaded_only_if_there_is_something_to_check(arguments: dict[str, Any], is_loaded: bool) -> None:
    mode = "IMAGE_TO_VIDEO" if "image" in arguments else "TEXT_TO_VIDEO"
    code = (
        "import sys\n"
        "from airflow_provider_seedance.tasks.constants import Mode, constant_problems\n"
        f"constant_problems(Mode.{mode}, {dict(prediction_id=None, **arguments)!r})\n"
        "print('airflow_provider_seedance.gptproto.requests' in sys.modules, 'httpx' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout  # noqa: S603
    assert printed.split() == [str(is_loaded), "False"]
