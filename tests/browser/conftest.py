"""One Airflow and one browser for all tests, and a new browser session for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from airflow_provider_seedance.emulator.video import Clip, write_video
from tests.browser.accounts import Account
from tests.browser.noting_server import HOSTS, NotingServer, running_noting_server
from tests.browser.stage import Stage, running_second_server, running_stage
from tests.browser.visitors import TIMEOUT, Visitor, running_browser, visit

expect.set_options(timeout=TIMEOUT)


class Visit(Protocol):
    """Logs an account in."""

    def __call__(self, account: Account, *, url: str = "", **options: Any) -> Visitor:
        """Return the visitor; see :func:`tests.browser.visitors.visit`. Without a URL, it opens Airflow's."""


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with running_browser(playwright) as running:
        yield running


# Needs the browser first, so that Airflow does not start if the browser is missing.
@pytest.fixture(scope="session")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("browser") / "airflow") as running:
        yield running


@pytest.fixture(scope="session")
def second_server(stage: Stage) -> Iterator[str]:
    """Return the URL of a second API server, which has a path and hides a DAG from the restricted viewer."""
    with running_second_server(stage.airflow, "/team/airflow") as url:
        yield url


@pytest.fixture
def visitor(browser: Browser, stage: Stage, tmp_path: Path) -> Iterator[Visit]:
    with ExitStack() as visits:

        def enter(account: Account, *, url: str = "", **options: Any) -> Visitor:
            return visits.enter_context(visit(browser, url or stage.airflow.url, account, tmp_path, **options))

        yield enter


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotingServer]:
    """Return a server that notes cookies, for the tests without Airflow."""
    video = tmp_path_factory.mktemp("video") / "video.mp4"
    write_video(Clip(width=864, height=496, seconds=4, sound=False, seed=1, model="model", prompt="A boat"), video)
    with running_noting_server(video) as running:
        yield running


@pytest.fixture(scope="module")
def page(playwright: Playwright, server: NotingServer) -> Iterator[Page]:
    """Return a page of a browser that has cookies for each host of that server."""
    options = "--host-resolver-rules=MAP * 127.0.0.1"
    with running_browser(playwright, options) as browser, browser.new_page() as opened:
        for host in HOSTS:
            opened.goto(server.url(host, "page"))
        yield opened
