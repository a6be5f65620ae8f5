"""A DAG file that uses the whole public API; tests type-check it against the installed wheel and never run it."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Context, ObjectStoragePath, XComArg, task

from airflow_provider_seedance import __version__
from airflow_provider_seedance.decorators.seedance import seedance_task
from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.catalogue import DEFAULT_MODEL, Mode, estimate_cost, find_model
from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    InvalidRequestError,
    RateLimitError,
    SeedanceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.prices import Price
from airflow_provider_seedance.gptproto.requests import (
    GenerationRequest,
    ImageToVideo,
    ReferenceToVideo,
    TextToVideo,
)
from airflow_provider_seedance.gptproto.settings import ClientSettings, read_settings
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.operators.seedance import (
    SeedanceImageToVideoOperator,
    SeedanceReferenceToVideoOperator,
    SeedanceTextToVideoOperator,
)
from airflow_provider_seedance.retries import SeedanceRetryPolicy
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from airflow_provider_seedance.triggers.seedance import SeedancePredictionTrigger

logger = logging.getLogger(__name__)

with DAG("consumer", schedule="@daily", start_date=pendulum.datetime(2026, 1, 1), tags=[__version__]) as dag:

    @task
    def write_prompt(subject: str) -> str:
        return f"{subject}, slow camera pan."

    @task
    def draw_seed() -> int:
        return 7

    submit = SeedanceTextToVideoOperator(
        task_id="submit",
        prompt=write_prompt("A paper boat"),
        model=DEFAULT_MODEL,
        seed=draw_seed(),
        duration="{{ params.duration }}",
        generate_audio=True,
        extra_parameters={"watermark": False},
        wait_for_completion=False,
        max_cost=1,
        retries=3,
        retry_policy=SeedanceRetryPolicy(),
    )
    wait = SeedancePredictionSensor(task_id="wait", prediction_id=submit.output, timeout=timedelta(hours=1))
    keep = SeedanceToObjectStorageOperator(
        task_id="keep",
        prediction_id=XComArg(submit, key="prediction_id"),
        urls=wait.output,
        destination=ObjectStoragePath("s3://aws_conn@bucket/videos"),
    )

    @task.seedance(duration=4, deferrable=True)
    def make_shot(scene: str, still: str | None = None) -> dict[str, Any]:
        return {"prompt": scene, "image": still}

    @seedance_task(deferrable=True)
    def make_title() -> str:
        return "A title made of sand."

    shot = make_shot.override(task_id="shot")("A lighthouse at night.")
    from_image = SeedanceImageToVideoOperator(
        task_id="from_image",
        prompt="The light goes on.",
        image=Path("lighthouse.png"),
        last_image=ObjectStoragePath("s3://aws_conn@bucket/night.png"),
        on_clear="regenerate",
        on_unconfirmed_submission="resubmit",
        poll_interval=timedelta(seconds=10),
        execution_timeout=timedelta(hours=2),
    )
    from_references = SeedanceReferenceToVideoOperator(
        task_id="from_references",
        prompt="The same boat at sea.",
        images=["https://example.com/boat.png", Path("sea.png")],
        videos=keep.output,
        audios="https://example.com/waves.mp3",
    )
    SeedanceTextToVideoOperator.partial(task_id="mapped", duration=4).expand(prompt=["A cat.", "A dog."])
    _ = [submit, shot, make_title()] >> from_image >> from_references


class CheapOperator(SeedanceTextToVideoOperator):
    """A subclass written by an author."""

    def __init__(self, *, prompt: str, **kwargs: Any) -> None:
        super().__init__(prompt=prompt, resolution="480p", duration=4, **kwargs)

    def execute(self, context: Context) -> list[str] | str:
        prediction: Prediction = self.hook.get_prediction("cgt-1")
        self.log.info("%s by %s", prediction.status.value, self.mode)
        return super().execute(context)


def use_hook(conn_id: str) -> tuple[str, ...]:
    hook = SeedanceHook(conn_id)
    accepted, message = hook.test_connection()
    logger.info("%s: %s", accepted, message)
    request: GenerationRequest = TextToVideo(prompt="A paper boat.", duration=4, seed=7)
    try:
        submitted = hook.submit(request)
        prediction = hook.wait_for_prediction(submitted.id, timeout=600.0, poll_interval=5.0)
    except (InvalidRequestError, RateLimitError) as error:
        logger.warning("after %.0f s: %s", error.retry_after or 0.0, error.advice)
        raise
    except UnconfirmedSubmissionError as error:
        logger.warning("perhaps charged: %s", error.charge is Charge.POSSIBLE)
        raise
    except SeedanceError as error:
        logger.warning("%s %s %s %s", error.what, error.prediction_id, error.retryable, error.at_fault)
        raise
    path: ObjectStoragePath = hook.download(prediction.outputs[0], "file:///tmp/boat.mp4", overwrite=True)
    logger.info("%s, made in %.0f s", path, prediction.inference_seconds)
    return prediction.outputs


def use_client() -> Prediction:
    settings: ClientSettings = read_settings(password="sk-1", host=None, schema=None, port=None, extra={})
    still = ImageToVideo(prompt="The light goes on.", image="https://example.com/lighthouse.png")
    scene = ReferenceToVideo(prompt="At sea.", images=[ObjectStoragePath("s3://aws_conn@bucket/boat.png")])
    problems: list[str] = [*still.problems(), *scene.problems()]
    logger.info("%s %s", problems, still.payload()["prompt"])
    with GPTProtoClient(settings, log=logger) as client:
        prediction = client.submit(still)
        if prediction.status is PredictionStatus.SUCCEEDED and prediction.is_complete:
            return prediction
        return client.get_confirmed(prediction.id)


async def use_async_client(hook: SeedanceHook) -> bool:
    client: AsyncGPTProtoClient
    async with await hook.aget_conn() as client:
        prediction = await client.get_prediction("cgt-1")
        return prediction.status.is_final


def use_trigger(operator: SeedanceTextToVideoOperator, now: float) -> None:
    trigger = SeedancePredictionTrigger(
        prediction_id="cgt-1",
        seedance_conn_id=SeedanceHook.default_conn_name,
        submitted_at=now,
        deadline=now + 3600,
        expected_seconds=60,
    )
    operator.defer(trigger=trigger, method_name="execute_complete")


def use_catalogue() -> bool:
    price: Price = estimate_cost(DEFAULT_MODEL, duration=4, videos=["https://example.com/a.mp4"], prompt="A boat")
    logger.info("%s: %s to %s USD %s %s", price, price.estimate, price.highest, price.raised_by, price.unbounded_by)
    model = find_model(DEFAULT_MODEL)
    return model is not None and Mode.IMAGE_TO_VIDEO in model.modes


def test_author_dag_books_one_generation(seedance_emulator: Emulator) -> None:
    seedance_emulator.fault(endpoint="result", status=500, times=3)
    dag.test(run_conf={"duration": 4})
    [booked] = seedance_emulator.ledger()
    assert booked["cost"] == "0.3992"
    assert seedance_emulator.totals()["booked"] == 1
    assert seedance_emulator.connection["host"] == seedance_emulator.url
