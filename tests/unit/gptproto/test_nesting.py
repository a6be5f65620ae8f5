"""Values that are nested too deeply are refused, in every argument, before Python's recursion limit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.nesting import TOO_DEEP, within_depth
from tests.unit.gptproto.making import NEEDED, make, refusals


def nested(levels: int, kind: str = "dict") -> Any:
    """Return a value with this number of lists and dicts in each other."""
    value: Any = "end"
    for level in range(levels):
        is_list = kind == "list" or (kind == "both" and level % 2)
        value = [value] if is_list else {"a": value}
    return value


@pytest.mark.parametrize("kind", ["dict", "list", "both"])
@pytest.mark.parametrize(("levels", "is_kept"), [(0, True), (1, True), (100, True), (101, False), (5000, False)])
def test_a_hundred_levels_are_kept(kind: str, levels: int, is_kept: bool) -> None:
    value = nested(levels, kind)
    assert within_depth(value) is (value if is_kept else TOO_DEEP)


def test_each_item_is_measured() -> None:
    assert within_depth(["a", {"b": 1, "c": nested(99)}, ()]) is TOO_DEEP
    assert within_depth(("a", nested(99))) is not TOO_DEEP


def test_value_in_itself_is_too_deep() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert within_depth(circle) is TOO_DEEP


@pytest.mark.parametrize("mode", NEEDED)
@pytest.mark.parametrize("kind", ["dict", "list"])
def test_every_argument_refuses_a_value_of_many_levels(mode: str, kind: str) -> None:
    names = [name for name in vars(make(mode)) if name != "mode"]
    assert {"prompt", "model", "extra_parameters", *NEEDED[mode]} <= set(names)
    for name in names:
        request = make(mode, **{name: nested(5000, kind)})
        starts = tuple(f"{each}: <a value with more than 100 nested levels> is not" for each in (name, f"{name}[0]"))
        assert any(line.startswith(starts) for line in refusals(request)), name
        assert len(json.dumps(request.description())) < 1000


def test_extra_parameters_of_some_levels_are_sent() -> None:
    value = {"camera": nested(50)}
    assert make("text-to-video", extra_parameters=value).check().payload["camera"] == value["camera"]
