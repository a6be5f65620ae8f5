"""
How requests are carried: the only module that imports httpx.

On a worker a client has a transport of its own. On an event loop all clients of the same settings share one
(:func:`shared_transport`), because a triggerer runs a thousand waits at once: one TLS context, a few small httpx
clients, connections that outlive the pause between two looks, and one rate for all.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from weakref import WeakKeyDictionary

import httpx

from airflow_provider_seedance import __version__
from airflow_provider_seedance.gptproto.answers import read_retry_after
from airflow_provider_seedance.gptproto.conversations import Answer, NoAnswer, Send
from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.governor import Governor
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.gptproto.turnstile import Turnstile

C = TypeVar("C")
#: What carries requests in place of the network, in tests.
Carrier = httpx.BaseTransport
AsyncCarrier = httpx.AsyncBaseTransport

USER_AGENT = f"airflow-provider-seedance/{__version__} httpx/{httpx.__version__}"
#: Seconds to wait for a connection; shorter than for an answer, because nothing is lost when it fails.
CONNECT_TIMEOUT = 10.0
#: httpx goes through all connections of a client at every request, so several small clients are cheaper than a large
#: one; together they are enough for what waits ask: requests in flight = looks a second x seconds of an answer.
CLIENTS = 4
CONNECTIONS_OF_CLIENT = 8
#: Seconds that an idle connection of an event loop is kept: longer than the longest pause between two looks.
KEEP_ALIVE = 120.0
#: Failures before the request left: the service cannot have got it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
#: All that httpx raises instead of an answer. It reads where a redirect leads although it does not follow it, and
#: raises the last two where it cannot.
_FAILURES = (httpx.RequestError, httpx.InvalidURL, ValueError)


@functools.lru_cache(maxsize=8)
def tls_context(verify: bool | str) -> ssl.SSLContext:
    """
    Return the TLS context for a ``verify`` setting, made once for a process.

    Reading the CA bundle blocks for tens of milliseconds: an event loop lets a thread call this first.

    :raises ConnectionSettingsError: When it is a path, and no CA bundle is there.
    """
    if isinstance(verify, bool):
        return httpx.create_ssl_context(verify=verify)
    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ValueError) as error:
        what = f"verify in the connection's extra, {verify!r}, is no CA bundle that can be read ({error})"
        raise ConnectionSettingsError(what) from error


class Transport:
    """
    Carries requests from a worker.

    :param settings: Where the service is.
    :param carrier: Another way to carry requests, for tests.
    :raises ConnectionSettingsError: When the settings are such that nothing could be sent.
    """

    def __init__(self, settings: ClientSettings, carrier: Carrier | None = None) -> None:
        # Idle connections are dropped after httpx's usual 5 seconds: a submission must not meet one that the service
        # closes at the same moment, because its outcome would be unknown.
        self._http = _open(httpx.Client, settings, carrier, httpx.Limits())

    def send(self, step: Send) -> Answer | NoAnswer:
        """Send a request once, and return what became of it."""
        try:
            return _answer(self._http.send(_request(step, self._http)))
        except _FAILURES as error:
            return _no_answer(error)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


@dataclass(slots=True, eq=False)
class _SmallClient:
    http: httpx.AsyncClient
    in_flight: int = 0


class AsyncTransport:
    """
    Carries requests from an event loop, through a few small httpx clients.

    More requests than there are connections wait, without a timeout. Further parameters and errors as in
    :class:`Transport`.

    :param turnstile: Lets requests pass one after the other; ``None`` lets all pass at once.
    """

    def __init__(
        self, settings: ClientSettings, carrier: AsyncCarrier | None = None, turnstile: Turnstile | None = None
    ) -> None:
        self._settings = settings
        self._carrier = carrier
        self._turnstile = turnstile
        self._connections = asyncio.Semaphore(CLIENTS * CONNECTIONS_OF_CLIENT)
        self._clients: list[_SmallClient] = []
        self._under_way: set[asyncio.Task[Answer | NoAnswer]] = set()
        # The first one shows whether the settings can be used at all.
        self._add_client()

    async def send(self, step: Send) -> Answer | NoAnswer:
        """Send a request once, when it is its turn, and return what became of it."""
        if self._turnstile is None:
            return await self._send_to_the_end(step)
        sent_at = await self._turnstile.pass_through(step.due_at)
        outcome = await self._send_to_the_end(step)
        if isinstance(outcome, Answer) and outcome.status == 429:
            retry_after = read_retry_after(outcome.headers, datetime.now(UTC))
            now = asyncio.get_running_loop().time()
            self._turnstile.governor.on_throttled(sent_at=sent_at, now=now, retry_after=retry_after)
        return outcome

    async def _send_to_the_end(self, step: Send) -> Answer | NoAnswer:
        # A request that is cancelled half-way can leave its connection occupied for ever, and all others share them.
        # So it goes on to its end, at most its timeout, although nobody waits for it any more.
        request = asyncio.create_task(self._send(step))
        self._under_way.add(request)
        request.add_done_callback(self._under_way.discard)
        return await asyncio.shield(request)

    async def _send(self, step: Send) -> Answer | NoAnswer:
        async with self._connections:
            client = next((each for each in self._clients if each.in_flight < CONNECTIONS_OF_CLIENT), None)
            client = client or self._add_client()
            client.in_flight += 1
            try:
                return _answer(await client.http.send(_request(step, client.http)))
            except _FAILURES as error:
                return _no_answer(error)
            finally:
                client.in_flight -= 1

    async def aclose(self) -> None:
        """Close all connections, and give up what is still under way."""
        abandoned = list(self._under_way)
        for request in abandoned:
            request.cancel()
        await asyncio.gather(*abandoned, return_exceptions=True)
        for client in self._clients:
            await client.http.aclose()

    def _add_client(self) -> _SmallClient:
        limits = httpx.Limits(max_connections=CONNECTIONS_OF_CLIENT, keepalive_expiry=KEEP_ALIVE)
        self._clients.append(_SmallClient(_open(httpx.AsyncClient, self._settings, self._carrier, limits)))
        return self._clients[-1]


@dataclass(slots=True, eq=False)
class _Shared:
    """The transports of one event loop, each with the number of its users."""

    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    transports: dict[ClientSettings, AsyncTransport] = field(default_factory=dict)
    users: dict[ClientSettings, int] = field(default_factory=dict)


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


@asynccontextmanager
async def shared_transport(settings: ClientSettings) -> AsyncIterator[AsyncTransport]:
    """
    Lend the transport that all users of these settings share on the running event loop.

    It is made by the first user and closed by the last. Other settings, another key say, have another one.

    :raises ConnectionSettingsError: When the settings are such that nothing could be sent.
    """
    shared = _shared.setdefault(asyncio.get_running_loop(), _Shared())
    async with shared.opening:
        if settings not in shared.transports:
            await asyncio.to_thread(tls_context, settings.verify)
            turnstile = Turnstile(Governor(settings.polls_per_second))
            shared.transports[settings] = AsyncTransport(settings, turnstile=turnstile)
            shared.users[settings] = 0
        transport = shared.transports[settings]
        shared.users[settings] += 1
    try:
        yield transport
    finally:
        shared.users[settings] -= 1
        if not shared.users[settings]:
            # Before the wait for its end, so that nobody borrows what is being closed.
            del shared.transports[settings], shared.users[settings]
            await transport.aclose()


def _open(kind: Callable[..., C], settings: ClientSettings, carrier: object, limits: httpx.Limits) -> C:
    """
    Return one of httpx's clients; both take the same arguments.

    :raises ConnectionSettingsError: When they are such that nothing could be sent. It repeats no address, because one
        may hold a password.
    """
    try:
        # What the system's resolver does with a host; it would fail there after a submission was recorded as sent.
        httpx.URL(settings.base_url).raw_host.decode().encode("idna")
    except (httpx.InvalidURL, ValueError):
        raise ConnectionSettingsError("The connection's host is no address that can be used") from None
    try:
        return kind(
            follow_redirects=False,
            limits=limits,
            proxy=settings.proxy,
            timeout=httpx.Timeout(settings.timeout, connect=min(CONNECT_TIMEOUT, settings.timeout)),
            transport=carrier,
            verify=tls_context(settings.verify),
        )
    except ImportError as error:
        raise ConnectionSettingsError(f"The proxy cannot be used: {error}") from error
    except (httpx.InvalidURL, ValueError):
        what = "The proxy in the connection's extra, or in the environment, is no address that can be used"
        raise ConnectionSettingsError(what) from None


def _request(step: Send, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    # Made here and not by the client, which would add its own headers and cookies. Below httpx 0.28 a request made so
    # is sent without the client's timeout, and may wait for ever.
    extensions = {"timeout": http.timeout.as_dict()}
    return httpx.Request(step.method, step.url, headers=step.headers, content=step.content, extensions=extensions)


def _answer(response: httpx.Response) -> Answer:
    # JSON is UTF-8. What the answer says of its charset is not trusted: httpx fails on some of its values.
    text = response.content.decode("utf-8-sig", errors="replace")
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, text)


def _no_answer(error: Exception) -> NoAnswer:
    reason = f"{type(error).__name__} {error}".strip()
    return NoAnswer(reason, was_sent=not isinstance(error, _NEVER_SENT))
