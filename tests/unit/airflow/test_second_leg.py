"""The leg after the trigger fired: it uses the prediction in the event, and does not poll."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video

pytestmark = pytest.mark.usefixtures("short_waits")


class FaultsAfterTheTrigger(Run):
    """A run against a service that has faults after the trigger fired."""

    def __init__(self, emulator: Emulator, **fault: Any) -> None:
        super().__init__()
        self._emulator = emulator
        self._fault = fault

    def _fire(self, trigger: Any) -> Any:
        event = super()._fire(trigger)
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
