"""A limit on how deeply values may be nested: below Python's recursion limit, and far above any parameter's need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Levels of lists and dicts. Airflow's rendering of templates takes several of Python's 1000 frames for each.
MAXIMUM_DEPTH = 100


class TooDeep:
    """Takes the place of a value that is nested too deeply, so that each check refuses it and each display is short."""

    def __repr__(self) -> str:
        return f"<a value with more than {MAXIMUM_DEPTH} nested levels>"


TOO_DEEP = TooDeep()


def within_depth(value: Any) -> Any:
    """Return the value, or :data:`TOO_DEEP` in its place."""
    return TOO_DEEP if _exceeds(value, MAXIMUM_DEPTH) else value


def _exceeds(value: object, levels: int) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return False
    return levels == 0 or any(_exceeds(item, levels - 1) for item in value)
