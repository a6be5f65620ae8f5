"""
What the commands print: data to stdout, in the formats of Airflow's commands and as CSV; everything else to stderr.

Progress is shown on a terminal only.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from airflow.cli.simple_table import AirflowConsole
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from airflow_provider_seedance.gptproto.redaction import without_keys


def print_rows(rows: Sequence[Mapping[str, Any]], output: str, *, lists: Collection[str] = ()) -> None:
    """
    Print rows that all have the same columns.

    :param rows: The values by column.
    :param output: ``table``, ``json``, ``yaml``, ``plain`` or ``csv``.
    :param lists: Columns with lists of sentences, which only JSON and YAML show.
    """
    if output in ("json", "yaml"):
        _print_data(rows, output)
    else:
        _print_cells([{name: _cell(row[name]) for name in row if name not in lists} for row in rows], output)


def print_properties(values: Mapping[str, Any], output: str) -> None:
    """Print one object: a table has a row for each of its values."""
    if output in ("json", "yaml"):
        _print_data(values, output)
    elif output == "csv":
        print_rows([values], output)
    else:
        print_rows([{"property": name, "value": value} for name, value in values.items()], output)


def note(*lines: str) -> None:
    """Print lines to stderr, without what looks like an API key."""
    for line in lines:
        print(without_keys(line), file=sys.stderr)


@contextmanager
def pipes() -> Iterator[None]:
    """Exit with 1, without a traceback, once the reader of the output is gone, as in ``... | head``."""
    try:
        try:
            yield
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        # What is left is written when the interpreter exits, and that would fail once more.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in filter(None, (sys.stdout, sys.stderr)):
            try:
                stream.flush()
            except BrokenPipeError:
                os.dup2(nowhere, stream.fileno())
        raise SystemExit(1) from None


def progress() -> Progress:
    """Return a progress display with the elapsed time; it shows nothing unless stderr is a terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _print_data(data: Any, output: str) -> None:
    if output == "json":
        print(json.dumps(_plain(data), indent=2, ensure_ascii=False))
    else:
        AirflowConsole().print_as_yaml(_plain(data))


def _print_cells(rows: Sequence[Mapping[str, str]], output: str) -> None:
    if output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([list(rows[0]), *(row.values() for row in rows)] if rows else [])
    elif output == "table":
        # A value such as "[bold]" is no markup.
        AirflowConsole().print_as_table([{name: escape(cell) for name, cell in row.items()} for row in rows])
    else:
        AirflowConsole().print_as_plain_table([dict(row) for row in rows])


def _plain(value: Any) -> Any:
    """Return a value as JSON and YAML have it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, (bool, int, float)) else without_keys(str(value))


def _cell(value: Any) -> str:
    """Return a value as a table has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(each)}".rstrip() for name, each in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(_cell, value))
    return without_keys(str(value))
