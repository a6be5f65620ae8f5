"""
The HTTP transport beneath both clients: httpx, TLS, proxies, and the connection pool of an event loop.

A worker's client has a transport of its own. In a triggerer a thousand waits run at once, so all clients with the same
settings share one pool (:func:`shared_pool`): one TLS context, a few connections that stay open between two polls, and
one rate limit.

Only httpx's transports are used. Its clients would add cookies, redirects and headers of their own, which no request
here needs, and a tenth to the cost of a poll.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import httpx

from airflow_provider_seedance import __version__
from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.flows import LAST_POLL_SECONDS, HttpRequest, HttpResponse, NoResponse
from airflow_provider_seedance.gptproto.http.rate_limit import AdaptiveRateLimit
from airflow_provider_seedance.gptproto.http.request_queue import PriorityQueue
from airflow_provider_seedance.gptproto.http.time_limit import Alarm, Progress
from airflow_provider_seedance.gptproto.redaction import redacted
from airflow_provider_seedance.gptproto.responses import read_retry_after
from airflow_provider_seedance.gptproto.settings import ClientSettings

T = TypeVar("T")
#: httpx's transports. Tests replace the network with one of their own.
BaseTransport = httpx.BaseTransport
AsyncBaseTransport = httpx.AsyncBaseTransport

USER_AGENT = f"airflow-provider-seedance/{__version__} httpx/{httpx.__version__}"
#: Seconds to wait for a connection. Shorter than for a response, because nothing is lost when it fails.
CONNECT_TIMEOUT = 10.0
#: Seconds that an event loop keeps an idle connection: longer than the longest interval between two polls.
KEEP_ALIVE = 120.0
#: The same on a worker. It is short, because a submission on a connection that the service closes at the same moment
#: has an unknown outcome.
KEEP_ALIVE_OF_WORKER = 5.0
_ENVIRONMENT_ADVICE = (
    "Correct or remove the environment variable on all workers and triggerers, and run the task again."
)
#: Errors before the request was sent: the service cannot have received it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


@functools.lru_cache(maxsize=8)
def tls_context(verify: bool | str, scheme: str) -> ssl.SSLContext:
    """
    Return the TLS context for a ``verify`` setting; a process makes it once.

    Reading the CA bundle blocks for tens of milliseconds. An event loop calls this in a thread first.

    :param scheme: The scheme of the URL to reach. For ``http`` no CA bundle is read.
    :raises ConnectionSettingsError: When ``verify`` is a path without a CA bundle.
    """
    if scheme == "http":
        # httpx needs a context, although it makes its own one for an https proxy. This one accepts no certificate.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if isinstance(verify, bool):
            return httpx.create_ssl_context(verify=verify)
        return ssl.create_default_context(cafile=verify)
    except (OSError, ValueError) as error:
        if isinstance(verify, bool):
            # The only file that httpx reads besides the one of its own dependency.
            path = os.environ.get("SSL_CERT_FILE")
            source, advice = f"SSL_CERT_FILE, {redacted(path)}" if path else "The default", _ENVIRONMENT_ADVICE
        else:
            source, advice = f"verify in the connection's extra, {redacted(verify)}", None
        raise ConnectionSettingsError(f"{source}, is not a readable CA bundle ({error})", advice=advice) from error


class Transport:
    """
    Send requests from a worker.

    :param settings: The connection's settings.
    :param transport: Replaces the network, for tests.
    :raises ConnectionSettingsError: When no request can be sent with these settings.
    """

    def __init__(self, settings: ClientSettings, transport: BaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport or open_transport(httpx.HTTPTransport, settings, KEEP_ALIVE_OF_WORKER)
        self._sockets: list[socket.socket] = []

    def send(self, request: HttpRequest) -> HttpResponse | NoResponse:
        """Send a request once, and return the outcome."""
        left = math.inf if request.remaining is None else request.remaining + LAST_POLL_SECONDS
        seconds = min(_time_limit(request, self._settings), left)
        progress = Progress(was_sent=True)
        alarm = Alarm(seconds, progress, self._sockets)
        try:
            alarm.start()
        except RuntimeError as error:
            return NoResponse(f"no thread for the time limit ({error})", was_sent=False)
        try:
            with alarm:
                response = self._transport.handle_request(_to_httpx(request, seconds, alarm.on_event))
                body = progress.begin_body(response.status_code, response.headers)
                try:
                    for piece in cast(httpx.SyncByteStream, response.stream):
                        body.add(piece)
                        if body.is_cut:
                            break
                finally:
                    response.close()
        except httpx.RequestError as error:
            return _too_late(seconds, progress) if alarm.has_rung else _no_response(error, progress)
        # To a body without a length, the shutdown by the alarm is its end.
        return _too_late(seconds, progress) if alarm.has_rung else _to_response(response.status_code, progress)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()


class ConnectionPool:
    """
    Send requests from an event loop.

    The timeout of a request starts with its turn, but it never lasts longer than the wait that it belongs to. Further
    parameters and errors as in :class:`Transport`.

    Each connection has a transport of its own, because httpx's transports scan all of their connections at every
    request.

    :param rate_limit: Decides when requests are sent; ``None`` for no limit, and no pause after a 429.
    """

    def __init__(
        self,
        settings: ClientSettings,
        transport: AsyncBaseTransport | None = None,
        rate_limit: AdaptiveRateLimit | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._rate_limit = rate_limit
        self._queue = PriorityQueue(rate_limit or AdaptiveRateLimit(math.inf))
        # Opening the first connection's transport checks the settings.
        self._idle = [self._open()]

    async def send(self, request: HttpRequest) -> HttpResponse | NoResponse:
        """Send a request once, when it is its turn, and return the outcome."""
        progress = Progress()
        left = None if request.remaining is None else request.remaining + LAST_POLL_SECONDS
        try:
            async with asyncio.timeout(left) as wait_limit:
                with await self._queue.acquire(yields=request.yields, urgent_in=request.remaining) as turn:
                    outcome = await self._send(request, progress)
                    if self._rate_limit is not None and isinstance(outcome, HttpResponse) and outcome.status == 429:
                        retry_after = read_retry_after(outcome.headers, datetime.now(UTC))
                        now = asyncio.get_running_loop().time()
                        self._rate_limit.on_throttled(sent_at=turn.began_at, now=now, retry_after=retry_after)
                    return outcome
        except TimeoutError:
            if wait_limit.expired():
                return NoResponse("the wait ended before the response came", progress.was_sent)
            return _too_late(_time_limit(request, self._settings), progress)

    async def aclose(self) -> None:
        """Close all connections."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _send(self, request: HttpRequest, progress: Progress) -> HttpResponse | NoResponse:
        seconds = _time_limit(request, self._settings)
        # Only a submission has to know whether it was sent, and to follow a request is a fifth of the cost of a poll.
        follow = None if request.content is None else progress.on_event_async
        sent = _to_httpx(request, seconds, follow)
        progress.was_sent = True
        # The connection used last, so that the others can expire.
        connection = self._idle.pop() if self._idle else self._open()
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._send_through(connection, sent, progress)
        except BaseException:
            # A cancelled request can leave its connection occupied for ever.
            await connection.aclose()
            raise
        self._idle.append(connection)
        return outcome

    async def _send_through(
        self, connection: AsyncBaseTransport, request: httpx.Request, progress: Progress
    ) -> HttpResponse | NoResponse:
        try:
            response = await connection.handle_async_request(request)
            body = progress.begin_body(response.status_code, response.headers)
            try:
                async for piece in cast(httpx.AsyncByteStream, response.stream):
                    body.add(piece)
                    if body.is_cut:
                        break
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            return _no_response(error, progress)
        return _to_response(response.status_code, progress)

    def _open(self) -> AsyncBaseTransport:
        return self._transport or open_transport(httpx.AsyncHTTPTransport, self._settings, KEEP_ALIVE, connections=1)


