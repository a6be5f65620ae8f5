"""A request that holds the key of its connection: nothing is sent, and no error, log or XCom repeats the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video

pytestmark = pytest.mark.usefixtures("short_waits")


def holders(key: str) -> list[Any]:
    image = f"https://x.example/a.png?key={key}"
    return [
        text_to_video(prompt=f"A boat named {key}"),
        text_to_video(duration=key),
        text_to_video(model=key),
        text_to_video(extra_parameters={"a": {"b": [f"Bearer {key}"]}}),
        text_to_video(prediction_id=key),
        SeedanceImageToVideoOperator(task_id="make_video", prompt="A boat", image=image),
        SeedancePredictionSensor(task_id="wait", prediction_id=key),
    ]


@pytest.mark.parametrize("number", range(7))
def test_key_is_neither_sent_nor_repeated(emulator: Emulator, printed: Callable[[], str], number: int) -> None:
    run = Run()
    with pytest.raises(AirflowFailException, match="holds the API key of the connection") as caught:
        run.try_once(holders(emulator.api_key)[number])
    assert emulator.requests() == []
    told = f"{caught.value} {run.xcoms}"
    assert emulator.api_key not in told
    assert emulator.api_key not in printed()
