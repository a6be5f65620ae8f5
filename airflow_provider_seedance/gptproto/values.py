"""
Parse, check and display the values of arguments.

Arguments can come from rendered templates, so text such as "true" is converted to a boolean. Other values are returned
unchanged, and the request refuses invalid ones.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_seedance.gptproto.given import is_missing, is_sequence, listed
from airflow_provider_seedance.gptproto.media.media import UnusableFile, UploadedMedia, is_path
from airflow_provider_seedance.gptproto.whole_numbers import is_whole_number

_BOOLEANS = {"true": True, "false": False}
#: Characters of a Python string that UTF-8 (requests) or Airflow's database (XCom) cannot store.
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
#: Maximum length of a value in a message, in characters.
_MAXIMUM_QUOTE = 80


def as_boolean(value: Any) -> Any:
    """Return the text true or false, in any case, as a boolean; return other values unchanged."""
    return _BOOLEANS.get(value.strip().lower(), value) if isinstance(value, str) else value


def as_list(value: Any) -> Any:
    """Return a sequence, its text, or one media value as a list; return other values unchanged."""
    text = value.text if isinstance(value, UploadedMedia) else value
    items = listed(text) if isinstance(text, str) else None
    if items is not None:
        return items
    if isinstance(value, (str, UploadedMedia, UnusableFile)) or is_path(value):
        return [value]
    return list(value) if is_sequence(value) else value


def as_media_list(value: Any) -> Any:
    """Return :func:`as_list` without missing items; ``None``, which is not sent, if nothing is left."""
    items = [] if is_missing(value) else as_list(value)
    return [item for item in items if not is_missing(item)] or None if isinstance(items, list) else items


def is_text(value: object) -> bool:
    """Return whether a value is text, not blank, that a request and XCom can store."""
    return isinstance(value, str) and bool(value.strip()) and not _UNSTORABLE.search(value)


def described(value: Any) -> Any:
    """Return a value as readable JSON."""
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, (UploadedMedia, UnusableFile)) or is_path(value):
        return str(value)
    is_number = is_whole_number(value) or (isinstance(value, float) and math.isfinite(value))
    if value is None or isinstance(value, (str, bool)) or is_number:
        return value
    return quote_value(value)


def problem(name: str, value: object, allowed: str) -> str:
    """Return the message for an argument with an invalid value."""
    return f"{name}: {quote_value(value)} is not allowed; allowed: {allowed}"


def quote_value(value: object) -> str:
    """Return a value for a message, shortened if it is long."""
    try:
        text = repr(value)
    except ValueError:  # repr() refuses integers with thousands of digits
        return f"this {type(value).__name__}"
    return text if len(text) <= _MAXIMUM_QUOTE else f"{text[:_MAXIMUM_QUOTE]}..."


def json_problem(value: Any) -> str | None:
    """Return why a value does not survive a round trip through JSON, or ``None`` if it does."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        return str(error)
    if _ESCAPED_NUL.search(text):
        return "it holds a NUL character"
    return None if json.loads(text) == value else "a key is not text"
