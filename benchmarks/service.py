"""
The mock service: a small process that answers over HTTPS, 50 ms late, and counts what it was asked.

It keeps no predictions: an id says itself when its generation ends. Whoever can read statuses only (the http
provider's sensor) asks at an address that answers 404 until then. It can be told to allow only so many requests a
second; what is more gets a 429.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import ssl
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
#: Seconds from a request to its answer.
LATENCY = 0.05
RESULT = "/api/v3/predictions/{}/result"
NOT_FOUND_UNTIL_DONE = "/not-found-until-done/{}"
COUNTERS = "/counters"
ALLOW = "/allow/{}"

_DIGITS_OF_END = 12
_VIDEO = "https://cdn.example/0.mp4"


@dataclass(slots=True)
class Counters:
    """
    What the service saw since it started.

    :param connections: Connections, each once its TLS handshake was done.
    :param polls: Requests for a prediction.
    :param refused: How many of them got a 429.
    """

    connections: int = 0
    polls: int = 0
    refused: int = 0


class Limit:
    """
    Allows so many requests in any second, whenever it begins. All times are seconds of one clock.

    :param allowed: How many; ``math.inf`` for all.
    """

    def __init__(self, allowed: float = math.inf) -> None:
        self._allowed = allowed
        self._passed: deque[float] = deque()

    def passes(self, now: float) -> bool:
        """Return whether a request may pass, and remember that it did."""
        while self._passed and self._passed[0] <= now - 1:
            self._passed.popleft()
        if len(self._passed) >= self._allowed:
            return False
        if self._allowed < math.inf:
            self._passed.append(now)
        return True


@dataclass(slots=True)
class State:
    """
    What all connections have in common.

    :param counters: What was seen.
    :param limit: What is allowed.
    """

    counters: Counters = field(default_factory=Counters)
    limit: Limit = field(default_factory=Limit)


def name_prediction(ends_at: float, number: int) -> str:
    """
    Return the id of a prediction, of the service's own form: 32 hexadecimal digits.

    :param ends_at: When its generation ends, in seconds since the epoch, to the millisecond.
    :param number: Tells it from others that end then.
    """
    return f"{round(ends_at * 1000):0{_DIGITS_OF_END}x}{number:0{32 - _DIGITS_OF_END}x}"


def read_end(prediction_id: str) -> float:
    """Return when the generation of a prediction ends."""
    return int(prediction_id[:_DIGITS_OF_END], 16) / 1000


def answer(path: str, now: float, state: State) -> bytes:
    """
    Return the whole answer to a request.

    :param path: What is asked for.
    :param now: What time it is.
    :param state: Is told of a poll, and of a new limit.
    """
    if path == COUNTERS:
        return _response(200, asdict(state.counters))
    if path.startswith(allow := ALLOW.format("")):
        state.limit = Limit(float(path.removeprefix(allow)))
        return _response(200, {})
    state.counters.polls += 1
    if not state.limit.passes(now):
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
    One connection that is kept alive.

    :param state: What all connections have in common.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's own types say less
        self._transport = transport
        self._state.counters.connections += 1

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived whole, after a while; none has a body."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(LATENCY, self._answer, head.split(b" ", 2)[1].decode())

    def _answer(self, path: str) -> None:
        self._transport.write(answer(path, time.time(), self._state))


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
    """Print the port, and answer until the process is ended."""
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
