"""The sensor: it waits for a prediction that was submitted before, and never submits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import PredictionNotFoundError, TriggerFailedError
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video

pytestmark = pytest.mark.usefixtures("short_waits", "no_confirm_delays")


@pytest.fixture
def no_confirm_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_seedance.gptproto.flows.CONFIRM_DELAYS", (0.0, 0.0))


@pytest.fixture
def submit(emulator: Emulator) -> Iterator[Callable[..., str]]:
    """Return a function that submits a prompt and returns the prediction's id; check that nothing else submits."""
    submitted: list[str] = []

    def submit_prompt(prompt: str = "A paper boat") -> str:
        submitted.append(Run().try_once(text_to_video(prompt=prompt, wait_for_completion=False)))
        return submitted[-1]

    yield submit_prompt
    assert [entry["id"] for entry in emulator.ledger()] == submitted


def sensor(prediction_id: str, **arguments: Any) -> SeedancePredictionSensor:
    return SeedancePredictionSensor(
        **{"task_id": "wait", "prediction_id": prediction_id, "poke_interval": 0.05, **arguments}
    )


class TestSuccess:
    def test_sensor_returns_the_output_urls(
        self, emulator: Emulator, submit: Callable[..., str], deferrable: bool
    ) -> None:
        emulator.settings(seconds_running=0.5)
        prediction_id = submit()
        run = Run()
        outputs = run.try_once(sensor(prediction_id, deferrable=deferrable))
        assert outputs == [f"{emulator.url}/outputs/{prediction_id}/0.mp4"]
        assert run.xcoms["video_url"] == outputs[0]
        assert run.xcoms["prediction"]["id"] == prediction_id
        assert len(run.deferrals) == (1 if deferrable else 0)

    def test_sensor_pushes_what_each_poke_sees(self, emulator: Emulator, submit: Callable[..., str]) -> None:
        class RecordingRun(Run):
            def _push(self, key: str, value: Any) -> None:
                super()._push(key, value)
                if key == "prediction":
                    pushed.append(value)

        pushed: list[dict[str, Any]] = []
        emulator.settings(seconds_created=0.0, seconds_queued=0.4, seconds_running=0.4)
        RecordingRun().try_once(sensor(submit()))
        assert list(dict.fromkeys(each["status"] for each in pushed)) == ["queued", "running", "succeeded"]
        times = [each["seen_at"] for each in pushed]
        assert times == sorted(set(times))

    def test_finished_prediction_is_not_deferred(self, submit: Callable[..., str]) -> None:
        prediction_id = submit()
        Run().try_once(sensor(prediction_id))
        run = Run()
        assert run.try_once(sensor(prediction_id, deferrable=True))
        assert run.deferrals == []

    def test_prediction_id_is_a_template(self, submit: Callable[..., str]) -> None:
        assert Run().try_once(sensor("{{ params.id }}"), params={"id": submit()})

    def test_poke_interval_none_leaves_the_interval_to_the_trigger(
        self, emulator: Emulator, submit: Callable[..., str]
    ) -> None:
        # Long enough for the first poll, also on a busy machine.
        emulator.settings(seconds_running=0.5)
        run = Run()
        run.try_once(sensor(submit(), deferrable=True, poke_interval=None))
        assert run.deferrals[0].trigger.poll_interval is None
        assert sensor("abc", poke_interval=None).poke_interval == 10

    def test_reschedule_mode_frees_the_worker_slot(self, submit: Callable[..., str]) -> None:
        run = Run()
        waiting = sensor(submit(), mode="reschedule")
        context = run.context()
        task_instance: Any = context["ti"]
        task_instance.get_first_reschedule_date = lambda _: None
        with pytest.raises(Exception) as raised:  # noqa: PT011 - the module of its class differs between Airflows
            waiting.execute(context)
        assert type(raised.value).__name__ == "AirflowRescheduleException"


class TestTransientFaults:
    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 503, "times": 4},
            {"status": 429, "retry_after": 0, "times": 4},
            {"drop": "before", "times": 4},
            {"status": 401, "times": 2},
            {"answer": "empty-outputs", "times": 2},
            {"answer": "unknown-status"},
        ],
        ids=str,
    )
    def test_sensor_survives_transient_faults(
        self, emulator: Emulator, submit: Callable[..., str], deferrable: bool, fault: Any
    ) -> None:
        prediction_id = submit()
        emulator.fault(endpoint="result", **fault)
        assert Run().try_once(sensor(prediction_id, deferrable=deferrable))


