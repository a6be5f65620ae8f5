"""
How the links to outputs are followed: without the key, and never to where only this network may go.

A link is data that somebody else wrote. So its host is resolved here, every address it has is checked, and the
connection goes to one of those that were: another answer of the name service a moment later has no effect. The same
holds for each redirect. Whoever configured the connection trusts its origin, so that may have a private address.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import httpx

from airflow_provider_seedance.gptproto.errors import Charge, DownloadFailedError, ForbiddenLinkError
from airflow_provider_seedance.gptproto.http.transport import (
    KEEP_ALIVE_OF_WORKER,
    USER_AGENT,
    open_transport,
    proxy_for,
    timeouts,
)
from airflow_provider_seedance.gptproto.settings import ClientSettings

#: Redirects that are followed, one after the other.
MAXIMUM_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
#: What IPv6 has given out for the public net (RFC 4291, section 2.4).
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
#: IPv4 addresses in the form in which a network without IPv4 knows them (RFC 6052, section 2.1).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def resolve(host: str, port: int) -> list[str]:
    """
    Return the addresses of a host.

    :raises OSError: When it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """
    What a link leads to.

    :param status: HTTP status; no redirect.
    :param headers: Headers, to be looked up in lower case.
    :param pieces: The body as it arrives, in pieces of 64 KiB at most.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]


class PublicFetcher:
    """
    Follows links.

    :param settings: Proxy, timeout and certificates are those of the connection, whose origin is trusted.
    :param allow_private_addresses: Whether links may lead anywhere.
    :param resolver: Returns the addresses of a host.
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
        Ask for what is behind a link, as long as the ``with`` block lasts.

        :param link: An http(s) address.
        :param headers: Headers besides those of every request.
        :raises ForbiddenLinkError: When the link, or a redirect, leads where it must not.
        :raises DownloadFailedError: When there was no answer; also raised by the answer's pieces.
        """
        url = _parse(link)
        for _ in range(MAXIMUM_REDIRECTS + 1):
            with ExitStack() as stack:
                response = self._ask(stack, url, headers)
                location = response.headers.get("location")
                if response.status_code not in _REDIRECTS or location is None:
                    yield FetchResponse(response.status_code, response.headers, _pieces(url, response))
                    return
            url = _parse(location, url)
        raise _forbidden(f"{redact_url(link)} redirects more than {MAXIMUM_REDIRECTS} times")

    def _ask(self, stack: ExitStack, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        address = str(url)
        is_proxied = proxy_for(self._settings, address) is not None
        hosts = self._addresses(url, is_proxied=is_proxied)
        if is_proxied:
            # The proxy resolves the name itself, and might know another address for it.
            hosts = [url.host]
        carrier = stack.enter_context(
            open_transport(httpx.HTTPTransport, self._settings, KEEP_ALIVE_OF_WORKER, address=address)
        )
        all_headers = {
            "Accept": "*/*",
            # Compressed, neither its size nor a range of it would be that of the file.
            "Accept-Encoding": "identity",
            "Host": url.netloc.decode("ascii"),
            "User-Agent": USER_AGENT,
            **headers,
        }
        extensions = {"timeout": timeouts(self._settings), "sni_hostname": url.raw_host.decode("ascii")}
        failure: httpx.RequestError | None = None
        for host in hosts:
            request = httpx.Request("GET", url.copy_with(host=host), headers=all_headers, extensions=extensions)
            try:
                response = carrier.handle_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
            except httpx.RequestError as error:
                raise _failed(url, error) from error
            else:
                stack.callback(response.close)
                return response
        raise _failed(url, failure or OSError("the host has no address")) from failure

    def _addresses(self, url: httpx.URL, *, is_proxied: bool) -> list[str]:
        """Return where a host is, once all of that is checked."""
        host, port = url.raw_host.decode("ascii"), _origin(url)[2]
        try:
            addresses = self._resolver(host, port)
        except UnicodeError:
            raise _forbidden(f"{redact_url(str(url))} names no host that can be used") from None
        except OSError as error:
            if is_proxied:
                # Behind a proxy a worker often cannot resolve the names of the world outside.
                return []
            raise _failed(url, error) from error
        if not self._allow_private_addresses and _origin(url) != self._own_origin:
            for address in addresses:
                if not is_public(address):
                    raise _forbidden(f"{redact_url(str(url))} leads to {address}, which is no public address")
        return addresses


def is_public(address: str) -> bool:
    """Return whether an address can belong to a host of the public net."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, IPv6Address):
        carried = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            carried = IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if carried is not None:
            return is_public(str(carried))
        return parsed in _GLOBAL_UNICAST and parsed.is_global
    return parsed.is_global and not parsed.is_multicast


def redact_url(link: str) -> str:
    """Return a link as errors and logs show it: without the signature that lets anybody fetch it."""
    try:
        url = httpx.URL(link)
    except (httpx.InvalidURL, ValueError):
        return "The link"
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))


def _parse(link: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        url = base.join(link) if base is not None else httpx.URL(link)
        # Only here a name is decoded that was encoded for the name service, and may be so wrongly.
        host = url.host
    except (httpx.InvalidURL, ValueError):
        raise _forbidden(f"{redact_url(link)} is no address that can be used") from None
    if url.scheme not in ("http", "https") or not host or not 0 < _origin(url)[2] < 65536:
        raise _forbidden(f"{redact_url(link)} is no http(s) address")
    return url


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    usual = 443 if url.scheme == "https" else 80
    return url.scheme, url.raw_host, usual if url.port is None else url.port


def _pieces(url: httpx.URL, response: httpx.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_raw()
    except httpx.RequestError as error:
        raise _failed(url, error) from error


def _forbidden(what: str) -> ForbiddenLinkError:
    return ForbiddenLinkError(what, charge=Charge.ACCEPTED)


def _failed(url: httpx.URL, error: Exception) -> DownloadFailedError:
    reason = f"{type(error).__name__} {error}".strip()
    return DownloadFailedError(f"{redact_url(str(url))} could not be fetched: {reason}", charge=Charge.ACCEPTED)
