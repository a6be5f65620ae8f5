"""Requests with the values that DAG authors and templates pass: rendered text, wrong types, ten problems at once."""

from __future__ import annotations

import dataclasses
import enum
import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import InvalidRequestError
from airflow_provider_seedance.gptproto.media.media import wrap_media
from tests.unit.gptproto.anything import RaisingBool
from tests.unit.gptproto.making import (
    AUDIO,
    CLASSES,
    IMAGE,
    MP4,
    PNG,
    PROMPT,
    SEEDANCE_2_0,
    UNKNOWN_MODEL,
    VIDEO,
    make,
    refusal,
    refusals,
    spelled,
)

MODES = tuple(CLASSES)
each_mode = pytest.mark.parametrize("mode", MODES)


class TestOneMessage:
    def test_ten_problems_are_ten_lines_of_one_message(self) -> None:
        wrong: dict[str, Any] = {
            "prompt": " ",
            "aspect_ratio": "2:1",
            "duration": 16,
            "resolution": "2k",
            "generate_audio": "loud",
            "camera_fixed": "maybe",
            "seed": -2,
            "image": "ftp://example.com/boat.png",
            "last_image": 7,
            "is_upload_media": "yes",
        }

        lines = refusals(make("image-to-video", **wrong))

        assert len(lines) == 10
        assert {line.partition(":")[0] for line in lines} == set(wrong)
        for line in lines:
            assert f"{wrong[line.partition(':')[0]]!r} is not allowed; allowed: " in line

    def test_message_says_that_nothing_was_sent_or_charged(self) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            make("text-to-video", duration=99, seed=-2).check()

        message = str(caught.value)
        assert "refuses 2 arguments" in message
        assert "Nothing was charged" in message
        assert "Nothing was sent" in message

    @each_mode
    def test_request_is_frozen(self, mode: str) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(make(mode), "duration", 10)  # noqa: B010 - as an assignment mypy refuses it first

    def test_valid_request_has_no_problems(self) -> None:
        assert not list(make("text-to-video").problems())


