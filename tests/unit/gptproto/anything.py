"""Hypothesis strategies: any JSON, and any Python value that an author or a template can pass."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, TypeVar

from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.media import UnusableFile, UploadedMedia
from tests.unit.gptproto.making import IMAGE, PNG

T = TypeVar("T")


class RaisingBool:
    """A value whose bool() raises, like a NumPy array."""

    def __repr__(self) -> str:
        return "RaisingBool()"

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


#: Includes JSON values that a float, UTF-8 or a database cannot store.
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 0, 1e308, "\ud800", "\0", ""])
    | st.floats()
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

_SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.builds(lambda: 10**5000)
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.builds(object)
    | st.builds(RaisingBool)
    | st.builds(PurePosixPath, st.text())
    | st.builds(UploadedMedia, st.text() | st.just(PNG))
    | st.builds(UnusableFile, st.text(), st.just("is not there"))
    | st.sampled_from([IMAGE, PNG, "data:", "data:,", "https://[", "5", "true", "seedance-2-0", int, len])
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(iter)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        | st.frozensets(st.text() | st.integers())
    ),
    max_leaves=8,
)


def mostly(usual: st.SearchStrategy[T], other: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Return the usual strategy in nine of ten draws, so that late checks of a request are reached, too."""
    return st.integers(0, 9).flatmap(lambda number: usual if number else other)
