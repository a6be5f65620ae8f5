"""What becomes of a task whose trigger saw the end of the wait, when the worker polls once more."""

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
    """A run whose service has faults from when the trigger fired."""

    def __init__(self, emulator: Emulator, **fault: Any) -> None:
        super().__init__()
        self._emulator = emulator
        self._fault = fault

    def _fire(self, trigger: Any) -> Any:
        event = super()._fire(trigger)
        if len(self.deferrals) == 1:
            self._emulator.fault(endpoint="result", **self._fault)
        return event


def test_a_service_that_cannot_be_asked_is_waited_for_in_the_triggerer(emulator: Emulator) -> None:
    # As often as the worker asks before it believes it.
    run = FaultsAfterTheTrigger(emulator, status=503, times=4)
    assert run.try_once(text_to_video(deferrable=True))
    assert len(run.deferrals) == 2
    assert len(emulator.ledger()) == 1


def test_a_refused_key_ends_the_task(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(emulator, status=401, times=None)
    with pytest.raises(AirflowFailException, match="401"):
        run.try_once(text_to_video(deferrable=True))


def test_a_prediction_that_is_gone_ends_the_task(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(
        emulator, status=404, body={"error": {"message": "no such prediction", "type": "404"}}, times=None
    )
    with pytest.raises(AirflowFailException, match="does not know the prediction"):
        run.try_once(text_to_video(deferrable=True))


def test_a_failure_is_told_as_the_worker_saw_it(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(emulator, answer="failed", times=None)
    with pytest.raises(GenerationFailedError) as caught:
        run.try_once(text_to_video(deferrable=True))
    assert caught.value.prediction_id == emulator.ledger()[0]["id"]
