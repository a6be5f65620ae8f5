"""
Run the unit and integration tests in each cell, and show what came out.

``python -m tests.matrix [CELL...]``, by default all of :data:`~tests.matrix.cells.CELLS`. Logs, and the environments in
which a test failed, are left in ``.matrix/``. An interpreter that is missing is named, and its cells count as failed.
As many cells are tested at a time as there are processors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.cells import CELLS, Cell

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".matrix"
#: Lines of a log that are shown when a cell fails.
SHOWN = 30
ROW = "{:<12} {:<8} {:<8} {:>7} {:>7} {:>8} {:>8}"


class CellError(Exception):
    """A cell could not be tested, for the reason in the message."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came out of one cell: numbers of tests, and the versions they ran on."""

    airflow: str
    python: str
    passed: int
    failed: int
    skipped: int

    @property
    def is_green(self) -> bool:
        """Whether tests ran, and none failed."""
        return self.passed > 0 and self.failed == 0


def log_of(cell: Cell) -> Path:
    """Return the file with all that a cell's commands print."""
    return ENVIRONMENTS / f"{cell.name}.log"


def run(command: list[str], log: Path, **environment: str) -> int:
    """Run a command in the checkout, append what it prints to a log, and return its exit code."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    with log.open("a") as file:
        print("$", *command, file=file, flush=True)
        done = subprocess.run(  # noqa: S603 - only what is written here
            command, cwd=ROOT, env=inherited | environment, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    return done.returncode


def make_environment(cell: Cell, folder: Path, log: Path) -> Path:
    """Make a cell's environment anew, and return its interpreter."""
    # pyenv's commands answer only for a version that they are told; without pyenv this says nothing.
    if run([".ci/uv", "python", "find", cell.python], log, PYENV_VERSION=cell.python):
        raise CellError(f"Python {cell.python} is not installed")
    if run([".ci/uv", "venv", "--clear", "--python", cell.python, str(folder)], log, PYENV_VERSION=cell.python):
        raise CellError("the environment could not be made")
    python = folder / "bin" / "python"
    pins = ["--constraints", str(cell.pins)] if cell.pins else []
    build = ["--build-constraints", "constraints.txt"]
    install = [".ci/uv", "pip", "install", "--python", str(python), "--compile-bytecode", *pins, *build]
    if run([*install, "--editable", ".[emulator]", "--group", "test"], log):
        raise CellError("the packages could not be installed")
    return python


def test(cell: Cell) -> Result:
    """Run the tests in a cell."""
    folder = ENVIRONMENTS / cell.name
    log = log_of(cell)
    report = ENVIRONMENTS / f"{cell.name}.xml"
    for old in (log, report):
        old.unlink(missing_ok=True)
    python = make_environment(cell, folder, log)
    run([str(python), "-m", "pytest", "-p", "no:cacheprovider", f"--junit-xml={report}"], log)
    if not report.exists():
        raise CellError("the tests could not be run")
    return result(python, report)


def result(python: Path, report: Path) -> Result:
    """Return what pytest's report says, and the versions of the environment."""
    asked = "import platform; from airflow import __version__ as it; print(it, platform.python_version())"
    answered = subprocess.run(  # noqa: S603 - the environment's own Python
        [str(python), "-W", "ignore", "-c", asked], capture_output=True, text=True, check=True
    )
    airflow, version = answered.stdout.split()[-2:]
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest wrote it
    if suite is None:
        raise CellError("pytest's report holds no tests")
    total, failures, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    failed = failures + errors
    return Result(airflow=airflow, python=version, passed=total - failed - skipped, failed=failed, skipped=skipped)


def show_end(log: Path) -> None:
    """Print the last lines of a log."""
    lines = log.read_text(errors="replace").splitlines()
    print(f"    {log.relative_to(ROOT)}:", *lines[-SHOWN:], sep="\n    ", flush=True)


def line_for(cell: Cell) -> tuple[str, bool]:
    """Run the tests in a cell, and return its line of the table, and whether it is green."""
    started = time.monotonic()
    try:
        found = test(cell)
    except CellError as error:
        return f"{cell.name:<12} {error}", False
    if found.is_green:
        shutil.rmtree(ENVIRONMENTS / cell.name)
    counts = (found.passed, found.failed, found.skipped, round(time.monotonic() - started))
    return ROW.format(cell.name, found.airflow, found.python, *counts), found.is_green


def main(names: list[str]) -> int:
    """Run cells, print a line for each, and return the exit code."""
    if unknown := [name for name in names if name not in CELLS]:
        print(f"No cell is called {', '.join(unknown)}. There are: {', '.join(CELLS)}")
        return 2
    ENVIRONMENTS.mkdir(exist_ok=True)
    cells = [CELLS[name] for name in names] or list(CELLS.values())
    green = 0
    print(ROW.format("cell", "Airflow", "Python", "passed", "failed", "skipped", "seconds"), flush=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for cell, (line, is_green) in zip(cells, pool.map(line_for, cells), strict=True):
            print(line, flush=True)
            green += is_green
            if not is_green:
                show_end(log_of(cell))
    print(f"{green} of {len(cells)} cells are green")
    return 0 if green == len(cells) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
