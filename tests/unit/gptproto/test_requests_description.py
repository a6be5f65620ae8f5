"""The description of a request for display, and the replacement of its media."""

from __future__ import annotations

import re

import pytest

from tests.unit.gptproto.making import IMAGE, PNG, PROMPT, VIDEO, make


class TestDescription:
    def test_description_has_every_given_value_under_its_name(self) -> None:
        request = make(
            "text-to-video",
            seed=7,
            generate_audio=True,
            extra_parameters={"style": {"grain": 0.5, "tones": ["warm", None]}},
        )
        assert request.description() == {
            "prompt": PROMPT,
            "duration": 5,
            "seed": 7,
            "generate_audio": True,
            "extra_parameters": {"style": {"grain": 0.5, "tones": ["warm", None]}},
        }

    def test_description_shortens_uploads_in_place(self) -> None:
        request = make("reference-to-video", images=[IMAGE, PNG], videos=[VIDEO])
        assert request.description()["videos"] == [VIDEO]
        linked, uploaded = request.description()["images"]
        assert linked == IMAGE
        assert re.fullmatch(r"<data:image/png, [\d,]+ characters>", uploaded)

    @pytest.mark.parametrize(
        ("value", "words"),
        [(float("inf"), "inf"), (float("nan"), "nan"), (10**5000, "this int"), (object(), "<object object at")],
        ids=["inf", "nan", "a number with thousands of digits", "an object"],
    )
    def test_value_that_is_not_json_is_described_as_text(self, value: object, words: str) -> None:
        shown = make("text-to-video", extra_parameters={"what": value}).description()["extra_parameters"]["what"]
        assert shown.startswith(words)


class TestWithMedia:
    def test_with_media_replaces_only_given_media(self) -> None:
        request = make("image-to-video").with_media(lambda value, kind: f"{value}?{kind}")
        assert request.payload().items() >= {"prompt": PROMPT, "image": f"{IMAGE}?image"}.items()
        assert "last_image" not in request.payload()
