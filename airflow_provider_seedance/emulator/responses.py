"""
Response bodies of the emulated API: the envelope and the error formats.

Pure functions, without HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from airflow_provider_seedance.emulator.predictions import Prediction
from airflow_provider_seedance.emulator.shapes import Shape


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """
    A response of the API.

    :param status: HTTP status.
    :param content: JSON; text is a page.
    :param headers: Additional headers.
    :param prediction_id: The prediction that it is about.
    """

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    prediction_id: str | None = None

    @property
    def delivers_outputs(self) -> bool:
        """Whether the response contains the links of a succeeded prediction."""
        return self.prediction_id is not None and f"/outputs/{self.prediction_id}/" in json.dumps(self.content)


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
        prediction_id=prediction.id,
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


def with_shape(response: ApiResponse, shape: Shape) -> ApiResponse:
    """
    Return the answer in a shape; return an error unchanged, unless the shape is a refusal.

    :param response: The usual answer.
    :param shape: The shape.
    """
    if response.status != 200 and not shape.refuses:
        return response
    headers = {**response.headers, **shape.headers}
    return ApiResponse(shape.status, shape.body(response.content), headers, response.prediction_id)


def with_foreign_urls(response: ApiResponse, location: str) -> ApiResponse:
    """Return the envelope with a result URL of another origin; return an error unchanged."""
    if response.prediction_id is None:
        return response
    data = {**response.content["data"], "urls": {"get": _result_url(location, response.prediction_id)}}
    return replace(response, content={**response.content, "data": data})
