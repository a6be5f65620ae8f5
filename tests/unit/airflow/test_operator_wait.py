"""How an operator waits for its prediction: deferral, timeouts, failed polls, kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError, NsfwContentError, TriggerFailedError
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator
from airflow_provider_seedance.tasks.records import state_store
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")


class TestResume:
    def test_method_of_a_subclass_receives_its_own_arguments(self) -> None:
        class Reporting(SeedanceImageToVideoOperator):
            def after_review(self, context: Any, report: str) -> str:
                return report

        operator = Reporting(task_id="make_video", prompt="It sails", image="https://example.com/a.png")
        assert operator.resume_execution("after_review", {"report": "approved"}, Run().context()) == "approved"


class TestWait:
    @pytest.mark.parametrize("timeout", [100, timedelta(seconds=100)])
    def test_deferral_timeout_is_after_the_deadline(self, emulator: Emulator, timeout: Any) -> None:
        run = Run()
        run.try_once(text_to_video(deferrable=True, timeout=timeout))
        [deferred] = run.deferrals
        assert timedelta(seconds=100) < deferred.timeout < timedelta(seconds=1000)

    def test_shorter_execution_timeout_sets_the_deadline(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video(deferrable=True, execution_timeout=timedelta(seconds=50)))
        _, arguments = run.deferrals[0].trigger.serialize()
        assert arguments["deadline"] - arguments["submitted_at"] == pytest.approx(50)

    @pytest.mark.parametrize(("media", "factor"), [(1, 1.5), (2, 2.4)])
    def test_media_lengthen_the_expected_time(self, emulator: Emulator, media: int, factor: float) -> None:
        frames: dict[str, Any] = dict.fromkeys(("image", "last_image")[:media], "https://example.com/a.png")
        plain, animated = Run(), Run()
        plain.try_once(text_to_video(deferrable=True))
        animated.try_once(
            SeedanceImageToVideoOperator(task_id="make_video", prompt="It sails", deferrable=True, **frames)
        )
        usual, longer = (run.deferrals[0].trigger.serialize()[1]["expected_seconds"] for run in (plain, animated))
        assert longer == pytest.approx(usual * factor)

    def test_trigger_receives_the_kind_of_the_generation(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video(model="seedance-2-0-fast", resolution="480p", duration=8, deferrable=True))
        _, arguments = run.deferrals[0].trigger.serialize()
        assert arguments["kind"] == "2.0 fast, 480p, at most 10 s, no media"

    def test_adopted_prediction_is_of_no_kind(self, emulator: Emulator) -> None:
        emulator.settings(seconds_running=5)
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        run = Run()
        run.try_once(text_to_video(prediction_id=prediction_id, deferrable=True))
        assert run.deferrals[0].trigger.serialize()[1]["kind"] == ""

    def test_finished_prediction_is_not_deferred(self, emulator: Emulator) -> None:
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        Run().try_once(text_to_video(prediction_id=prediction_id, deferrable=False))
        run = Run()
        run.try_once(text_to_video(prediction_id=prediction_id, deferrable=True))
        assert run.deferrals == []

    def test_failed_polls_are_tolerated_by_the_wait(self, emulator: Emulator, deferrable: bool) -> None:
        emulator.fault(endpoint="result", status=503, times=3)
        emulator.fault(endpoint="result", drop="before")
        assert Run().try_once(text_to_video(deferrable=deferrable))
        assert len(emulator.ledger()) == 1

    def test_flagged_output_logs_a_warning(
        self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        assert Run().try_once(text_to_video(deferrable=deferrable, prompt="[nsfw]"))
        assert "flagged as not safe for work" in printed()

    def test_flagged_output_fails_the_task_with_fail_on_nsfw(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        with pytest.raises(AirflowFailException, match="flagged as not safe for work") as raised:
            run.try_once(text_to_video(deferrable=deferrable, prompt="[nsfw]", fail_on_nsfw=True))
        assert isinstance(raised.value.__context__, NsfwContentError)
        assert run.xcoms["prediction"]["has_nsfw_contents"] == [True]

    @pytest.mark.parametrize("event", [None, {}, {"status": "success"}, {"wait": {}}, "succeeded"])
    def test_unknown_event_is_an_error(self, emulator: Emulator, event: Any) -> None:
        with pytest.raises(ValueError, match="Not an event of SeedancePredictionTrigger"):
            text_to_video().execute_complete(Run().context(), event)

    def test_resuming_twice_returns_the_same_result(self, emulator: Emulator) -> None:
        run = Run()
        operator = text_to_video(deferrable=True)
        outputs = run.try_once(operator)
        assert operator.execute_complete(run.context(), run.events[0]) == outputs

    def test_kill_during_the_wait_logs_that_the_generation_goes_on(
        self, emulator: Emulator, printed: Callable[[], str]
    ) -> None:
        run = Run()
        with pytest.raises(GenerationFailedError):
            run.try_once(text_to_video(prompt="[fail]"))
        printed()
        run.operator.on_kill()
        assert f"Prediction {emulator.ledger()[0]['id']} goes on at GPTProto and is billed" in printed()

    def test_kill_before_the_submission_logs_nothing(self, printed: Callable[[], str]) -> None:
        text_to_video().on_kill()
        assert printed() == ""

    def test_kill_after_the_delivery_logs_nothing(
        self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        run = Run()
        run.try_once(text_to_video(deferrable=deferrable))
        printed()
        run.operator.on_kill()
        assert printed() == ""


class TestTriggerThatFails:
    """Airflow calls ``__fail__`` when a trigger crashes, times out, or cannot be started."""

    @pytest.mark.parametrize("error", ["Trigger failure", "Trigger timeout"])
    def test_error_names_prediction_bill_and_way_back(self, emulator: Emulator, error: str) -> None:
        class CrashingTriggerer(Run):
            def _fire(self, trigger: Any) -> Any:
                raise RuntimeError

        run = CrashingTriggerer()
        with pytest.raises(RuntimeError):
            run.try_once(text_to_video(deferrable=True))
        with pytest.raises(TriggerFailedError, match=error) as caught:
            text_to_video().resume_execution("__fail__", {"error": error}, run.context())
        [booked] = emulator.ledger()
        assert caught.value.prediction_id == booked["id"]
        assert "is billed" in str(caught.value)
        assert run.xcoms["prediction"]["error"] == str(caught.value)
        assert run.xcoms["prediction_id"] == booked["id"]

    @needs_store
    @pytest.mark.parametrize(
        ("version", "has_ledger", "is_advised"),
        [((3, 3, 2), False, False), ((3, 4, 0), False, True), ((3, 4, 0), True, False)],
    )
    def test_error_says_how_a_clear_keeps_the_record(
        self,
        emulator: Emulator,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        version: tuple[int, ...],
        has_ledger: bool,
        is_advised: bool,
    ) -> None:
        """From 3.4 on, a clear deletes the task state by default: https://github.com/apache/airflow/pull/72100."""
        monkeypatch.setattr(state_store, "get_base_airflow_version_tuple", lambda: version)
        if has_ledger:
            connection = {**emulator.connection, "extra": {"ledger": str(tmp_path)}}
            monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", json.dumps(connection))
        run = Run()
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        with pytest.raises(TriggerFailedError) as caught:
            text_to_video().resume_execution("__fail__", {"error": "Trigger failure"}, run.context())
        assert prediction_id in str(caught.value)
        assert ('choose "Keep task state and resume"' in str(caught.value)) == is_advised

    @needs_store
    def test_next_try_waits_for_the_same_prediction(self, emulator: Emulator) -> None:
        class CrashesOnce(Run):
            def _fire(self, trigger: Any) -> Any:
                if len(self.deferrals) == 1:
                    raise RuntimeError
                return super()._fire(trigger)

        run = CrashesOnce()
        with pytest.raises(RuntimeError):
            run.try_once(text_to_video(deferrable=True))
        assert run.try_once(text_to_video(deferrable=True))
        assert len(emulator.ledger()) == 1
