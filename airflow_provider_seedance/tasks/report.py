"""
The report of a generation: a frozen value with pure transitions, and the one place that publishes it.

It is published to XCom, for downstream tasks and for the Video tab, to asset events, metrics and the task's log.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AssetAlias

from airflow_provider_seedance.gptproto.errors import Charge, GenerationExpiredError, NsfwContentError, SeedanceError
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.tasks import metrics

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.gptproto.requests import CheckedRequest, GenerationRequest

PREDICTION_ID = "prediction_id"
PREDICTION = "prediction"
VIDEO_URL = "video_url"
#: The types of the fields that a later leg reads from XCom ``prediction``.
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "parameters": dict,
    "outputs": list,
    "submitted_at": (str, type(None)),
    "inference_seconds": (int, float),
    "estimated_cost_usd": (int, float, type(None)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationReport:
    """
    The value of XCom ``prediction``. Times are ISO 8601, prices USD.

    :param id: The prediction's id.
    :param mode: ``text-to-video``, ...; ``None`` for a prediction that another task or program submitted.
    :param model: The model's id.
    :param status: The status of :class:`PredictionStatus`.
    :param seen_at: When the service reported this status. Polls without a change of status, and those of the triggerer,
        which cannot write XComs, leave it as it is.
    :param parameters: The given values under the API's names; uploads are only described.
    :param width: Width of the video in pixels; ``None`` if unknown, as is ``height``.
    :param height: Height of the video in pixels.
    :param resolution: The resolution, also if it was not given; ``None`` if unknown.
    :param outputs: URLs of the videos.
    :param error: The error message.
    :param submitted_at: When this task instance submitted it.
    :param created_at: When the service created it.
    :param finished_at: When a poll first returned it finished, or when the error was raised.
    :param inference_seconds: The duration of the generation as the service reports it; 0 if it does not.
    :param has_nsfw_contents: One flag for each output.
    :param estimated_cost_usd: Price of the generation at list price.
    :param submissions: The submissions of the task instance, over all its tries, that were or may have been accepted;
        ``None`` from the second try on if no record is kept.
    :param total_cost_usd: The sum of their list prices; ``None`` if one is unknown.
    """

    id: str | None = None
    mode: str | None = None
    model: str | None = None
    status: str | None = None
    seen_at: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    width: int | None = None
    height: int | None = None
    resolution: str | None = None
    outputs: tuple[str, ...] = ()
    error: str | None = None
    submitted_at: str | None = None
    created_at: str | None = None
    finished_at: str | None = None
    inference_seconds: float = 0.0
    has_nsfw_contents: tuple[bool, ...] = ()
    estimated_cost_usd: float | None = None
    submissions: int | None = None
    total_cost_usd: float | None = None

    @property
    def video_url(self) -> str:
        """The first output; empty if there is none."""
        return self.outputs[0] if self.outputs else ""

    def with_request(self, request: GenerationRequest) -> GenerationReport:
        """Add mode, model and parameters, whether or not they are valid."""
        return dataclasses.replace(self, mode=request.mode.value, model=request.model, parameters=request.description())

    def with_checked(self, checked: CheckedRequest) -> GenerationReport:
        """Add cost, frame size and resolution."""
        width, height = checked.frame_size or (None, None)
        cost = None if checked.price.estimate is None else float(checked.price.estimate)
        resolution = checked.payload.get("resolution")
        return dataclasses.replace(self, width=width, height=height, resolution=resolution, estimated_cost_usd=cost)

    def with_submission(self, prediction: Prediction, submitted_at: float | None, now: float) -> GenerationReport:
        """
        Add the prediction before the wait.

        :param submitted_at: In seconds since the epoch; ``None`` if another task or program submitted it.
        """
        submitted = None if submitted_at is None else _iso(submitted_at)
        return dataclasses.replace(self.with_progress(prediction, now), submitted_at=submitted)

    def with_progress(self, prediction: Prediction, now: float) -> GenerationReport:
        """Add the prediction as the service reports it now."""
        return dataclasses.replace(self.with_prediction(prediction), seen_at=_iso(now))

    def with_recorded(self, prediction_id: str, submitted_at: float) -> GenerationReport:
        """Add the prediction of a record; the time is in seconds since the epoch."""
        return dataclasses.replace(self, id=prediction_id, submitted_at=_iso(submitted_at))

    def with_spending(self, submissions: int, total_cost_usd: float | None) -> GenerationReport:
        """Add what the task instance has submitted, over all its tries."""
        return dataclasses.replace(self, submissions=submissions, total_cost_usd=total_cost_usd)

    def with_result(self, prediction: Prediction, now: float) -> GenerationReport:
        """Add a complete prediction. If it was complete before the wait, ``finished_at`` stays as it is."""
        was_complete = self.status == PredictionStatus.SUCCEEDED and bool(self.outputs)
        finished_at = self.finished_at if was_complete else _iso(now)
        return dataclasses.replace(self.with_progress(prediction, now), finished_at=finished_at)

    def with_error(self, error: SeedanceError, now: float) -> GenerationReport:
        """Add the error that ended the try."""
        status, seen_at = self.status, self.seen_at
        if error.charge is Charge.FAILED:
            is_expired = isinstance(error, GenerationExpiredError)
            status, seen_at = (PredictionStatus.EXPIRED if is_expired else PredictionStatus.FAILED).value, _iso(now)
        elif error.prediction_id and error.prediction_id != self.id:
            status = PredictionStatus.UNKNOWN.value
        return dataclasses.replace(
            self,
            # A generation without audio replaces one that the report already names.
            id=error.prediction_id or self.id,
            status=status,
            seen_at=seen_at,
            error=str(error),
            finished_at=_iso(now),
        )

    def with_prediction(self, prediction: Prediction) -> GenerationReport:
        """Add what the service says."""
        created_at = prediction.created_at
        return dataclasses.replace(
            self,
            id=prediction.id,
            model=prediction.model or self.model,
            status=prediction.status.value,
            outputs=prediction.outputs,
            created_at=created_at.isoformat() if created_at else self.created_at,
            inference_seconds=prediction.inference_seconds,
            has_nsfw_contents=prediction.has_nsfw_contents,
        )

    def seconds_since_submission(self, now: float) -> float | None:
        """Return the seconds since the submission, or ``None`` if its time is unknown."""
        if self.submitted_at is None:
            return None
        return max(now - datetime.fromisoformat(self.submitted_at).timestamp(), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}

    @classmethod
    def from_dict(cls, stored: Any) -> GenerationReport:
        """
        Return the report in XCom ``prediction``; an empty one if it cannot be used.

        :raises ValueError: When a time in it is invalid.
        """
        if not isinstance(stored, Mapping):
            return cls()
        if not all(isinstance(stored.get(name), kind) for name, kind in _TYPES.items()):
            return cls()
        if stored["submitted_at"] is not None:
            datetime.fromisoformat(stored["submitted_at"])
        fields: dict[str, Any] = {}
        for name in (each.name for each in dataclasses.fields(cls) if each.name in stored):
            fields[name] = tuple(stored[name]) if isinstance(stored[name], list) else stored[name]
        return cls(**fields)


class Publisher:
    """
    Publishes the reports of one try.

    :param context: The task's context.
    :param log: The task's log.
    """

    def __init__(self, context: Context, *, log: Log) -> None:
        self._context = context
        self._task_instance = context["ti"]
        self._log = log

    def restore(self, handed_on: Any = None) -> GenerationReport:
        """
        Return the report that the leg before the deferral published; an empty one if XCom cannot be read.

        :param handed_on: The report that Airflow handed on with the deferral; ``dag.test()`` does not.
        """
        try:
            if handed_on is not None:
                return GenerationReport.from_dict(handed_on)
            return GenerationReport.from_dict(
                self._task_instance.xcom_pull(
                    task_ids=self._task_instance.task_id, map_indexes=self._task_instance.map_index, key=PREDICTION
                )
            )
        except Exception as error:  # any error of Airflow's API: the generation is paid for, so the task goes on
            self._log.warning("The report from before the wait could not be read: %r", error)
            return GenerationReport()

    def publish_submitted(self, report: GenerationReport) -> None:
        """Push ``prediction_id`` and ``prediction``, before the wait."""
        self._task_instance.xcom_push(key=PREDICTION_ID, value=report.id)
        self._push(report)

    def publish_progress(self, report: GenerationReport) -> None:
        """Push ``prediction`` with a changed status. If the push fails, the task still waits for the prediction."""
        try:
            self._push(report)
        except Exception as failure:  # any error of Airflow's API
            self._log.warning("The status could not be pushed to XCom: %r", failure)

    def publish_result(self, report: GenerationReport) -> None:
        """Push ``prediction`` and ``video_url``, and add an extra to the events of the task's assets."""
        self._push(report)
        self._task_instance.xcom_push(key=VIDEO_URL, value=report.video_url)
        extra = {
            "prediction_id": report.id,
            "urls": list(report.outputs),
            **{name: getattr(report, name) for name in ("model", "width", "height", "estimated_cost_usd")},
        }
        for outlet in self._context.get("outlets") or ():
            self._add_to_events(outlet, extra)

    def publish_success(self, report: GenerationReport, *, polls: int | None = None) -> None:
        """
        Log a summary and count the success, once the task can no longer fail.

        :param polls: The number of polls; ``None`` if it is unknown.
        """
        now = time.time()
        metrics.count_success(
            polls=polls,
            wait_seconds=report.seconds_since_submission(now),
            generation_seconds=report.inference_seconds,
            tags=metrics.tags_of(report.model, report.mode),
        )
        self._log.info("Succeeded: %s (prediction %s)", ", ".join(self._summary(report, polls, now)), report.id)

    def publish_error(self, report: GenerationReport, error: SeedanceError) -> None:
        """Push id and ``prediction`` with the error. If a push fails, the task still fails with the first error."""
        try:
            if report.id is not None:
                self._task_instance.xcom_push(key=PREDICTION_ID, value=report.id)
            self._push(report)
        except Exception as failure:  # any error of Airflow's API
            self._log.warning("The error could not be pushed to XCom: %r", failure)
        metrics.count_failure(error, metrics.tags_of(report.model, report.mode))

    def _add_to_events(self, outlet: Any, extra: Mapping[str, Any]) -> None:
        """
        Add an extra to the events of an outlet.

        An alias has only the events that the author's ``pre_execute`` added: which assets stand for a video, and how
        many, is the author's choice.
        """
        try:
            events: Any = self._context["outlet_events"][outlet]
            for event in events.asset_alias_events if isinstance(outlet, AssetAlias) else [events]:
                event.extra.update(extra)
        except Exception as error:  # no asset, or an Asset.ref() that Airflow does not find: the generation is paid for
            self._log.warning("The event of outlet %r has no extra: %r", outlet, error)

    def _push(self, report: GenerationReport) -> None:
        self._task_instance.xcom_push(key=PREDICTION, value=report.to_dict())

    def _summary(self, report: GenerationReport, polls: int | None, now: float) -> Iterator[str]:
        yield _count(len(report.outputs), "output")
        yield f"try {self._task_instance.try_number}"
        if polls is not None:
            yield _count(polls, "poll")
        elapsed = report.seconds_since_submission(now)
        if elapsed is not None:
            yield f"{elapsed:.0f} s after the submission"
        if report.inference_seconds:
            yield f"generated in {report.inference_seconds:.0f} s"
        if report.estimated_cost_usd is not None:
            yield f"about {report.estimated_cost_usd:.2f} USD at list price"


def check_nsfw(prediction: Prediction, *, log: Log, fail_on_nsfw: bool) -> None:
    """
    Warn about an output that is flagged as not safe for work, or fail. The URLs are in XCom in both cases.

    :param prediction: A complete prediction, already published.
    :param log: The task's log.
    :param fail_on_nsfw: Whether a flagged output fails the task.
    :raises NsfwContentError: When an output is flagged and ``fail_on_nsfw`` is true.
    """
    if any(prediction.has_nsfw_contents):
        flagged = "An output is flagged as not safe for work"
        if fail_on_nsfw:
            raise NsfwContentError(flagged, prediction_id=prediction.id, charge=Charge.ACCEPTED)
        log.warning("%s (prediction %s)", flagged, prediction.id)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