class TestRenderedText:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("duration", "5", 5),
            ("duration", " 12\n", 12),
            ("duration", "+7", 7),
            ("duration", 6.0, 6),
            ("duration", "5.0", 5),
            ("duration", " 5.000\n", 5),
            ("duration", "5.", 5),
            ("duration", "005", 5),
            ("duration", "\u0665", 5),
            ("duration", Decimal(5), 5),
            ("duration", Decimal("5.00"), 5),
            ("duration", Fraction(10, 2), 5),
            ("seed", "-1.0", -1),
            ("seed", Decimal("-1.0"), -1),
            ("seed", 2147483647.0, 2147483647),
            ("seed", "-1", -1),
            ("seed", "2147483647", 2147483647),
            ("generate_audio", "true", True),
            ("generate_audio", "False", False),
            ("camera_fixed", "TRUE", True),
            ("camera_fixed", " false ", False),
            ("is_upload_media", "False", False),
        ],
    )
    def test_number_or_boolean_in_text_is_converted(self, name: str, text: object, value: object) -> None:
        request = make("image-to-video", **{name: text})

        request.check()

        assert request.payload()[name] is value or request.payload()[name] == value
        assert type(request.payload()[name]) is type(value)

    @pytest.mark.parametrize("name", ["duration", "seed"])
    @pytest.mark.parametrize(
        "value",
        [
            *("5.5", "abc", "none", "NULL", "5s", "0x5", "1_0", "--5", "9" * 19),
            *("5.01", "5,0", "5.0.0", ".0", ".", "-", "1e1", "5 0", "inf", "-nan", "\u00b2", "9" * 19 + ".0"),
            *(5.5, float("inf"), float("-inf"), 1e300, True, False, 5 + 0j),
            *(Decimal("5.5"), Decimal("snan"), Decimal("-inf"), Decimal("1e999999")),
            *(Fraction(1, 2), Fraction(2**63)),
            *([5], {"s": 5}, b"5", timedelta(seconds=5)),
        ],
    )
    def test_value_that_is_not_a_whole_number_is_refused(self, name: str, value: object) -> None:
        assert refusal(make("text-to-video", **{name: value})) == (
            f"{name}: {value!r} is not allowed; allowed: a whole number, or None"
        )

    @pytest.mark.parametrize("name", ["generate_audio", "camera_fixed", "is_upload_media"])
    @pytest.mark.parametrize("value", ["yes", "1", "none", 0, 1, 1.0, [True], {}])
    def test_value_that_is_not_a_boolean_is_refused(self, name: str, value: object) -> None:
        assert refusal(make("image-to-video", **{name: value})) == (
            f"{name}: {value!r} is not allowed; allowed: true, false, or None"
        )

    @pytest.mark.parametrize("model", [SEEDANCE_2_0, UNKNOWN_MODEL])
    @pytest.mark.parametrize("name", ["aspect_ratio", "resolution"])
    @pytest.mark.parametrize("value", [720, True, ["720p"], b"720p", "720p\ud800", "720p\0"])
    def test_value_that_is_not_text_is_refused(self, model: str, name: str, value: object) -> None:
        assert refusal(make("text-to-video", model=model, **{name: value})) == (
            f"{name}: {value!r} is not allowed; allowed: Unicode text that is not blank, or None"
        )

    @pytest.mark.parametrize("prompt", [b"A boat", ["A boat"], {"text": "A boat"}, "A boat \ud83d", "A boat\0"])
    def test_prompt_that_is_not_text_is_refused(self, prompt: object) -> None:
        assert refusal(make("text-to-video", prompt=prompt)) == (
            f"prompt: {prompt!r} is not allowed; allowed: Unicode text that is not blank"
        )

    @pytest.mark.parametrize("prompt", ["Data: the android plays the violin", "data:a,b", "A" * 600, "小船" * 400])
    def test_prompt_is_never_treated_as_media(self, prompt: str) -> None:
        request = make("text-to-video", prompt=wrap_media(prompt))

        request.check()

        assert request.payload()["prompt"] == prompt

    @pytest.mark.parametrize("model", [5, ["seedance-2-0"], "a/b", "..", "a b", f"{SEEDANCE_2_0}\n", "ä"])
    def test_invalid_model_id_is_refused(self, model: object) -> None:
        assert refusal(make("text-to-video", model=model)).startswith(f"model: {model!r} is not allowed; allowed: ")

    @pytest.mark.parametrize("model", [SEEDANCE_2_0, UNKNOWN_MODEL])
    def test_number_with_thousands_of_digits_is_refused(self, model: str) -> None:
        line = refusal(make("text-to-video", model=model, duration=10**5000))

        assert line == "duration: this int is not allowed; allowed: a whole number, or None"

    def test_number_above_64_bits_is_refused_for_an_unknown_model(self) -> None:
        make("text-to-video", model=UNKNOWN_MODEL, seed=2**63 - 1).check()

        assert refusal(make("text-to-video", model=UNKNOWN_MODEL, seed=2**63)).startswith("seed: 9223372036854775808")

    def test_long_value_is_shortened_in_the_message(self) -> None:
        line = refusal(make("text-to-video", aspect_ratio="wide " * 1000))

        assert "wide wide" in line
        assert len(line) < 200


