"""
What the service answers: predictions, read leniently.

Submit and result share one envelope, ``{"data": {...}, "message": "success", "code": 200}`` (page, "Response
Example"). Answers that were seen differ from it: ``data`` as a list of one, keys in camelCase, other spellings of the
same status, errors as text or object. All of them are understood here; an unknown status counts as in progress,
because the contrary could give up a paid job.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pendulum

from airflow_provider_seedance.gptproto.answers import ErrorDetail, read_error_detail


class PredictionStatus(StrEnum):
    """Where a prediction stands (page, "Status Enum", and ``created`` from its example)."""

    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the prediction will not change any more; an unknown status is in progress."""
        return self in (PredictionStatus.SUCCEEDED, PredictionStatus.FAILED, PredictionStatus.EXPIRED)


#: Other spellings that were seen in answers, in lower case.
_ALIASES: Mapping[str, PredictionStatus] = {
    "pending": PredictionStatus.QUEUED,
    "starting": PredictionStatus.QUEUED,
    "processing": PredictionStatus.RUNNING,
    "in_progress": PredictionStatus.RUNNING,
    "completed": PredictionStatus.SUCCEEDED,
    "success": PredictionStatus.SUCCEEDED,
    "canceled": PredictionStatus.FAILED,
    "cancelled": PredictionStatus.FAILED,
    "error": PredictionStatus.FAILED,
    "timeout": PredictionStatus.FAILED,
} | {status.value: status for status in PredictionStatus if status is not PredictionStatus.UNKNOWN}

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """
    One generation as the service last reported it.

    :param id: The service's id: 32 hex characters, ``cgt-...``, or with a colon.
    :param status: Where it stands.
    :param reported_status: The status in the service's own word.
    :param model: Model as reported; empty where the service does not say.
    :param outputs: Addresses of the videos; empty until success. They live about a day.
    :param error: Why it failed; ``None`` where nothing is said.
    :param has_nsfw_contents: One flag for each output; empty where the service does not say.
    :param created_at: When it was submitted, by the service's clock; ``None`` where it cannot be read.
    :param inference_seconds: How long the generation took; 0 where the service does not say.
    """

    id: str
    status: PredictionStatus
    reported_status: str = ""
    model: str = ""
    outputs: tuple[str, ...] = ()
    error: ErrorDetail | None = None
    has_nsfw_contents: tuple[bool, ...] = ()
    created_at: pendulum.DateTime | None = None
    inference_seconds: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether there is a video to fetch: succeeded, with outputs."""
        return self.status is PredictionStatus.SUCCEEDED and bool(self.outputs)


def read_code(body: Any) -> int:
    """
    Return the ``code`` in an answer's body, or 200 where it has none.

    :param body: Decoded JSON. A ``code`` other than 200 is an error whatever the HTTP status says.
    """
    code = body.get("code") if isinstance(body, Mapping) else None
    if isinstance(code, str) and code.isdecimal():
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and code != 0 else 200


def read_prediction(body: Any, *, prediction_id: str | None = None) -> Prediction | None:
    """
    Return the prediction in an answer, or ``None`` where there is none to be read.

    :param body: Decoded JSON of a submit or result answer.
    :param prediction_id: The id that was asked for; it stands even where the answer names none, or another form of it.
        For a submission ``None``: then the answer must carry the id.
    """
    data = body.get("data") if isinstance(body, Mapping) else None
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, Mapping):
        return None
    answer = {_WORD_START.sub("_", key).lower(): value for key, value in data.items() if isinstance(key, str)}
    identity = prediction_id or _text(answer.get("id"))
    if not identity:
        return None
    reported = _text(answer.get("status"))
    return Prediction(
        id=identity,
        status=_ALIASES.get(reported.lower(), PredictionStatus.UNKNOWN),
        reported_status=reported,
        model=_text(answer.get("model")),
        outputs=_texts(answer.get("outputs")),
        error=_error(answer.get("error")),
        has_nsfw_contents=_flags(answer.get("has_nsfw_contents")),
        created_at=_time(answer.get("created_at")),
        inference_seconds=_inference_seconds(answer),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        return ()
    return tuple(item.strip() for item in values if isinstance(item, str) and item.strip())


def _flags(value: object) -> tuple[bool, ...]:
    return tuple(bool(item) for item in value) if isinstance(value, list) else ()


def _error(value: object) -> ErrorDetail | None:
    if not value:
        return None
    return read_error_detail({"error": value} if isinstance(value, (str, Mapping)) else str(value))


def _time(value: object) -> pendulum.DateTime | None:
    """Return a time; one without a zone is UTC, fractions beyond microseconds are cut."""
    if not isinstance(value, str):
        return None
    try:
        parsed = pendulum.parse(re.sub(r"(\.\d{6})\d+", r"\1", value.strip()))
    except ValueError:
        return None
    return parsed if isinstance(parsed, pendulum.DateTime) else None


def _inference_seconds(answer: Mapping[str, Any]) -> float:
    """Return ``timings.inference`` or ``executionTime``, whichever says something; both are milliseconds."""
    timings = answer.get("timings")
    inference = timings.get("inference") if isinstance(timings, Mapping) else None
    for value in (inference, answer.get("execution_time")):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf"):
            return value / 1000
    return 0.0
