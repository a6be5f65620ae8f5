"""Where the API is and how to get in: the settings of a client, checked and brought into one form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError

DEFAULT_BASE_URL = "https://gptproto.com"
#: The segment of the submit address before the model (page, "Initiate Request").
DEFAULT_VENDOR = "bytedance"
#: Seconds that one request may wait for an answer.
DEFAULT_TIMEOUT = 60.0
#: Looks a second that all waits of a connection in one triggerer take together.
DEFAULT_POLLS_PER_SECOND = 20.0

_KEY = re.compile(r"[\x21-\x7e]+")
_HOSTNAME = re.compile(r"[\w.-]+|[0-9a-f:.]+", re.IGNORECASE)
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: In seconds. What is far above it sockets cannot hold, and say so only when the request has left.
_LONGEST_TIMEOUT = 24 * 3600.0
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """
    What a client needs to know.

    :param api_key: The key, as it stands in the one header that carries it; in no repr.
    :param base_url: Scheme, host, port and perhaps a path; without a slash at the end.
    :param vendor: The segment of the submit address before the model.
    :param auth_scheme: Put before the key in the header, e.g. ``Bearer``; empty for the key alone.
    :param timeout: Seconds that one request may wait, for the connection and for each piece of the answer.
    :param verify: Whether certificates are verified, or the path of a CA bundle to verify them with.
    :param proxy: Address of a proxy for every request; ``None`` takes what the environment says. In no repr, because
        it may hold a password.
    :param polls_per_second: How often all waits of this connection in one triggerer look together, at most.
    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    vendor: str = DEFAULT_VENDOR
    auth_scheme: str = ""
    timeout: float = DEFAULT_TIMEOUT
    verify: bool | str = True
    proxy: str | None = field(default=None, repr=False)
    polls_per_second: float = DEFAULT_POLLS_PER_SECOND

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` header."""
        return f"{self.auth_scheme} {self.api_key}" if self.auth_scheme else self.api_key

    @property
    def sends_key_in_the_clear(self) -> bool:
        """Whether the key travels unencrypted to another machine."""
        address = urlsplit(self.base_url)
        return address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1")


def read_settings(
    *,
    password: str | None,
    host: str | None,
    schema: str | None,
    port: int | None,
    extra: object,
) -> ClientSettings:
    """
    Return the settings that the fields of an Airflow connection mean.

    :param password: The API key; spaces around it and a pasted ``Bearer`` before it are dropped.
    :param host: A bare host, a host with a port, or a full URL; empty for GPTProto itself.
    :param schema: ``http`` or ``https``, for a host without a scheme.
    :param port: For a host without a port.
    :param extra: A mapping with ``vendor``, ``auth_scheme``, ``timeout``, ``verify``, ``proxy`` and
        ``polls_per_second``, each optional.
    :raises ConnectionSettingsError: When a field cannot be used; it never repeats the key.
    """
    if not isinstance(extra, Mapping):
        raise ConnectionSettingsError("The connection's extra is no JSON object")
    return ClientSettings(
        api_key=_api_key(password),
        base_url=_base_url(host, schema, port),
        vendor=_vendor(extra.get("vendor")),
        auth_scheme=_auth_scheme(extra.get("auth_scheme")),
        timeout=_timeout(extra.get("timeout")),
        verify=_verify(extra.get("verify")),
        proxy=_proxy(extra.get("proxy")),
        polls_per_second=_polls_per_second(extra.get("polls_per_second")),
    )


def _api_key(password: str | None) -> str:
    key = re.sub(r"^bearer(\s+|$)", "", (password or "").strip(), flags=re.IGNORECASE)
    if not key:
        raise ConnectionSettingsError("The connection has no API key: its password field is empty")
    if not _KEY.fullmatch(key):
        raise ConnectionSettingsError("The API key in the connection's password field holds spaces or special signs")
    return key


def _base_url(host: str | None, schema: str | None, port: int | None) -> str:
    host = (host or "").strip() or urlsplit(DEFAULT_BASE_URL).netloc
    scheme = (schema or "https").strip().removesuffix("://")
    if "://" not in host:
        host = f"{scheme}://{_bracketed(host)}"
    address = _split(host)
    if (
        address is None
        or not _HOSTNAME.fullmatch(address.hostname or "")
        or "@" in address.netloc
        or address.query
        or address.fragment
    ):
        raise ConnectionSettingsError(
            "The connection's host is no base URL; it can be a host, a host with a port, or a URL such as "
            f"{DEFAULT_BASE_URL}, without user, query or fragment"
        )
    if address.scheme not in ("http", "https"):
        raise ConnectionSettingsError(f"The connection's scheme is {address.scheme!r}; it can be http or https")
    netloc = address.netloc.rstrip(":")
    if address.port == _PORTS[address.scheme]:
        netloc = netloc.rpartition(":")[0]
    elif port and not address.port and port != _PORTS[address.scheme]:
        if not 0 < port < 65536:
            raise ConnectionSettingsError(f"The connection's port is {port}; it can be 1 to 65535")
        netloc = f"{netloc}:{port}"
    return f"{address.scheme}://{netloc}{address.path.rstrip('/')}"


#: They go without saying in an address.
_PORTS = {"http": 80, "https": 443}


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address, or ``None``; why it has none is not told, because that repeats parts of it."""
    try:
        address = urlsplit(url)
        _ = address.port
    except ValueError:
        return None
    return address


def _vendor(value: Any) -> str:
    vendor = str(value or DEFAULT_VENDOR).strip()
    if not _SEGMENT.fullmatch(vendor):
        raise ConnectionSettingsError(f"vendor in the connection's extra is {vendor!r}; it can be one path segment")
    return vendor


def _auth_scheme(value: Any) -> str:
    scheme = str(value or "").strip()
    if scheme and not _TOKEN.fullmatch(scheme):
        raise ConnectionSettingsError("auth_scheme in the connection's extra is not one word such as Bearer")
    return scheme


def _timeout(value: Any) -> float:
    seconds = _number(value, DEFAULT_TIMEOUT)
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        what = f"timeout in the connection's extra is {value!r}; it can be seconds above 0, up to a day"
        raise ConnectionSettingsError(what)
    return seconds


def _polls_per_second(value: Any) -> float:
    rate = _number(value, DEFAULT_POLLS_PER_SECOND)
    if not 0 < rate < float("inf"):
        raise ConnectionSettingsError(
            f"polls_per_second in the connection's extra is {value!r}; it can be a number above 0"
        )
    return rate


def _number(value: Any, default: float) -> float:
    """Return a number, the default where none is given, and 0 for what is none."""
    if value in (None, ""):
        return default
    try:
        return 0.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _verify(value: Any) -> bool | str:
    if value is None:
        return True
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ConnectionSettingsError(
            f"verify in the connection's extra is {value!r}; it can be true, false or the path of a CA bundle"
        )
    path = value.strip()
    return _BOOLEANS.get(path.lower(), path or True)


def _proxy(value: Any) -> str | None:
    proxy = str(value or "").strip()
    if not proxy:
        return None
    address = _split(proxy)
    if address is None or address.scheme not in ("http", "https", "socks5", "socks5h") or not address.hostname:
        raise ConnectionSettingsError("proxy in the connection's extra is no URL such as http://proxy.example:3128")
    return proxy
