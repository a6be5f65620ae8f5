"""Which bytes a request asks for, by RFC 9110."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.plugins.ranges import UnsatisfiableRangeError, requested_part


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        # RFC 9110, section 14.1.2, for a representation of 10,000 bytes.
        ("bytes=0-499", range(500)),
        ("bytes=500-999", range(500, 1000)),
        ("bytes=-500", range(9500, 10_000)),
        ("bytes=9500-", range(9500, 10_000)),
        ("bytes=0-0", range(1)),
        ("bytes=-1", range(9999, 10_000)),
        ("bytes=0-", range(10_000)),
        ("bytes=9999-20000", range(9999, 10_000)),
        ("bytes=-20000", range(10_000)),
        ("Bytes=0-499", range(500)),
        # Ignored: several ranges, other units, and what is invalid.
        ("bytes=0-0,-1", None),
        ("seconds=1-2", None),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=1-2-3", None),
        ("bytes=+1-2", None),
        ("bytes=1_0-20", None),
        ("bytes=\u0661-\u0662", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("", None),
        (None, None),
    ],
)
def test_part_is_the_one_of_the_header(header: str | None, expected: range | None) -> None:
    assert requested_part(10_000, '"a"', header, None) == expected


@pytest.mark.parametrize(
    ("size", "header"), [(10, "bytes=10-"), (10, "bytes=10-20"), (10, "bytes=-0"), (0, "bytes=0-")]
)
def test_range_behind_the_end_is_unsatisfiable(size: int, header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        requested_part(size, '"a"', header, None)


@pytest.mark.parametrize(
    ("if_range", "is_part"),
    [('"a"', True), ('"b"', False), ('W/"a"', False), ("Fri, 27 Nov 2026 12:00:00 GMT", False), ("", False)],
)
def test_if_range_needs_the_same_etag(if_range: str, is_part: bool) -> None:
    assert (requested_part(10, '"a"', "bytes=0-1", if_range) is not None) is is_part


@given(st.integers(0, 100), st.text("bytes=-,0123456789 ") | st.text())
def test_any_header_gives_a_part_of_the_file(size: int, header: str) -> None:
    try:
        part = requested_part(size, '"a"', header, None)
    except UnsatisfiableRangeError:
        return
    assert part is None or (0 <= part.start < part.stop <= size and part.step == 1)
