"""The page *Seedance* in Airflow's navigation: a page object for browser tests."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import FrameLocator, Locator, expect

from tests.browser.visitors import Visitor

PATH = "plugin/seedance-videos"


@dataclass(frozen=True, slots=True)
class VideosPage:
    """
    Airflow's page, and the page in its frame.

    :param visitor: The user who is logged in.
    """

    visitor: Visitor

    @property
    def frame(self) -> FrameLocator:
        """Airflow's frame with the page."""
        return self.visitor.page.frame_locator("iframe[title=Seedance]")

    @property
    def content(self) -> Locator:
        """All content of the page."""
        return self.frame.get_by_role("main")

    @property
    def tiles(self) -> Locator:
        """The generations."""
        return self.frame.get_by_role("region", name="Generations").get_by_role("listitem")

    @property
    def range(self) -> Locator:
        """The control above the generations that turns the page."""
        return self.frame.get_by_role("navigation", name="Pages", exact=True)

    @property
    def sums(self) -> Locator:
        """The sums of what the filters match."""
        return self.frame.get_by_role("region", name="Sums")

    def field(self, label: str) -> Locator:
        """Return a field of the filters; the text of a label contains its options."""
        labels = self.frame.get_by_role("search", name="Filters").locator("label")
        return labels.filter(has_text=re.compile(f"^{label}")).locator("select, input")

    def expect_range(self, text: str) -> None:
        """Wait until the control shows a range such as ``1-24 of 60``."""
        expect(self.range).to_contain_text(text.replace("-", "\N{EN DASH}"))

    def open(self, query: str = "") -> None:
        """Open the page by its address, and wait until it has loaded."""
        self.visitor.go(f"{PATH}{query}")
        self.wait_until_loaded()

    def wait_until_loaded(self) -> None:
        """Wait until the page shows the answer to its last request."""
        expect(self.frame.get_by_text("Loading…")).to_be_hidden()
        expect(self.frame.locator("[aria-busy=false]")).to_have_count(1)

    def filter(self, **values: str) -> None:
        """Fill in filters by their labels, with spaces for underscores, and apply them."""
        for name, value in values.items():
            field = self.field(name.replace("_", " "))
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        self.frame.get_by_role("button", name="Apply filters").click()
        self.wait_until_loaded()

    def turn(self, button: str) -> None:
        """Press *Previous* or *Next*."""
        self.range.get_by_role("button", name=button).click()
        self.wait_until_loaded()
