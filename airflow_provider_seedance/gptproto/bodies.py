"""
Read a response body of any shape: walk it, and collect the messages and codes of an error.

Gateways of this family put the reason under many names, in objects, in lists, or as JSON inside a string. The body is
data: nothing in it is executed or requested.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from airflow_provider_seedance.gptproto.verdicts import Verdict, find_verdict, mentions_refusal

#: Maximum length of server text quoted in an error, in characters.
_MAXIMUM_QUOTE = 500
#: Values read from one body, and fields of one object; a real one has fewer than a hundred. The limits keep a hostile
#: body from holding up the event loop.
_MAXIMUM_VALUES = 500
#: Characters of a name that are read. No known one is as long.
_MAXIMUM_NAME = 64
#: Characters of a text that are searched: for media, before it is shortened, and for ids.
MAXIMUM_SEARCHED = 10_000
#: Uploaded media quoted by a server: a data URI, or base64 text longer than any word.
_MEDIA = re.compile(r"data:[\w.+-]+/[\w.+-]+[^\s,]*,[^\s\"'<>]*|[A-Za-z0-9+/_-]{200,}={0,2}", re.IGNORECASE)
#: A string of JSON, perhaps without its end, or a punctuation mark.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?P<end>"|\\?\Z)|[{}\[\],:]', re.DOTALL)
#: What Cloudflare answers to clients that are no browsers.
_CLOUDFLARE = re.compile(r"\s*error code: \d{3,4}\s*", re.IGNORECASE)
_ESCAPED_SLASH = re.compile(r"(?<!\\)\\++/")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

#: Names of values that describe an error; every text below them belongs to it.
_ERROR_NAMES = frozenset(
    [
        "error",
        "errors",
        "error_msg",
        "error_message",
        "error_description",
        "err_msg",
        "errmsg",
        "err",
        "fail_reason",
        "failure_reason",
        "failed_reason",
        "fail_msg",
        "failure",
        "error_detail",
        "error_details",
    ]
)
_MESSAGE_NAMES = frozenset(
    [
        *("message", "msg", "detail", "details", "reason", "description", "title", "remark"),
        *("status_msg", "status_message", "task_status_msg", "error_info", "err_tips", "faultstring"),
    ]
)
_CODE_NAMES = frozenset(
    [
        *("code", "error_code", "err_code", "errcode", "fail_code", "failure_code", "error_type", "code_n"),
        "status_code",
    ]
)
#: Names of values that repeat the request: a prompt about copyright is no verdict.
ECHO_NAMES = frozenset(
    [
        "input",
        "inputs",
        "prompt",
        "request",
        "params",
        "parameters",
        "payload",
        "ctx",
        "headers",
        "urls",
        "output",
        "outputs",
        "model",
        "models",
    ]
)
#: Messages and codes of a success.
SUCCESSES = frozenset(["", "0", "200", "201", "202", "ok", "success", "succeeded", "succeed", "created"])


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """
    The message and codes of an error body.

    :param message: The message, on one line, shortened; empty if the body has none.
    :param codes: All values of ``code`` and ``type`` in the error, as text.
    :param full_text: All words of the error, before they are shortened; ``None``: the message.
    """

    message: str
    codes: frozenset[str] = frozenset()
    full_text: str | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """All words and codes of the error."""
        return "\n".join([self.message if self.full_text is None else self.full_text, *sorted(self.codes)])

    @property
    def verdict(self) -> Verdict | None:
        """The cause that the words and codes name."""
        return find_verdict(self.text)

    @property
    def is_policy(self) -> bool:
        """Whether content was refused; the page's bare code 503 means that, unless the words name another cause."""
        verdict = self.verdict
        return verdict in (Verdict.CONTENT, Verdict.SOUND) or (verdict is None and "503" in self.codes)

    @property
    def is_uncertain_policy(self) -> bool:
        """Whether only a bare code 503 says that content was refused, beside words that speak of no refusal."""
        words = self.message if self.full_text is None else self.full_text
        return self.is_policy and self.verdict is None and bool(words) and not mentions_refusal(words)

    def shown(self, *known: int | None) -> str:
        """Return the message with the codes that it does not name, without status and code that are shown already."""
        hidden = {"error", *map(str, known)}
        codes = ", ".join(code for code in sorted(self.codes) if code not in hidden and code not in self.message)
        message = self.message.rstrip(".")
        return shorten(f"{message} ({codes})" if codes and message else message or codes)


