"""
The rows of a CSV file, each with the parameters of one generation.

The header names the parameters. An empty cell is not given, and a cell is text: it is converted as a rendered template
is. A cell that begins with ``[`` is a list, and ``extra_parameters`` are JSON.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_seedance.checks.generations import (
    GenerationCheck,
    check_generation,
    refused_generation,
    waiting_generation,
)
from airflow_provider_seedance.gptproto.catalogue import Mode, Validation
from airflow_provider_seedance.gptproto.given import given_text, is_missing
from airflow_provider_seedance.gptproto.modes import MEDIA, mode_of
from airflow_provider_seedance.gptproto.requests import REQUESTS

#: The columns that a table may have.
COLUMNS = (
    "mode",
    *dict.fromkeys(field.name for request in REQUESTS.values() for field in dataclasses.fields(request)),
    "prediction_id",
)


class TableError(ValueError):
    """The file is no table of parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """
    What is certain about a row.

    :param line: The line of the file on which the row begins, from 1.
    :param generation: What is certain about its generation.
    :param instances: The number of generations.
    """

    line: int
    generation: GenerationCheck
    instances: int = 1

    @property
    def name(self) -> str:
        """The row, as ``line 3``."""
        return f"line {self.line}"

    @property
    def estimate(self) -> Decimal | None:
        """The list price in USD; ``None`` if it is not known."""
        return self.generation.price.estimate

    @property
    def highest(self) -> Decimal | None:
        """The most that the service can bill for one generation in USD; ``None`` if there is no such limit."""
        return self.generation.price.highest


def check_rows(
    lines: Iterable[str], *, ignored: Collection[str] = (), validation: Validation = "strict"
) -> Iterator[RowCheck]:
    """
    Check the rows of a CSV file, one after the other.

    :param lines: The lines of the file.
    :param ignored: Columns that are no parameters.
    :param validation: Whether the refusals of the catalogue are only warnings.
    :raises TableError: When the header is missing, or names what is no parameter, or the text is no CSV.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, ignored)
        begin = reader.line_num + 1
        for cells in reader:
            # An empty line is no row.
            if cells:
                yield RowCheck(line=begin, generation=_check_cells(header, cells, ignored, validation))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"line {reader.line_num}: {error}") from None


def check_given(given: Mapping[str, Any], known: Mapping[str, Any], *, validation: Validation) -> GenerationCheck:
    """
    Check a generation whose mode follows from its media, unless it is given.

    :param given: The parameters that have a value, and perhaps ``mode``.
    :param known: The parameters that are known, ``None`` if not given.
    :param validation: Whether the refusals of the catalogue are only warnings.
    """
    media = [name for name in MEDIA if name in given]
    mode = given.get("mode", mode_of(media))
    if mode not in list(Mode):
        return refused_generation(f"mode: {mode!r} is not allowed; allowed: {', '.join(Mode)}")
    fields = {field.name for field in dataclasses.fields(REQUESTS[Mode(mode)])}
    foreign = [f"{name}: is not an argument of {mode}" for name in given if name not in (*fields, "mode")]
    if foreign:
        return refused_generation(*foreign)
    return check_generation(Mode(mode), known, validation=validation)


def _check_header(header: Sequence[str], ignored: Collection[str]) -> None:
    if not any(header):
        raise TableError("the file has no header; its first line names the parameters")
    foreign = [name for name in header if name not in COLUMNS and name not in ignored]
    if foreign:
        raise TableError(f"no parameters: {', '.join(map(repr, foreign))}; allowed: {', '.join(COLUMNS)}")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise TableError(f"more than one column: {', '.join(sorted(map(repr, twice)))}")


def _check_cells(
    header: Sequence[str], cells: Sequence[str], ignored: Collection[str], validation: Validation
) -> GenerationCheck:
    if len(cells) > len(header):
        return refused_generation(f"{len(cells)} cells, but the header has {len(header)}")
    given = {
        name: _value(name, cell)
        for name, cell in zip(header, cells, strict=False)
        if name not in ignored and not is_missing(cell)
    }
    if "prediction_id" in given:
        return waiting_generation(given_text(given["prediction_id"]))
    # A cell that is missing has the default, and the prompt has none.
    return check_given(given, {**dict.fromkeys(COLUMNS), **given}, validation=validation)


def _value(name: str, cell: str) -> Any:
    if name == "mode":
        return cell.strip()
    if name != "extra_parameters":
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell
