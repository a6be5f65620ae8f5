"""Which request is submitted again without audio, and how a retry finds it."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_seedance.gptproto.errors import AudioPolicyError
from airflow_provider_seedance.gptproto.requests import GenerationRequest, ImageToVideo, TextToVideo
from airflow_provider_seedance.tasks.muting import as_recorded, mute_reason, muted
from airflow_provider_seedance.tasks.options import GenerationOptions, WaitOptions
from airflow_provider_seedance.tasks.record import Submission, given_fingerprint

MUTES = GenerationOptions(connection_id="seedance_default", wait=WaitOptions(timeout=60), on_audio_refusal="mute")
FAILS = dataclasses.replace(MUTES, on_audio_refusal="fail")
LOUD = TextToVideo(prompt="A boat", seed=7)


def recorded(request: GenerationRequest) -> Submission:
    given = given_fingerprint(request, "seedance_default")
    return Submission(fingerprint="f", submitted_at=0.0, prediction_id="a1", given=given)


class TestMuted:
    @pytest.mark.parametrize("audio", [None, True])
    @pytest.mark.parametrize("model", ["doubao-seedance-2-0-260128", "seedance-1-5-pro-251215", "seedance-9-9"])
    def test_request_with_audio_is_repeated_without_it(self, model: str, audio: bool | None) -> None:
        request = ImageToVideo(prompt="A boat", image="https://x.example/a.png", model=model, generate_audio=audio)
        without = muted(request, MUTES)
        assert without == dataclasses.replace(request, generate_audio=False)
        assert without.payload()["generate_audio"] is False

    def test_request_without_audio_is_not_repeated(self) -> None:
        assert muted(TextToVideo(prompt="A boat", generate_audio=False), MUTES) is None

    def test_model_without_audio_is_not_repeated(self) -> None:
        assert muted(TextToVideo(prompt="A boat", model="seedance-1-0-pro-250528"), MUTES) is None

    def test_nothing_is_repeated_unless_the_author_wants_it(self) -> None:
        assert muted(LOUD, FAILS) is None


class TestAsRecorded:
    def test_record_of_the_request_without_audio_selects_that(self) -> None:
        without = dataclasses.replace(LOUD, generate_audio=False)
        assert as_recorded(LOUD, recorded(without), MUTES) == without

    def test_request_stays_as_it_is_otherwise(self) -> None:
        without = recorded(dataclasses.replace(LOUD, generate_audio=False))
        assert as_recorded(LOUD, None, MUTES) is LOUD
        assert as_recorded(LOUD, recorded(LOUD), MUTES) is LOUD
        assert as_recorded(LOUD, without, FAILS) is LOUD
        other = TextToVideo(prompt="A ship")
        assert as_recorded(other, without, MUTES) is other

    def test_record_without_a_fingerprint_of_the_given_request_matches_nothing(self) -> None:
        # A request that is no JSON has none, too.
        request = TextToVideo(prompt="A boat", extra_parameters={"x": float("nan")})
        unknown = dataclasses.replace(recorded(request), given="")
        assert as_recorded(request, unknown, MUTES) is request


@pytest.mark.parametrize(
    ("prediction_id", "subject"), [("a1", "the audio of prediction a1 was"), (None, "the audio was")]
)
def test_reason_names_prediction_option_and_answer(prediction_id: str | None, subject: str) -> None:
    reason = mute_reason(AudioPolicyError("GPTProto answered 400: no", prediction_id=prediction_id))
    assert reason == f'{subject} refused, and on_audio_refusal is "mute". GPTProto answered 400: no'
