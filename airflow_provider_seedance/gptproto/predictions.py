"""
What the service answers: predictions, read leniently.

Submit and result share one envelope, ``{"data": {...}, "message": "success", "code": 200}`` (page, "Response
Example"). Answers that were seen differ from it: ``data`` as a list of one, keys in camelCase, other spellings of the
same status, errors as text or object. All of them are understood here; an unknown status counts as in progress,
because the contrary could give up a paid job.
"""

from __future__ import annotations

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
_CODE = re.compile(r"[0-9]{1,9}")
_RESULT_PATH = re.compile(r"/predictions/([^/?#]+)/result")
#: Longer than any id that was seen, and short enough for an address.
_LONGEST_ID = 256
#: Milliseconds: a week, after which a prediction is forgotten; a number above it says nothing.
_LONGEST_INFERENCE = 7 * 24 * 3600 * 1000


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
    if isinstance(code, str) and _CODE.fullmatch(code):
        code = int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and code != 0 else 200


def is_prediction_id(text: str) -> bool:
    """Return whether a text can be a prediction's id, whatever its form: one word that an address can hold."""
    return 0 < len(text) <= _LONGEST_ID and text.isprintable() and " " not in text and text not in (".", "..")


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
    identity = prediction_id or _text(answer.get("id")) or _id_in_urls(answer.get("urls"))
    if not is_prediction_id(identity):
        return None
    reported = shorten(_text(answer.get("status")))
    return Prediction(
        id=identity,
        status=_ALIASES.get(reported.lower(), PredictionStatus.UNKNOWN),
        reported_status=reported,
        model=shorten(_text(answer.get("model"))),
        outputs=_addresses(answer.get("outputs")),
        error=_error(answer.get("error")),
        has_nsfw_contents=_flags(answer.get("has_nsfw_contents")),
        created_at=_time(answer.get("created_at")),
        inference_seconds=_inference_seconds(answer),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _id_in_urls(value: object) -> str:
    """Return the id in ``urls.get``, whose origin does not matter: the address is read and never asked."""
    urls = value[0] if isinstance(value, list) and value else value
    address = urls.get("get") if isinstance(urls, Mapping) else None
    found = _RESULT_PATH.search(address) if isinstance(address, str) else None
    return unquote(found[1]) if found else ""


def _addresses(value: object) -> tuple[str, ...]:
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
    """Return a time; one without a zone is UTC, fractions beyond microseconds are cut."""
    try:
        return pendulum.instance(datetime.fromisoformat(_text(value)))
    except ValueError:
        return None


def _inference_seconds(answer: Mapping[str, Any]) -> float:
    """Return ``timings.inference`` or ``executionTime``, whichever says something; both are milliseconds."""
    timings = answer.get("timings")
    inference = timings.get("inference") if isinstance(timings, Mapping) else None
    for value in (inference, answer.get("execution_time")):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _LONGEST_INFERENCE:
            return value / 1000
    return 0.0
