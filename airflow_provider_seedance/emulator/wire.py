"""
Connection faults (drop a connection, truncate a response), and the middleware that records each request.

The server's protocol (:mod:`airflow_provider_seedance.emulator.server`) adds a function that closes the connection to
the scope of each request, under :data:`CLOSE_CONNECTION`. Without this function, e.g. in a test client, the emulator
raises :class:`ConnectionDroppedError` instead.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_seedance.emulator.service import Record, Service

#: Key in ``scope["state"]`` of the function that closes the connection.
CLOSE_CONNECTION = "emulator.close_connection"
#: Key in the scope of the request's record.
RECORD = "emulator.record"
#: Path of the control API: no records, no faults.
CONTROL = "/_emulator/"
#: Path of the output files: no API key required.
OUTPUTS = "/outputs/"


class ConnectionDroppedError(ConnectionError):
    """Raised instead of a dropped connection if the server provides no way to close it."""


async def _drop_connection(scope: Scope, receive: Receive) -> None:
    close = scope.get("state", {}).get(CLOSE_CONNECTION)
    if close is None:
        raise ConnectionDroppedError("the emulator dropped the connection")
    close()
    # uvicorn logs an error for a request without a response unless it has received the disconnect.
    await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def disconnected_within(receive: Receive, seconds: float) -> bool:
    """Wait for some seconds; return true, at once, if the client disconnects."""
    try:
        await asyncio.wait_for(_wait_for_disconnect(receive), seconds)
    except TimeoutError:
        return False
    return True


class DropConnection(Response):
    """Close the connection without a response; the request body must be read before."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection."""
        await _drop_connection(scope, receive)


class Truncated(Response):
    """
    Send the first half of a response, then close the connection.

    :param complete: The complete response, with its body in memory.
    """

    def __init__(self, complete: Response) -> None:
        super().__init__()
        self._complete = complete

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first half."""
        complete = self._complete
        await send({"type": "http.response.start", "status": complete.status_code, "headers": complete.raw_headers})
        half = bytes(complete.body[: len(complete.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _drop_connection(scope, receive)


class Recorder:
    """
    Middleware: record every API request with its response status; drop every request while the service is down.

    :param app: The wrapped application.
    :param service: Stores the records.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        record = self._record(scope)

        async def record_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                record["status"] = message["status"]
            await send(message)

        scope[RECORD] = record
        if self._service.answering:
            await self._app(scope, receive, record_status)
            return
        record["fault"] = "not answering"
        # A connection with unread bytes would be reset; the client would get a different error.
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] != "http.disconnect":
            await _drop_connection(scope, receive)

    def _record(self, scope: Scope) -> Record:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        record: Record = {
            "time": self._service.clock(),
            "method": scope["method"],
            "path": scope["path"],
            "status": None,
            "key": "authorization" in headers,
            "headers": sorted(headers),
            "user_agent": headers.get("user-agent"),
            "fault": None,
        }
        self._service.requests.append(record)
        query = scope.get("query_string", b"").decode("latin-1")
        if "authorization" in headers and scope["path"].startswith(OUTPUTS):
            self._leak(record, "Authorization header sent to an output link")
        for name, value in headers.items():
            if name != "authorization" and self._service.redact(value) != value:
                self._leak(record, f"key in the header {name}")
        if self._service.redact([scope["path"], query]) != [scope["path"], query]:
            self._leak(record, "key in the address")
        return record

    def _leak(self, record: dict[str, Any], description: str) -> None:
        self._service.leaks.append({"what": description, **{name: record[name] for name in ("time", "method", "path")}})
