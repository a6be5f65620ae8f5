"""Runs the emulator with uvicorn: in the foreground, or in a thread of a test."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from airflow_provider_seedance.emulator.app import create_app
from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.service import Service
from airflow_provider_seedance.emulator.settings import Settings
from airflow_provider_seedance.emulator.videos import Videos
from airflow_provider_seedance.emulator.wire import CLOSE_CONNECTION

if TYPE_CHECKING:
    # uvicorn selects a protocol class at import; all of them have the same interface.
    from uvicorn.protocols.http.h11_impl import H11Protocol as _HTTPProtocol
else:
    _HTTPProtocol = AutoHTTPProtocol

#: For tests: a prediction ends after a quarter of a second.
FAST = Settings(seconds_created=0.05, seconds_queued=0.05, seconds_running=0.15)


class DroppingProtocol(_HTTPProtocol):
    """uvicorn's HTTP protocol; the application can also close the connection without a response."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app_state = {**self.app_state, CLOSE_CONNECTION: lambda: self.transport.close()}


class EmulatorServer(uvicorn.Server):
    """
    uvicorn's server with its own shutdown.

    :param config: Configuration of uvicorn.
    :param on_start: Called when the server listens.
    """

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then call ``on_start``."""
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections, then stop; a delayed response must not block the shutdown."""
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Exit with code 0 on SIGINT and SIGTERM; uvicorn would raise the signal again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 selects a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    # asyncio sets this only on its own sockets; without it, each response waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def build_server(service: Service, videos: Videos, on_start: Callable[[], None]) -> EmulatorServer:
    """
    Return a server that is ready to run.

    :param service: State of the emulator.
    :param videos: Store of the output files.
    :param on_start: Called when the server listens.
    """
    config = uvicorn.Config(
        create_app(service, videos),
        http=DroppingProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
    )
    return EmulatorServer(config, on_start)


@contextlib.contextmanager
def running_emulator(
    settings: Settings = FAST,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ledger_path: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Emulator]:
    """
    Run the emulator in a thread during a ``with`` block.

    :param settings: Initial settings, with at least one API key.
    :param host: Address to listen on.
    :param port: Port to listen on; 0 selects a free port.
    :param ledger_path: File that stores the ledger across restarts.
    :param clock: Returns the current time in seconds since 1970.
    """
    service = Service(settings, clock=clock, ledger_path=ledger_path)
    videos = Videos()
    started = threading.Event()
    with contextlib.ExitStack() as stack:
        stack.callback(service.ledger.close)
        stack.callback(videos.close)
        listener = stack.enter_context(contextlib.closing(listen(host, port)))
        url = address_of(listener)
        server = build_server(service, videos, started.set)
        thread = threading.Thread(target=server.run, args=([listener],), name="seedance-emulator", daemon=True)
        thread.start()
        if not started.wait(timeout=30):
            raise RuntimeError("The emulator did not start within 30 seconds")
        try:
            yield Emulator(url, settings.api_keys[0])
        finally:
            server.should_exit = True
            thread.join(timeout=30)
