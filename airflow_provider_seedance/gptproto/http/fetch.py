"""
SSRF guard for the links to outputs: fetches them without the API key, and from public addresses only.

A link is data from the service. So this module resolves the host itself, checks every address, and connects to one of
the checked addresses: a later DNS response has no effect (DNS rebinding). Each redirect is checked in the same way. The
connection's own origin is trusted, and may have a private address.

A SOCKS proxy gets a checked address, too. An HTTP proxy resolves the name itself: it replaces the ``Host`` header of a
request for an address (RFC 9112, section 3.2.2), and often permits listed names only. There, the TLS certificate proves
which host was reached, so a link must be https, and certificates must be verified.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import httpx

from airflow_provider_seedance.gptproto.certificates import ca_advice
from airflow_provider_seedance.gptproto.errors import Charge, DownloadFailedError, ForbiddenLinkError
from airflow_provider_seedance.gptproto.http.time_limit import Alarm, Progress
from airflow_provider_seedance.gptproto.http.transport import (
    CONNECT_TIMEOUT,
    KEEP_ALIVE_OF_WORKER,
    USER_AGENT,
    open_transport,
    proxy_for,
    timeouts,
)
from airflow_provider_seedance.gptproto.settings import ClientSettings

#: The largest number of redirects for one link.
MAXIMUM_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
#: IPv6 addresses of the public internet (RFC 4291, section 2.4).
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
#: IPv4 addresses as IPv6 addresses, for networks without IPv4 (RFC 6052, section 2.1).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_UNRESOLVED_ADVICE = (
    "The worker resolves a name to check its addresses, although a proxy fetches the link. If it cannot resolve names "
    "of the internet and you trust the links, set allow_private_addresses=True. Otherwise a retry downloads it again "
    "and pays nothing."
)


def resolve(host: str, port: int) -> list[str]:
    """
    Return the IP addresses of a host.

    :raises OSError: When it has no address.
    """
    found = socket.getaddrinfo(host, port)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """
    The response to a link, after redirects.

    :param status: HTTP status.
    :param headers: Response headers; keys in lower case.
    :param pieces: The body as a stream, in pieces of at most 64 KiB.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]


