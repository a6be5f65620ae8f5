"""What a task tells of its generation: in XCom, for the tasks downstream and for the Video tab, and in its log."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.catalogue import estimate_cost
from airflow_provider_seedance.gptproto.errors import Charge, GenerationExpiredError, NsfwContentError, SeedanceError
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.gptproto.conversations import Log
    from airflow_provider_seedance.gptproto.requests import GenerationRequest

PREDICTION_ID = "prediction_id"
PREDICTION = "prediction"
VIDEO_URL = "video_url"


class Report:
    """
    Tells of one generation.

    :param context: The task's context.
    :param log: The task's log.
    :param request: What was asked for; ``None`` where only the id is known.
    :param submitted_at: When it was submitted, in seconds since the epoch; ``None`` where that is not known yet.
    """

    def __init__(
        self,
        context: Context,
        *,
        log: Log,
        request: GenerationRequest | None = None,
        submitted_at: float | None = None,
    ) -> None:
        self._task_instance = context["ti"]
        self._log = log
        self._request = request
        self.submitted_at = submitted_at
        self._last: Prediction | None = None

    def submitted(self, prediction: Prediction, submitted_at: float | None) -> None:
        """Push ``prediction_id`` and ``prediction`` before the wait."""
        self.submitted_at = submitted_at
        self._last = prediction
        self._push(PREDICTION_ID, prediction.id)
        self._push(PREDICTION, self._summary(prediction))

    def finished(self, prediction: Prediction, *, looks: int | None = None) -> None:
        """
        Push ``prediction`` and ``video_url``, and sum up in the log.

        :param prediction: A complete one.
        :param looks: How often it was looked at; ``None`` where nobody counted.
        """
        # One that was finished when this try first saw it was so before.
        was_seen_finishing = self._last is None or not self._last.is_complete
        self._last = prediction
        finished_at = time.time() if was_seen_finishing else None
        self._push(PREDICTION, self._summary(prediction, finished_at=finished_at))
        self._push(VIDEO_URL, prediction.outputs[0])
        self._log.info("Prediction %s succeeded: %s", prediction.id, ", ".join(self._sum_up(prediction, looks)))

    def failed(self, error: SeedanceError) -> None:
        """Push ``prediction`` with the error; where that fails, the error counts, and not that it could not be told."""
        try:
            self._push(PREDICTION, self._summary(self._last, error=error, finished_at=time.time()))
        except Exception as failure:  # whatever the API of Airflow raises
            self._log.warning("What follows could not be pushed to XCom: %r", failure)

    def _push(self, key: str, value: Any) -> None:
        self._task_instance.xcom_push(key=key, value=value)

    def _summary(
        self,
        prediction: Prediction | None,
        *,
        error: SeedanceError | None = None,
        finished_at: float | None = None,
    ) -> dict[str, Any]:
        """Return what XCom ``prediction`` holds; times as ISO 8601, seconds and USD as numbers."""
        request = self._request
        cost = self._estimated_cost()
        created_at = prediction.created_at if prediction else None
        return {
            "id": prediction.id if prediction else error.prediction_id if error else None,
            "mode": request.mode.value if request else None,
            "model": (prediction.model if prediction else None) or (request.model if request else None),
            "status": _status(prediction, error),
            "parameters": request.description() if request else {},
            "outputs": list(prediction.outputs) if prediction else [],
            "error": str(error) if error else None,
            "submitted_at": _iso(self.submitted_at),
            "created_at": created_at.isoformat() if created_at else None,
            "finished_at": _iso(finished_at),
            "inference_seconds": prediction.inference_seconds if prediction else 0.0,
            "has_nsfw_contents": list(prediction.has_nsfw_contents) if prediction else [],
            "estimated_cost_usd": None if cost is None else float(cost),
        }

    def _sum_up(self, prediction: Prediction, looks: int | None) -> list[str]:
        count = len(prediction.outputs)
        parts = [f"{count} output{'' if count == 1 else 's'}", f"try {self._task_instance.try_number}"]
        if looks is not None:
            parts.append(f"{looks} look{'' if looks == 1 else 's'}")
        if self.submitted_at is not None:
            parts.append(f"here {max(time.time() - self.submitted_at, 0.0):.0f} s after its submission")
        if prediction.inference_seconds:
            parts.append(f"generated in {prediction.inference_seconds:.0f} s")
        cost = self._estimated_cost()
        if cost is not None:
            parts.append(f"about {cost:.2f} USD at list price")
        return parts

    def _estimated_cost(self) -> Decimal | None:
        request = self._request
        return None if request is None else estimate_cost(request.model, request.resolution, request.duration or 0)


def accept(prediction: Prediction, *, log: Log, fail_on_nsfw: bool) -> list[str]:
    """
    Return the addresses of the videos, if they may pass.

    :param prediction: One that was told of.
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


def _status(prediction: Prediction | None, error: SeedanceError | None) -> str | None:
    if error is not None and error.charge is Charge.FAILED:
        ended = PredictionStatus.EXPIRED if isinstance(error, GenerationExpiredError) else PredictionStatus.FAILED
        return ended.value
    if prediction is not None:
        return prediction.status.value
    return PredictionStatus.UNKNOWN.value if error is not None and error.prediction_id else None


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
