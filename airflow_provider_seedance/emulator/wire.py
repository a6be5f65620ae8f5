"""
The connection beneath the answers: hanging up without one, cutting one short, and noting each request.

The server's protocol (:mod:`airflow_provider_seedance.emulator.server`) puts a function that closes the connection
into each request's scope, under :data:`HANG_UP`. Where there is no connection, as under a test client,
:class:`ConnectionDroppedError` is raised in its place.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_seedance.emulator.service import Record, Service

#: Name of the function in ``scope["state"]`` that closes the connection.
HANG_UP = "emulator.hang_up"
#: Name in the scope of the request's record.
RECORD = "emulator.record"
#: Where the control API lives, which is neither recorded nor struck by faults.
CONTROL = "/_emulator/"
#: Where the output files live, which need no key.
OUTPUTS = "/outputs/"


class ConnectionDroppedError(ConnectionError):
    """Raised where a connection is to be dropped and there is none."""


async def _hang_up(scope: Scope, receive: Receive) -> None:
    close = scope.get("state", {}).get(HANG_UP)
    if close is None:
        raise ConnectionDroppedError("the emulator dropped the connection")
    close()
    # The server complains about a request without an answer unless it has noticed the end of the connection.
    await _wait_for_end(receive)


async def _wait_for_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def ended_within(receive: Receive, seconds: float) -> bool:
    """Wait for some seconds, and return early and true when the caller has gone by then."""
    try:
        await asyncio.wait_for(_wait_for_end(receive), seconds)
    except TimeoutError:
        return False
    return True


class HangUp(Response):
    """Close the connection without any answer; what the request sent must have been read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection."""
        await _hang_up(scope, receive)


class Cut(Response):
    """
    Send the first half of an answer, then close the connection.

    :param whole: The answer; one with its body in memory.
    """

    def __init__(self, whole: Response) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first half."""
        whole = self._whole
        await send({"type": "http.response.start", "status": whole.status_code, "headers": whole.raw_headers})
        half = bytes(whole.body[: len(whole.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _hang_up(scope, receive)


class Recorder:
    """
    Note every request to the API with the status it was answered with, and drop all while the service is down.

    :param app: The application beneath.
    :param service: Keeps the records.
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

        async def note_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                record["status"] = message["status"]
            await send(message)

        scope[RECORD] = record
        if self._service.answering:
            await self._app(scope, receive, note_status)
            return
        record["fault"] = "not answering"
        # Closing a connection with unread bytes resets it, which looks otherwise to a client than a plain end.
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] != "http.disconnect":
            await _hang_up(scope, receive)

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

    def _leak(self, record: dict[str, Any], what: str) -> None:
        self._service.leaks.append({"what": what, **{name: record[name] for name in ("time", "method", "path")}})
