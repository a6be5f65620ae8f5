"""
Parse and check whole numbers, such as a duration.

Arguments can come from rendered templates, so text such as "5" is converted to a number. Other values are returned
unchanged, and the request refuses invalid ones.
"""

from __future__ import annotations

import re
from numbers import Number
from typing import Any, TypeGuard

#: A template renders a division as "5.0", and a spreadsheet may write "5.".
_WHOLE_NUMBER = re.compile(r"([+-]?\d{1,18})(?:\.0*)?")
_TOO_LARGE = 2**63


def as_whole_number(value: Any) -> Any:
    """Return a whole number, in text or of another type (5.0, "5.0", Decimal), as an int; others are unchanged."""
    if isinstance(value, str):
        text = _WHOLE_NUMBER.fullmatch(value.strip())
        return int(text[1]) if text else value
    if not isinstance(value, Number) or isinstance(value, int):
        return value
    number: Any = value
    try:
        # Larger numbers are no argument's value, and a Decimal can be too large for any memory.
        return int(number) if abs(number) < _TOO_LARGE and int(number) == number else value
    except (ArithmeticError, TypeError, ValueError):  # not a number, or a complex one
        return value


def is_whole_number(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number of less than 64 bits; a boolean is not."""
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64
