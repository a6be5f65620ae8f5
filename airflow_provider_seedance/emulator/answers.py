"""
What the service answers: the envelope, its error shapes, and the awkward variants seen in the wild.

Everything here is pure: JSON in, JSON out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_provider_seedance.emulator.predictions import Prediction

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API: HTTP status, JSON body and further headers."""

    status: int
    content: Json
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def hands_over(self) -> bool:
        """Whether this is the envelope of a success with its outputs."""
        data = self.content.get("data")
        first = data[0] if isinstance(data, list) and data else data
        return (
            self.status == 200
            and self.content.get("code") == 200
            and isinstance(first, dict)
            and first.get("status") == "succeeded"
            and bool(first.get("outputs"))
        )


def envelope(prediction: Prediction, now: float, base_url: str) -> Answer:
    """
    Return the answer to a submission or to a question for its result.

    :param prediction: What it is about.
    :param now: When it is asked.
    :param base_url: Address that links begin with.
    """
    status = prediction.status(now)
    succeeded = status == "succeeded"
    finished = prediction.is_over(now)
    milliseconds = round((prediction.finished_at - prediction.submitted_at) * 1000) if finished else 0
    inference = round((prediction.finished_at - prediction.running_at) * 1000) if finished else 0
    return Answer(
        200,
        {
            "data": {
                "id": prediction.id,
                "model": prediction.model,
                "outputs": [f"{base_url}/outputs/{prediction.id}/0.mp4"] if succeeded else [],
                "urls": {"get": _result_url(base_url, prediction.id)},
                "status": status,
                "error": prediction.fate.error if finished else None,
                "executionTime": milliseconds,
                "timings": {"inference": inference},
                "has_nsfw_contents": [prediction.fate.nsfw] if succeeded else [],
                "created_at": f"{datetime.fromtimestamp(prediction.submitted_at, UTC):%Y-%m-%d %H:%M:%S}",
            },
            "message": "success",
            "code": 200,
        },
    )


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error in the shape ``{"error": {"message", "type"}}``."""
    return Answer(status, {"error": {"message": message, "type": str(status)}}, headers or {})


def flat_error(status: int, message: str, *, code: int | None = None) -> Answer:
    """Return an error in the shape ``{"code", "message", "type"}``."""
    return Answer(status, {"code": status if code is None else code, "message": message, "type": "error"})


def invalid(message: str) -> Answer:
    """Return the refusal of a request that is not in order."""
    return Answer(400, {"error": {"message": message, "type": "invalid_request_error", "code": 400}})


def policy_violation(spelling: str) -> Answer:
    """Return a refusal for content: HTTP 400, with the 503 in ``code`` or in ``error.type``."""
    message = "Content policy violation: content blocked due to safety concerns"
    if spelling == "code":
        return flat_error(400, message, code=503)
    return Answer(400, {"error": {"message": message, "type": "503"}})


def model_list(models: list[str]) -> Answer:
    """Return the answer of ``GET /v1/models``."""
    data = [{"id": model, "object": "model", "created": 0, "owned_by": "bytedance"} for model in models]
    return Answer(200, {"object": "list", "data": data})


def _result_url(base_url: str, prediction_id: str) -> str:
    return f"{base_url.rstrip('/')}/api/v3/predictions/{prediction_id}/result"


def _with_data(content: Json, **changes: Any) -> Json:
    return {**content, "data": {**content["data"], **changes}}


def _camel_case(content: Json, _: str) -> Json:
    names = {"created_at": "createdAt", "has_nsfw_contents": "hasNsfwContents"}
    return {**content, "data": {names.get(name, name): value for name, value in content["data"].items()}}


def _failed(message: Any) -> Callable[[Json, str], Json]:
    return lambda content, _: _with_data(content, status="failed", error=message, outputs=[], has_nsfw_contents=[])


_INTERNAL_ERROR = "The service encountered an unexpected internal error."

#: Variants of the envelope, each a function of the envelope and the fault's ``location``.
VARIANTS: Mapping[str, Callable[[Json, str], Json]] = {
    "code-500": lambda content, _: {"data": None, "message": "internal server error", "code": 500},
    "list-data": lambda content, _: {**content, "data": [content["data"]]},
    "camel-case": _camel_case,
    "unknown-status": lambda content, _: _with_data(content, status="warming_up", outputs=[]),
    "empty-outputs": lambda content, _: _with_data(content, outputs=[], has_nsfw_contents=[]),
    "nsfw": lambda content, _: _with_data(content, has_nsfw_contents=[True] * len(content["data"]["outputs"])),
    "expired": lambda content, _: _with_data(
        content, status="expired", error="The prediction expired before it was finished.", outputs=[]
    ),
    "failed": _failed({"message": _INTERNAL_ERROR, "code": "InternalServiceError"}),
    "string-error": _failed(_INTERNAL_ERROR),
    "urls-list": lambda content, _: _with_data(content, urls=[content["data"]["urls"]]),
    "foreign-urls": lambda content, location: _with_data(
        content, urls={"get": _result_url(location, content["data"]["id"])}
    ),
}


def vary(answer: Answer, variant: str, location: str) -> Answer:
    """
    Return the variant of an envelope; an error is returned as it is.

    :param answer: What the service would answer.
    :param variant: One of :data:`VARIANTS`.
    :param location: Origin for ``foreign-urls``.
    """
    if answer.status != 200:
        return answer
    return Answer(answer.status, VARIANTS[variant](answer.content, location), answer.headers)
