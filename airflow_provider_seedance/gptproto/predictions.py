"""
Predictions, and a lenient parser for the responses that contain them.

Submit and result share one envelope, ``{"data": {...}, "message": "success", "code": 200}`` (page, "Response
Example"). Real responses differ from it: ``data`` as a list of one, keys in camelCase, other spellings of the same
status, errors as text or object. The parser accepts all of them. An unknown status counts as in progress, because
a paid job must not be abandoned by mistake.
"""

from __future__ import annotations

import dataclasses
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

import pendulum

from airflow_provider_seedance.gptproto.responses import ErrorDetail, read_error_detail, shorten


class PredictionStatus(StrEnum):
    """The status of a prediction (page, "Status Enum", and ``created`` from its example)."""

    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the status can no longer change; an unknown status is in progress."""
        return self in (PredictionStatus.SUCCEEDED, PredictionStatus.FAILED, PredictionStatus.EXPIRED)


#: Other spellings in real responses, in lower case.
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
_CODE = re.compile(r"[0-9]{1,9}")
_RESULT_PATH = re.compile(r"/predictions/([^/?#]+)/result")
#: Longer than any known id, and short enough for a URL.
_MAXIMUM_ID_LENGTH = 256
#: Milliseconds: a week, the lifetime of a prediction; a larger number is invalid.
_MAXIMUM_INFERENCE = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """
    One generation, as in the latest response of the service.

    :param id: The service's id: 32 hex characters, ``cgt-...``, or with a colon.
    :param status: The normalized status.
    :param reported_status: The status as the service spells it.
    :param model: The model; empty if not reported.
    :param outputs: URLs of the videos; empty until success. They expire after about a day.
    :param error: The reason of a failure; ``None`` if not reported.
    :param has_nsfw_contents: One flag for each output; empty if not reported.
    :param created_at: Time of submission by the service's clock; ``None`` if missing or unreadable.
    :param inference_seconds: Duration of the generation in seconds; 0 if not reported.
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

    def to_dict(self) -> dict[str, Any]:
        """Return a complete prediction as JSON values, for :func:`restore_prediction`."""
        return {
            "id": self.id,
            "reported_status": self.reported_status,
            "model": self.model,
            "outputs": list(self.outputs),
            "has_nsfw_contents": list(self.has_nsfw_contents),
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "inference_seconds": self.inference_seconds,
        }

    @property
    def has_failed(self) -> bool:
        """Whether the service says that it ended without a video."""
        return self.status in (PredictionStatus.FAILED, PredictionStatus.EXPIRED)

    @property
    def is_complete(self) -> bool:
        """Whether the prediction succeeded and has outputs."""
        return self.status is PredictionStatus.SUCCEEDED and bool(self.outputs)


def restore_prediction(stored: Any) -> Prediction | None:
    """
    Return the complete prediction that :meth:`Prediction.to_dict` described, or ``None`` if it is not one.

    :param stored: The dict, which may come from another version of this provider.
    """
    fields = stored if isinstance(stored, Mapping) else {}
    data = {
        "id": fields.get("id"),
        "status": PredictionStatus.SUCCEEDED.value,
        "outputs": fields.get("outputs"),
        "model": fields.get("model"),
        "has_nsfw_contents": fields.get("has_nsfw_contents"),
        "created_at": fields.get("created_at"),
    }
    prediction = read_prediction({"data": data})
    if prediction is None or not prediction.is_complete:
        return None
    seconds = fields.get("inference_seconds")
    return dataclasses.replace(
        prediction,
        reported_status=_text(fields.get("reported_status")),
        inference_seconds=seconds if isinstance(seconds, (int, float)) else 0.0,
    )


def read_code(body: Any) -> int:
    """
    Return the ``code`` in the body of a response, or 200 if there is none.

    :param body: Decoded JSON. A ``code`` other than 200 is an error, even in an HTTP 200.
    """
    code = body.get("code") if isinstance(body, Mapping) else None
    if isinstance(code, str) and _CODE.fullmatch(code):
        code = int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and code != 0 else 200


def is_prediction_id(text: str) -> bool:
    """Return whether a text can be a prediction id: printable, without spaces, and valid as a segment of a URL."""
    return 0 < len(text) <= _MAXIMUM_ID_LENGTH and text.isprintable() and " " not in text and text not in (".", "..")


def read_prediction(body: Any, *, prediction_id: str | None = None) -> Prediction | None:
    """
    Return the prediction in a response, or ``None`` if the response has no readable one.

    :param body: Decoded JSON of a submit or result response.
    :param prediction_id: The requested id; it overrides the id in the response, which can be missing or differ in
        form. ``None`` for a submission: then the response must contain the id.
    """
    data = body.get("data") if isinstance(body, Mapping) else None
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, Mapping):
        return None
    fields = {_WORD_START.sub("_", key).lower(): value for key, value in data.items() if isinstance(key, str)}
    identity = prediction_id or _text(fields.get("id")) or _id_in_urls(fields.get("urls"))
    if not is_prediction_id(identity):
        return None
    reported = shorten(_text(fields.get("status")))
    return Prediction(
        id=identity,
        status=_ALIASES.get(reported.lower(), PredictionStatus.UNKNOWN),
        reported_status=reported,
        model=shorten(_text(fields.get("model"))),
        outputs=_output_urls(fields.get("outputs")),
        error=_error(fields.get("error")),
        has_nsfw_contents=_flags(fields.get("has_nsfw_contents")),
        created_at=_time(fields.get("created_at")),
        inference_seconds=_inference_seconds(fields),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _id_in_urls(value: object) -> str:
    """Return the id in ``urls.get``. Any origin is accepted: no request is sent to this URL."""
    urls = value[0] if isinstance(value, list) and value else value
    url = urls.get("get") if isinstance(urls, Mapping) else None
    found = _RESULT_PATH.search(url) if isinstance(url, str) else None
    return unquote(found[1]) if found else ""


def _output_urls(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    texts = [_text(item) for item in values] if isinstance(values, list) else []
    return tuple(text for text in texts if text and text.isprintable())


def _flags(value: object) -> tuple[bool, ...]:
    return tuple(bool(item) for item in value) if isinstance(value, list) else ()


def _error(value: object) -> ErrorDetail | None:
    if not value:
        return None
    return read_error_detail({"error": value if isinstance(value, (str, Mapping)) else reprlib.repr(value)})


def _time(value: object) -> pendulum.DateTime | None:
    """Return a time; the default time zone is UTC, and fractions below a microsecond are dropped."""
    try:
        return pendulum.instance(datetime.fromisoformat(_text(value)))
    except ValueError:
        return None


def _inference_seconds(fields: Mapping[str, Any]) -> float:
    """Return the first valid one of ``timings.inference`` and ``executionTime``; both are in milliseconds."""
    timings = fields.get("timings")
    inference = timings.get("inference") if isinstance(timings, Mapping) else None
    for value in (inference, fields.get("execution_time")):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _MAXIMUM_INFERENCE:
            return value / 1000
    return 0.0
