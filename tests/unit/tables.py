"""Tables of the documentation, whose rows are scenarios of tests."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def read_table(page: str, header: str) -> list[list[str]]:
    """
    Return the cells of a Markdown table, row by row, without its header.

    :param page: File below ``docs/``.
    :param header: The table's first line.
    """
    _, found, rest = (DOCS / page).read_text(encoding="utf-8").partition(f"\n{header}\n")
    assert found, f"{page} has no table {header}"
    lines = rest.partition("\n\n")[0].splitlines()[1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({row[0] for row in rows}) == len(rows), f"a row of {header} is there twice"
    return rows
