"""An argument that holds the key of its connection: nothing is sent, and no error, log or XCom repeats the key."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, task

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import ConnectionNotFoundError, InvalidRequestError
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
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
        SeedancePredictionSensor(task_id="wait", prediction_id=f"{key} ", deferrable=True),
        store(prediction_id=key),
        store(prediction_id="a", filename=f"{key}/{{name}}"),
        store(prediction_id="a", destination=f"videos/{key}"),
        store(prediction_id="a", destination=f"s3://{key}@bucket"),
        store(prediction_id="a", storage_conn_id=key),
        store(urls=[f"ftp://cdn.example/{key}/0.mp4"], filename="{index}"),
        store(urls=f"['{key}', '']"),
        store(prediction={"id": "a", "parameters": {"prompt": ["A boat", {"named": key}]}}),
        store(prediction=f"{{'id': '{key}'}}"),
        store(urls=Lazy([f"http://10.0.0.1/{key}.mp4"])),
        decorated({key: "A boat"}),
        decorated({"prompt": "A boat", "tone": key}),
        decorated({"prompt": "A boat", "durations": {"of": [key]}}),
        decorated({"prompt": "A boat", "image": key, "images": [key]}),
    ]


class Lazy(Sequence[str]):
    """A sequence of another task's outputs, which is read when it is iterated."""

    def __init__(self, values: list[str]) -> None:
        self._values = values

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)


def store(**arguments: Any) -> Any:
    return SeedanceToObjectStorageOperator(task_id="store", **{"destination": "/nowhere", **arguments})


def decorated(returned: dict[str, Any]) -> Any:
    def write() -> dict[str, Any]:
        return returned

    with DAG("dag", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
        made: Any = task.seedance(write)()
        return made.operator


@pytest.mark.parametrize("number", range(len(holders(""))))
def test_key_is_neither_sent_nor_repeated(emulator: Emulator, printed: Callable[[], str], number: int) -> None:
    run = Run()
    with pytest.raises(AirflowFailException, match="holds the API key of the connection") as caught:
        run.try_once(holders(emulator.api_key)[number])
    assert emulator.requests() == []
    told = f"{caught.value} {run.xcoms}"
    assert emulator.api_key not in told
    assert emulator.api_key not in printed()


CALLS: list[Callable[[SeedanceHook, str], object]] = [
    lambda hook, key: hook.submit(TextToVideo(prompt="A boat", resolution=key)),
    lambda hook, key: hook.submit(TextToVideo(prompt=f"A boat {key}")),
    lambda hook, key: hook.get_prediction(key),
    lambda hook, key: hook.wait_for_prediction(f"{key}", timeout=0.1, poll_interval=0.02),
    lambda hook, key: hook.download(f"https://cdn.example/{key}", "/nowhere/boat.mp4"),
    lambda hook, key: hook.download("https://cdn.example/0.mp4", f"videos/{key}.mp4"),
    lambda hook, key: hook.download("ftp://cdn.example/0.mp4", "/nowhere/boat.mp4", prediction_id=key),
    lambda hook, key: hook.download("https://cdn.example/0.mp4", "s3://bucket/boat.mp4", storage_conn_id=key),
]


@pytest.mark.parametrize("call", CALLS)
def test_hook_repeats_no_key(
    emulator: Emulator, printed: Callable[[], str], call: Callable[[SeedanceHook, str], object]
) -> None:
    with pytest.raises(InvalidRequestError, match="holds the API key of the connection") as caught:
        call(SeedanceHook(), emulator.api_key)
    assert emulator.requests() == []
    assert emulator.api_key not in f"{caught.value} {caught.value.to_dict()} {printed()}"


#: Connections that cannot be used, so nobody knows the key: it was pasted elsewhere.
UNUSABLE = [None, {"conn_type": "seedance"}, {"conn_type": "seedance", "password": "of an old key", "port": -1}]


@pytest.mark.parametrize("number", range(len(holders(""))))
@pytest.mark.parametrize("connection", UNUSABLE, ids=str)
def test_what_looks_like_a_key_is_not_repeated_without_a_usable_connection(
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    printed: Callable[[], str],
    number: int,
    connection: dict[str, Any] | None,
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SEEDANCE_DEFAULT")
    if connection is not None:
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", json.dumps(connection))
    run = Run()
    with pytest.raises(AirflowFailException, match="holds what looks like an API key") as caught:
        run.try_once(holders(emulator.api_key)[number])
    assert emulator.api_key not in f"{caught.value} {run.xcoms} {printed()}"


@pytest.mark.parametrize(
    "task",
    [
        text_to_video(),
        text_to_video(prediction_id="a"),
        SeedancePredictionSensor(task_id="wait", prediction_id="a"),
        store(prediction_id="a"),
        store(urls=["https://cdn.example/0.mp4"], filename="{index}.mp4"),
        decorated({"prompt": "A boat"}),
    ],
)
def test_missing_connection_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch, task: Any) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", raising=False)
    with pytest.raises(ConnectionNotFoundError, match="did not find the connection 'seedance_default'"):
        Run().try_once(task)


def test_key_in_place_of_the_name_of_a_connection_is_not_repeated(printed: Callable[[], str]) -> None:
    run = Run()
    with pytest.raises(ConnectionNotFoundError, match=r"did not find the connection '\*\*\*'") as caught:
        run.try_once(text_to_video(seedance_conn_id="sk-needle-7d1c0f52"))
    assert "7d1c0f52" not in f"{caught.value} {run.xcoms} {printed()}"
