"""One cluster for all scenarios except that of remote logs, and the tables at the end of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.cluster.evaluation import Row, table
from tests.system.cluster.plan import POOL, SLOTS
from tests.system.cluster.services import ServiceError, find_programs
from tests.system.cluster.stage import Stage, running_stage

_ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()
_FIGURES: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Create the lists of results."""
    config.stash[_ROWS] = []
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the results."""
    if rows := config.stash.get(_ROWS, []):
        terminalreporter.write_line(f"\n{table(rows)}\n")
    for figures in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(f"\n{figures}\n")


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Exit with one line if a program is not installed."""
    try:
        find_programs("initdb", "postgres", "redis-server")
    except ServiceError as missing:
        pytest.exit(str(missing), returncode=1)


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> list[Row]:
    """Return the list of the table's rows."""
    return request.config.stash.setdefault(_ROWS, [])


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Return the list of further tables."""
    return request.config.stash.setdefault(_FIGURES, [])


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("cluster")) as running:
        pool = {"name": POOL, "slots": SLOTS, "description": "running generations", "include_deferred": True}
        running.cluster.api.post("pools", pool)
        yield running
