"""What an author's type checkers make of the installed wheel."""

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
_MARK = re.compile(r"  # type: ignore\[(.*)\]$")
_PROBLEM = re.compile(r"^[^:]+:(\d+): error: .*  \[([\w-]+)\]$")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of an author whose files are not beside the checkout's, without any mark in them."""
    for file in (CONSUMER, MISUSES):
        lines = [_MARK.sub("", line) for line in file.read_text().splitlines()]
        (tmp_path / file.name).write_text("\n".join([*lines, ""]))
    # As pyright is without any configuration; basedpyright, which is pyright without a download, has another usual one.
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "standard"}))
    return tmp_path


def run(project: Path, *command: str | Path) -> str:
    """Return what a type checker printed."""
    ran = subprocess.run(  # noqa: S603 - a type checker
        [sys.executable, "-m", *command], cwd=project, env={}, capture_output=True, text=True, check=False
    )
    assert ran.returncode in (0, 1), ran.stderr
    return ran.stdout


def mypy(project: Path, installed: Installation, file: Path) -> dict[int, str]:
    """Return what mypy finds in a file: the name of the problem for each line."""
    found = run(project, "mypy", "--strict", "--no-pretty", "--python-executable", installed.python, file.name)
    problems = [_PROBLEM.match(line) for line in found.splitlines() if ": error: " in line]
    assert None not in problems, found
    return {int(problem[1]): problem[2] for problem in problems if problem}


def pyright(project: Path, installed: Installation, file: Path) -> dict[int, str]:
    """Return what pyright finds in a file: the message for each line, counted from 1."""
    found = json.loads(run(project, "basedpyright", "--outputjson", "--pythonpath", installed.python, file.name))
    assert found["summary"]["filesAnalyzed"] == 1
    return {each["range"]["start"]["line"] + 1: each["message"] for each in found["generalDiagnostics"]}


def marks(file: Path) -> dict[int, str]:
    """Return the marks of a file: what is said to be wrong on which line."""
    found = {number: _MARK.search(line) for number, line in enumerate(file.read_text().splitlines(), 1)}
    return {number: mark[1] for number, mark in found.items() if mark}


def test_mypy_finds_nothing_in_what_an_author_may_write(project: Path, installed: Installation) -> None:
    assert mypy(project, installed, CONSUMER) == marks(CONSUMER) == {}


def test_pyright_finds_nothing_in_what_an_author_may_write(project: Path, installed: Installation) -> None:
    assert pyright(project, installed, CONSUMER) == {}


def test_mypy_finds_each_misuse_and_nothing_else(project: Path, installed: Installation) -> None:
    assert mypy(project, installed, MISUSES) == marks(MISUSES)
    assert len(marks(MISUSES)) > 20


def test_pyright_finds_each_misuse_and_nothing_else(project: Path, installed: Installation) -> None:
    assert set(pyright(project, installed, MISUSES)) == set(marks(MISUSES))