class TestMedia:
    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("https://example.com/my boat.png", "has spaces or line breaks in it"),
            ("ftp://example.com/boat.png", "is neither URL nor data URI, and no file was read"),
            ("pictures/boat.png", "is neither URL nor data URI, and no file was read"),
            (7, "is empty or not text"),
            ([IMAGE], "is empty or not text"),
            ("data:image/png,boat", "is not a base64 data URI"),
        ],
    )
    @pytest.mark.parametrize("name", ["images", "videos", "audios"])
    def test_message_names_an_invalid_item_and_the_allowed_values(self, name: str, value: object, why: str) -> None:
        good = {"images": IMAGE, "videos": VIDEO, "audios": AUDIO}

        line = refusal(make("reference-to-video", **{name: [good[name], value]}))

        assert line == (
            f"{name}[1]: {wrap_media(value)!r} is not allowed; allowed: an http(s) URL, "
            f"a base64 data URI (data:<type>;base64,...), or the path or URI of a file; the value {why}"
        )

    @pytest.mark.parametrize("name", ["image", "last_image"])
    @pytest.mark.parametrize("value", [7, True, b"\x89PNG", [IMAGE], {"url": IMAGE}, {IMAGE}, "boat.png"])
    def test_message_names_an_invalid_frame_and_the_allowed_values(self, name: str, value: object) -> None:
        line = refusal(make("image-to-video", **{name: value}))

        assert line.startswith(f"{name}: {value!r} is not allowed; allowed: an http(s) URL, a base64 data URI ")

    @pytest.mark.parametrize("name", ["images", "videos", "audios"])
    @pytest.mark.parametrize(
        "value",
        [
            7,
            True,
            {},
            {"url": IMAGE},
            {IMAGE},
            b"\x89PNG",
            bytearray(b"\x89PNG"),
            b"",
            object(),
            iter([IMAGE]),
            RaisingBool(),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_value_that_is_not_a_list_is_refused_in_one_line(self, name: str, value: object) -> None:
        line = refusal(make("reference-to-video", **{name: value}))

        assert line == f"{name}: {value!r} is not allowed; allowed: a list, or None"

    def test_data_uri_of_another_kind_is_refused(self) -> None:
        lines = refusals(make("reference-to-video", images=[MP4], videos=[PNG], audios=[PNG]))

        assert [line.partition(" ")[0] for line in lines] == ["images[0]:", "videos[0]:", "audios[0]:"]

    def test_message_does_not_contain_uploaded_content(self) -> None:
        content = PNG.partition(",")[2]

        line = refusal(make("image-to-video", image=f"{PNG}!"))

        assert content[:12] not in line
        assert "<data:image/png, " in line

    def test_repr_does_not_contain_uploaded_content(self) -> None:
        request = make("reference-to-video", images=[PNG], extra_parameters={"mask": PNG})

        assert PNG.partition(",")[2][:12] not in repr(request)


class TestExtraParameters:
    @pytest.mark.parametrize("value", [7, "{}", ["a"], {"a"}, b"a", True, RaisingBool()], ids=repr)
    def test_value_that_is_not_a_dict_is_refused(self, value: object) -> None:
        assert refusal(make("text-to-video", extra_parameters=value)).endswith("allowed: a dict, or None")

    @pytest.mark.parametrize(
        "extra",
        [
            {1: "a"},
            {1: "a", "b": 2},
            {None: 1},
            {True: 1},
            {("a", "b"): 1},
            {"style": {1: "a", "b": 2}},
            {"style": [{1: "a"}]},
            {"noise": float("nan")},
            {"noise": [float("inf")]},
            {"when": date(2026, 1, 1)},
            {"what": b"bytes"},
            pytest.param({"what": {"a set"}}, id="a set"),
            pytest.param({"what": object()}, id="an object"),
            {"what": Decimal(1)},
            {"what": "\ud800"},
            {"\ud800": 1},
            {"what": ["\0"]},
            {"\0": 1},
            pytest.param({"what": 10**5000}, id="a number of thousands of digits"),
        ],
        ids=spelled,
    )
    def test_value_that_is_not_json_is_refused(self, extra: dict[Any, Any]) -> None:
        line = refusal(make("text-to-video", extra_parameters=extra))

        assert line.startswith("extra_parameters: ")
        assert "allowed: only JSON values (" in line

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("\0", "it holds a NUL character"),
            ({1: "a"}, "a key is not text"),
            (date(2026, 1, 1), "Object of type date is not JSON serializable"),
        ],
        ids=["NUL", "key", "date"],
    )
    def test_message_has_the_reason_for_refused_extra_parameters(self, value: object, why: str) -> None:
        assert f"({why})" in refusal(make("text-to-video", extra_parameters={"what": value}))

    def test_escaped_nul_in_text_is_sent(self) -> None:
        extra = {"what": r"\u0000", "why": "\\"}
        assert make("text-to-video", extra_parameters=extra).payload()["what"] == r"\u0000"
        make("text-to-video", extra_parameters=extra).check()

    def test_any_mapping_is_accepted(self) -> None:
        request = make("text-to-video", extra_parameters=MappingProxyType({"style": MappingProxyType({"grain": 1})}))

        request.check()

        assert request.payload()["style"] == {"grain": 1}

    def test_str_enum_is_accepted(self) -> None:
        style = enum.StrEnum("style", ["NOIR"])
        request = make("text-to-video", extra_parameters={"style": style["NOIR"]})

        request.check()

        assert json.dumps(request.payload()["style"]) == '"noir"'

    def test_later_change_of_the_dict_does_not_change_the_payload(self) -> None:
        extra: dict[str, Any] = {"style": {"grain": 1}}
        request = make("text-to-video", extra_parameters=extra)

        extra["style"]["grain"] = 2
        extra["duration"] = 10

        assert request.payload() == {"prompt": PROMPT, "duration": 5, "resolution": "720p", "style": {"grain": 1}}
