"""The README as a package index shows it, without the other files of the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.package.distributions import CHECKOUT, Distributions

README = (CHECKOUT / "README.md").read_text()


class Addresses(HTMLParser):
    """Collects the addresses of a page's links and images."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


@pytest.fixture(scope="session")
def description(distributions: Distributions) -> str:
    return str(distributions.metadata.get_payload())


def test_every_address_of_the_rendered_page_is_absolute(description: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(description)
    rendered = subprocess.run(  # noqa: S603 - the renderer of the index
        [sys.executable, "-m", "readme_renderer", tmp_path / "README.md"], capture_output=True, text=True, check=True
    )

    addresses = Addresses()
    addresses.feed(rendered.stdout)

    assert "https://airflow.apache.org" in addresses.found
    # Each heading links to itself.
    external = [each for each in addresses.found if not each.startswith("#user-content-")]
    assert [each for each in external if not each.startswith("https://")] == []
    assert rendered.stdout.count("<table>") == len(re.findall(r"^\|(?:---\|)+$", README, re.MULTILINE))


def test_description_names_the_file_of_a_relative_link(description: str) -> None:
    assert "The guide (`docs/guide/README.md`) has one page" in description
    assert "see\n`example_dags/seedance_submit_and_wait.py`." in description


def test_description_has_no_relative_images(description: str) -> None:
    assert "docs/images" in README
    assert "docs/images" not in description


def test_description_equals_the_readme_except_links_and_images(description: str) -> None:
    link = re.compile(r"!?\[[^\]]*\]\((?!https:)[^)]*\)")
    assert {line for line in README.splitlines() if not link.search(line)} <= set(description.splitlines())