def read_error_detail(body: object) -> ErrorDetail:
    """
    Return the message and codes of an error body in any known format.

    :param body: Decoded JSON, or other text, such as a proxy's HTML, which gives no verdict.
    """
    if isinstance(decoded(body), str):
        text = str(body)
        return ErrorDetail(shorten(text), full_text="" if is_page(text) else text)
    texts: list[str] = []
    general: list[str] = []
    others: dict[str, str] = {}
    codes: set[str] = set()
    place: list[str] = []
    for path, value in walk(body):
        if not isinstance(value, str | int | float) or isinstance(value, bool) or ECHO_NAMES.intersection(path):
            continue
        name, text = path[-1] if path else "", shorten(str(value))
        is_error = not _ERROR_NAMES.isdisjoint(path)
        is_type = name == "type" and (is_error or (len(path) == 1 and (text.isdigit() or "error" in text.lower())))
        if text.lower() in SUCCESSES:
            continue
        if name in _CODE_NAMES or is_type or (is_error and not isinstance(value, str)):
            codes.add(text)
        elif name == "loc":
            place.append(text)
        elif not isinstance(value, str):
            continue
        elif is_error and (name in _ERROR_NAMES or name in _MESSAGE_NAMES):
            texts.append(value)
        elif not _MESSAGE_NAMES.isdisjoint(path) or not path:
            general.append(": ".join([*([".".join(place)] if place else []), value]))
            place.clear()
        elif is_error:
            others[f"{name}: {value}"] = value
    message = "; ".join(dict.fromkeys(texts or general or others))
    return ErrorDetail(shorten(message), frozenset(codes), "\n".join([*texts, *general, *others.values()]))


def walk(body: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the names above each scalar, folded, and the scalar; JSON in a string is walked as well."""
    waiting: list[tuple[tuple[str, ...], object]] = [((), body)]
    for _ in range(_MAXIMUM_VALUES):
        if not waiting:
            return
        path, raw = waiting.pop()
        value = decoded(raw)
        if isinstance(value, Mapping):
            waiting.extend(
                reversed([((*path, fold_name(name)), item) for name, item in islice(value.items(), _MAXIMUM_VALUES)])
            )
        elif isinstance(value, list):
            waiting.extend((path, item) for item in reversed(value[:_MAXIMUM_VALUES]))
        else:
            yield path, value


def decoded(value: object) -> Any:
    """Return the object or list in a JSON string; return any other value unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def beginning(text: str) -> dict[str, Any]:
    """
    Return the object with which a text begins, without the values that do not stand in it to their end.

    :param text: A JSON object that breaks off, or that something follows.
    """
    searched, last, end = text[:MAXIMUM_SEARCHED], "", 0
    closing: list[str] = []
    for token in _TOKEN.finditer(searched):
        mark = token[0]
        if mark in ("{", "["):
            closing.append("}" if mark == "{" else "]")
        elif mark in ("}", "]") and (not closing or closing.pop() != mark):
            return {}
        if mark == ",":
            end = token.start()
        elif mark in ("{", "[", "}", "]") or (last == ":" and token["end"] == '"'):
            end = token.end()
        if not closing:
            break
        last = mark
    try:
        value = json.loads(searched[:end] + "".join(reversed(closing)))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def fold_name(name: object) -> str:
    """Return a name of a field in snake_case: real responses write it in camelCase as well."""
    return _fold(str(name)[:_MAXIMUM_NAME])


# Each poll folds the same names a hundred times.
@functools.lru_cache(maxsize=1024)
def _fold(name: str) -> str:
    return _WORD_START.sub("_", name).lower().replace("-", "_")


def fold_fields(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Return an object with the names of its fields in snake_case."""
    return {fold_name(name): item for name, item in islice(value.items(), _MAXIMUM_VALUES)}


def data_layers(body: object) -> list[dict[str, Any]]:
    """Return the objects below ``data``, the outermost first: a gateway wraps the answer of another one."""
    layers: list[dict[str, Any]] = []
    value = decoded(body)
    while isinstance(value, Mapping) and len(layers) < 5:
        value = decoded(fold_fields(value).get("data"))
        if isinstance(value, list) and len(value) == 1:
            value = decoded(value[0])
        if isinstance(value, Mapping) and value:
            layers.append(fold_fields(value))
    return layers


def is_page(body: object) -> bool:
    """Return whether a body is a page (HTML, or Cloudflare's line) of a gateway, and no answer of the service."""
    return isinstance(body, str) and (body.lstrip()[:1] == "<" or _CLOUDFLARE.fullmatch(body) is not None)


def quote_body(body: object) -> str:
    """Return a body for a message: shortened, without media."""
    try:
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "<too deep>"
    return shorten(_ESCAPED_SLASH.sub("/", text[:MAXIMUM_SEARCHED]))


def shorten(text: str) -> str:
    """Return server text for a message: one line, shortened, without media and unprintable characters."""
    line = " ".join(_MEDIA.sub("<media>", text[:MAXIMUM_SEARCHED]).split())
    line = line if len(line) <= _MAXIMUM_QUOTE else f"{line[:_MAXIMUM_QUOTE]}..."
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
