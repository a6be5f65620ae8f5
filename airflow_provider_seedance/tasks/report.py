"""What a task tells of its generation: in XCom, for the tasks downstream and for the Video tab, and in its log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset

from airflow_provider_seedance.gptproto.catalogue import (
    DEFAULT_ASPECT_RATIO,
    DEFAULT_RESOLUTION,
    estimate_cost,
    frame_size,
)
from airflow_provider_seedance.gptproto.errors import Charge, GenerationExpiredError, NsfwContentError, SeedanceError
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.tasks import metrics

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.gptproto.flows import Log
    from airflow_provider_seedance.gptproto.requests import GenerationRequest

PREDICTION_ID = "prediction_id"
PREDICTION = "prediction"
VIDEO_URL = "video_url"
#: What fields of XCom ``prediction`` must be to go on with them.
_SHAPE: Mapping[str, type | tuple[type, ...]] = {
    "parameters": dict,
    "outputs": list,
    "submitted_at": (str, type(None)),
    "inference_seconds": (int, float),
    "estimated_cost_usd": (int, float, type(None)),
}


class Report:
    """
    Tells of one generation.

    :param context: The task's context.
    :param log: The task's log.
    """

    def __init__(self, context: Context, *, log: Log) -> None:
        self._context = context
        self._task_instance = context["ti"]
        self._log = log
        self._was_complete = False
        #: What XCom ``prediction`` holds; times as ISO 8601, seconds and USD as numbers.
        self.told: dict[str, Any] = {
            "id": None,
            "mode": None,
            "model": None,
            "status": None,
            "parameters": {},
            "width": None,
            "height": None,
            "outputs": [],
            "error": None,
            "submitted_at": None,
            "created_at": None,
            "finished_at": None,
            "inference_seconds": 0.0,
            "has_nsfw_contents": [],
            "estimated_cost_usd": None,
        }

    def asked(self, request: GenerationRequest) -> None:
        """Note what is asked for, right or wrong."""
        self.told |= {"mode": request.mode.value, "model": request.model, "parameters": request.description()}

    def checked(self, request: GenerationRequest) -> None:
        """Note what a request that may be sent will cost and bring."""
        cost = estimate_cost(request.model, request.resolution, request.duration or 0)
        size = frame_size(
            request.model, request.resolution or DEFAULT_RESOLUTION, request.aspect_ratio or DEFAULT_ASPECT_RATIO
        )
        width, height = size or (None, None)
        self.told |= {
            "width": width,
            "height": height,
            "estimated_cost_usd": None if cost is None else float(cost),
        }

    def submitted(self, prediction: Prediction, submitted_at: float | None) -> None:
        """Push ``prediction_id`` and ``prediction`` before the wait; ``submitted_at`` in seconds since the epoch."""
        self._was_complete = prediction.is_complete
        self._saw(prediction)
        self.told["submitted_at"] = None if submitted_at is None else _iso(submitted_at)
        self._task_instance.xcom_push(key=PREDICTION_ID, value=prediction.id)
        self._push()

    def resumed(self) -> None:
        """Go on with what was told before the task was deferred; what cannot be had is left out."""
        try:
            told = self._task_instance.xcom_pull(
                task_ids=self._task_instance.task_id, map_indexes=self._task_instance.map_index, key=PREDICTION
            )
            if not isinstance(told, Mapping) or not all(
                isinstance(told.get(name), kind) for name, kind in _SHAPE.items()
            ):
                return
            if told["submitted_at"] is not None:
                datetime.fromisoformat(told["submitted_at"])
        except Exception as failure:  # whatever the API of Airflow raises: it must not cost another generation
            self._log.warning("What was told before the wait could not be read: %r", failure)
            return
        self.told |= {name: told[name] for name in self.told if name in told}

    def finished(self, prediction: Prediction) -> None:
        """Push ``prediction`` and ``video_url`` of a complete prediction, and tell the task's assets."""
        self._saw(prediction)
        if not self._was_complete:
            # One that was finished when this try first saw it was so before.
            self.told["finished_at"] = _iso(time.time())
        self._push()
        self._task_instance.xcom_push(key=VIDEO_URL, value=prediction.outputs[0])
        self._tell_assets()

    def succeeded(self, *, polls: int | None = None) -> None:
        """
        Sum up in the log and in the metrics, once nothing can go wrong any more.

        :param polls: How often the prediction was looked at; ``None`` where nobody counted.
        """
        told = self.told
        metrics.count_success(
            polls=polls, wait_seconds=self._waited, generation_seconds=told["inference_seconds"], tags=self._tags
        )
        self._log.info("Prediction %s succeeded: %s", told["id"], ", ".join(self._sum_up(polls)))

    def failed(self, error: SeedanceError) -> None:
        """Push ``prediction`` with the error; where that fails, the error counts, and not that it could not be told."""
        if error.charge is Charge.FAILED:
            expired = isinstance(error, GenerationExpiredError)
            self.told["status"] = (PredictionStatus.EXPIRED if expired else PredictionStatus.FAILED).value
        elif error.prediction_id and not self.told["id"]:
            self.told["status"] = PredictionStatus.UNKNOWN.value
        self.told |= {
            "id": self.told["id"] or error.prediction_id,
            "error": str(error),
            "finished_at": _iso(time.time()),
        }
        try:
            self._push()
        except Exception as failure:  # whatever the API of Airflow raises
            self._log.warning("What follows could not be pushed to XCom: %r", failure)
        metrics.count_failure(error, self._tags)

    def _saw(self, prediction: Prediction) -> None:
        created_at = prediction.created_at
        self.told |= {
            "id": prediction.id,
            "model": prediction.model or self.told["model"],
            "status": prediction.status.value,
            "outputs": list(prediction.outputs),
            "created_at": created_at.isoformat() if created_at else self.told["created_at"],
            "inference_seconds": prediction.inference_seconds,
            "has_nsfw_contents": list(prediction.has_nsfw_contents),
        }

    @property
    def _tags(self) -> dict[str, str]:
        return metrics.tags_of(self.told["model"], self.told["mode"])

    @property
    def _waited(self) -> float | None:
        """Seconds since the submission, where that is known."""
        submitted_at = self.told["submitted_at"]
        if submitted_at is None:
            return None
        return max(time.time() - datetime.fromisoformat(submitted_at).timestamp(), 0.0)

    def _tell_assets(self) -> None:
        """Give every asset among the task's outlets what a DAG that is scheduled on it wants to know."""
        told = self.told
        extra = {
            "prediction_id": told["id"],
            "urls": told["outputs"],
            **{name: told[name] for name in ("model", "width", "height", "estimated_cost_usd")},
        }
        for outlet in self._context.get("outlets") or ():
            if isinstance(outlet, Asset):
                self._context["outlet_events"][outlet].extra.update(extra)

    def _push(self) -> None:
        self._task_instance.xcom_push(key=PREDICTION, value=self.told)

    def _sum_up(self, polls: int | None) -> Iterator[str]:
        told = self.told
        yield _count(len(told["outputs"]), "output")
        yield f"try {self._task_instance.try_number}"
        if polls is not None:
            yield _count(polls, "poll")
        if self._waited is not None:
            yield f"here {self._waited:.0f} s after its submission"
        if told["inference_seconds"]:
            yield f"generated in {told['inference_seconds']:.0f} s"
        if told["estimated_cost_usd"] is not None:
            yield f"about {told['estimated_cost_usd']:.2f} USD at list price"


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


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