class TestFailure:
    @pytest.mark.parametrize(
        ("prompt", "message"),
        [
            ("[fail]", "unexpected internal error.*Clear the task that submitted it"),
            ("[expire]", "ended as expired.*Clear the task that submitted it"),
            ("[policy-late]", "Change the prompt"),
            ("[policy-audio]", "generate_audio=false"),
        ],
    )
    def test_prediction_without_a_video_ends_the_task(
        self, submit: Callable[..., str], deferrable: bool, prompt: str, message: str
    ) -> None:
        with pytest.raises(AirflowFailException, match=message):
            Run().try_once(sensor(submit(prompt), deferrable=deferrable))

    def test_unknown_prediction_ends_the_task_after_five_polls(self, emulator: Emulator, deferrable: bool) -> None:
        with pytest.raises(AirflowFailException, match=r"does not know .*\(prediction 0a0a\)"):
            Run().try_once(sensor("0a0a", deferrable=deferrable))
        assert len([request for request in emulator.requests() if request["status"] == 404]) == 5

    def test_refused_key_ends_the_task(self, emulator: Emulator, submit: Callable[..., str], deferrable: bool) -> None:
        prediction_id = submit()
        emulator.fault(endpoint="result", status=401, times=None)
        with pytest.raises(AirflowFailException, match="valid API key"):
            Run().try_once(sensor(prediction_id, deferrable=deferrable))

    def test_timeout_raises_airflow_sensor_timeout(
        self, emulator: Emulator, submit: Callable[..., str], deferrable: bool
    ) -> None:
        emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=60)
        run, prediction_id = Run(), submit()
        with pytest.raises(AirflowSensorTimeout) as caught:
            run.try_once(sensor(prediction_id, deferrable=deferrable, timeout=0.1))
        assert f"prediction {prediction_id}" in str(caught.value)
        assert "it was running at the last" in str(caught.value)
        assert "is billed whatever happens to this task" in str(caught.value)
        assert run.xcoms["prediction"]["error"] == str(caught.value)

    def test_timeout_skips_with_soft_fail_and_says_the_same(
        self, emulator: Emulator, submit: Callable[..., str], deferrable: bool
    ) -> None:
        emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=60)
        prediction_id = submit()
        with pytest.raises(AirflowSkipException, match=rf"running at the last .*prediction {prediction_id}.*billed"):
            Run().try_once(sensor(prediction_id, deferrable=deferrable, timeout=0.1, soft_fail=True))

    def test_rescheduled_sensor_times_out_with_the_same_words(
        self, emulator: Emulator, submit: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=60)
        prediction_id, run = submit(), Run()
        context: Any = run.context()
        context["ti"].get_first_reschedule_date = lambda context: datetime(2026, 1, 1, tzinfo=UTC)
        with pytest.raises(AirflowSensorTimeout, match=rf"running at the last poll \(prediction {prediction_id}\)"):
            sensor(prediction_id, mode="reschedule", timeout=60).execute(context)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"timeout": 0.5},
            {"timeout": 0.5, "mode": "reschedule"},
        ],
        ids=["poke", "reschedule"],
    )
    def test_failure_is_not_confirmed_beyond_the_deadline(
        self,
        emulator: Emulator,
        submit: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
        arguments: dict[str, Any],
    ) -> None:
        monkeypatch.setattr("airflow_provider_seedance.gptproto.flows.CONFIRM_DELAYS", (1.0, 3.0, 6.0, 10.0))
        prediction_id, run = submit(), Run()
        emulator.fault(endpoint="result", answer="failed", times=None)
        context: Any = run.context()
        context["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - timedelta(seconds=1)
        monkeypatch.setattr(run, "context", lambda **_: context)
        with pytest.raises(
            AirflowSensorTimeout, match="was not confirmed in time: The generation ended as failed"
        ) as e:
            run.try_once(sensor(prediction_id, **arguments))
        assert f"(prediction {prediction_id}). The generation was accepted and is billed" in str(e.value)

    @pytest.mark.parametrize(
        ("arguments", "seconds"),
        [
            ({}, 3600),
            ({"timeout": 60}, 60),
            ({"timeout": timedelta(minutes=2), "execution_timeout": timedelta(minutes=3)}, 120),
            ({"timeout": 60, "mode": "reschedule"}, 20),
            ({"timeout": 60, "mode": "reschedule", "execution_timeout": timedelta(seconds=5)}, 5),
            ({"timeout": 60, "mode": "reschedule", "deferrable": True}, 60),
        ],
        ids=str,
    )
    def test_deadline_of_a_poke_is_the_end_of_the_wait(
        self,
        emulator: Emulator,
        submit: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
        arguments: dict[str, Any],
        seconds: float,
    ) -> None:
        deadlines: list[float] = []

        def stop(_: object, prediction_id: str, *, deadline: float) -> None:
            deadlines.append(deadline)
            raise PredictionNotFoundError("unknown", prediction_id=prediction_id)

        context: Any = Run().context()
        context["ti"].get_first_reschedule_date = lambda _: datetime.fromtimestamp(time.time() - 40, UTC)
        monkeypatch.setattr(GPTProtoClient, "get_confirmed", stop)
        with pytest.raises(AirflowFailException):
            sensor(submit(), **arguments).execute(context)
        assert deadlines[0] - time.time() == pytest.approx(seconds, abs=2)

    def test_execution_timeout_bounds_the_wait_in_the_triggerer(
        self, emulator: Emulator, submit: Callable[..., str]
    ) -> None:
        emulator.settings(seconds_running=60)
        run = Run()
        with pytest.raises(AirflowSensorTimeout, match="did not finish in 0 s"):
            run.try_once(sensor(submit(), deferrable=True, timeout=3600, execution_timeout=timedelta(seconds=0.2)))
        [deferral] = run.deferrals
        assert deferral.timeout is not None
        assert deferral.timeout < timedelta(minutes=11)

    @pytest.mark.parametrize("argument", ["soft_fail", "never_fail"])
    @pytest.mark.parametrize("seconds", [0, 0.03], ids=["at once", "later"])
    def test_failure_skips_the_task_with_soft_fail_or_never_fail(
        self, emulator: Emulator, submit: Callable[..., str], deferrable: bool, argument: str, seconds: float
    ) -> None:
        emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=seconds)
        with pytest.raises(AirflowSkipException, match="unexpected internal error"):
            Run().try_once(sensor(submit("[fail]"), deferrable=deferrable, **{argument: True}))

    def test_never_fail_applies_after_a_deferral(self, emulator: Emulator, submit: Callable[..., str]) -> None:
        prediction_id = submit()
        emulator.fault(endpoint="result", answer="empty-outputs", times=None)
        with pytest.raises(AirflowSkipException):
            Run().try_once(sensor(prediction_id, deferrable=True, never_fail=True))

    def test_flagged_output_fails_the_task_with_fail_on_nsfw(
        self, submit: Callable[..., str], deferrable: bool
    ) -> None:
        with pytest.raises(AirflowFailException, match="not safe for work"):
            Run().try_once(sensor(submit("[nsfw]"), deferrable=deferrable, fail_on_nsfw=True))


