"""What the guide says on tests is enough: its own project, file by file as it stands there, passes its tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "guide" / "test-your-dags.md"
_FILE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of an author who wrote down what the page shows, and nothing else."""
    for name, content in _FILE.findall(PAGE.read_text()):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    return tmp_path


def test_the_tests_of_an_author_pass(project: Path) -> None:
    written = {str(path.relative_to(project)) for path in project.rglob("*.py")}
    assert written == {"dags/launch.py", "conftest.py", "test_launch.py"}

    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"],
        cwd=project,
        # An author has pytest alone.
        env=environment | {"PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-5000:]
    assert re.search(r"^3 passed", ran.stdout, re.MULTILINE), ran.stdout[-500:]
