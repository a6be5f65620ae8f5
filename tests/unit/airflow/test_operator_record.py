"""The record of a submission: whether a retry or a clear pays again."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import (
    GenerationFailedError,
    RateLimitError,
    UnconfirmedSubmissionError,
    WaitTimeoutError,
)
from airflow_provider_seedance.tasks import sending
from tests.unit.airflow.driving import FakeStore, Run
from tests.unit.airflow.operators import text_to_video
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")


@needs_store
class TestRecord:
    def test_retry_waits_for_the_recorded_prediction(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        emulator.settings(seconds_running=60)
        with pytest.raises(WaitTimeoutError, match="pays nothing"):
            run.try_once(text_to_video(deferrable=deferrable, timeout=0.2, poll_interval=0.1))

        [booked] = emulator.ledger()
        with pytest.raises(WaitTimeoutError):
            run.try_once(text_to_video(deferrable=deferrable, timeout=0.2, poll_interval=0.1))
        assert [each["id"] for each in emulator.ledger()] == [booked["id"]]

    def test_lost_response_ends_the_task_and_a_retry_does_not_pay_again(self, emulator: Emulator) -> None:
        run = Run()
        emulator.fault(endpoint="submit", drop="after")
        for _ in range(2):
            with pytest.raises(AirflowFailException, match="may have been started and charged"):
                run.try_once(text_to_video())
        assert len(emulator.ledger()) == 1

    def test_resubmit_submits_again_after_a_lost_response(self, emulator: Emulator) -> None:
        run = Run()
        operator = text_to_video(on_unconfirmed_submission="resubmit")
        emulator.fault(endpoint="submit", drop="after")
        with pytest.raises(UnconfirmedSubmissionError, match="A retry of this task submits again"):
            run.try_once(operator)
        assert run.try_once(operator)
        assert len(emulator.ledger()) == 2

    @pytest.mark.parametrize("times", [1, 2])
    def test_wrong_failure_is_not_believed(self, emulator: Emulator, deferrable: bool, times: int) -> None:
        emulator.fault(endpoint="result", answer="failed", times=times)
        assert Run().try_once(text_to_video(deferrable=deferrable))
        assert len(emulator.ledger()) == 1

    @pytest.mark.parametrize("times", [1, 2, 3])
    def test_wrong_failure_at_a_retry_is_not_believed(self, emulator: Emulator, deferrable: bool, times: int) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        emulator.fault(endpoint="result", answer="failed", times=times)
        assert prediction_id in run.try_once(text_to_video(deferrable=deferrable))[0]
        assert len(emulator.ledger()) == 1

    def test_clear_without_a_reset_of_the_dag_run_regenerates(self, emulator: Emulator) -> None:
        # As a REST clear with `reset_dag_runs=false`: `clear_number` of the run stays.
        run = Run()
        run.try_once(text_to_video(on_clear="regenerate"))
        run.max_tries = run.tries
        run.try_once(text_to_video(on_clear="regenerate"))
        assert len(emulator.ledger()) == 2

    def test_failed_generation_is_submitted_again_by_a_retry(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        # Three polls of the first try, and the five that confirm it at the retry.
        emulator.fault(endpoint="result", answer="failed", times=8)
        with pytest.raises(GenerationFailedError, match="pays for, a new generation"):
            run.try_once(text_to_video(deferrable=deferrable))
        run.try_once(text_to_video(deferrable=deferrable))
        assert len(emulator.ledger()) == 2

    def test_reused_video_has_no_finish_time(self, emulator: Emulator) -> None:
        run = Run()
        run.try_once(text_to_video())
        run.clear()
        run.try_once(text_to_video())
        assert run.xcoms["prediction"]["finished_at"] is None
        assert run.xcoms["prediction"]["submitted_at"] is not None

    def test_intent_is_recorded_before_and_id_after_the_submission(self, emulator: Emulator) -> None:
        store = FakeStore()
        Run(store).try_once(text_to_video())
        [booked] = emulator.ledger()
        assert [(each["prediction_id"], each["delivered"]) for each in store.writes] == [
            (None, False),
            (booked["id"], False),
            (booked["id"], True),
        ]

    def test_refused_submission_does_not_stand_in_the_way(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(prompt="[policy]"))
        run.try_once(text_to_video(prompt="A boat"))
        assert len(emulator.ledger()) == 1

    def test_delivery_that_cannot_be_recorded_does_not_fail_the_task(
        self, emulator: Emulator, printed: Callable[[], str]
    ) -> None:
        class ForgetfulStore(FakeStore):
            def set(self, key: str, value: Any, *, retention: Any = None) -> None:
                if value["delivered"]:
                    raise ConnectionError("the API server is away")
                super().set(key, value)

        assert Run(ForgetfulStore()).try_once(text_to_video())
        assert "The delivery could not be recorded" in printed()

    def test_id_that_cannot_be_recorded_is_in_xcom(self, emulator: Emulator) -> None:
        class WriteOnceStore(FakeStore):
            def set(self, key: str, value: Any, *, retention: Any = None) -> None:
                if self.writes:
                    raise ConnectionError("the API server is away")
                super().set(key, value)

        run = Run(WriteOnceStore())
        with pytest.raises(AirflowFailException, match="prediction_id set to its id"):
            run.try_once(text_to_video())
        [booked] = emulator.ledger()
        assert run.xcoms["prediction_id"] == run.xcoms["prediction"]["id"] == booked["id"]

    def test_durable_false_keeps_no_record(self, emulator: Emulator) -> None:
        store = FakeStore()
        Run(store).try_once(text_to_video(durable=False))
        assert store.writes == []


@needs_store
class TestRecordAfterSeveralFailures:
    """Each case once led to a second payment or a lost id."""

    def test_failed_push_to_xcom_is_no_delivery(self, emulator: Emulator) -> None:
        class FailingResult(Run):
            def _push(self, key: str, value: Any) -> None:
                # Pushed only with the result.
                if key == "video_url" and self.tries == 1:
                    raise ConnectionError("the API server is away")
                super()._push(key, value)

        run = FailingResult()
        operator = text_to_video(on_clear="regenerate")
        with pytest.raises(ConnectionError):
            run.try_once(operator)
        run.clear()
        assert run.try_once(operator)
        assert len(emulator.ledger()) == 1

    def test_clear_before_delivery_does_not_regenerate(self, emulator: Emulator) -> None:
        run = Run()
        operator = text_to_video(on_clear="regenerate", timeout=0.1, poll_interval=0.05)
        emulator.fault(endpoint="result", status=503, times=None)
        with pytest.raises(WaitTimeoutError):
            run.try_once(operator)
        emulator.clear_faults()
        run.clear()
        outputs = run.try_once(operator)
        # Airflow runs the task again if the worker dies before it reports the success.
        assert run.try_once(operator) == outputs
        assert len(emulator.ledger()) == 1

    def test_refused_submission_keeps_the_earlier_record(self, emulator: Emulator) -> None:
        run = Run()
        outputs = run.try_once(text_to_video())
        with pytest.raises(AirflowFailException):
            run.try_once(text_to_video(prompt="[policy]"))
        assert run.try_once(text_to_video()) == outputs
        assert len(emulator.ledger()) == 1

    def test_killed_task_sends_no_submission(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        run = Run()
        emulator.fault(endpoint="submit", status=429, retry_after=0)
        monkeypatch.setattr(sending, "time", SimpleNamespace(time=time.time, sleep=lambda _: run.operator.on_kill()))
        with pytest.raises(AirflowException, match="stopped before its submission was sent"):
            run.try_once(text_to_video())
        assert emulator.ledger() == []

    def test_invalid_arguments_are_reported_if_the_record_cannot_be_read(self, emulator: Emulator) -> None:
        class BrokenStore(FakeStore):
            def get(self, key: str, default: Any = None) -> Any:
                raise ConnectionError("no database")

        with pytest.raises(AirflowFailException, match="duration: 99 is not allowed"):
            Run(store=BrokenStore()).try_once(text_to_video(duration=99))
        assert emulator.ledger() == []


class TestWithoutStore:
    """Airflow before 3.3 has no task state store."""

    def test_missing_store_logs_one_warning_and_changes_no_result(
        self, emulator: Emulator, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        run = Run(store=None)
        outputs = run.try_once(text_to_video(deferrable=deferrable))
        [booked] = emulator.ledger()
        assert outputs == [f"{emulator.url}/outputs/{booked['id']}/0.mp4"]
        assert run.xcoms["prediction_id"] == booked["id"]
        assert printed().count("keeps no task state") == 1

    def test_unconfirmed_submission_ends_the_task_without_a_store(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", drop="after")
        with pytest.raises(AirflowFailException, match="may have been started and charged"):
            Run(store=None).try_once(text_to_video())

    def test_timeout_without_a_store_warns_that_a_retry_pays(self, emulator: Emulator, deferrable: bool) -> None:
        emulator.settings(seconds_running=60)
        with pytest.raises(WaitTimeoutError, match="a retry submits, and pays for, a new generation"):
            Run(store=None).try_once(text_to_video(deferrable=deferrable, timeout=0.1, poll_interval=0.05))

    def test_rate_limit_without_a_store_reports_no_charge(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", status=429, retry_after=0, times=None)
        with pytest.raises(RateLimitError) as caught:
            Run(store=None).try_once(text_to_video())
        assert "Nothing was charged" in str(caught.value)
        assert "No record" not in str(caught.value)

    def test_durable_false_logs_no_warning_about_the_store(
        self, emulator: Emulator, printed: Callable[[], str]
    ) -> None:
        Run(store=None).try_once(text_to_video(durable=False))
        assert "keeps no task state" not in printed()