@dataclass(slots=True, eq=False)
class _Pools:
    """The connection pools of one event loop, each with the number of its users; the rate limits outlive the pools."""

    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    by_settings: dict[ClientSettings, ConnectionPool] = field(default_factory=dict)
    users: dict[ClientSettings, int] = field(default_factory=dict)
    rate_limits: dict[ClientSettings, AdaptiveRateLimit] = field(default_factory=dict)


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pools] = WeakKeyDictionary()


@asynccontextmanager
async def shared_pool(settings: ClientSettings) -> AsyncIterator[ConnectionPool]:
    """
    Yield the connection pool that all users of these settings share on the running event loop.

    The first user opens it and the last one closes it. Other settings, such as another key, have another pool. What a
    429 asked for holds for later users, too.

    :raises ConnectionSettingsError: When no request can be sent with these settings.
    """
    pools = _pools.setdefault(asyncio.get_running_loop(), _Pools())
    async with pools.opening:
        if settings not in pools.by_settings:
            await asyncio.to_thread(tls_context, settings.verify, urlsplit(settings.base_url).scheme)
            rate_limit = pools.rate_limits.get(settings) or AdaptiveRateLimit(settings.polls_per_second)
            pools.by_settings[settings] = ConnectionPool(settings, rate_limit=rate_limit)
            pools.rate_limits[settings] = rate_limit
            pools.users[settings] = 0
        pool = pools.by_settings[settings]
        pools.users[settings] += 1
    try:
        yield pool
    finally:
        pools.users[settings] -= 1
        if not pools.users[settings]:
            # Forget the pool before closing it, so that no new user gets a closed one.
            del pools.by_settings[settings], pools.users[settings]
            await pool.aclose()


