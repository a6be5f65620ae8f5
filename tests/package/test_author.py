"""The project in the guide's page on tests passes its tests, with the files as the page shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.package.distributions import CHECKOUT
from tests.package.installation import Installation

PAGE = CHECKOUT / "docs" / "guide" / "test-your-dags.md"
_FILE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def author(wheel: Path, tmp_path: Path) -> Installation:
    """Return an environment with the packages and the files of the page."""
    assert "pip install 'airflow-provider-seedance[emulator]' pytest\n" in PAGE.read_text()
    author = Installation.make(tmp_path, wheel, "[emulator]", ["pytest"])
    for name, content in _FILE.findall(PAGE.read_text()):
        file = author.home / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    return author


def test_tests_of_the_guide_pass(author: Installation) -> None:
    written = {str(path.relative_to(author.home)) for path in author.home.rglob("*.py")}
    assert written == {"dags/launch.py", "conftest.py", "test_launch.py"}

    ran = author.run("-m", "pytest", "-q")

    assert ran.returncode == 0, ran.stdout[-5000:]
    assert re.search(r"^4 passed", ran.stdout, re.MULTILINE), ran.stdout[-500:]
