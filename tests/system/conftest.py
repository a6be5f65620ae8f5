"""One Airflow and one emulator per DAG, shared by all system tests, and the output of their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from demo.standalone import Standalone
from tests.system.chaos import Row, chaos, table
from tests.system.scenarios import SCENARIOS

Show = Callable[[Sequence[Row]], None]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Return a function that prints a table of results, and fails if one has problems."""

    def show_and_check(rows: Sequence[Row]) -> None:
        with capsys.disabled():
            print(f"\n\n{table(rows)}\n", flush=True)  # noqa: T201 - the table is the result of these tests
        assert [problem for row in rows for problem in row.problems] == []

    return show_and_check


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Standalone, dict[str, Emulator]]]:
    """Return Airflow, and an emulator for each DAG."""
    with chaos(tmp_path_factory.mktemp("airflow"), SCENARIOS) as running:
        yield running
