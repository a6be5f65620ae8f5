"""
The values of arguments: read as what they spell, told from one another, and shown to people.

Arguments may come from rendered templates, so text that spells a number or a boolean is one. What cannot be read stays
as it is: the request that it belongs to refuses it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from airflow_provider_seedance.gptproto.media.media import UnusableFile, UploadedMedia, is_path

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")
_BOOLEANS = {"true": True, "false": False}
#: What a Python string can hold, but UTF-8, and so a request, cannot, or Airflow's database, and so XCom, cannot.
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
#: Longest piece of a refused value that is repeated in a message, in characters.
_MAXIMUM_VALUE = 80


def as_whole_number(value: Any) -> Any:
    """Return text that spells a whole number, or a float that is one, as that number; everything else as it is."""
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_boolean(value: Any) -> Any:
    """Return text that spells true or false as that; everything else as it is."""
    return _BOOLEANS.get(value.strip().lower(), value) if isinstance(value, str) else value


def as_list(value: Any) -> Any:
    """Return one medium, or any sequence of them, as a list; none at all as ``None``, which is not sent."""
    if isinstance(value, (str, UploadedMedia, UnusableFile)) or is_path(value):
        return [value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value
    return list(value) or None if isinstance(value, Sequence) else value


def is_whole_number(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number of less than 64 bits; a boolean is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64


def is_text(value: object) -> bool:
    """Tell whether a value is text that is not blank and that a request and XCom can hold."""
    return isinstance(value, str) and bool(value.strip()) and not _UNSTORABLE.search(value)


def described(value: Any) -> Any:
    """Return a value as JSON that people read."""
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, (UploadedMedia, UnusableFile)) or is_path(value):
        return str(value)
    is_number = is_whole_number(value) or (isinstance(value, float) and math.isfinite(value))
    if value is None or isinstance(value, (str, bool)) or is_number:
        return value
    return redact_url(value)


def problem(name: str, value: object, allowed: str) -> str:
    """Return the sentence that refuses an argument's value and says what is allowed."""
    return f"{name}: {redact_url(value)} is not allowed; allowed: {allowed}"


def redact_url(value: object) -> str:
    """Return a value as it stands in messages, cut short where it is long."""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        return f"this {type(value).__name__}"
    return text if len(text) <= _MAXIMUM_VALUE else f"{text[:_MAXIMUM_VALUE]}..."


def json_problem(value: Any) -> str | None:
    """Return why a value is not what a reader of its JSON would get, or ``None``."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        return str(error)
    if _ESCAPED_NUL.search(text):
        return "it holds a NUL character"
    return None if json.loads(text) == value else "a key is not text"
