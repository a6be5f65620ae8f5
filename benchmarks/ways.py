"""
The ways to wait. Each is an async context manager that yields a coroutine function, which waits for one prediction.

All ways poll at the same fixed interval and send the API key. A way holds its shared resources until the context ends.
A library that only one way needs is imported in its function, because the memory of the ways is compared.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.service import NOT_FOUND_UNTIL_DONE, RESULT, read_end

KEY = "sk-benchmark"
#: Connections in the pools of the other ways: as many as the provider has.
CONNECTIONS = 32
#: Timeout of the provider's wait, in seconds.
WAIT_TIMEOUT = 1200.0

_HEADERS = {"Accept": "application/json", "Authorization": KEY, "User-Agent": "benchmark"}


@dataclass(frozen=True, slots=True)
class PollSettings:
    """
    Address of the service and poll interval.

    :param base_url: Base URL of the service.
    :param interval: Seconds between two polls; ``None`` for the provider's poll schedule.
    :param expected_seconds: Duration of a generation; only the provider uses it.
    """

    base_url: str
    interval: float | None
    expected_seconds: float

    @property
    def fixed_interval(self) -> float:
        """The interval, for a way without a poll schedule."""
        if self.interval is None:
            raise ValueError("Only the provider has a poll schedule")
        return self.interval


#: Waits for a prediction; raises if it does not find the video.
WaitFor = Callable[[str], Awaitable[None]]
Way = Callable[[PollSettings], AbstractAsyncContextManager[WaitFor]]


def environment(base_url: str, bundle: str, polls_per_second: float | None) -> Mapping[str, str]:
    """
    Return the environment that every way needs.

    :param base_url: Base URL of the service.
    :param bundle: CA bundle that verifies the service.
    :param polls_per_second: The provider's rate limit for all waits together; ``None`` for its default.
    """
    rate = {} if polls_per_second is None else {"polls_per_second": polls_per_second}
    extra = {"verify": bundle, **rate}
    seedance = {"conn_type": "seedance", "host": base_url, "password": KEY, "extra": extra}
    return {
        "AIRFLOW_CONN_SEEDANCE_DEFAULT": json.dumps(seedance),
        "AIRFLOW_CONN_HTTP_DEFAULT": json.dumps({"conn_type": "http", "host": base_url}),
        "SSL_CERT_FILE": bundle,
    }


@asynccontextmanager
async def provider(polls: PollSettings) -> AsyncIterator[WaitFor]:
    """Wait with this provider's trigger."""
    from airflow_provider_seedance.triggers.seedance import SeedancePredictionTrigger

    async def wait_for(prediction_id: str) -> None:
        now = time.time()
        trigger = SeedancePredictionTrigger(
            prediction_id=prediction_id,
            seedance_conn_id="seedance_default",
            submitted_at=now,
            deadline=now + WAIT_TIMEOUT,
            expected_seconds=polls.expected_seconds,
            poll_interval=polls.interval,
        )
        async for event in trigger.run():
            if event.payload["failure"] is not None:
                raise RuntimeError(event.payload["failure"]["what"])

    yield wait_for


@asynccontextmanager
async def http_sensor_trigger(polls: PollSettings) -> AsyncIterator[WaitFor]:
    """Wait with the http provider's trigger, which treats a 404 as "not yet"."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    async def wait_for(prediction_id: str) -> None:
        endpoint = NOT_FOUND_UNTIL_DONE.format(prediction_id)
        trigger = HttpSensorTrigger(endpoint=endpoint, headers=_HEADERS, poke_interval=polls.fixed_interval)
        async for _ in trigger.run():
            pass

    yield wait_for


@asynccontextmanager
async def client_per_trigger(polls: PollSettings) -> AsyncIterator[WaitFor]:
    """Wait as most triggers do: each with a default httpx client."""
    import httpx

    async def wait_for(prediction_id: str) -> None:
        url = f"{polls.base_url}{RESULT.format(prediction_id)}"
        async with httpx.AsyncClient(timeout=60.0) as client:
            while True:
                await asyncio.sleep(polls.fixed_interval)
                response = await client.get(url, headers=_HEADERS)
                if _is_done(response.content):
                    return

    yield wait_for


@asynccontextmanager
async def aiohttp_session(polls: PollSettings) -> AsyncIterator[WaitFor]:
    """Wait with one aiohttp session for all."""
    import aiohttp

    async def wait_for(prediction_id: str) -> None:
        url = f"{polls.base_url}{RESULT.format(prediction_id)}"
        while True:
            await asyncio.sleep(polls.fixed_interval)
            async with session.get(url) as response:
                if _is_done(await response.read()):
                    return

    connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=120.0)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60.0)
    async with aiohttp.ClientSession(connector=connector, headers=_HEADERS, timeout=timeout) as session:
        yield wait_for


@asynccontextmanager
async def bare_loop(polls: PollSettings) -> AsyncIterator[WaitFor]:
    """Wait with asyncio streams and no HTTP library; the parser supports only the responses of the mock service."""
    address = urlsplit(polls.base_url)
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    connections = asyncio.Semaphore(CONNECTIONS)
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": address.netloc, **_HEADERS}.items())

    async def poll(prediction_id: str) -> bytes:
        async with connections:
            reader, writer = (
                idle.pop() if idle else await asyncio.open_connection(address.hostname, address.port, ssl=context)
            )
            writer.write(f"GET {RESULT.format(prediction_id)} HTTP/1.1\r\n{head}\r\n".encode())
            received = await reader.readuntil(b"\r\n\r\n")
            content = await reader.readexactly(int(received.partition(b"Content-Length: ")[2].split(b"\r\n", 1)[0]))
            idle.append((reader, writer))
            return content

    async def wait_for(prediction_id: str) -> None:
        while True:
            await asyncio.sleep(polls.fixed_interval)
            if _is_done(await poll(prediction_id)):
                return

    yield wait_for
    for _, writer in idle:
        writer.close()


def _is_done(content: bytes) -> bool:
    status: str = json.loads(content)["data"]["status"]
    return status == "succeeded"


WAYS: Mapping[str, Way] = {
    "this provider": provider,
    "HttpSensorTrigger": http_sensor_trigger,
    "httpx client per trigger": client_per_trigger,
    "aiohttp, one session": aiohttp_session,
    "bare asyncio": bare_loop,
}


def delay_of(prediction_id: str) -> float:
    """Return the seconds since the end of a prediction's generation."""
    return time.time() - read_end(prediction_id)
