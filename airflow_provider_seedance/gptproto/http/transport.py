"""
How requests are carried: with :mod:`~airflow_provider_seedance.gptproto.http.fetch` the only module that imports httpx.

On a worker a client has a transport of its own. On an event loop all clients of the same settings share one
(:func:`shared_transport`), because a triggerer runs a thousand waits at once: one TLS context, a few connections that
outlive the pause between two looks, and one rate for all.

What is used of httpx are its transports. Its clients would add what no request here needs, such as cookies, redirects
and headers of their own, and a tenth to the cost of a look.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import httpx

from airflow_provider_seedance import __version__
from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.flows import Answer, NoAnswer, Send
from airflow_provider_seedance.gptproto.http.rate_limit import Governor
from airflow_provider_seedance.gptproto.http.turnstile import Turnstile
from airflow_provider_seedance.gptproto.responses import read_retry_after
from airflow_provider_seedance.gptproto.settings import ClientSettings

C = TypeVar("C")
#: What carries requests in place of the network, in tests.
Carrier = httpx.BaseTransport
AsyncCarrier = httpx.AsyncBaseTransport

USER_AGENT = f"airflow-provider-seedance/{__version__} httpx/{httpx.__version__}"
#: Seconds to wait for a connection; shorter than for an answer, because nothing is lost when it fails.
CONNECT_TIMEOUT = 10.0
#: Connections of an event loop at most: requests in flight = looks a second x seconds of an answer. Each has one of
#: httpx's transports to itself, because these go through all of their connections at every request.
CONNECTIONS = 32
#: Seconds that an idle connection of an event loop is kept: longer than the longest pause between two looks.
KEEP_ALIVE = 120.0
#: The same on a worker, where a submission must not meet a connection that the service closes at the same moment,
#: because its outcome would be unknown.
KEEP_ALIVE_OF_WORKER = 5.0
#: Failures before the request left: the service cannot have got it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


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
        self._timeout = timeouts(settings)
        self._carrier = carrier or open_carrier(httpx.HTTPTransport, settings, KEEP_ALIVE_OF_WORKER)

    def send(self, step: Send) -> Answer | NoAnswer:
        """Send a request once, and return what became of it."""
        try:
            response = self._carrier.handle_request(_request(step, self._timeout))
            try:
                response.read()
            finally:
                response.close()
        except httpx.RequestError as error:
            return _no_answer(error)
        return _answer(response)

    def close(self) -> None:
        """Close all connections."""
        self._carrier.close()


class AsyncTransport:
    """
    Carries requests from an event loop.

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
        self._timeout = timeouts(settings)
        self._turns = asyncio.Semaphore(CONNECTIONS)
        # The first one shows whether the settings can be used at all.
        self._idle = [self._connect()]

    async def send(self, step: Send) -> Answer | NoAnswer:
        """Send a request once, when it is its turn, and return what became of it."""
        if self._turnstile is None:
            return await self._send(step)
        sent_at = await self._turnstile.pass_through(step.due_at)
        outcome = await self._send(step)
        if isinstance(outcome, Answer) and outcome.status == 429:
            retry_after = read_retry_after(outcome.headers, datetime.now(UTC))
            now = asyncio.get_running_loop().time()
            self._turnstile.governor.on_throttled(sent_at=sent_at, now=now, retry_after=retry_after)
        return outcome

    async def aclose(self) -> None:
        """Close all connections."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _send(self, step: Send) -> Answer | NoAnswer:
        async with self._turns:
            # The one that was used last: the others may become old and close.
            connection = self._idle.pop() if self._idle else self._connect()
            try:
                outcome = await self._send_through(connection, step)
            except BaseException:
                # Cancelled half-way it may stay occupied for ever.
                await connection.aclose()
                raise
            self._idle.append(connection)
            return outcome

    async def _send_through(self, connection: AsyncCarrier, step: Send) -> Answer | NoAnswer:
        try:
            response = await connection.handle_async_request(_request(step, self._timeout))
            try:
                await response.aread()
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            return _no_answer(error)
        return _answer(response)

    def _connect(self) -> AsyncCarrier:
        return self._carrier or open_carrier(httpx.AsyncHTTPTransport, self._settings, KEEP_ALIVE, connections=1)


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


def open_carrier(
    kind: Callable[..., C],
    settings: ClientSettings,
    keep_alive: float,
    connections: int | None = None,
    address: str | None = None,
) -> C:
    """
    Return one of httpx's transports; both take the same arguments.

    :param kind: Which one.
    :param settings: How the service is reached.
    :param keep_alive: Seconds that an idle connection is kept.
    :param connections: How many there are at most; ``None`` for no limit.
    :param address: What is to be reached; ``None`` for the service.
    :raises ConnectionSettingsError: When they are such that nothing could be sent. It repeats no address, because one
        may hold a password.
    """
    try:
        # What httpx and the system's resolver do with a host; it would fail there after a submission was recorded as
        # sent.
        url = httpx.URL(settings.base_url)
        _ = url.host, url.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, ValueError):
        raise ConnectionSettingsError("The connection's host is no address that can be used") from None
    try:
        return kind(
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=keep_alive),
            proxy=proxy_for(settings, address or settings.base_url),
            verify=tls_context(settings.verify),
        )
    except ImportError as error:
        raise ConnectionSettingsError(f"The proxy cannot be used: {error}") from error
    except (httpx.InvalidURL, ValueError):
        what = "The proxy in the connection's extra, or in the environment, is no address that can be used"
        raise ConnectionSettingsError(what) from None


def proxy_for(settings: ClientSettings, address: str) -> str | None:
    """
    Return the proxy on the way to an address, or ``None``.

    It is the settings' own, or what ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` (likewise in lower case) name.
    """
    if settings.proxy:
        return settings.proxy
    parts = urlsplit(address)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def timeouts(settings: ClientSettings) -> Mapping[str, float | None]:
    """Return the settings' timeout in the form of httpx's transports."""
    return httpx.Timeout(settings.timeout, connect=min(CONNECT_TIMEOUT, settings.timeout)).as_dict()


def _request(step: Send, timeout: Mapping[str, float | None]) -> httpx.Request:
    extensions = {"timeout": timeout}
    return httpx.Request(step.method, step.url, headers=step.headers, content=step.content, extensions=extensions)


def _answer(response: httpx.Response) -> Answer:
    # JSON is UTF-8. What the answer says of its charset is not trusted: httpx fails on some of its values.
    text = response.content.decode("utf-8-sig", errors="replace")
    return Answer(response.status_code, response.headers, text)


def _no_answer(error: Exception) -> NoAnswer:
    reason = f"{type(error).__name__} {error}".strip()
    return NoAnswer(reason, was_sent=not isinstance(error, _NEVER_SENT))
