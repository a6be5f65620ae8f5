"""The snippets of the guide can be imported, and the targets of its links exist."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))
ROOT = GUIDE.parents[1]
ALL = [*PAGES, *sorted(GUIDE.parent.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
#: Its snippets are files of a project; the package tests run them.
PROJECT = "test-your-dags.md"
_CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")


def dag_file(page: Path) -> str:
    """Return the DAG file of a page: its first snippet, then the other snippets inside the DAG."""
    first, *others = _PYTHON.findall(page.read_text())
    return "\n".join([first, *(indent(snippet, "    ") for snippet in others)])


def links(page: Path) -> list[tuple[str, str]]:
    """Return address and anchor of every link of a page."""
    return _LINK.findall(_CODE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as Markdown viewers create them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in ("README.md", PROJECT)], ids=lambda page: page.stem
)
def test_snippets_of_a_page_form_a_dag_file(page: Path) -> None:
    source = dag_file(page)
    assert source.count("with DAG(") >= 1
    exec(compile(source, page.name, "exec"), {})  # noqa: S102 - code of the guide


def test_seed_of_the_guide_is_the_same_at_every_try_of_a_run() -> None:
    drawn = []
    for run_id in ("first", "first", "second"):
        snippets: dict[str, Any] = {}
        exec(compile(dag_file(GUIDE / "pick-up-retry-clear.md"), "retry", "exec"), snippets)  # noqa: S102 - as above
        drawn.append(snippets["draw_seed"].function(run_id=run_id))
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0 <= seed < 2**31 for seed in drawn)


@pytest.mark.parametrize("page", ALL, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_link_targets_exist(page: Path) -> None:
    for address, anchor in links(page):
        if "://" in address:
            continue
        target = (page.parent / address).resolve() if address else page
        assert target.exists(), address
        assert not anchor or anchor in anchors(target), f"{address}#{anchor}"


def test_index_links_every_page() -> None:
    linked = {address for address, _ in links(GUIDE / "README.md")}
    assert linked >= {page.name for page in PAGES} - {"README.md"}
