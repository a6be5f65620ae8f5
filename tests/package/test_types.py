"""Type checks of an author's files against the installed wheel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package.installation import Installation

CONSUMER = Path(__file__).with_name("consumer.py")
MISUSES = Path(__file__).with_name("misuses.py")
_IGNORE = re.compile(r"  # type: ignore\[(.*)\]$")
_PROBLEM = re.compile(r"^[^:]+:(\d+): error: .*  \[([\w-]+)\]$")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder outside the checkout with the author's files, without their ``type: ignore`` comments."""
    for file in (CONSUMER, MISUSES):
        lines = [_IGNORE.sub("", line) for line in file.read_text().splitlines()]
        (tmp_path / file.name).write_text("\n".join([*lines, ""]))
    # pyright's default. basedpyright, a pyright that needs no download, has another default.
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "standard"}))
    return tmp_path


def run(project: Path, *command: str | Path) -> str:
    """Return the stdout of a type checker."""
    ran = subprocess.run(  # noqa: S603 - a type checker
        [sys.executable, "-m", *command], cwd=project, env={}, capture_output=True, text=True, check=False
    )
    assert ran.returncode in (0, 1), ran.stderr
    return ran.stdout


def mypy(project: Path, installed: Installation, file: Path) -> dict[int, str]:
    """Return mypy's findings in a file: the error code by line."""
    found = run(project, "mypy", "--strict", "--no-pretty", "--python-executable", installed.python, file.name)
    problems = [_PROBLEM.match(line) for line in found.splitlines() if ": error: " in line]
    assert None not in problems, found
    return {int(problem[1]): problem[2] for problem in problems if problem}


def pyright(project: Path, installed: Installation, file: Path) -> dict[int, str]:
    """Return pyright's findings in a file: the message by line, counted from 1."""
    found = json.loads(run(project, "basedpyright", "--outputjson", "--pythonpath", installed.python, file.name))
    assert found["summary"]["filesAnalyzed"] == 1
    return {each["range"]["start"]["line"] + 1: each["message"] for each in found["generalDiagnostics"]}


def expected_errors(file: Path) -> dict[int, str]:
    """Return the expected error codes of a file, by line."""
    codes = {number: _IGNORE.search(line) for number, line in enumerate(file.read_text().splitlines(), 1)}
    return {number: code[1] for number, code in codes.items() if code}


def test_mypy_accepts_correct_use(project: Path, installed: Installation) -> None:
    assert mypy(project, installed, CONSUMER) == expected_errors(CONSUMER) == {}


def test_pyright_accepts_correct_use(project: Path, installed: Installation) -> None:
    assert pyright(project, installed, CONSUMER) == {}


def test_mypy_reports_exactly_the_misuses(project: Path, installed: Installation) -> None:
    assert mypy(project, installed, MISUSES) == expected_errors(MISUSES)
    assert len(expected_errors(MISUSES)) > 20


def test_pyright_reports_exactly_the_misuses(project: Path, installed: Installation) -> None:
    assert set(pyright(project, installed, MISUSES)) == set(expected_errors(MISUSES))
