"""One Airflow and one browser for all tests, and a new visit for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import Person
from tests.browser.stage import Stage, running_second_server, running_stage
from tests.browser.visitors import PATIENCE, Visitor, running_browser, visit

expect.set_options(timeout=PATIENCE)


class Visit(Protocol):
    """Logs somebody in."""

    def __call__(self, person: Person, *, url: str = "", **options: Any) -> Visitor:
        """Return the visitor; see :func:`tests.browser.visitors.visit`, where no address means Airflow's own."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


# The browser comes first: where there is none, nothing needs to be started.
@pytest.fixture(scope="session")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("browser") / "airflow") as running:
        yield running


@pytest.fixture(scope="session")
def second_server(stage: Stage) -> Iterator[str]:
    """Return the address of another API server, which has a path and hides a DAG from the stranger."""
    with running_second_server(stage.airflow, "/team/airflow") as url:
        yield url


@pytest.fixture
def visitor(browser: Browser, stage: Stage, tmp_path: Path) -> Iterator[Visit]:
    with ExitStack() as visits:

        def enter(person: Person, *, url: str = "", **options: Any) -> Visitor:
            return visits.enter_context(visit(browser, url or stage.airflow.url, person, tmp_path, **options))

        yield enter
