"""The HTTP endpoints that GPTProto documents, and the output files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from airflow_provider_seedance.emulator.control import control_routes
from airflow_provider_seedance.emulator.faults import Endpoint, Fault
from airflow_provider_seedance.emulator.marks import MarkError, read_mark
from airflow_provider_seedance.emulator.predictions import Prediction, policy_marker
from airflow_provider_seedance.emulator.responses import (
    ApiResponse,
    envelope,
    error,
    flat_error,
    invalid,
    model_list,
    policy_violation,
    with_foreign_urls,
    with_shape,
)
from airflow_provider_seedance.emulator.rules import Refusal, Submission, check_submission, check_target, read_payload
from airflow_provider_seedance.emulator.service import Service
from airflow_provider_seedance.emulator.shapes import Shape
from airflow_provider_seedance.emulator.videos import Videos
from airflow_provider_seedance.emulator.wire import RECORD, DropConnection, Recorder, Truncated, disconnected_within
from airflow_provider_seedance.gptproto.catalogue import MAXIMUM_REQUEST_BYTES, known_models

#: From the shape that a fault names to the response.
Handler = Callable[[Shape | None], Awaitable[ApiResponse | Response]]

_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
#: Statuses of the gateway in front of the service; their body is HTML.
_GATEWAY_STATUSES = (502, 503, 504)
#: Bytes; larger bodies are decoded and hashed in a thread, not in the event loop.
_LARGE = 1024 * 1024


def create_app(service: Service, videos: Videos) -> Starlette:
    """
    Return the emulator as an ASGI application.

    :param service: State of the emulator.
    :param videos: Store of the output files.
    """
    api = _Api(service, videos)
    app = Starlette(
        routes=[
            Route("/api/v3/predictions/{prediction_id}/result", api.result, methods=["GET"]),
            Route("/api/v3/{vendor}/{model}/{mode}", api.submit, methods=["POST"]),
            Route("/v1/models", api.models, methods=["GET"]),
            Route("/outputs/{prediction_id}/{name}", api.output, methods=["GET"]),
            *control_routes(service),
        ],
        middleware=[Middleware(Recorder, service=service)],
        exception_handlers={HTTPException: _http_error, ClientDisconnect: _client_disconnected},
    )
    app.router.redirect_slashes = False
    return app


class _Api:
    def __init__(self, service: Service, videos: Videos) -> None:
        self._service = service
        self._videos = videos

    async def submit(self, request: Request) -> Response:
        body = await _read_body(request)
        target = check_target(*(request.path_params[name] for name in ("vendor", "model", "mode")))

        def check() -> Submission | Refusal:
            if isinstance(target, Refusal):
                return target
            payload = read_payload(request.headers.get("content-type"), body)
            return payload if isinstance(payload, Refusal) else check_submission(target, payload)

        async def handle(shape: Shape | None) -> ApiResponse:
            refusal = self._check_access(request, submission=True)
            if refusal is not None:
                return refusal
            checked = await asyncio.to_thread(check) if len(body) > _LARGE else check()
            if isinstance(checked, Refusal):
                return flat_error(404, checked.message) if checked.status == 404 else invalid(checked.message)
            code_field = policy_marker(checked.prompt)
            if code_field is not None:
                return policy_violation(code_field)
            try:
                mark = read_mark(checked.prompt)
            except MarkError as cause:
                return invalid(str(cause))
            shape = shape or (mark.for_submission() if mark else None)
            if shape is None:
                return self._accepted(self._service.book(checked), request)
            if shape.refuses:
                return with_shape(ApiResponse(200, None), shape)
            return with_shape(self._accepted(self._service.book(checked, shape.new_id), request), shape)

        return await self._serve(request, "submit", None, handle)

    async def result(self, request: Request) -> Response:
        prediction = self._service.ledger.find(request.path_params["prediction_id"])
        if prediction is not None and self._service.accepts(request.headers.get("authorization")):
            self._service.ledger.poll(prediction.id, self._service.clock())

        async def handle(shape: Shape | None) -> ApiResponse:
            refusal = self._check_access(request, submission=False)
            if refusal is not None:
                return refusal
            if prediction is None:
                return flat_error(404, "prediction not found")
            mark, status = read_mark(prediction.prompt), prediction.status(self._service.clock())
            if mark is not None and shape is None:
                shape = mark.for_poll(self._service.ledger.polls(prediction.id), status)
            response = self._answer(prediction, request)
            return response if shape is None else with_shape(response, shape)

        return await self._serve(request, "result", prediction, handle)

    async def models(self, request: Request) -> Response:
        async def handle(_: Shape | None) -> ApiResponse:
            return self._check_access(request, submission=False) or model_list(list(known_models()))

        return await self._serve(request, "models", None, handle)

    async def output(self, request: Request) -> Response:
        prediction = self._service.ledger.find(request.path_params["prediction_id"])

        async def handle(_: Shape | None) -> ApiResponse | Response:
            if (
                prediction is None
                or prediction.status(self._service.clock()) != "succeeded"
                or request.path_params["name"] != "0.mp4"
            ):
                return error(404, "no such file")
            if self._service.link_expired(prediction):
                return error(403, "the link has expired")
            return FileResponse(await self._videos.make(prediction), media_type="video/mp4")

        return await self._serve(request, "output", prediction, handle)

    def _check_access(self, request: Request, *, submission: bool) -> ApiResponse | None:
        if not self._service.accepts(request.headers.get("authorization")):
            return error(401, "Unauthorized: API key is missing or invalid")
        wait = self._service.throttle(submission=submission)
        if wait:
            return error(429, "Too Many Requests: you've exceeded your rate limit", {"Retry-After": str(wait)})
        return None

    def _accepted(self, prediction: Prediction, request: Request) -> ApiResponse:
        # As in the specification, a new prediction is "created", however short the generation is.
        return envelope(prediction, prediction.submitted_at, self._base_url(request))

    def _answer(self, prediction: Prediction, request: Request) -> ApiResponse:
        return envelope(prediction, self._service.clock(), self._base_url(request))

    def _base_url(self, request: Request) -> str:
        return self._service.settings.public_url or str(request.base_url).rstrip("/")

    async def _serve(
        self, request: Request, endpoint: Endpoint, prediction: Prediction | None, handler: Handler
    ) -> Response:
        status = prediction.status(self._service.clock()) if prediction else None
        prediction_id = prediction.id if prediction else None
        fault = self._service.faults.take(endpoint, prediction_id, status)
        if fault is None:
            response = await handler(None)
        else:
            request.scope[RECORD]["fault"] = fault.label()
            response = await _apply_fault(request, fault, handler, prediction_id)
        if isinstance(response, Response):
            return response
        if endpoint == "result" and prediction is not None and response.delivers_outputs:
            self._service.ledger.deliver(prediction.id, self._service.clock())
        return _respond(response)


async def _apply_fault(
    request: Request, fault: Fault, handler: Handler, prediction_id: str | None
) -> ApiResponse | Response:
    shape = fault.shape
    response = await handler(None if fault.replaces_response else shape) if fault.executes_request else None
    if fault.latency and await disconnected_within(request.receive, fault.latency):
        return DropConnection()
    if fault.drop is not None:
        return DropConnection()
    if response is None or fault.replaces_response:
        usual = response if isinstance(response, ApiResponse) else ApiResponse(200, None)
        response = with_shape(usual, shape) if shape else _replacement(fault, usual.prediction_id or prediction_id)
    elif isinstance(response, ApiResponse) and fault.answer == "foreign-urls":
        response = with_foreign_urls(response, fault.location)
    if not fault.truncate:
        return response
    complete = await _load_body(response)
    if fault.truncate == "cached":
        half = complete.body[: len(complete.body) // 2]
        return Response(bytes(half), complete.status_code, media_type=complete.media_type)
    return Truncated(complete)


def _replacement(fault: Fault, prediction_id: str | None) -> ApiResponse | Response:
    status = fault.status or (307 if fault.answer == "redirect" else 200)
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    if fault.answer == "redirect":
        headers["Location"] = fault.location
    phrase = _phrase(status)
    match "html" if fault.body is None and status in _GATEWAY_STATUSES else fault.body:
        case None if fault.answer == "redirect" or status in (204, 304):
            return Response(None, status, headers)
        case None:
            return error(status, phrase, headers)
        case "html":
            return Response(_HTML.format(f"{status} {phrase}"), status, headers, "text/html")
        case "not-json":
            return Response('{"data": {"id": "abc', status, headers, "application/json")
        case "empty":
            return Response(b"", status, headers, "application/json")
        case body:
            text = json.dumps(body).replace("{id}", prediction_id or "")
            return Response(text, status, headers, "application/json")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _respond(response: ApiResponse) -> Response:
    if isinstance(response.content, str):
        return Response(response.content, response.status, dict(response.headers), "text/html")
    return Response(json.dumps(response.content), response.status, dict(response.headers), "application/json")


async def _load_body(response: ApiResponse | Response) -> Response:
    if isinstance(response, ApiResponse):
        return _respond(response)
    if isinstance(response, FileResponse):
        content = await asyncio.to_thread(Path(response.path).read_bytes)
        return Response(content, media_type=response.media_type)
    return response


async def _read_body(request: Request) -> bytes:
    # Read and discard the bytes above the limit: the client gets a response, and memory stays bounded.
    body = bytearray()
    async for chunk in request.stream():
        if len(body) <= MAXIMUM_REQUEST_BYTES:
            body += chunk
    return bytes(body)


async def _http_error(_: Request, exception: Exception) -> Response:
    http = cast(HTTPException, exception)
    return _respond(error(http.status_code, http.detail, http.headers))


async def _client_disconnected(_request: Request, _exception: Exception) -> Response:
    # The request is incomplete, so the emulator does not execute it.
    return DropConnection()
