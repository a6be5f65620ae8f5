"""The endpoints of GPTProto's page over HTTP, and the files that its answers link to."""

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

from airflow_provider_seedance.emulator.answers import (
    Answer,
    envelope,
    error,
    flat_error,
    invalid,
    model_list,
    policy_violation,
    vary,
)
from airflow_provider_seedance.emulator.control import control_routes
from airflow_provider_seedance.emulator.faults import Endpoint, Fault
from airflow_provider_seedance.emulator.predictions import Prediction, policy_marker
from airflow_provider_seedance.emulator.rules import Refusal, Submission, check_submission, check_target, read_payload
from airflow_provider_seedance.emulator.service import Service
from airflow_provider_seedance.emulator.videos import Videos
from airflow_provider_seedance.emulator.wire import RECORD, Cut, HangUp, Recorder, ended_within
from airflow_provider_seedance.gptproto.catalogue import MAXIMUM_REQUEST_BYTES, known_models

Work = Callable[[], Awaitable[Answer | Response]]

_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
#: These come from a gateway in front of the service, which speaks HTML.
_GATEWAY = (502, 503, 504)
#: Larger bodies are decoded and hashed in a thread, so that other requests go on.
_LARGE = 1024 * 1024


def create_app(service: Service, videos: Videos) -> Starlette:
    """
    Return the emulator as an ASGI application.

    :param service: Its state.
    :param videos: Makes the output files.
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
        exception_handlers={HTTPException: _http_error, ClientDisconnect: _gone},
    )
    app.router.redirect_slashes = False
    return app


class _Api:
    def __init__(self, service: Service, videos: Videos) -> None:
        self._service = service
        self._videos = videos

    async def submit(self, request: Request) -> Response:
        body = await _read(request)
        target = check_target(*(request.path_params[name] for name in ("vendor", "model", "mode")))

        def check() -> Submission | Refusal:
            if isinstance(target, Refusal):
                return target
            payload = read_payload(request.headers.get("content-type"), body)
            return payload if isinstance(payload, Refusal) else check_submission(target, payload)

        async def work() -> Answer:
            refused = self._refuse(request, submission=True)
            if refused is not None:
                return refused
            checked = await asyncio.to_thread(check) if len(body) > _LARGE else check()
            if isinstance(checked, Refusal):
                return flat_error(404, checked.message) if checked.status == 404 else invalid(checked.message)
            spelling = policy_marker(checked.prompt)
            if spelling is not None:
                return policy_violation(spelling)
            prediction = self._service.book(checked)
            return envelope(prediction, prediction.submitted_at, self._base_url(request))

        return await self._serve(request, "submit", None, work)

    async def result(self, request: Request) -> Response:
        prediction = self._service.ledger.find(request.path_params["prediction_id"])
        if prediction is not None and self._service.accepts(request.headers.get("authorization")):
            self._service.ledger.poll(prediction.id, self._service.clock())

        async def work() -> Answer:
            refused = self._refuse(request, submission=False)
            if refused is not None:
                return refused
            if prediction is None:
                return flat_error(404, "prediction not found")
            return envelope(prediction, self._service.clock(), self._base_url(request))

        return await self._serve(request, "result", prediction, work)

    async def models(self, request: Request) -> Response:
        async def work() -> Answer:
            return self._refuse(request, submission=False) or model_list(list(known_models()))

        return await self._serve(request, "models", None, work)

    async def output(self, request: Request) -> Response:
        prediction = self._service.ledger.find(request.path_params["prediction_id"])

        async def work() -> Answer | Response:
            if (
                prediction is None
                or prediction.status(self._service.clock()) != "succeeded"
                or request.path_params["name"] != "0.mp4"
            ):
                return error(404, "no such file")
            if self._service.link_expired(prediction):
                return error(403, "the link has expired")
            return FileResponse(await self._videos.make(prediction), media_type="video/mp4")

        return await self._serve(request, "output", prediction, work)

    def _refuse(self, request: Request, *, submission: bool) -> Answer | None:
        if not self._service.accepts(request.headers.get("authorization")):
            return error(401, "Unauthorized: API key is missing or invalid")
        wait = self._service.throttle(submission=submission)
        if wait:
            return error(429, "Too Many Requests: you've exceeded your rate limit", {"Retry-After": str(wait)})
        return None

    def _base_url(self, request: Request) -> str:
        return self._service.settings.public_url or str(request.base_url).rstrip("/")

    async def _serve(self, request: Request, endpoint: Endpoint, prediction: Prediction | None, work: Work) -> Response:
        succeeded = prediction is not None and prediction.status(self._service.clock()) == "succeeded"
        prediction_id = prediction.id if prediction else None
        fault = self._service.faults.take(endpoint, prediction_id, succeeded=succeeded)
        if fault is None:
            done = await work()
        else:
            request.scope[RECORD]["fault"] = fault.label()
            done = await _strike(request, fault, work)
        if isinstance(done, Response):
            return done
        if endpoint == "result" and prediction is not None and done.hands_over:
            self._service.ledger.deliver(prediction.id, self._service.clock())
        return _respond(done)


async def _strike(request: Request, fault: Fault, work: Work) -> Answer | Response:
    done = await work() if fault.works else None
    if fault.latency and await ended_within(request.receive, fault.latency):
        return HangUp()
    if fault.drop is not None:
        return HangUp()
    if done is None or fault.replaces:
        done = _replacement(fault)
    elif isinstance(done, Answer) and fault.answer is not None:
        done = vary(done, fault.answer, fault.location)
    return Cut(await _in_memory(done)) if fault.truncate else done


def _replacement(fault: Fault) -> Answer | Response:
    if fault.answer == "code-500":
        return vary(Answer(200, {}), "code-500", "")
    status = fault.status or (307 if fault.answer == "redirect" else 200)
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    if fault.answer == "redirect":
        headers["Location"] = fault.location
    phrase = _phrase(status)
    match fault.body:
        case None if status in _GATEWAY:
            return Response(_HTML.format(f"{status} {phrase}"), status, headers, "text/html")
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
            return Response(json.dumps(body), status, headers, "application/json")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _respond(answer: Answer) -> Response:
    return Response(json.dumps(answer.content), answer.status, dict(answer.headers), "application/json")


async def _in_memory(done: Answer | Response) -> Response:
    if isinstance(done, Answer):
        return _respond(done)
    if isinstance(done, FileResponse):
        content = await asyncio.to_thread(Path(done.path).read_bytes)
        return Response(content, media_type=done.media_type)
    return done


async def _read(request: Request) -> bytes:
    # What is past the limit is read and forgotten: the sender gets an answer, and memory has a bound.
    body = bytearray()
    async for chunk in request.stream():
        if len(body) <= MAXIMUM_REQUEST_BYTES:
            body += chunk
    return bytes(body)


async def _http_error(_: Request, raised: Exception) -> Response:
    refused = cast(HTTPException, raised)
    return _respond(error(refused.status_code, refused.detail, refused.headers))


async def _gone(_request: Request, _raised: Exception) -> Response:
    # Who leaves in the midst of a request has asked for nothing.
    return HangUp()