class PublicFetcher:
    """
    Fetches links that must have public addresses.

    :param settings: The connection's settings. Its proxy, timeout and certificates are used; its origin is trusted.
    :param allow_private_addresses: Whether links may also have private addresses.
    :param resolver: Returns the IP addresses of a host.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        allow_private_addresses: bool = False,
        resolver: Callable[[str, int], list[str]] = resolve,
    ) -> None:
        self._settings = settings
        self._allow_private_addresses = allow_private_addresses
        self._resolver = resolver
        self._own_origin = _origin(httpx.URL(settings.base_url))

    @contextmanager
    def get(self, link: str, headers: Mapping[str, str]) -> Iterator[FetchResponse]:
        """
        Send a GET request, follow redirects, and yield the response. The connection closes after the ``with`` block.

        :param link: An http(s) URL.
        :param headers: Headers besides those of every request.
        :raises ForbiddenLinkError: When the URL of the link or of a redirect is invalid or not allowed.
        :raises DownloadFailedError: When there is no response; also raised while the pieces are read.
        """
        url = _parse(link)
        for _ in range(MAXIMUM_REDIRECTS + 1):
            with ExitStack() as stack:
                response = self._send(stack, url, headers)
                location = response.headers.get("location")
                if response.status_code not in _REDIRECTS or location is None:
                    yield FetchResponse(response.status_code, response.headers, _pieces(url, response))
                    return
            url = _parse(location, url)
        raise _forbidden(f"{redact_url(link)} redirects more than {MAXIMUM_REDIRECTS} times")

    def _send(self, stack: ExitStack, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        address = str(url)
        hosts = self._hosts(url, proxy_for(self._settings, address))
        transport = stack.enter_context(
            open_transport(httpx.HTTPTransport, self._settings, KEEP_ALIVE_OF_WORKER, address=address)
        )
        all_headers = {
            "Accept": "*/*",
            # With compression, sizes and ranges would not be those of the file.
            "Accept-Encoding": "identity",
            "Host": url.netloc.decode("ascii"),
            "User-Agent": USER_AGENT,
            **headers,
        }
        extensions: dict[str, Any] = {
            "timeout": timeouts(self._settings.timeout),
            "sni_hostname": url.raw_host.decode("ascii"),
        }
        seconds = self._settings.timeout + CONNECT_TIMEOUT
        failure: httpx.RequestError | None = None
        for host in hosts:
            # Headers that drip would last for ever: httpx limits single steps.
            alarm = Alarm(seconds, Progress(), [])
            extensions["trace"] = alarm.on_event
            request = httpx.Request("GET", url.copy_with(host=host), headers=all_headers, extensions=extensions)
            try:
                alarm.start()
                with alarm:
                    response = transport.handle_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
            except (httpx.RequestError, RuntimeError) as error:
                raise _failed(url, _too_late(seconds) if alarm.has_rung else error) from error
            else:
                stack.callback(response.close)
                if alarm.has_rung:
                    raise _failed(url, _too_late(seconds))
                return response
        raise _failed(url, failure or OSError("the host has no address")) from failure

    def _hosts(self, url: httpx.URL, proxy: str | None) -> list[str]:
        """Return the hosts to connect to, one after the other: checked addresses, or a name that a proxy resolves."""
        is_trusted = self._allow_private_addresses or _origin(url) == self._own_origin
        if is_trusted and proxy is not None:
            return [url.host]
        addresses = self._addresses(url, proxy)
        if is_trusted:
            return addresses
        shown = redact_url(str(url))
        for address in addresses:
            if not is_public(address):
                raise _forbidden(f"{shown} resolves to {address}, not a public address")
        if proxy is None or proxy.startswith("socks"):
            return addresses
        # The name in the link may be an address, which a proxy cannot resolve to another one.
        if url.host not in addresses and (url.scheme == "http" or self._settings.verify is False):
            raise _forbidden(
                f"{shown} goes through a proxy, which resolves the name again, and no verified TLS certificate proves "
                "which host it reaches"
            )
        return [url.host]

    def _addresses(self, url: httpx.URL, proxy: str | None) -> list[str]:
        """Return the IP addresses of a host."""
        try:
            return self._resolver(url.raw_host.decode("ascii"), _origin(url)[2])
        except UnicodeError:
            raise _forbidden(f"{redact_url(str(url))} has an invalid host name") from None
        except OSError as error:
            raise _failed(url, error, None if proxy is None else _UNRESOLVED_ADVICE) from error


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, IPv6Address):
        embedded = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            embedded = IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if embedded is not None:
            return is_public(str(embedded))
        return parsed in _GLOBAL_UNICAST and parsed.is_global
    return parsed.is_global and not parsed.is_multicast


def redact_url(link: str) -> str:
    """Return a link for errors and logs, without user, password, query and fragment: the query holds a signature."""
    try:
        url = httpx.URL(link)
    except (httpx.InvalidURL, ValueError):
        return "The link"
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))


def _parse(link: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        url = base.join(link) if base is not None else httpx.URL(link)
        # httpx decodes the host name here, and raises an error if its encoding is invalid.
        host = url.host
    except (httpx.InvalidURL, ValueError):
        raise _forbidden(f"{redact_url(link)} is not a valid URL") from None
    if url.scheme not in ("http", "https") or not host or not 0 < _origin(url)[2] < 65536:
        raise _forbidden(f"{redact_url(link)} is not an http(s) URL")
    return url


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    default_port = 443 if url.scheme == "https" else 80
    return url.scheme, url.raw_host, default_port if url.port is None else url.port


def _pieces(url: httpx.URL, response: httpx.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_raw()
    except httpx.RequestError as error:
        raise _failed(url, error) from error


def _forbidden(what: str) -> ForbiddenLinkError:
    return ForbiddenLinkError(what, charge=Charge.ACCEPTED)


def _too_late(seconds: float) -> TimeoutError:
    return TimeoutError(f"no complete headers in {seconds:g} s")


def _failed(url: httpx.URL, error: Exception, advice: str | None = None) -> DownloadFailedError:
    reason = f"{type(error).__name__} {error}".strip()
    what = f"{redact_url(str(url))} could not be fetched: {reason}{ca_advice(reason)}"
    return DownloadFailedError(what, charge=Charge.ACCEPTED, advice=advice)
