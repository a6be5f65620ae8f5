"""
Predictions, and a lenient parser for the responses that contain them.

Submit and result share one envelope, ``{"data": {...}, "message": "success", "code": 200}`` (page, "Response
Example"). Real responses differ from it: ``data`` as a list of one, keys in camelCase, other spellings of the same
status, errors as text or object. The parser accepts all of them. An unknown status counts as in progress, because
a paid job must not be abandoned by mistake.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pendulum

from airflow_provider_seedance.gptproto.bodies import (
    ErrorDetail,
    data_layers,
    decoded,
    fold_fields,
    quote_body,
    read_error_detail,
    shorten,
)
from airflow_provider_seedance.gptproto.ids import (
    STATUS_NAMES,
    has_id,
    is_about,
    is_prediction_id,
    names_id,
    submitted_id,
    unwrap,
)
from airflow_provider_seedance.gptproto.outputs import USUAL_FIELDS, quote_unread, read_outputs

__all__ = ["Prediction", "PredictionStatus", "is_prediction_id", "read_code", "read_prediction", "restore_prediction"]


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
    "submitted": PredictionStatus.QUEUED,
    "not_start": PredictionStatus.QUEUED,
    "not_started": PredictionStatus.QUEUED,
    "in_queue": PredictionStatus.QUEUED,
    "processing": PredictionStatus.RUNNING,
    "in_progress": PredictionStatus.RUNNING,
    "generating": PredictionStatus.RUNNING,
    "preparing": PredictionStatus.QUEUED,
    "waiting": PredictionStatus.QUEUED,
    "queueing": PredictionStatus.QUEUED,
    "queuing": PredictionStatus.QUEUED,
    "排队中": PredictionStatus.QUEUED,
    "生成中": PredictionStatus.RUNNING,
    "处理中": PredictionStatus.RUNNING,
    "completed": PredictionStatus.SUCCEEDED,
    "success": PredictionStatus.SUCCEEDED,
    "succeed": PredictionStatus.SUCCEEDED,
    "finished": PredictionStatus.SUCCEEDED,
    "done": PredictionStatus.SUCCEEDED,
    "complete": PredictionStatus.SUCCEEDED,
    "finish": PredictionStatus.SUCCEEDED,
    "successful": PredictionStatus.SUCCEEDED,
    "已完成": PredictionStatus.SUCCEEDED,
    "成功": PredictionStatus.SUCCEEDED,
    "fail": PredictionStatus.FAILED,
    "failure": PredictionStatus.FAILED,
    "canceled": PredictionStatus.FAILED,
    "cancelled": PredictionStatus.FAILED,
    "error": PredictionStatus.FAILED,
    "errored": PredictionStatus.FAILED,
    "rejected": PredictionStatus.FAILED,
    "aborted": PredictionStatus.FAILED,
    "terminated": PredictionStatus.FAILED,
    "timeout": PredictionStatus.FAILED,
    "timed_out": PredictionStatus.FAILED,
    "失败": PredictionStatus.FAILED,
} | {status.value: status for status in PredictionStatus if status is not PredictionStatus.UNKNOWN}

_SEPARATORS = re.compile(r"[\s-]+")
_CODE = re.compile(r"[0-9]{1,9}")
#: Codes in the body that mean success.
_SUCCESSES = (0, 200, 201, 202)
_EPOCH = re.compile(r"\d{10}(\d{3})?(\.\d{1,9})?")
_FALSE = ("", "false", "0", "no", "none", "null")
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
    :param unread: Of a success without outputs: what else the response says, shortened, without the request's fields.
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
    unread: str = field(default="", repr=False, compare=False)

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
    return code if isinstance(code, int) and not isinstance(code, bool) and code not in _SUCCESSES else 200


def read_prediction(body: Any, *, prediction_id: str | None = None) -> Prediction | None:
    """
    Return the prediction in a response, or ``None`` if the response has no readable one.

    :param body: Decoded JSON of a submit or result response.
    :param prediction_id: The requested id. ``None`` for a submission: then the response must contain the id. An answer
        that names another id is not taken; one without an id is taken if it has ``data`` or outputs.
    """
    top = decoded(body)
    layers = data_layers(body)
    if isinstance(top, Mapping):
        envelope = fold_fields(top)
        if not layers and not has_id(envelope):
            # Some services put the prediction in an object of its own, beside the id of the HTTP request.
            found, rest = unwrap(envelope, prediction_id or submitted_id(body, is_success=True))
            if _status(found)[1] is not PredictionStatus.UNKNOWN:
                layers, envelope = found, rest
        if any(layer.keys() & {"status", "state", "task_status", "id", "task_id"} for layer in layers):
            # Beside a prediction these describe the request.
            envelope = {name: value for name, value in envelope.items() if name not in ("status", "state", "error")}
        layers = [*layers, envelope]
    outputs = read_outputs(layers)
    if prediction_id is None:
        identity = submitted_id(body, is_success=True)
    elif is_about(body, prediction_id) and (data_layers(body) or outputs or names_id(body, prediction_id)):
        identity = prediction_id
    else:
        identity = None
    if identity is None:
        return None

    def first(*names: str) -> Any:
        return _first(layers, names)

    reported, status = _status(layers)
    if status is PredictionStatus.SUCCEEDED and not outputs:
        outputs = read_outputs(layers, is_success=True)
    return Prediction(
        id=identity,
        status=status,
        reported_status=reported,
        model=shorten(_text(first("model"))),
        outputs=outputs,
        error=_failure_detail([*layers, *([fold_fields(top)] if isinstance(top, Mapping) else [])])
        if status is PredictionStatus.FAILED
        else _error(first("error")),
        has_nsfw_contents=_flags(first("has_nsfw_contents")),
        created_at=_time(first("created_at", "created", "create_time")),
        unread="" if outputs or status is not PredictionStatus.SUCCEEDED else quote_unread(body),
        inference_seconds=_inference_seconds({"timings": first("timings"), "execution_time": first("execution_time")}),
    )


def _first(layers: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    """Return the first value that the layers have under one of these names; ``None`` without one."""
    return next((layer[name] for layer in layers for name in names if layer.get(name) not in (None, "")), None)


def _status(layers: Sequence[Mapping[str, Any]]) -> tuple[str, PredictionStatus]:
    """Return the status in the layers, as it came and as it is meant."""
    reported = _status_text(_first(layers, STATUS_NAMES))
    word = _SEPARATORS.sub("_", reported.lower()).removeprefix("task_status_")
    return reported, _ALIASES.get(word, PredictionStatus.UNKNOWN)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _status_text(value: object) -> str:
    """Return a status as it came; one that is no text as JSON."""
    try:
        return shorten(value if isinstance(value, str) else "" if value is None else json.dumps(value))
    except (ValueError, RecursionError):
        return ""


def _flags(value: object) -> tuple[bool, ...]:
    value = decoded(value)
    if isinstance(value, list):
        return tuple(flag for item in value for flag in (_flags(item) if isinstance(item, list) else (_flag(item),)))
    return (_flag(value),) if isinstance(value, bool) or _text(value) else ()


def _flag(value: object) -> bool:
    return value.strip().lower() not in _FALSE if isinstance(value, str) else bool(value)


def _failure_detail(layers: list[dict[str, Any]]) -> ErrorDetail | None:
    """Return the reason of a failure: the object's own one, the one of the envelope, or what else the object says."""
    details = (read_error_detail(layer) for layer in layers)
    found = next((detail for detail in details if detail.message or detail.codes), None)
    rest = {name: value for name, value in layers[0].items() if value and name not in USUAL_FIELDS}
    return found or (ErrorDetail(quote_body(rest)) if rest else None)


def _error(value: object) -> ErrorDetail | None:
    detail = read_error_detail({"error": value})
    return detail if detail.message or detail.codes else None


def _time(value: object) -> pendulum.DateTime | None:
    """
    Return a time; the default time zone is UTC, and fractions below a microsecond are dropped.

    :param value: ISO 8601, or seconds or milliseconds since the epoch, as a number or as text.
    """
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)
    try:
        if epoch := _EPOCH.fullmatch(text):
            return pendulum.instance(datetime.fromtimestamp(float(text) / (1000 if epoch[1] else 1), UTC))
        return pendulum.instance(datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError):
        return None


def _inference_seconds(fields: Mapping[str, Any]) -> float:
    """Return the first valid one of ``timings.inference`` and ``executionTime``; both are in milliseconds."""
    timings = fields.get("timings")
    inference = timings.get("inference") if isinstance(timings, Mapping) else None
    for value in (inference, fields.get("execution_time")):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _MAXIMUM_INFERENCE:
            return value / 1000
    return 0.0
