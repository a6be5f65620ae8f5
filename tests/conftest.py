"""What all tests share: an Airflow home of their own, and no setting of the person who runs them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Airflow reads its configuration when it is imported, which some test module does before any fixture runs.
for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]
EXAMPLE_DAGS = Path(__file__).parents[1] / "example_dags"
_HOME = Path(tempfile.mkdtemp(prefix="seedance-tests-"))
os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE_DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(_HOME / "logs"),
}

pytest_plugins = ["airflow_provider_seedance.emulator.pytest_plugin"]


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    yield _HOME
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often: the emulator takes a quarter of a second where the service takes a minute."""
    from airflow_provider_seedance.gptproto.polling import Wait

    monkeypatch.setattr(Wait, "HOLD", 0.0)
    monkeypatch.setattr(Wait, "RHYTHM", 0.0)
    monkeypatch.setattr(Wait, "SHORTEST_PAUSE", 0.05)
