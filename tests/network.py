"""
No test reaches beyond this host: Python's own report of what is done with sockets is listened to, and objected to.

That covers connections and datagrams of any library that uses Python's sockets, in any thread, and the questions to
name servers, but for those of a socket that is handed a name, of which Python reports nothing; no library does that.
Processes that a test starts are not covered.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from contextlib import suppress
from typing import Any

#: Reports whose second argument is an address, and those whose first one is a name.
_CONTACTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

#: The others, such as AF_UNIX, do not leave this host.
_FAMILIES = (socket.AF_INET, socket.AF_INET6)

_refused: list[str] = []


class NetworkError(RuntimeError):
    """Something wanted to reach beyond this host."""


def guard() -> None:
    """Refuse all but this host from now on, to the end of the process."""
    sys.addaudithook(_listen)


def take_refused() -> list[str]:
    """Return what was refused since the last call: code under test may well have survived the refusal."""
    refused = _refused.copy()
    _refused.clear()
    return refused


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONTACTS:
        contact, address = arguments[:2]
        is_here = contact.family not in _FAMILIES or address is None or _is_this_host(address[0])
    elif event in _LOOKUPS:
        address = (arguments[0],)
        if _text(arguments[0]).endswith(".invalid"):
            # The name servers' answer is known, as RFC 6761 reserves the domain.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        is_here = _is_this_host(arguments[0]) or _is_number(arguments[0])
    else:
        return
    if not is_here:
        _refused.append(f"{event} {address}")
        raise NetworkError(f"Tests stay on this host: {_refused[-1]}")


def _is_this_host(host: Any) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        address = ipaddress.ip_address(_text(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_number(host: Any) -> bool:
    """Return whether it is an address already, in any way of writing it, for which no name server is asked."""
    try:
        ipaddress.ip_address(_text(host))
    except ValueError:
        with suppress(OSError):
            return bool(socket.inet_aton(_text(host)))
        return False
    return True


def _text(host: Any) -> str:
    return host.decode() if isinstance(host, bytes | bytearray) else str(host)
