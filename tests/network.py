"""
Guard against network access: an audit hook on Python's socket events refuses every host but this one.

It covers connections, datagrams and name lookups of every library that uses Python's sockets, in all threads. It does
not cover a socket that connects to a host name, because Python raises no event for its lookup; no library does that.
It does not cover child processes.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from contextlib import suppress
from typing import Any

#: Events whose second argument is an address, and events whose first argument is a name.
_CONTACTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

#: Other families, such as AF_UNIX, do not leave this host.
_FAMILIES = (socket.AF_INET, socket.AF_INET6)

_refused: list[str] = []


class NetworkError(RuntimeError):
    """The test tried to access another host."""


def install_guard() -> None:
    """Refuse access to other hosts, until the end of the process."""
    sys.addaudithook(_on_event)


def take_refused() -> list[str]:
    """Return what was refused since the last call, because code under test may catch the error."""
    refused = _refused.copy()
    _refused.clear()
    return refused


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONTACTS:
        contact, address = arguments[:2]
        is_here = contact.family not in _FAMILIES or address is None or _is_this_host(address[0])
    elif event in _LOOKUPS:
        address = (arguments[0],)
        if _text(arguments[0]).endswith(".invalid"):
            # RFC 6761 reserves the domain, so name servers do not find it.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        is_here = _is_this_host(arguments[0]) or _is_number(arguments[0])
    else:
        return
    if not is_here:
        _refused.append(f"{event} {address}")
        raise NetworkError(f"Tests must not access another host: {_refused[-1]}")


def _is_this_host(host: Any) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        address = ipaddress.ip_address(_text(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_number(host: Any) -> bool:
    """Return whether the host is an IP address in any notation, which needs no lookup."""
    try:
        ipaddress.ip_address(_text(host))
    except ValueError:
        with suppress(OSError):
            return bool(socket.inet_aton(_text(host)))
        return False
    return True


def _text(host: Any) -> str:
    return host.decode() if isinstance(host, bytes | bytearray) else str(host)
