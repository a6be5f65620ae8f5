"""What a finished prediction hands to the tasks downstream."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.conversations import Log
from airflow_provider_seedance.gptproto.errors import Charge, NsfwContentError
from airflow_provider_seedance.gptproto.predictions import Prediction

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


def hand_over(
    context: Context,
    prediction: Prediction,
    *,
    log: Log,
    model: str | None = None,
    mode: str | None = None,
    estimated_cost: Decimal | None = None,
) -> None:
    """
    Push ``prediction`` and ``video_url`` to XCom.

    :param context: The task's context.
    :param prediction: A complete one.
    :param log: The task's log.
    :param model: The model as submitted, where the service does not say.
    :param mode: The mode as submitted; ``None`` where only the id is known.
    :param estimated_cost: In USD, at list price; ``None`` where it is not known.
    """
    task_instance = context["ti"]
    task_instance.xcom_push(key="prediction", value=_summary(prediction, model, mode, estimated_cost))
    task_instance.xcom_push(key="video_url", value=prediction.outputs[0])
    log.info("Prediction %s succeeded with %d output(s)", prediction.id, len(prediction.outputs))


def accept(prediction: Prediction, *, log: Log, fail_on_nsfw: bool) -> list[str]:
    """
    Return the addresses of the videos, if they may pass.

    :param prediction: One that was handed over.
    :param log: The task's log.
    :param fail_on_nsfw: Whether a flagged output fails the task; the addresses are in XCom all the same.
    :raises NsfwContentError: When an output is flagged and that fails the task.
    """
    if any(prediction.has_nsfw_contents):
        flagged = "An output is flagged as not safe for work"
        if fail_on_nsfw:
            raise NsfwContentError(flagged, prediction_id=prediction.id, charge=Charge.ACCEPTED)
        log.warning("%s (prediction %s)", flagged, prediction.id)
    return list(prediction.outputs)


def _summary(
    prediction: Prediction, model: str | None, mode: str | None, estimated_cost: Decimal | None
) -> dict[str, Any]:
    """Return what XCom ``prediction`` holds; times as ISO 8601, seconds and USD as numbers."""
    return {
        "id": prediction.id,
        "model": prediction.model or model,
        "mode": mode,
        "status": prediction.status.value,
        "outputs": list(prediction.outputs),
        "created_at": prediction.created_at.isoformat() if prediction.created_at else None,
        "inference_seconds": prediction.inference_seconds,
        "has_nsfw_contents": list(prediction.has_nsfw_contents),
        "estimated_cost_usd": None if estimated_cost is None else float(estimated_cost),
    }
