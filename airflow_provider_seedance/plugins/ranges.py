"""The part of a file that a request asks for: ``Range`` and ``If-Range`` (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re

#: One range: first and last byte, an open end, or the number of the last bytes. A player sends no other. No file has
#: a number of more digits.
_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """The range begins behind the end of the file."""


def requested_part(size: int, etag: str, range_: str | None, if_range: str | None) -> range | None:
    """
    Return the bytes that a request asks for; ``None`` for the whole file.

    A server may ignore any range, as it has to for an invalid one. Several ranges at once are ignored as well.

    :param size: The size of the file.
    :param etag: The file's ETag. ``If-Range`` with another one, or with a date, asks for the whole file.
    :param range_: The header ``Range``.
    :param if_range: The header ``If-Range``.
    :raises UnsatisfiableRangeError: When the file has none of these bytes.
    """
    found = _RANGE.fullmatch(range_ or "")
    if found is None or if_range not in (None, etag):
        return None
    first, last = (int(digits) if digits else None for digits in found.groups())
    if first is None:
        if last is None:
            return None
        part = range(max(size - last, 0), size)
    elif last is not None and last < first:
        return None
    else:
        part = range(first, size if last is None else min(last + 1, size))
    if not part:
        raise UnsatisfiableRangeError
    return part
