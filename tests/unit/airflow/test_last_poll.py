"""The leg after the trigger fired: it uses the prediction in the event, and polls only without one."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video

pytestmark = pytest.mark.usefixtures("short_waits")


class FaultsAfterTheTrigger(Run):
    """A run against a service that has faults after the trigger fired."""

    def __init__(self, emulator: Emulator, *, old_events: bool = False, **fault: Any) -> None:
        super().__init__()
        self._emulator = emulator
        self._fault = fault
        self._old_events = old_events

    def _fire(self, trigger: Any) -> Any:
        event = super()._fire(trigger)
        if self._old_events:
            del event["prediction"]
        if len(self.deferrals) == 1:
            self._emulator.fault(endpoint="result", **self._fault)
        return event


class TestEventWithPrediction:
    @pytest.mark.parametrize("fault", [{"status": 401}, {"status": 503}, {"answer": "failed"}], ids=str)
    def test_service_is_not_called_again(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
    ) -> None:
        run = FaultsAfterTheTrigger(emulator, times=None, **fault)
        [url] = run.try_once(text_to_video(deferrable=True))
        [booked] = emulator.ledger()
        assert booked["id"] in url
        assert run.xcoms["prediction"]["status"] == "succeeded"
        assert {request["status"] for request in emulator.requests()} == {200}

    def test_leg_opens_no_client(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        class WithoutClient(Run):
            def _fire(self, trigger: Any) -> Any:
                event = super()._fire(trigger)
                monkeypatch.setattr(SeedanceHook, "get_settings", lambda hook: pytest.fail("the connection was read"))
                return event

        assert WithoutClient().try_once(text_to_video(deferrable=True))

    def test_resumed_twice_gives_the_same(self, emulator: Emulator) -> None:
        run = Run()
        operator = text_to_video(deferrable=True)
        outputs = run.try_once(operator)
        assert operator.execute_complete(run.context(), run.events[0]) == outputs
        assert len(emulator.ledger()) == 1


class TestEventOfAnOlderVersion:
    """Without a prediction the worker polls once more."""

    def test_failed_last_poll_defers_again(self, emulator: Emulator) -> None:
        # As often as the worker polls before it goes back to the triggerer.
        run = FaultsAfterTheTrigger(emulator, old_events=True, status=503, times=5)
        assert run.try_once(text_to_video(deferrable=True))
        assert len(run.deferrals) == 2
        assert len(emulator.ledger()) == 1

    def test_refused_key_in_the_last_poll_ends_the_task(self, emulator: Emulator) -> None:
        run = FaultsAfterTheTrigger(emulator, old_events=True, status=401, times=None)
        with pytest.raises(AirflowFailException, match="401"):
            run.try_once(text_to_video(deferrable=True))

    def test_unknown_prediction_in_the_last_poll_ends_the_task(self, emulator: Emulator) -> None:
        run = FaultsAfterTheTrigger(
            emulator,
            old_events=True,
            status=404,
            body={"error": {"message": "no such prediction", "type": "404"}},
            times=None,
        )
        with pytest.raises(AirflowFailException, match="does not know the prediction"):
            run.try_once(text_to_video(deferrable=True))

    def test_failure_in_the_last_poll_is_the_error_of_the_task(self, emulator: Emulator) -> None:
        run = FaultsAfterTheTrigger(emulator, old_events=True, answer="failed", times=None)
        with pytest.raises(GenerationFailedError) as caught:
            run.try_once(text_to_video(deferrable=True))
        assert caught.value.prediction_id == emulator.ledger()[0]["id"]

    def test_last_poll_ends_at_the_deadline_of_the_wait(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deadlines: list[float] = []
        get_confirmed = GPTProtoClient.get_confirmed

        def recorded(client: GPTProtoClient, prediction_id: str, *, deadline: float) -> Prediction:
            deadlines.append(deadline)
            return get_confirmed(client, prediction_id, deadline=deadline)

        monkeypatch.setattr(GPTProtoClient, "get_confirmed", recorded)
        run = FaultsAfterTheTrigger(emulator, old_events=True, answer="failed", times=None)
        with pytest.raises(GenerationFailedError):
            run.try_once(text_to_video(deferrable=True, timeout=600))
        trigger: Any = run.deferrals[0].trigger
        assert deadlines == [trigger.deadline]
