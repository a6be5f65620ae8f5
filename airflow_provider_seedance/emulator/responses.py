"""
Response bodies of the emulated API: the envelope, the error formats, and unusual variants of the envelope.

Pure functions, without HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_provider_seedance.emulator.predictions import Prediction

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response of the API: HTTP status, JSON body and additional headers."""

    status: int
    content: Json
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def delivers_outputs(self) -> bool:
        """Whether the response contains the outputs of a succeeded prediction."""
        data = self.content.get("data")
        first = data[0] if isinstance(data, list) and data else data
        return (
            self.status == 200
            and self.content.get("code") == 200
            and isinstance(first, dict)
            and first.get("status") == "succeeded"
            and bool(first.get("outputs"))
        )


def envelope(prediction: Prediction, now: float, base_url: str) -> ApiResponse:
    """
    Return the response to a submission or a poll.

    :param prediction: The prediction to describe.
    :param now: Time of the request.
    :param base_url: Base URL of the links.
    """
    status = prediction.status(now)
    succeeded = status == "succeeded"
    finished = prediction.is_over(now)
    milliseconds = round((prediction.finished_at - prediction.submitted_at) * 1000) if finished else 0
    inference = round((prediction.finished_at - prediction.running_at) * 1000) if finished else 0
    return ApiResponse(
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


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> ApiResponse:
    """Return an error in the format ``{"error": {"message", "type"}}``."""
    return ApiResponse(status, {"error": {"message": message, "type": str(status)}}, headers or {})


def flat_error(status: int, message: str, *, code: int | None = None) -> ApiResponse:
    """Return an error in the format ``{"code", "message", "type"}``."""
    return ApiResponse(status, {"code": status if code is None else code, "message": message, "type": "error"})


def invalid(message: str) -> ApiResponse:
    """Return the error for an invalid request."""
    return ApiResponse(400, {"error": {"message": message, "type": "invalid_request_error", "code": 400}})


def policy_violation(code_field: str) -> ApiResponse:
    """Return a content policy refusal: HTTP 400 with 503 in ``code`` or in ``error.type``."""
    message = "Content policy violation: content blocked due to safety concerns"
    if code_field == "code":
        return flat_error(400, message, code=503)
    return ApiResponse(400, {"error": {"message": message, "type": "503"}})


def model_list(models: list[str]) -> ApiResponse:
    """Return the response to ``GET /v1/models``."""
    data = [{"id": model, "object": "model", "created": 0, "owned_by": "bytedance"} for model in models]
    return ApiResponse(200, {"object": "list", "data": data})


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

#: Variants of the envelope: functions of the envelope and the ``location`` of the fault.
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


def apply_variant(response: ApiResponse, variant: str, location: str) -> ApiResponse:
    """
    Return the variant of an envelope; return an error unchanged.

    :param response: The normal response.
    :param variant: A key of :data:`VARIANTS`.
    :param location: Origin for ``foreign-urls``.
    """
    if response.status != 200:
        return response
    return ApiResponse(response.status, VARIANTS[variant](response.content, location), response.headers)