class TestTriggerThatFails:
    """Airflow calls ``__fail__`` when a trigger crashes, times out, or cannot be started."""

    MESSAGE = (
        "The wait in the triggerer ended with an error of Airflow (Trigger failure) (prediction {}). The generation "
        "was accepted and is billed whatever happens to this task. Check the triggerer's log and its connections. The "
        "generation goes on at the service. This task never submits: a retry or a clear only waits again and pays "
        "nothing."
    )

    def test_error_names_prediction_bill_and_way_back(self, submit: Callable[..., str]) -> None:
        prediction_id, run = submit(), Run()
        with pytest.raises(TriggerFailedError) as caught:
            sensor(prediction_id, deferrable=True).resume_execution(
                "__fail__", {"error": "Trigger failure"}, run.context()
            )
        assert str(caught.value) == self.MESSAGE.format(prediction_id)
        assert run.xcoms["prediction"]["error"] == str(caught.value)

    @pytest.mark.parametrize(
        ("arguments", "error"), [({"soft_fail": True}, "Trigger failure"), ({"never_fail": True}, "Trigger failure")]
    )
    def test_skip_names_the_prediction_as_well(
        self, submit: Callable[..., str], arguments: dict[str, Any], error: str
    ) -> None:
        prediction_id = submit()
        with pytest.raises(AirflowSkipException, match=f"prediction {prediction_id}"):
            sensor(prediction_id, deferrable=True, **arguments).resume_execution(
                "__fail__", {"error": error}, Run().context()
            )

    def test_timeout_stays_a_timeout_of_a_sensor(self, submit: Callable[..., str]) -> None:
        prediction_id = submit()
        with pytest.raises(AirflowSensorTimeout, match=f"prediction {prediction_id}"):
            sensor(prediction_id, deferrable=True).resume_execution(
                "__fail__", {"error": "Trigger timeout"}, Run().context()
            )
