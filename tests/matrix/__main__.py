"""
Run the unit and integration tests in each cell of the matrix, and print the results.

``python -m tests.matrix [CELL...]``; the default is all of :data:`~tests.matrix.cells.CELLS`. Logs, and environments in
which a test failed, remain in ``.matrix/``. A cell whose interpreter is missing is reported and counts as failed. The
exit code ignores the cells that may fail. The number of cells that run in parallel is the number of processors.
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
#: Lines of the log that are printed for a failed cell.
LOG_LINES = 30
ROW = "{:<12} {:<8} {:<8} {:>7} {:>7} {:>8} {:>8}"


class CellError(Exception):
    """A cell could not be tested; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Result of one cell: numbers of tests, failed tests, and the versions of Airflow and Python."""

    airflow: str
    python: str
    passed: int
    failures: tuple[str, ...]
    skipped: int

    @property
    def is_green(self) -> bool:
        """Whether tests ran, and none failed."""
        return self.passed > 0 and not self.failures


def log_of(cell: Cell) -> Path:
    """Return the file with the output of a cell's commands."""
    return ENVIRONMENTS / f"{cell.name}.log"


def run(command: list[str], log: Path, **environment: str) -> int:
    """Run a command in the checkout, append its output to a log, and return its exit code."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    with log.open("a") as file:
        print("$", *command, file=file, flush=True)
        done = subprocess.run(  # noqa: S603 - commands of this module
            command, cwd=ROOT, env=inherited | environment, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    return done.returncode


def make_environment(cell: Cell, folder: Path, log: Path) -> Path:
    """Create a cell's environment, and return its interpreter."""
    # pyenv's commands need the version; without pyenv, the variable has no effect.
    if run([".ci/uv", "python", "find", cell.python], log, PYENV_VERSION=cell.python):
        raise CellError(f"Python {cell.python} is not installed")
    if run([".ci/uv", "venv", "--clear", "--python", cell.python, str(folder)], log, PYENV_VERSION=cell.python):
        raise CellError("the environment could not be created")
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
    """Return the test numbers of pytest's report, and the versions of the environment."""
    code = "import platform; from airflow import __version__ as it; print(it, platform.python_version())"
    printed = subprocess.run(  # noqa: S603 - the environment's own Python
        [str(python), "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    airflow, version = printed.stdout.split()[-2:]
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - written by pytest
    if suite is None:
        raise CellError("pytest's report contains no tests")
    cases = list(suite.iter("testcase"))
    skipped = sum(case.find("skipped") is not None for case in cases)
    failures = tuple(
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    )
    passed = len(cases) - len(failures) - skipped
    return Result(airflow=airflow, python=version, passed=passed, failures=failures, skipped=skipped)


def print_log_end(log: Path) -> None:
    """Print the last lines of a log."""
    lines = log.read_text(errors="replace").splitlines()
    print(f"    {log.relative_to(ROOT)}:", *lines[-LOG_LINES:], sep="\n    ", flush=True)


def line_for(cell: Cell) -> tuple[str, bool]:
    """Run the tests in a cell; return its line of the table with the failed tests, and whether it is green."""
    started = time.monotonic()
    try:
        found = test(cell)
    except CellError as error:
        return f"{cell.name:<12} {error}", False
    if found.is_green:
        shutil.rmtree(ENVIRONMENTS / cell.name)
    counts = (found.passed, len(found.failures), found.skipped, round(time.monotonic() - started))
    row = ROW.format(cell.name, found.airflow, found.python, *counts)
    return "\n    failed: ".join([row, *found.failures]), found.is_green


def main(names: list[str]) -> int:
    """Run cells, print a line for each, and return the exit code."""
    if unknown := [name for name in names if name not in CELLS]:
        print(f"Unknown cells: {', '.join(unknown)}. Available: {', '.join(CELLS)}")
        return 2
    ENVIRONMENTS.mkdir(exist_ok=True)
    cells = [CELLS[name] for name in names] or list(CELLS.values())
    green: list[Cell] = []
    print(ROW.format("cell", "Airflow", "Python", "passed", "failed", "skipped", "seconds"), flush=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for cell, (line, is_green) in zip(cells, pool.map(line_for, cells), strict=True):
            print(line, flush=True)
            if is_green:
                green.append(cell)
            else:
                print_log_end(log_of(cell))
    print(f"{len(green)} of {len(cells)} cells are green")
    return exit_code(cells, green)


def exit_code(cells: list[Cell], green: list[Cell]) -> int:
    """Return 0 if every cell is green or may fail."""
    return 0 if all(cell in green or cell.may_fail for cell in cells) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
