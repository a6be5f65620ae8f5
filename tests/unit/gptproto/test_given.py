"""Arguments as Airflow passes them: missing values, numbers for text, lazy sequences, lists as text."""

from __future__ import annotations

import json
from collections import UserList, UserString
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.given import as_text, given_text, is_missing, is_sequence, keyed, listed
from airflow_provider_seedance.gptproto.media.media import UploadedMedia, wrap_media
from airflow_provider_seedance.gptproto.values import as_list, as_media_list
from tests.unit.gptproto.making import AUDIO, CLASSES, IMAGE, NEEDED, PNG, PROMPT, VIDEO, make, refusal, spelled

#: What Python, JSON, Jinja and pandas write for a missing value, and empty cells.
MISSING = [None, "", " ", "\t\n", "None", " None\n", "null", "nan", "NaN", "<NA>", float("nan"), Decimal("nan")]
MODEL_OF_THE_README = "doubao-seedance-2-0-fast-260128"


class Lazy(Sequence[Any]):
    """As Airflow's lazy sequences: no list, and every read of an item is a request."""

    def __init__(self, *items: Any) -> None:
        self.items = items
        self.reads: list[int] = []

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self.items):
            raise IndexError(index)
        self.reads.append(index)
        return self.items[index]


class TestMissing:
    @pytest.mark.parametrize("value", MISSING, ids=repr)
    def test_missing_value(self, value: object) -> None:
        assert is_missing(value)
        assert given_text(value) == ""

    @pytest.mark.parametrize(
        "value",
        [
            0,
            0.0,
            False,
            "0",
            "none",
            "NULL",
            "Nan",
            "None of them",
            float("inf"),
            Decimal("snan"),
            [],
            {},
            (),
            b"",
            IMAGE,
        ],
        ids=spelled,
    )
    def test_given_value(self, value: object) -> None:
        assert not is_missing(value)

    @pytest.mark.parametrize(("value", "text"), [(12, "12"), (0, "0"), (" a1\n", "a1"), ("a", "a")])
    def test_id_is_text_without_blanks(self, value: object, text: str) -> None:
        assert given_text(value) == text

    @pytest.mark.parametrize("value", MISSING, ids=repr)
    @pytest.mark.parametrize(
        "name",
        [
            "aspect_ratio",
            "resolution",
            "generate_audio",
            "camera_fixed",
            "seed",
            "extra_parameters",
            "duration",
            "model",
        ],
    )
    @pytest.mark.parametrize("mode", CLASSES)
    def test_missing_optional_argument_is_the_default(self, mode: str, name: str, value: Any) -> None:
        cls = CLASSES[mode]
        without: Any = cls(prompt=PROMPT, **NEEDED[mode])
        given: Any = cls(prompt=PROMPT, **NEEDED[mode], **{name: value})
        assert given.check().payload == without.check().payload
        assert given.check().fingerprint("a") == without.check().fingerprint("a")
        # The README's defaults.
        assert (given.model, given.duration) == (MODEL_OF_THE_README, 5)

    @pytest.mark.parametrize("value", MISSING, ids=repr)
    def test_missing_medium_is_not_sent(self, value: object) -> None:
        frames = make("image-to-video", image=IMAGE, last_image=value, is_upload_media=value)
        references = make("reference-to-video", images=[IMAGE], videos=value, audios=value, is_upload_media=value)
        for request in (frames, references):
            request.check()
            assert {"last_image", "videos", "audios", "is_upload_media"}.isdisjoint(request.payload())

    @pytest.mark.parametrize("value", MISSING, ids=repr)
    def test_missing_required_argument_is_refused(self, value: object) -> None:
        assert refusal(make("text-to-video", prompt=value)).startswith(f"prompt: {value!r} is not allowed; allowed: ")
        assert "image-to-video needs it" in refusal(make("image-to-video", image=value))
        for empty in (value, [value], [value, value], (), []):
            line = refusal(make("reference-to-video", images=empty))
            assert line.endswith("allowed: at least one image or video")

    @pytest.mark.parametrize("value", MISSING, ids=repr)
    def test_missing_list_is_no_medium(self, value: object) -> None:
        assert as_media_list(value) is None
        assert as_media_list([value, value]) is None

    def test_missing_items_are_left_out(self) -> None:
        request = make("reference-to-video", images=["", IMAGE, None, "None", float("nan"), IMAGE])
        assert request.payload()["images"] == [IMAGE, IMAGE]


