"""A generation whose audio was refused is submitted once more without audio, if the author wants that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.decorators.seedance import SeedanceDecoratedOperator
from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from tests.unit.airflow.driving import FailingStore, FakeStore, Run
from tests.unit.airflow.operators import text_to_video
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")

#: The emulator refuses the audio of such a prompt after it accepted the submission.
LOUD = "A paper boat [policy-audio]"


def no_store() -> None:
    """Return no task state store, as Airflow below 3.3 has none."""


STORES = [pytest.param(no_store, id="no record"), pytest.param(FakeStore, marks=needs_store, id="record")]


def audio_of(emulator: Emulator) -> list[Any]:
    """Return what each booked submission says of audio."""
    return [booked["parameters"].get("generate_audio") for booked in emulator.ledger()]


def loud(**arguments: Any) -> Any:
    return text_to_video(**{"prompt": LOUD, "on_audio_refusal": "mute", **arguments})


class TestOneTry:
    def test_default_fails_and_names_both_ways_out(self, emulator: Emulator, deferrable: bool) -> None:
        with pytest.raises(AirflowFailException) as error:
            Run().try_once(text_to_video(prompt=LOUD, deferrable=deferrable))
        assert "generate_audio=False" in str(error.value)
        assert 'on_audio_refusal="mute"' in str(error.value)
        assert len(emulator.ledger()) == 1

    @pytest.mark.parametrize("store", STORES)
    def test_mute_delivers_a_video_without_audio(
        self, emulator: Emulator, deferrable: bool, store: Callable[[], FakeStore | None]
    ) -> None:
        run = Run(store=store())
        [url] = run.try_once(loud(deferrable=deferrable))
        assert audio_of(emulator) == [None, False]
        assert emulator.ledger()[1]["id"] in url
        prediction = run.xcoms["prediction"]
        assert prediction["status"] == "succeeded"
        assert prediction["error"] is None
        assert prediction["parameters"]["generate_audio"] is False
        assert prediction["submissions"] == 2
        # Twice five seconds of the default model at 720p, at 0.0998 USD a second.
        assert prediction["total_cost_usd"] == pytest.approx(2 * 0.499)

    @pytest.mark.parametrize("store", STORES)
    def test_mute_stays_within_max_submissions(
        self, emulator: Emulator, deferrable: bool, store: Callable[[], FakeStore | None]
    ) -> None:
        with pytest.raises(AirflowFailException, match=r"the audio of prediction .* was refused") as error:
            Run(store=store()).try_once(loud(deferrable=deferrable, max_submissions=1))
        [booked] = emulator.ledger()
        assert booked["id"] in str(error.value)
        assert "max_submissions is 1" in str(error.value)

    @pytest.mark.parametrize("maximum", [1, 2, 3, 4])
    @pytest.mark.parametrize("durable", [False, pytest.param(True, marks=needs_store)])
    def test_tries_together_stay_within_max_submissions(
        self, emulator: Emulator, deferrable: bool, durable: bool, maximum: int
    ) -> None:
        run = Run()
        for _ in range(4):
            with pytest.raises((AirflowFailException, GenerationFailedError)):
                run.try_once(
                    loud(prompt=f"{LOUD} [fail]", deferrable=deferrable, durable=durable, max_submissions=maximum)
                )
        assert 1 <= len(emulator.ledger()) <= maximum

    @needs_store
    def test_error_names_the_generation_without_audio_if_its_id_was_not_recorded(
        self, emulator: Emulator, deferrable: bool
    ) -> None:
        # The intent and the id of the first submission, then the intent of the second; its id is tried three times.
        run = Run(store=FailingStore(failures=["none", "none", "none", "fails", "fails", "fails"]))
        with pytest.raises(AirflowFailException, match="its id could not be recorded") as error:
            run.try_once(loud(deferrable=deferrable))
        second = emulator.ledger()[1]["id"]
        assert second in str(error.value)
        assert run.xcoms["prediction_id"] == run.xcoms["prediction"]["id"] == second

    def test_error_at_the_limit_has_the_bill_of_the_refused_generation(
        self, emulator: Emulator, deferrable: bool
    ) -> None:
        with pytest.raises(AirflowFailException) as error:
            Run().try_once(loud(deferrable=deferrable, max_submissions=1))
        assert "The service decides whether it bills a failed generation" in str(error.value)
        assert "This try charged nothing" not in str(error.value)

    def test_refused_picture_is_not_submitted_again(self, emulator: Emulator, deferrable: bool) -> None:
        with pytest.raises(AirflowFailException, match="OutputVideoSensitiveContentDetected"):
            Run().try_once(loud(prompt="A paper boat [policy-late]", deferrable=deferrable))
        assert len(emulator.ledger()) == 1

    @pytest.mark.parametrize("store", STORES)
    def test_service_that_refuses_audio_of_a_video_without_it_is_paid_twice_at_most(
        self, emulator: Emulator, deferrable: bool, store: Callable[[], FakeStore | None]
    ) -> None:
        body = {"code": 200, "data": {"status": "failed", "error": "output audio may contain sensitive information"}}
        emulator.fault(endpoint="result", status=200, body=body, times=None)
        run = Run(store=store())
        with pytest.raises(AirflowFailException, match="output audio"):
            run.try_once(loud(deferrable=deferrable))
        assert audio_of(emulator) == [None, False]

    def test_adopted_prediction_is_not_submitted_again(self, emulator: Emulator) -> None:
        prediction_id = Run().try_once(text_to_video(prompt=LOUD, wait_for_completion=False))
        with pytest.raises(AirflowFailException, match="output audio"):
            Run().try_once(loud(prediction_id=prediction_id))
        assert len(emulator.ledger()) == 1

    def test_decorated_function_is_called_again(self, emulator: Emulator, deferrable: bool) -> None:
        calls = []

        def describe() -> dict[str, Any]:
            calls.append(1)
            return {"prompt": LOUD, "duration": 6}

        task = SeedanceDecoratedOperator(
            task_id="make_video", python_callable=describe, deferrable=deferrable, on_audio_refusal="mute"
        )
        assert Run().try_once(task)
        assert [each["parameters"]["duration"] for each in emulator.ledger()] == [6, 6]
        assert audio_of(emulator) == [None, False]
        assert len(calls) == (2 if deferrable else 1)


@needs_store
class TestRetry:
    def test_retry_goes_on_with_the_video_without_audio(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        run.try_once(loud(deferrable=deferrable))
        first = run.xcoms["prediction_id"]
        run.try_once(loud(deferrable=deferrable))
        assert run.xcoms["prediction_id"] == first
        assert len(emulator.ledger()) == 2

    def test_audio_is_generated_when_the_author_wants_it_after_all(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        run.try_once(loud(prompt="A boat", generate_audio=False, deferrable=deferrable))
        run.clear()
        run.try_once(loud(prompt="A boat", generate_audio=True, deferrable=deferrable))
        assert audio_of(emulator) == [False, True]

    def test_another_prompt_of_a_function_is_not_submitted_without_audio(self, emulator: Emulator) -> None:
        prompts = iter([LOUD, f"{LOUD} again"])
        task = SeedanceDecoratedOperator(
            task_id="make_video", python_callable=lambda: next(prompts), deferrable=True, on_audio_refusal="mute"
        )
        with pytest.raises(AirflowFailException, match="output audio"):
            Run().try_once(task)
        assert audio_of(emulator) == [None]

    def test_retry_after_a_crash_mutes(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video(prompt=LOUD, wait_for_completion=False))
        run.try_once(loud())
        assert audio_of(emulator) == [None, False]

    def test_failed_video_without_audio_is_submitted_again_without_audio(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(Exception, match="generation ended as failed"):
            run.try_once(loud(prompt=LOUD + " [fail]"))
        assert audio_of(emulator)[0] is None
        assert set(audio_of(emulator)[1:]) <= {False}

    def test_clear_after_a_refusal_submits_with_audio(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(prompt=LOUD))
        run.clear()
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(prompt=LOUD))
        assert audio_of(emulator) == [None, None]

    @pytest.mark.parametrize("maximum", [None, 1])
    def test_clear_with_mute_does_not_pay_for_the_refused_audio_again(
        self, emulator: Emulator, deferrable: bool, maximum: int | None
    ) -> None:
        run = Run()
        with pytest.raises(AirflowFailException, match='on_audio_refusal="mute"'):
            run.try_once(text_to_video(prompt=LOUD, max_submissions=maximum))
        run.clear()
        [url] = run.try_once(loud(deferrable=deferrable, max_submissions=maximum))
        assert audio_of(emulator) == [None, False]
        assert emulator.ledger()[1]["id"] in url

    def test_clear_submits_again_if_the_author_wanted_no_audio(self, emulator: Emulator) -> None:
        body = {"code": 200, "data": {"status": "failed", "error": "output audio may contain sensitive information"}}
        emulator.fault(endpoint="result", status=200, body=body, times=None)
        run = Run()
        for booked in (1, 2):
            with pytest.raises(AirflowFailException, match="output audio"):
                run.try_once(loud(generate_audio=False))
            assert audio_of(emulator) == [False] * booked
            run.clear()


class TestArgument:
    def test_unknown_value_is_an_error_at_parse_time(self) -> None:
        with pytest.raises(ValueError, match="on_audio_refusal: 'silence' is not allowed; allowed: fail, mute"):
            text_to_video(on_audio_refusal="silence")
