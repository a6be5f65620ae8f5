"""Run a test with the synchronous and the asynchronous client, against scripted responses in memory."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import pytest

from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.flows import KeyCheck
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.polling import Decision, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest, TextToVideo
from airflow_provider_seedance.gptproto.settings import ClientSettings

ClientKind = Literal["sync", "async"]
CLIENT_KINDS: tuple[ClientKind, ...] = ("sync", "async")

#: With a slash, which JSON may escape.
KEY = "sk-4f9a/c2b7d81e"
PREDICTION_ID = "0123456789abcdef0123456789abcdef"
SETTINGS = ClientSettings(api_key=KEY, base_url="https://gptproto.example")
REQUEST = TextToVideo(prompt="A cat on a beach", model="doubao-seedance-2-0-fast-260128")


def envelope(**data: Any) -> dict[str, Any]:
    """Return the page's "Response Example" with other data."""
    return {"data": {"id": PREDICTION_ID, "status": "created", **data}, "message": "success", "code": 200}


def succeeded(*outputs: str) -> dict[str, Any]:
    return envelope(status="succeeded", outputs=list(outputs or ["https://cdn.example/0.mp4"]))


@dataclass(frozen=True)
class CannedAnswer:
    """A response of the service for any number of requests; httpx's own responses can be used only once."""

    status: int
    content: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def to_response(self) -> httpx.Response:
        return httpx.Response(self.status, content=self.content, headers=list(self.headers))


Reply = CannedAnswer | Exception


def answer(body: Any = None, status: int = 200, **headers: str) -> CannedAnswer:
    """Return a response: text and bytes are sent unchanged, other values as JSON; the default body accepts a submit."""
    raw = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    text = body if isinstance(body, str | bytes) else json.dumps(envelope() if body is None else body)
    return CannedAnswer(status, text.encode() if isinstance(text, str) else text, raw)


HTML = "<html><body><h1>Bad Gateway</h1></body></html>"
#: The page: "Content blocked due to safety concerns (actual status code is 400)"; in ``code`` or in ``error.type``.
POLICY_BODIES: list[dict[str, Any]] = [
    {"code": 503, "message": "Content blocked due to safety concerns", "type": "error"},
    {"error": {"message": "Content blocked due to safety concerns", "type": "503"}},
]


def error_body(code: int, message: str = "No") -> dict[str, Any]:
    return {"error": {"message": message, "type": str(code)}}


@dataclass
class Exchange:
    """
    One client with the replies of the service, the recorded requests, and a clock that advances only in sleeps.

    The transport is in memory, unless ``in_memory`` is false.
    """

    kind: ClientKind
    settings: ClientSettings = SETTINGS
    in_memory: bool = True
    log: Log | None = None
    now: float = 1_800_000_000.0
    replies: deque[Reply] = field(default_factory=deque)
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def will_answer(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    def submit(self, request: GenerationRequest = REQUEST) -> Prediction:
        prediction: Prediction = self._call("submit", request)
        return prediction

    def get_prediction(self, prediction_id: str = PREDICTION_ID) -> Prediction:
        prediction: Prediction = self._call("get_prediction", prediction_id)
        return prediction

    def get_confirmed(self, prediction_id: str = PREDICTION_ID, **options: Any) -> Prediction:
        prediction: Prediction = self._call("get_confirmed", prediction_id, **options)
        return prediction

    def poll(self, poller: Poller) -> Decision:
        decision: Decision = self._call("poll", poller)
        return decision

    def wait(self, poller: Poller, **options: Any) -> Prediction:
        prediction: Prediction = self._call("wait", poller, **options)
        return prediction

    def ask(self, method: str, prediction_id: str) -> Any:
        """Call a method that requests a prediction."""
        asked: Any = self.new_poller(prediction_id=prediction_id) if method in ("poll", "wait") else prediction_id
        return self._call(method, asked)

    def check_key(self) -> KeyCheck:
        check: KeyCheck = self._call("check_key")
        return check

    def new_poller(self, **changes: Any) -> Poller:
        times = {"submitted_at": self.now, "deadline": self.now + 3600.0, "expected_seconds": 60.0, "phase": 0.0}
        return Poller(**{"prediction_id": PREDICTION_ID, **times, **changes})

    def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        options: dict[str, Any] = {"clock": lambda: self.now}
        if self.log is not None:
            options["log"] = self.log
        if self.in_memory:
            options["transport"] = httpx.MockTransport(self._reply)
        if self.kind == "sync":
            with GPTProtoClient(self.settings, sleep=self._pause, **options) as client:
                return getattr(client, method)(*arguments, **named)

        async def call() -> Any:
            async with AsyncGPTProtoClient(self.settings, sleep=self._pause_async, **options) as client:
                return await getattr(client, method)(*arguments, **named)

        return asyncio.run(call())

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.popleft()
        if isinstance(reply, Exception):
            raise reply
        return reply.to_response()

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def _pause_async(self, seconds: float) -> None:
        self._pause(seconds)


#: First byte of a TLS handshake, which has no HTTP head.
_TLS = b"\x16"


class Loopback:
    """
    A TCP server on this host: it sends the given bytes, one script for each connection, then closes the connection.

    With a script of ``None`` it sends nothing and keeps the connection open.
    """

    def __init__(self, *scripts: bytes | None) -> None:
        self.received: list[bytes] = []
        self._scripts = scripts
        self._silent: list[socket.socket] = []
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._closing:
            return
        # close() does not end accept() in the thread, but a connection does.
        self._closing = True
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        for each in (self._listener, *self._silent):
            each.close()

    def _serve(self) -> None:
        for script in self._scripts:
            connection, _ = self._listener.accept()
            if self._closing:
                connection.close()
                return
            self.received.append(_read_request(connection))
            if script is None:
                self._silent.append(connection)
                continue
            connection.sendall(script)
            connection.close()


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
        head, found, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
        if received.startswith(_TLS) or (found and len(body) >= int(length[1] if length else 0)):
            break
    return received


class LoopbackStarter:
    """Starts servers for one test, and stops them after it."""

    def __init__(self) -> None:
        self.servers: list[Loopback] = []

    def __call__(self, *scripts: bytes | None) -> Loopback:
        self.servers.append(Loopback(*scripts))
        return self.servers[-1]


@pytest.fixture
def start_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackStarter]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    starter = LoopbackStarter()
    yield starter
    for server in starter.servers:
        server.close()


@pytest.fixture(params=CLIENT_KINDS)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    return Exchange(request.param)


@pytest.fixture(params=CLIENT_KINDS)
def client_kind(request: pytest.FixtureRequest) -> ClientKind:
    kind: ClientKind = request.param
    return kind
