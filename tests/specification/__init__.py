"""
The numbers of GPTProto's documentation as Markdown tables, and their reader.

Tests read expected values from here, not from the package, so that they detect an error in the catalogue.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def read_table(name: str) -> list[dict[str, str]]:
    """
    Return the only table of a file in this folder, as a dict for each row.

    Cells are text without backquotes; several values in one cell are separated by spaces.

    :param name: The file's name without its ending, e.g. ``frame_sizes``.
    """
    text = (_FOLDER / f"{name}.md").read_text(encoding="utf-8")
    heading, _rule, *rows = [_cells(line) for line in text.splitlines() if line.startswith("|")]
    return [dict(zip(heading, row, strict=True)) for row in rows]


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
