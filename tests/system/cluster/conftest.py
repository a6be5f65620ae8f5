"""One cluster for all scenarios but that of remote logs, and the tables at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.cluster.judging import Row, table
from tests.system.cluster.plan import POOL, SLOTS
from tests.system.cluster.services import ServiceError, find_programs
from tests.system.cluster.stage import Stage, running_stage

_ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()
_FIGURES: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Make room for what is found."""
    config.stash[_ROWS] = []
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was found."""
    if rows := config.stash.get(_ROWS, []):
        terminalreporter.write_line(f"\n{table(rows)}\n")
    for figures in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(f"\n{figures}\n")


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """End at once, with one line, where something is not installed."""
    try:
        find_programs()
    except ServiceError as missing:
        pytest.exit(str(missing), returncode=1)


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> list[Row]:
    """Return the list that the rows of the table go to."""
    return request.config.stash.setdefault(_ROWS, [])


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Return the list that further tables go to."""
    return request.config.stash.setdefault(_FIGURES, [])


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("cluster")) as running:
        pool = {"name": POOL, "slots": SLOTS, "description": "running generations", "include_deferred": True}
        running.cluster.api.post("pools", pool)
        yield running
