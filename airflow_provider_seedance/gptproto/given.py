"""
Arguments in the forms in which Airflow passes them: missing values, numbers for text, lazy sequences, lists as text.

A template renders a missing value as the text "None", and an empty cell of a table as empty text or NaN. With native
rendering the text "1984" arrives as a number. The outputs of a mapped task arrive as a lazy sequence.
"""

from __future__ import annotations

import ast
import json
from collections import UserString
from collections.abc import Sequence
from numbers import Number
from typing import Any, TypeGuard

#: The text of a missing value in Python, JSON and pandas; an empty cell is empty text.
_MISSING = frozenset({"", "None", "null", "nan", "NaN", "<NA>"})
_TEXTS = (str, bytes, bytearray, memoryview, UserString)


def is_missing(value: object) -> bool:
    """Return whether a value counts as not given: ``None``, NaN, blank text, or the text of a missing value."""
    if isinstance(value, str):
        return value.strip() in _MISSING
    return value is None or _is_nan(value)


def as_text(value: Any) -> Any:
    """Return a number or a boolean as the text that native rendering converted; return other values unchanged."""
    if not isinstance(value, (bool, int, float)) or is_missing(value):
        return value
    try:
        return str(value)
    except ValueError:  # str() refuses integers with thousands of digits
        return value


def given_text(value: object) -> str:
    """Return a value as text without surrounding blanks; empty if it is missing."""
    return "" if is_missing(value) else str(value).strip()


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a sequence of values, which may be lazy: no text and no bytes."""
    return isinstance(value, Sequence) and not isinstance(value, _TEXTS)


def listed(text: str) -> list[Any] | None:
    """Return the list that a template rendered as text, in JSON or in Python's notation; ``None`` for other text."""
    value = _literal(text) if text.lstrip().startswith("[") else None
    return value if isinstance(value, list) else None


def keyed(text: str) -> dict[Any, Any] | None:
    """Return the dict that a template rendered as text; ``None`` for other text. See :func:`listed`."""
    value = _literal(text) if text.lstrip().startswith("{") else None
    return value if isinstance(value, dict) else None


def _literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text.strip())
        except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
            continue
    return None


def _is_nan(value: object) -> bool:
    """Return whether a number, of any library, is NaN."""
    try:
        return isinstance(value, Number) and bool(value != value)
    except ArithmeticError:  # a signaling NaN
        return False
