"""
The mock service: a small process that answers over HTTPS with a latency of 50 ms, and counts requests.

It stores no predictions, because an id contains the end time of its generation. The http provider's sensor, which
checks HTTP statuses only, polls a path that answers 404 until that time. The service has an optional rate limit, that
of the emulator; it answers 429 to excess requests. The response about a prediction of :func:`name_drip` never ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import ssl
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from airflow_provider_seedance.emulator.service import Bucket

HOST = "127.0.0.1"
#: Seconds from a request to its response.
LATENCY = 0.05
RESULT = "/api/v3/predictions/{}/result"
NOT_FOUND_UNTIL_DONE = "/not-found-until-done/{}"
COUNTERS = "/counters"
RATE_LIMIT = "/allow/{}"

#: A response that never ends: its head, and then a byte every second.
DRIP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
DRIP_SECONDS = 1.0

_DIGITS_OF_END = 12
_DRIP = "f" * _DIGITS_OF_END
_VIDEO = "https://cdn.example/0.mp4"


@dataclass(slots=True)
class Counters:
    """
    Counters of the service since its start.

    :param connections: Connections whose TLS handshake succeeded.
    :param polls: Requests for a prediction.
    :param refused: Polls answered with 429.
    """

    connections: int = 0
    polls: int = 0
    refused: int = 0


@dataclass(slots=True)
class State:
    """
    State that all connections share.

    :param counters: The counters.
    :param allowed: Requests allowed per second; ``None`` for no limit.
    :param bucket: Token bucket of this rate limit.
    """

    counters: Counters = field(default_factory=Counters)
    allowed: float | None = None
    bucket: Bucket = field(default_factory=Bucket)


def name_prediction(ends_at: float, number: int) -> str:
    """
    Return the id of a prediction, in the service's format: 32 hexadecimal digits.

    :param ends_at: End of its generation, in seconds since the epoch, to the millisecond.
    :param number: Makes the ids of generations with the same end unique.
    """
    return f"{round(ends_at * 1000):0{_DIGITS_OF_END}x}{number:0{32 - _DIGITS_OF_END}x}"


def name_drip(number: int) -> str:
    """Return the id of a prediction whose responses drip for ever."""
    return f"{_DRIP}{number:0{32 - _DIGITS_OF_END}x}"


def read_end(prediction_id: str) -> float:
    """Return the end of a prediction's generation, in seconds since the epoch."""
    return int(prediction_id[:_DIGITS_OF_END], 16) / 1000


def respond(path: str, now: float, state: State) -> bytes:
    """
    Return the whole HTTP response to a request.

    :param path: Path of the request.
    :param now: Seconds since the epoch.
    :param state: Counts polls, and stores a new rate limit.
    """
    if path == COUNTERS:
        return _response(200, asdict(state.counters))
    if path.startswith(prefix := RATE_LIMIT.format("")):
        allowed = float(path.removeprefix(prefix))
        state.allowed, state.bucket = None if math.isinf(allowed) else allowed, Bucket()
        return _response(200, {})
    state.counters.polls += 1
    if state.bucket.take(state.allowed, now):
        state.counters.refused += 1
        return _response(429, {"error": {"message": "too many requests", "type": "429"}})
    for form in (RESULT, NOT_FOUND_UNTIL_DONE):
        before, after = form.split("{}")
        if path.startswith(before):
            prediction_id = path.removeprefix(before).removesuffix(after)
            is_done = now >= read_end(prediction_id)
            if form == NOT_FOUND_UNTIL_DONE and not is_done:
                return _response(404, {"error": {"message": "not yet", "type": "404"}})
            return _response(200, _envelope(prediction_id, is_done))
    return _response(404, {"error": {"message": "no such address", "type": "404"}})


class Connection(asyncio.Protocol):
    """
    A keep-alive connection.

    :param state: State that all connections share.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's declared type is wider
        self._transport = transport
        self._state.counters.connections += 1

    def data_received(self, data: bytes) -> None:
        """Answer every complete request after the latency; requests have no body."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(LATENCY, self._respond, head.split(b" ", 2)[1].decode())

    def _respond(self, path: str) -> None:
        if _DRIP in path:
            self._drip(DRIP_HEAD)
        else:
            self._transport.write(respond(path, time.time(), self._state))

    def _drip(self, piece: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(piece)
            asyncio.get_running_loop().call_later(DRIP_SECONDS, self._drip, b" ")


def _envelope(prediction_id: str, is_done: bool) -> object:
    return {
        "data": {
            "id": prediction_id,
            "model": "doubao-seedance-2-0-fast-260128",
            "outputs": [_VIDEO] if is_done else [],
            "urls": {"get": f"https://gptproto.com{RESULT.format(prediction_id)}"},
            "status": "succeeded" if is_done else "running",
            "error": None,
            "executionTime": 0,
            "timings": {"inference": 0},
            "has_nsfw_contents": [False] if is_done else [],
            "created_at": "2026-01-01 00:00:00",
        },
        "message": "success",
        "code": 200,
    }


def _response(status: int, body: object) -> bytes:
    content = json.dumps(body).encode()
    reason = {200: "OK", 404: "Not Found", 429: "Too Many Requests"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def serve(certificate: Path, key: Path) -> None:
    """Print the port, and serve until the process ends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    state = State()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(state), HOST, 0, ssl=context, backlog=8192
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The mock service.")
    parser.add_argument("certificate", type=Path)
    parser.add_argument("key", type=Path)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.certificate, arguments.key))
