"""One Airflow and one emulator per DAG, shared by all system tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from demo.standalone import Standalone
from tests.system.chaos import chaos
from tests.system.scenarios import SCENARIOS


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Standalone, dict[str, Emulator]]]:
    """Return Airflow, and an emulator for each DAG."""
    with chaos(tmp_path_factory.mktemp("airflow"), SCENARIOS) as running:
        yield running
