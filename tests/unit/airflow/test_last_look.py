"""What becomes of a task whose trigger saw the end of the wait, when the worker polls once more."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from tests.unit.airflow.driving import FakeStore, Run
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")


def text_to_video(**arguments: Any) -> SeedanceTextToVideoOperator:
    return SeedanceTextToVideoOperator(
        **{"task_id": "make_video", "prompt": "A paper boat", "deferrable": True, **arguments}
    )


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
    assert run.try_once(text_to_video())
    assert len(run.deferrals) == 2
    assert len(emulator.ledger()) == 1


def test_a_refused_key_ends_the_task(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(emulator, status=401, times=None)
    with pytest.raises(AirflowFailException, match="401"):
        run.try_once(text_to_video())


def test_a_prediction_that_is_gone_ends_the_task(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(
        emulator, status=404, body={"error": {"message": "no such prediction", "type": "404"}}, times=None
    )
    with pytest.raises(AirflowFailException, match="does not know the prediction"):
        run.try_once(text_to_video())


def test_a_failure_is_told_as_the_worker_saw_it(emulator: Emulator) -> None:
    run = FaultsAfterTheTrigger(emulator, answer="failed", times=None)
    with pytest.raises(GenerationFailedError) as caught:
        run.try_once(text_to_video())
    assert caught.value.prediction_id == emulator.ledger()[0]["id"]


@needs_store
def test_wrong_arguments_are_told_although_the_record_cannot_be_read(emulator: Emulator) -> None:
    class Broken(FakeStore):
        def get(self, key: str, default: Any = None) -> Any:
            raise ConnectionError("no database")

    with pytest.raises(AirflowFailException, match="duration: 99 is not allowed"):
        Run(store=Broken()).try_once(text_to_video(duration=99))
    assert emulator.ledger() == []