class TestNumbersForText:
    @pytest.mark.parametrize(("prompt", "text"), [(1984, "1984"), (True, "True"), (3.5, "3.5"), (0, "0"), (-7, "-7")])
    def test_number_is_a_prompt(self, prompt: object, text: str) -> None:
        request = make("text-to-video", prompt=prompt)
        request.check()
        assert request.payload()["prompt"] == text
        assert request.description()["prompt"] == text

    @pytest.mark.parametrize("prompt", [["1984"], {"a": 1}, (1, 2), b"1984", 3j])
    def test_other_types_are_no_prompt(self, prompt: object) -> None:
        assert refusal(make("text-to-video", prompt=prompt)).startswith("prompt: ")

    def test_number_with_thousands_of_digits_is_no_text(self) -> None:
        assert as_text(10**5000) == 10**5000
        assert refusal(make("text-to-video", prompt=10**5000)).startswith("prompt: this int ")

    def test_number_and_its_text_are_the_same_generation(self) -> None:
        number, text = make("text-to-video", prompt=1984), make("text-to-video", prompt="1984")
        assert number.check().fingerprint("a") == text.check().fingerprint("a")


class TestSequences:
    @pytest.mark.parametrize("value", [[], (), range(3), UserList(), Lazy()], ids=lambda value: type(value).__name__)
    def test_sequence(self, value: object) -> None:
        assert is_sequence(value)

    @pytest.mark.parametrize(
        "value",
        ["ab", b"ab", bytearray(b"ab"), memoryview(b"ab"), UserString("ab"), {}, {1}, 7],
        ids=lambda value: type(value).__name__,
    )
    def test_no_sequence(self, value: object) -> None:
        assert not is_sequence(value)

    def test_lazy_sequence_is_a_list_and_is_read_once(self) -> None:
        lazy = Lazy(IMAGE, IMAGE)
        request = make("reference-to-video", images=lazy)
        request.check()
        assert request.payload()["images"] == [IMAGE, IMAGE]
        assert lazy.reads == [0, 1]

    def test_lazy_sequences_hold_further_sequences(self) -> None:
        assert wrap_media(Lazy((PNG, "a"), Lazy(PNG))) == [[UploadedMedia(PNG), "a"], [UploadedMedia(PNG)]]

    def test_iterator_is_no_sequence(self) -> None:
        iterator: Iterator[str] = iter([IMAGE])
        assert as_media_list(iterator) is iterator


class TestListsAsText:
    @pytest.mark.parametrize("write", [json.dumps, repr, lambda items: f"\n {items!r} \n"])
    @pytest.mark.parametrize("items", [["a", "b"], [], ["it's"], ['"'], ["é", "\U0001f600"], ["a", None], [["a"]]])
    def test_list_is_read(self, write: Any, items: list[Any]) -> None:
        assert listed(write(items)) == items
        assert as_list(write(items)) == items

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a",
            "[",
            "[a, b]",
            "[1].png",
            "[1], [2]",
            "['a'",
            "{'a': 1}",
            "('a',)",
            '"[1]"',
            "[" * 100_000,
            "[\0]",
            "[a()]",
        ],
    )
    def test_other_text_is_one_value(self, text: str) -> None:
        assert listed(text) is None
        assert as_list(text) == [text]

    @pytest.mark.parametrize("write", [json.dumps, repr])
    def test_media_may_be_the_text_of_a_list(self, write: Any) -> None:
        request = make("reference-to-video", images=write([IMAGE, IMAGE]), videos=write([VIDEO]), audios=write([AUDIO]))
        request.check()
        sent = request.payload()
        assert (sent["images"], sent["videos"], sent["audios"]) == ([IMAGE, IMAGE], [VIDEO], [AUDIO])

    @pytest.mark.parametrize("write", [json.dumps, repr])
    def test_uploads_in_the_text_of_a_list_are_hidden_and_sent(self, write: Any) -> None:
        text = write([PNG, IMAGE])
        shown = wrap_media(text)
        assert PNG[40:80] not in f"{shown} {shown!r}"
        assert make("reference-to-video", images=shown).payload()["images"] == [PNG, IMAGE]

    def test_prompt_may_be_the_text_of_a_list(self) -> None:
        for prompt in ("['a', 'b']", f"['{PNG}']"):
            assert make("text-to-video", prompt=wrap_media(prompt)).payload()["prompt"] == prompt


class TestDictsAsText:
    @pytest.mark.parametrize("write", [json.dumps, repr, lambda value: f"\n {value!r} \n"])
    @pytest.mark.parametrize("value", [{}, {"a": None}, {"it's": ['"', {"é": 1.5}]}])
    def test_dict_is_read(self, write: Any, value: dict[str, Any]) -> None:
        assert keyed(write(value)) == value

    @pytest.mark.parametrize("text", ["", "a", "{", "{a: b}", "{1, 2}", "{'a': 1", "['a']", "{" * 100_000, "{a()}"])
    def test_other_text_is_no_dict(self, text: str) -> None:
        assert keyed(text) is None