def open_transport(
    kind: Callable[..., T],
    settings: ClientSettings,
    keep_alive: float,
    connections: int | None = None,
    address: str | None = None,
) -> T:
    """
    Return one of httpx's transports. The synchronous and the asynchronous one take the same arguments.

    :param kind: The transport's class.
    :param settings: The connection's settings.
    :param keep_alive: Seconds that an idle connection is kept.
    :param connections: The largest number of connections; ``None`` for no limit.
    :param address: The URL to reach; ``None`` for the service.
    :raises ConnectionSettingsError: When no request can be sent. It shows no URL, because one may hold a password.
    """
    try:
        # httpx and the system's resolver do the same with a host. Their error would come after a submission was
        # recorded as sent.
        url = httpx.URL(settings.base_url)
        _ = url.host, url.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, ValueError):
        raise ConnectionSettingsError("The connection's host is not a valid address") from None
    address = address or settings.base_url
    try:
        return kind(
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=keep_alive),
            proxy=proxy_for(settings, address),
            verify=tls_context(settings.verify, urlsplit(address).scheme),
        )
    except ImportError as error:
        raise ConnectionSettingsError(f"The proxy cannot be used: {error}") from error
    except (httpx.InvalidURL, ValueError):
        what = "The proxy in the connection's extra, or in the environment, is not a valid address"
        raise ConnectionSettingsError(what) from None


def proxy_for(settings: ClientSettings, address: str) -> str | None:
    """
    Return the proxy for a URL, or ``None``.

    It is the connection's own, or the one in ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` (upper or lower case).
    ``NO_PROXY`` may have IP addresses and networks such as ``10.0.0.0/8``.
    """
    if settings.proxy:
        return settings.proxy
    parts = urlsplit(address)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc) or _is_exempt(parts.hostname or "", proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(host: str, no_proxy: str) -> bool:
    """Return whether an IP address belongs to an entry of ``NO_PROXY``; Python compares networks as names."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        with suppress(ValueError):
            if address in ip_network(entry.strip().strip("[]"), strict=False):
                return True
    return False


def timeouts(seconds: float) -> Mapping[str, float | None]:
    """Return a timeout for each step of a request, in the form of httpx's transports."""
    return httpx.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds)).as_dict()


def _time_limit(request: HttpRequest, settings: ClientSettings) -> float:
    return settings.seconds_for(len(request.content or b""))


def _to_httpx(request: HttpRequest, seconds: float, trace: Callable[..., Any] | None) -> httpx.Request:
    # httpx's timeouts of single steps never end a request before its own time limit, which has the clearer error.
    single = {**timeouts(seconds + 1.0), "connect": min(CONNECT_TIMEOUT, seconds)}
    extensions: dict[str, Any] = {"timeout": single}
    if trace is not None:
        extensions["trace"] = trace
    return httpx.Request(
        request.method, request.url, headers=request.headers, content=request.content, extensions=extensions
    )


def _to_response(status: int, progress: Progress) -> HttpResponse:
    return HttpResponse(status, progress.headers, progress.body.text(), is_cut=progress.body.is_cut)


def _too_late(seconds: float, progress: Progress) -> NoResponse:
    return NoResponse(f"no complete response in {seconds:g} s", progress.was_sent, _received(progress))


def _no_response(error: Exception, progress: Progress) -> NoResponse:
    reason = f"{type(error).__name__} {error}".strip()
    was_sent = progress.was_sent and not isinstance(error, _NEVER_SENT)
    return NoResponse(reason, was_sent, _received(progress))


def _received(progress: Progress) -> HttpResponse | None:
    return None if progress.status is None else _to_response(progress.status, progress)
