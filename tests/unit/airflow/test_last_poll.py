"""The last poll: after the trigger fires, the worker polls once more."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
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


def test_failed_last_poll_defers_again(emulator: Emulator) -> None:
    # Number of polls after which the worker stops.
    run = FaultsAfterTheTrigger(emulator, status=503, times=4)
    assert run.try_once(text_to_video(deferrable=True))
    assert len(run.deferrals) == 2
    assert len(emulator.ledger()) == 1


def test_refused_key_in_the_last_poll_ends_the_task(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(emulator, status=401, times=None)
    with pytest.raises(AirflowFailException, match="401"):
        run.try_once(text_to_video(deferrable=True))


def test_unknown_prediction_in_the_last_poll_ends_the_task(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(
        emulator, status=404, body={"error": {"message": "no such prediction", "type": "404"}}, times=None
    )
    with pytest.raises(AirflowFailException, match="does not know the prediction"):
        run.try_once(text_to_video(deferrable=True))


def test_failure_in_the_last_poll_is_the_error_of_the_task(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(emulator, answer="failed", times=None)
    with pytest.raises(GenerationFailedError) as caught:
        run.try_once(text_to_video(deferrable=True))
    assert caught.value.prediction_id == emulator.ledger()[0]["id"]
