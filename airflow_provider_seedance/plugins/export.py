"""Generations as CSV (RFC 4180), for spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from airflow_provider_seedance.plugins.generations import Generation

#: What a spreadsheet would run as a formula, in its full-width form as well.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_COLUMNS = (
    "pushed_at", "dag_id", "run_id", "task_id", "map_index", "state", "outcome", "model", "prompt", "usd",
    "prediction_id", "error", "videos",
)  # fmt: skip
#: Rows that are encoded at once.
_BATCH = 200


def csv_pieces(generations: Iterable[Generation]) -> Iterator[bytes]:
    """Yield a table with one row for each generation, in UTF-8 and in pieces."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    for number, each in enumerate(generations, start=1):
        table.writerow(map(_cell, _row(each)))
        if number % _BATCH == 0:
            yield _taken(text)
    yield _taken(text)


def _row(generation: Generation) -> tuple[object, ...]:
    dag_id, run_id, task_id, map_index, _ = generation.key
    return (
        generation.pushed_at.isoformat(),
        dag_id,
        run_id,
        task_id,
        None if map_index < 0 else map_index,
        generation.state,
        generation.outcome.value,
        generation.model,
        generation.prompt,
        generation.usd,
        generation.prediction_id,
        generation.error,
        " ".join(generation.outputs),
    )


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    # A spreadsheet shows the apostrophe as the mark of a text, and ignores spaces before a formula.
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _taken(text: io.StringIO) -> bytes:
    # A text in an XCom can have halves of a surrogate pair, which UTF-8 does not have.
    data = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return data
