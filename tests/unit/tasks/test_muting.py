"""Which request is submitted again without audio, and how a retry finds it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import AudioPolicyError, Charge
from airflow_provider_seedance.gptproto.requests import GenerationRequest, ImageToVideo, TextToVideo
from airflow_provider_seedance.tasks.muting import Muting, as_recorded, muted, replacement, unrecorded
from airflow_provider_seedance.tasks.options import GenerationOptions, WaitOptions
from airflow_provider_seedance.tasks.records.submission import Submission, given_fingerprint
from airflow_provider_seedance.tasks.report import GenerationReport

MUTES = GenerationOptions(connection_id="seedance_default", wait=WaitOptions(timeout=60), on_audio_refusal="mute")
FAILS = dataclasses.replace(MUTES, on_audio_refusal="fail")
LOUD = TextToVideo(prompt="A boat", seed=7)


def recorded(request: GenerationRequest, *, is_muted: bool = True) -> Submission:
    given = given_fingerprint(request, "seedance_default")
    return Submission(fingerprint="f", submitted_at=0.0, prediction_id="a1", given=given, is_muted=is_muted)


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

    def test_audio_that_the_author_did_not_want_before_is_generated(self) -> None:
        quiet = recorded(dataclasses.replace(LOUD, generate_audio=False), is_muted=False)
        assert as_recorded(LOUD, quiet, MUTES) is LOUD

    def test_record_without_a_fingerprint_of_the_given_request_matches_nothing(self) -> None:
        # A request that is no JSON has none, too.
        request = TextToVideo(prompt="A boat", extra_parameters={"x": float("nan")})
        unknown = dataclasses.replace(recorded(request), given="")
        assert as_recorded(request, unknown, MUTES) is request


class TestOvertaken:
    """Another task or try has submitted since the audio was refused."""

    BEFORE = dataclasses.replace(recorded(LOUD), submitted_at=1.0)
    ACCEPTED = AudioPolicyError("no", prediction_id="a1", charge=Charge.FAILED)
    #: The service refused the submission at once, so the record is the one before it.
    REFUSED = AudioPolicyError("no")

    @pytest.mark.parametrize("refused", [ACCEPTED, REFUSED])
    def test_record_from_before_overtakes_nothing(self, refused: AudioPolicyError) -> None:
        assert not Muting(LOUD, refused, self.BEFORE).is_overtaken(self.BEFORE)

    @pytest.mark.parametrize("refused", [ACCEPTED, REFUSED])
    @pytest.mark.parametrize("before", [BEFORE, None])
    @pytest.mark.parametrize("prediction_id", ["a2", None])
    def test_other_submission_overtakes(
        self, refused: AudioPolicyError, before: Submission | None, prediction_id: str | None
    ) -> None:
        other = dataclasses.replace(self.BEFORE, submitted_at=2.0, prediction_id=prediction_id)
        assert Muting(LOUD, refused, before).is_overtaken(other)

    @pytest.mark.parametrize("refused", [ACCEPTED, REFUSED])
    def test_refused_submission_overtakes_nothing(self, refused: AudioPolicyError) -> None:
        other = dataclasses.replace(self.BEFORE, submitted_at=2.0, prediction_id=None, is_refused=True)
        assert not Muting(LOUD, refused, self.BEFORE).is_overtaken(other)
        assert not Muting(LOUD, refused, None).is_overtaken(None)


class TestReplacement:
    REFUSED = AudioPolicyError("no", prediction_id="a1", charge=Charge.FAILED)
    KNOWN = GenerationReport(id="a1")

    def replace(self, **changes: Any) -> GenerationRequest | None:
        values: dict[str, Any] = {"recorded": None, "is_kept": False, "report": self.KNOWN, "options": MUTES}
        refused = changes.pop("refused", self.REFUSED)
        return replacement(LOUD, refused, **{**values, **changes})

    def test_refused_generation_is_replaced(self) -> None:
        assert self.replace() == muted(LOUD, MUTES)
        assert self.replace(recorded=recorded(LOUD, is_muted=False), is_kept=True) == muted(LOUD, MUTES)

    def test_generation_without_audio_is_not_replaced(self) -> None:
        assert self.replace(report=GenerationReport(id="a1", parameters={"generate_audio": False})) is None

    def test_unknown_generation_is_not_replaced_without_a_record_if_it_was_accepted(self) -> None:
        assert self.replace(report=GenerationReport()) is None
        assert self.replace(report=GenerationReport(), is_kept=True) == muted(LOUD, MUTES)
        free = AudioPolicyError("no")
        assert self.replace(report=GenerationReport(), refused=free) == muted(LOUD, MUTES)

    def test_another_request_than_the_refused_one_is_not_submitted(self) -> None:
        assert self.replace(recorded=recorded(TextToVideo(prompt="A ship")), is_kept=True) is None

    def test_adopted_prediction_and_the_default_are_not_replaced(self) -> None:
        assert self.replace(options=dataclasses.replace(MUTES, prediction_id="a1")) is None
        assert self.replace(options=FAILS) is None


def test_unrecorded_submission_is_the_refused_one() -> None:
    found = unrecorded(TestReplacement.REFUSED, 1, MUTES, total_cost_usd=0.5, now=7.0)
    assert (found.prediction_id, found.total_cost_usd, found.submitted_at) == ("a1", 0.5, 7.0)


def test_unrecorded_submission_counts_both_of_each_earlier_try() -> None:
    counts = [
        unrecorded(TestReplacement.REFUSED, number, MUTES, total_cost_usd=0.5, now=7.0).submissions
        for number in (1, 2, 3)
    ]
    assert counts == [1, 3, 5]


@pytest.mark.parametrize(
    ("prediction_id", "subject"), [("a1", "the audio of prediction a1 was"), (None, "the audio was")]
)
def test_reason_names_prediction_option_and_answer(prediction_id: str | None, subject: str) -> None:
    refused = AudioPolicyError("GPTProto answered 400: no", prediction_id=prediction_id)
    assert (
        Muting(LOUD, refused, None).reason
        == f'{subject} refused, and on_audio_refusal is "mute". GPTProto answered 400: no'
    )
