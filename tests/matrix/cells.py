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
    :param may_fail: Whether failures are listed but do not change the exit code: the versions are not supported yet.
    """

    name: str
    python: str
    pins: Path | None
    may_fail: bool = False


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
        Cell(name="3.4-pre", python="3.12", pins=_pins("airflow-3.4-pre"), may_fail=True),
        # Airflow 3.3 supports Python 3.14. This cell has not run yet, so the provider does not claim it.
        Cell(name="3.3-py3.14", python="3.14", pins=_pins("airflow-3.3"), may_fail=True),
    )
}
