"""The settings of a client: URL, API key, timeout, TLS, proxy and rate limit, checked and normalised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.ledger_settings import LEDGER_FIELDS, LedgerSettings, read_ledger_settings
from airflow_provider_seedance.gptproto.redaction import redacted, without_keys

DEFAULT_BASE_URL = "https://gptproto.com"
#: Path segment of the submit URL before the model (page, "Initiate Request").
DEFAULT_VENDOR = "bytedance"
#: Timeout of one request, in seconds.
DEFAULT_TIMEOUT = 60.0
#: Bytes of a request's body for which its time limit is a second longer.
UPLOAD_BYTES_PER_SECOND = 64 * 1024
#: The highest rate of polls of one connection in one triggerer, for all waits together.
DEFAULT_POLLS_PER_SECOND = 20.0

_KEY = re.compile(r"[\x21-\x7e]+")
#: A shorter secret occurs in ordinary text, so it protects nothing.
SHORTEST_SECRET = 8
#: Quotation marks, which are copied together with a key or a host. None of them is a part of it.
_QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_AROUND = re.compile(rf"\A[\s{_QUOTES}]+|[\s{_QUOTES}]+\Z")
#: What precedes the key in a copied header.
_HEADER = re.compile(r"(?:authorization\s*:\s*)?(?:bearer(?:\s+|$))?", re.IGNORECASE)
#: A path that the client itself adds, at the end of a copied URL. The path of a gateway may have a version in it.
_API_PATH = re.compile(r"(?P<base>.*?)(?P<added>/api/v3(?=/|$)|(?:/api)?/v\d+(?=(?:/models|/chat/completions)?$)).*")
#: A scheme without ``://``, such as in ``http:host`` and ``http//host``. A server with the name http needs a full URL.
_BROKEN_SCHEME = re.compile(r"https?(?!://)[:/]", re.IGNORECASE)
_HOSTNAME = re.compile(r"[\w.-]+|[0-9a-f:.]+", re.IGNORECASE)
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: In seconds. Sockets reject much larger values, but only after the request is sent.
_LONGEST_TIMEOUT = 24 * 3600.0
_BOOLEANS = {"true": True, "false": False}
#: The fields of the connection's extra.
EXTRA_FIELDS = ("vendor", "auth_scheme", "timeout", "verify", "proxy", "polls_per_second", *LEDGER_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """
    The settings of a client.

    :param api_key: The API key. It is sent in the ``Authorization`` header only, and left out of the repr.
    :param base_url: Scheme, host, optional port and optional path; without a slash at the end.
    :param vendor: Path segment of the submit URL before the model.
    :param auth_scheme: Written before the key in the header, e.g. ``Bearer``; empty for the key alone.
    :param timeout: Timeout of a whole request in seconds, from the connection to the last byte of the response. It is a
        second longer for every 64 KiB that are sent.
    :param verify: Whether TLS certificates are verified, or the path of a CA bundle.
    :param proxy: URL of a proxy for every request; ``None`` uses the proxy of the environment variables. Left out of
        the repr, because it may contain a password.
    :param polls_per_second: The highest rate of polls in one triggerer, for all waits of this connection together.
    :param ledger: The account's ledger and budgets; ``None`` without a ledger.
    :param unknown_fields: Fields of the connection's extra that mean nothing, such as a misspelt budget.
    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    vendor: str = DEFAULT_VENDOR
    auth_scheme: str = ""
    timeout: float = DEFAULT_TIMEOUT
    verify: bool | str = True
    proxy: str | None = field(default=None, repr=False)
    polls_per_second: float = DEFAULT_POLLS_PER_SECOND
    ledger: LedgerSettings | None = None
    unknown_fields: tuple[str, ...] = ()

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` header."""
        return f"{self.auth_scheme} {self.api_key}" if self.auth_scheme else self.api_key

    def seconds_for(self, size: int) -> float:
        """Return the time limit of a request in seconds; on a slow line, an upload takes minutes."""
        return self.timeout + size // UPLOAD_BYTES_PER_SECOND

    @property
    def unknown_fields_warning(self) -> str:
        """The warning about unknown fields in the connection's extra; empty if there are none."""
        if not self.unknown_fields:
            return ""
        unknown, known = ", ".join(self.unknown_fields), ", ".join(EXTRA_FIELDS)
        return f"Unknown fields in the connection's extra are ignored: {unknown}; known: {known}"

    @property
    def sends_key_in_the_clear(self) -> bool:
        """Whether the key is sent unencrypted to another machine."""
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
    Return the settings in the fields of an Airflow connection.

    :param password: The API key; spaces and quotation marks around it and ``Bearer`` before it are removed.
    :param host: A host, a host with a port, or a full URL; empty means GPTProto itself. Spaces and quotation marks
        around it are removed. The paths of the API are not a part of it.
    :param schema: ``http`` or ``https``; used when ``host`` has no scheme.
    :param port: Used when ``host`` has no port.
    :param extra: A mapping with ``vendor``, ``auth_scheme``, ``timeout``, ``verify``, ``proxy`` and
        ``polls_per_second``, each optional, and the fields of
        :func:`~airflow_provider_seedance.gptproto.ledger_settings.read_ledger_settings`.
    :raises ConnectionSettingsError: When a field is invalid; the message never contains the key.
    """
    if not isinstance(extra, Mapping):
        raise ConnectionSettingsError("The connection's extra is not a JSON object")
    key = _api_key(password)
    fields = {"host": host, "schema": schema, "port": port, **extra}
    _refuse_secret("the API key, which belongs in the password field", key, fields)
    proxy = _proxy(fields.pop("proxy", None))
    _refuse_secret("the proxy's password, which belongs in the proxy's URL", proxy_password(proxy), fields)
    return ClientSettings(
        api_key=key,
        base_url=_base_url(host, schema, port),
        vendor=_vendor(extra.get("vendor")),
        auth_scheme=_auth_scheme(extra.get("auth_scheme")),
        timeout=_timeout(extra.get("timeout")),
        verify=_verify(extra.get("verify")),
        proxy=proxy,
        polls_per_second=_polls_per_second(extra.get("polls_per_second")),
        ledger=read_ledger_settings(extra),
        unknown_fields=tuple(without_keys(str(each).replace(key, "***")) for each in extra if each not in EXTRA_FIELDS),
    )


def _api_key(password: str | None) -> str:
    key = _unquoted(_HEADER.sub("", _unquoted(password or ""), count=1))
    if not key:
        raise ConnectionSettingsError("The connection has no API key: its password field is empty")
    if not _KEY.fullmatch(key) or any(quote in key for quote in _QUOTES):
        raise ConnectionSettingsError(
            "The API key (the connection's password) has spaces, quotation marks or special characters"
        )
    return key


def proxy_password(proxy: str | None) -> str:
    """Return the decoded password in the URL of a proxy; empty without one."""
    return unquote(urlsplit(proxy or "").password or "")


def _refuse_secret(what: str, secret: str, fields: Mapping[str, object]) -> None:
    """Refuse a secret in another field: there it would be shown, logged and sent in a URL."""
    named = [name for name, value in fields.items() if len(secret) >= SHORTEST_SECRET and secret in str(value)]
    if named:
        raise ConnectionSettingsError(
            f"The connection's {' and '.join(named)} contains {what} only; its value is not shown here"
        )


def _unquoted(text: str) -> str:
    """Return text without the spaces and quotation marks around it."""
    return _AROUND.sub("", text)


def _base_url(host: str | None, schema: str | None, port: int | None) -> str:
    host = _unquoted(host or "") or urlsplit(DEFAULT_BASE_URL).netloc
    is_broken = _BROKEN_SCHEME.match(host) is not None
    if "://" not in host:
        scheme = _checked_scheme((schema or "").strip().rstrip(":/").lower() or "https")
        host = f"{scheme}://{_bracketed(host)}"
    address = _split(host)
    if (
        is_broken
        or address is None
        or not _HOSTNAME.fullmatch(address.hostname or "")
        or "@" in address.netloc
        or address.query
        or address.fragment
    ):
        raise ConnectionSettingsError(
            "The connection's host is not a base URL; allowed: a host, a host with a port, or a URL such as "
            f"{DEFAULT_BASE_URL} or http://127.0.0.1:8000, without user, query or fragment"
        )
    _checked_scheme(address.scheme)
    netloc = address.netloc.rstrip(":")
    if address.port == _DEFAULT_PORTS[address.scheme]:
        netloc = netloc.rpartition(":")[0]
    elif port and not address.port and port != _DEFAULT_PORTS[address.scheme]:
        if not 0 < port < 65536:
            raise ConnectionSettingsError(f"The connection's port is {redacted(port)}; allowed: 1 to 65535")
        netloc = f"{netloc}:{port}"
    path = address.path.rstrip("/")
    if api_path := _API_PATH.fullmatch(path):
        raise ConnectionSettingsError(
            f"The connection's host has the path {api_path['added']} of the API, which the client adds itself; "
            f"enter {address.scheme}://{without_keys(netloc + api_path['base'])}"
        )
    return f"{address.scheme}://{netloc}{path}"


#: Default ports, which are left out of a URL.
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _checked_scheme(scheme: str) -> str:
    if scheme not in _DEFAULT_PORTS:
        raise ConnectionSettingsError(f"The connection's scheme is {redacted(scheme)}; allowed: http or https")
    return scheme


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL, or ``None`` if it is invalid."""
    try:
        address = urlsplit(url)
        _ = address.port
    except ValueError:  # its text may contain the password
        return None
    return address


def _vendor(value: Any) -> str:
    vendor = str(value or DEFAULT_VENDOR).strip()
    if not _SEGMENT.fullmatch(vendor):
        raise ConnectionSettingsError(
            f"vendor in the connection's extra is {redacted(vendor)}; allowed: one path segment"
        )
    return vendor


def _auth_scheme(value: Any) -> str:
    scheme = str(value or "").strip()
    if scheme and not _TOKEN.fullmatch(scheme):
        raise ConnectionSettingsError("auth_scheme in the connection's extra is not one word such as Bearer")
    return scheme


def _timeout(value: Any) -> float:
    seconds = _number(value, DEFAULT_TIMEOUT)
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        what = f"timeout in the connection's extra is {redacted(value)}; allowed: seconds above 0, up to a day"
        raise ConnectionSettingsError(what)
    return seconds


def _polls_per_second(value: Any) -> float:
    rate = _number(value, DEFAULT_POLLS_PER_SECOND)
    if not 0 < rate < float("inf"):
        raise ConnectionSettingsError(
            f"polls_per_second in the connection's extra is {redacted(value)}; allowed: a number above 0"
        )
    return rate


def _number(value: Any, default: float) -> float:
    """Return a number: the default for an empty value, and 0 for an invalid value."""
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
            f"verify in the connection's extra is {redacted(value)}; allowed: true, false or the path of a CA bundle"
        )
    path = value.strip()
    return _BOOLEANS.get(path.lower(), path or True)


def _proxy(value: Any) -> str | None:
    proxy = str(value or "").strip()
    if not proxy:
        return None
    address = _split(proxy)
    if address is None or address.scheme not in ("http", "https", "socks5", "socks5h") or not address.hostname:
        raise ConnectionSettingsError("proxy in the connection's extra is not a URL such as http://proxy.example:3128")
    return proxy
