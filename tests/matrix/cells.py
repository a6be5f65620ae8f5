"""Cells of the matrix: every supported Airflow and Python, and the oldest and newest packages."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

AIRFLOWS = ("3.1", "3.2", "3.3")
PYTHONS = ("3.11", "3.12", "3.13")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """
    One environment.

    :param name: Name on the command line, of the folder and of the log.
    :param python: Python version, e.g. ``3.12``.
    :param pins: File with the pinned versions; ``None`` installs the newest version of every package.
    """

    name: str
    python: str
    pins: Path | None


def _pins(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.txt")


CELLS = {
    cell.name: cell
    for cell in (
        *(
            Cell(name=f"{airflow}-py{python}", python=python, pins=_pins(f"airflow-{airflow}"))
            for airflow, python in product(AIRFLOWS, PYTHONS)
        ),
        Cell(name="lowest", python=PYTHONS[0], pins=_pins("lowest")),
        Cell(name="highest", python=PYTHONS[-1], pins=None),
    )
}
