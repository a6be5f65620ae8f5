"""The table of all shapes in Markdown, for the command line and the documentation."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_seedance.emulator.shapes import SHAPES, Shape

HEADER = "| shape | request | answer | meaning |\n|---|---|---|---|"

_REQUESTS = {"submit": "submission", "result": "poll", "both": "both"}
#: Fields of the usual answer; the table shows them only if a shape changes them.
_USUAL = {
    "status": "queued",
    "outputs": [],
    "urls": {"get": "https://..."},
    "created_at": "2026-01-01 00:00:00",
    "has_nsfw_contents": [],
    "message": "success",
    "code": 200,
}
_LINK = "https://.../0.mp4"


def shape_table() -> str:
    """Return the table: one row for each shape, with an example of its answer."""
    return "\n".join([HEADER, *(_row(name, shape) for name, shape in SHAPES.items())])


def _row(name: str, shape: Shape) -> str:
    booked = "; booked" if shape.books else "; not booked" if shape.refuses and shape.on == "submit" else ""
    return f"| `{name}` | {_REQUESTS[shape.on]} | {_answer(shape)} | {shape.means}{booked} |"


def _answer(shape: Shape) -> str:
    is_success = shape.when is not None and "succeeded" in shape.when
    data = {
        "id": shape.new_id("7f3a91c2"),
        **_USUAL,
        **({"status": "succeeded", "outputs": [_LINK]} if is_success else {}),
    }
    envelope = {name: data.pop(name) for name in ("message", "code")}
    body = shape.body({"data": data, **envelope})
    if isinstance(body, str):
        return f"{shape.status}, {'a page' if body else 'empty'}"
    text = json.dumps(_without_usual(body), ensure_ascii=False).replace("|", "\\|")
    return f"{shape.status} `{text}`"


def _without_usual(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_usual(item) for name, item in value.items() if name not in _USUAL or item != _USUAL[name]
        }
    if isinstance(value, list):
        return [_without_usual(item) for item in value]
    return value
