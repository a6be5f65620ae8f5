"""
The control API of the emulator, under ``/_emulator/``; the real service has no such API.

========  ===================  ==================================================================
GET       ``ledger``           booked submissions and totals
GET       ``requests``         API requests in order of arrival, the newest 20 000
GET       ``leaks``            API keys in the wrong place, e.g. in a URL
GET       ``faults``           pending faults
POST      ``faults``           append a JSON list of faults
DELETE    ``faults``           remove all faults
GET       ``settings``         the settings, without the API keys
POST      ``settings``         change settings, ``api_keys`` included
POST      ``stop-answering``   ``{"seconds": 30}``: drop every request for 30 seconds; 0 ends it
POST      ``reset``            delete all state and restore the initial settings
========  ===================  ==================================================================

A web page cannot use it: ``POST`` requires ``Content-Type: application/json``, and the ``Host`` header of each request
must be an address, ``localhost`` or a name without a dot.

No response contains an API key: ``***`` replaces accepted keys everywhere, and header values are not recorded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_seedance.emulator.faults import FaultError, read_fault
from airflow_provider_seedance.emulator.service import Service
from airflow_provider_seedance.emulator.settings import SettingsError, change

_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
_JSON = "application/json"


def control_routes(service: Service) -> list[Route]:
    """Return the routes of the control API."""
    control = _Control(service)
    endpoints: list[tuple[str, str, _Endpoint]] = [
        ("GET", "ledger", control.ledger),
        ("POST", "reset", control.reset),
        ("GET", "requests", control.requests),
        ("GET", "leaks", control.leaks),
        ("GET", "faults", control.faults),
        ("POST", "faults", control.add_faults),
        ("DELETE", "faults", control.clear_faults),
        ("GET", "settings", control.settings),
        ("POST", "settings", control.change_settings),
        ("POST", "stop-answering", control.stop_answering),
    ]
    return [Route(f"/_emulator/{name}", _guarded(endpoint), methods=[method]) for method, name, endpoint in endpoints]


def _guarded(endpoint: _Endpoint) -> _Endpoint:
    """Return the endpoint, closed to web pages of other hosts (CSRF, DNS rebinding)."""

    async def guarded(request: Request) -> Response:
        if not _is_near(request.headers.get("host", "")):
            return _refuse("the Host header must be an address, localhost or a name without a dot", 403)
        # A page can send another type without asking, and this one only after a preflight request.
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind != _JSON:
            return _refuse(f"Content-Type: {_JSON} is required", 415)
        return await endpoint(request)

    return guarded


def _is_near(host: str) -> bool:
    """Return whether a Host header has no name of the internet, which may lead here as well (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return "." not in name or bool(ip_address(name))
    except ValueError:
        return False


def _refuse(what: str, status: int) -> Response:
    return Response(json.dumps({"error": what}), status, media_type=_JSON)


class _RequestError(ValueError):
    pass


class _Control:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def ledger(self, _: Request) -> Response:
        return self._respond(self._service.ledger.to_json(self._service.clock()))

    async def reset(self, _: Request) -> Response:
        self._service.reset()
        return self._respond({"message": "reset"})

    async def requests(self, _: Request) -> Response:
        return self._respond(self._service.requests)

    async def leaks(self, _: Request) -> Response:
        return self._respond(self._service.leaks)

    async def faults(self, _: Request) -> Response:
        return self._respond(self._service.faults.to_json())

    async def add_faults(self, request: Request) -> Response:
        try:
            posted = await _read_json(request)
            if not isinstance(posted, list):
                raise _RequestError("a JSON list of faults is required")  # noqa: TRY301
            faults = [read_fault(each) for each in posted]
        except (_RequestError, FaultError) as error:
            return self._respond({"error": str(error)}, 400)
        self._service.faults.add(faults)
        return await self.faults(request)

    async def clear_faults(self, request: Request) -> Response:
        self._service.faults.clear()
        return await self.faults(request)

    async def settings(self, _: Request) -> Response:
        return self._respond(self._service.settings.to_json())

    async def change_settings(self, request: Request) -> Response:
        try:
            self._service.settings = change(self._service.settings, await _read_object(request))
        except (_RequestError, SettingsError) as error:
            return self._respond({"error": str(error)}, 400)
        return await self.settings(request)

    async def stop_answering(self, request: Request) -> Response:
        try:
            seconds = (await _read_object(request)).get("seconds")
        except _RequestError as error:
            return self._respond({"error": str(error)}, 400)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            return self._respond({"error": "seconds: required; must be a number of at least 0"}, 400)
        self._service.stop_answering(seconds)
        return self._respond({"seconds": seconds})

    def _respond(self, content: Any, status: int = 200) -> Response:
        return Response(json.dumps(self._service.redact(content)), status, media_type=_JSON)


async def _read_json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as cause:
        raise _RequestError("the body is not valid JSON") from cause


async def _read_object(request: Request) -> dict[str, Any]:
    posted = await _read_json(request)
    if not isinstance(posted, dict):
        raise _RequestError("a JSON object is required")
    return posted
