"""Wrong uses of the API, one per line, each with the error code that mypy must report."""

from __future__ import annotations

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.requests import ImageToVideo, TextToVideo
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.operators.seedance import (
    SeedanceImageToVideoOperator,
    SeedanceReferenceToVideoOperator,
    SeedanceTextToVideoOperator,
)
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from airflow_provider_seedance.triggers.seedance import SeedancePredictionTrigger


def misuse_operators() -> None:
    SeedanceTextToVideoOperator(task_id="no_prompt")  # type: ignore[call-arg]
    SeedanceTextToVideoOperator(task_id="number", prompt=1)  # type: ignore[arg-type]
    SeedanceTextToVideoOperator(task_id="half", prompt="A boat.", duration=4.5)  # type: ignore[arg-type]
    SeedanceTextToVideoOperator(task_id="unknown", prompt="A boat.", on_clear="redo")  # type: ignore[arg-type]
    SeedanceTextToVideoOperator("positional", prompt="A boat.")  # type: ignore[misc]
    SeedanceImageToVideoOperator(task_id="no_image", prompt="A boat.")  # type: ignore[call-arg]
    SeedanceReferenceToVideoOperator(task_id="bytes", prompt="A boat.", images=[b"PNG"])  # type: ignore[list-item]
    SeedancePredictionSensor(task_id="no_prediction")  # type: ignore[call-arg]
    SeedanceToObjectStorageOperator(task_id="nowhere", prediction_id="cgt-1")  # type: ignore[call-arg]
    SeedancePredictionTrigger(prediction_id="cgt-1", seedance_conn_id="seedance_default")  # type: ignore[call-arg]


def misuse_requests() -> None:
    TextToVideo(prompt="A boat.", duration="4")  # type: ignore[arg-type]
    TextToVideo(prompt="A boat.", image="https://example.com/boat.png")  # type: ignore[call-arg]
    ImageToVideo(prompt="A boat.", image=["https://example.com/boat.png"])  # type: ignore[arg-type]


def misuse_hook(hook: SeedanceHook) -> None:
    hook.submit("A boat.")  # type: ignore[arg-type]
    hook.wait_for_prediction("cgt-1", timeout="1h")  # type: ignore[arg-type]
    hook.download("https://example.com/boat.mp4")  # type: ignore[call-arg]


async def misuse_clients(client: GPTProtoClient, async_client: AsyncGPTProtoClient) -> None:
    client.get_prediction(1)  # type: ignore[arg-type]
    async_client.get_prediction("cgt-1").outputs.count("")  # type: ignore[attr-defined]


def misuse_values(prediction: Prediction, error: SeedanceError, emulator: Emulator) -> float:
    prediction.outputs.append("https://example.com/boat.mp4")  # type: ignore[attr-defined]
    prediction.status = PredictionStatus.SUCCEEDED  # type: ignore[misc]
    emulator.ledger().submissions()  # type: ignore[attr-defined]
    return error.retry_after + 1  # type: ignore[operator]
