"""Chromium, and the logged-in users in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from tests.browser.accounts import Account

#: Large enough for a whole dialog of Airflow's UI.
_WINDOW = {"width": 1280, "height": 900}
#: Timeout for an element to appear, in milliseconds; long, because a run may load the machine.
TIMEOUT = 60_000


@contextmanager
def running_browser(playwright: Playwright, *options: str) -> Iterator[Browser]:
    """
    Run Chromium for the duration of a ``with`` block.

    :param playwright: The driver; a process can run only one at a time.
    :param options: Further options of its command line.
    :raises RuntimeError: Chromium is not installed.
    """
    executable = shutil.which("chromium")
    if executable is None:
        raise RuntimeError("The browser tests need Chromium, in Debian the package chromium: apt-get install chromium")
    # All servers are on this host: no proxy, and no background requests of the browser.
    arguments = ["--disable-background-networking", "--disable-gpu", "--no-proxy-server", *options]
    with playwright.chromium.launch(executable_path=executable, args=arguments) as browser:
        yield browser


@dataclass(frozen=True, slots=True)
class Visitor:
    """
    A logged-in user.

    :param page: The browser's page.
    :param url: URL of Airflow.
    :param record: HTTP archive (HAR) of the session; it exists after the session.
    """

    page: Page
    url: str
    record: Path

    def go(self, path: str) -> None:
        """Open a page of Airflow."""
        self.page.goto(f"{self.url}/{path}")

    def answers(self) -> list[dict[str, Any]]:
        """Close the session, and return every request with its response, as entries of an HTTP archive."""
        self.page.context.close()
        entries: list[dict[str, Any]] = json.loads(self.record.read_text())["log"]["entries"]
        return entries


@contextmanager
def visit(browser: Browser, url: str, account: Account, folder: Path, **options: Any) -> Iterator[Visitor]:
    """
    Log in through the login page, for the duration of a ``with`` block.

    :param browser: A running browser.
    :param url: URL of Airflow.
    :param account: The user's account.
    :param folder: Folder for the HTTP archive.
    :param options: Options of the browser's context, e.g. ``color_scheme``.
    """
    record = folder / f"{account.name}.har"
    context = browser.new_context(
        **{"viewport": _WINDOW, "record_har_path": record, "record_har_content": "embed", **options}
    )
    context.set_default_timeout(TIMEOUT)
    with context:
        page = context.new_page()
        page.goto(url)
        page.get_by_label("Username").fill(account.name)
        page.get_by_label("Password").fill(account.password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Dags").first.wait_for()
        yield Visitor(page, url, record)
