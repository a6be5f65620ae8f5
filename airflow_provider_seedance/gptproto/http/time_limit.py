"""
One time limit for a whole request, from the connection to the last byte of the body.

httpx limits each read and each write. A service that sends a byte a second would keep a request for ever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from airflow_provider_seedance.gptproto.http.body import Body


class Progress:
    """
    How far a request has come. httpx's transports report it to the request's extension ``trace``.

    Headers and body are set once ``status`` is.

    :param was_sent: Whether the service may have received the request. A transport that reports nothing may have sent
        it.
    """

    __slots__ = ("_is_sending", "body", "headers", "status", "was_sent")

    #: Status and headers of the response, once they are here, and what has arrived of its body.
    status: int | None
    headers: Mapping[str, str]
    body: Body

    def __init__(self, *, was_sent: bool = False) -> None:
        self.was_sent = was_sent
        self._is_sending = False
        self.status = None

    def begin_body(self, status: int, headers: Mapping[str, str]) -> Body:
        """Note status and headers of the response. Return its body, to be filled."""
        self.status, self.headers, self.body = status, headers, Body(headers.get("content-encoding", ""))
        return self.body

    def on_event(self, name: str, info: dict[str, Any]) -> None:
        """Note an event of the transport."""
        if name.endswith("send_request_headers.started"):
            # Before a request through a proxy, a CONNECT is sent to the proxy.
            self._is_sending = self._is_sending or info["request"].method != b"CONNECT"
            self.was_sent = self.was_sent or self._is_sending
        elif name.endswith("connect_tcp.started"):
            self.was_sent = self._is_sending

    async def on_event_async(self, name: str, info: dict[str, Any]) -> None:
        """Note an event of the asynchronous transport."""
        self.on_event(name, info)


class Alarm:
    """
    Ends a blocking request when its time is up, by shutting down the socket from another thread.

    A context manager, once it is started. On an event loop :func:`asyncio.timeout` does the same.

    :param seconds: The time limit.
    :param progress: Follows the request.
    :param sockets: The sockets of the transport so far, the latest last: a request can use one that is open already.
    """

    def __init__(self, seconds: float, progress: Progress, sockets: list[socket.socket]) -> None:
        self._progress = progress
        self._sockets = sockets
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True
        #: Whether the time was up.
        self.has_rung = False

    def start(self) -> None:
        """
        Start the time limit, before the request.

        :raises RuntimeError: When the system has no thread left.
        """
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # An alarm that rings now must not shut down the socket of the next request.
        self._timer.join()

    def on_event(self, name: str, info: dict[str, Any]) -> None:
        """Note an event of the transport, and a new connection."""
        self._progress.on_event(name, info)
        opened = info.get("return_value")
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")) and opened is not None:
            self._sockets[:] = [opened.get_extra_info("socket")]
            if self.has_rung:
                self._ring()

    def _ring(self) -> None:
        self.has_rung = True
        for each in self._sockets:
            # It may be closed already.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
