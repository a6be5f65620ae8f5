"""Airflow's own state store in object storage: a task submits only if the record stays in the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.emulator.handle import Emulator
from tests.state_backend import OBJECT_STORAGE, Configure
from tests.versions import needs_store


@needs_store
@pytest.mark.parametrize(("threshold", "state", "booked"), [(8192, "success", 1), (0, "failed", 0)])
def test_task_submits_only_if_the_record_stays_in_the_database(
    example: Callable[[str], DAG],
    seedance_emulator: Emulator,
    state_backend: Configure,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    threshold: int,
    state: str,
    booked: int,
) -> None:
    state_backend(OBJECT_STORAGE, threshold)
    run: Any = example("seedance_text_to_video").test()

    assert (run.state, len(seedance_emulator.ledger())) == (state, booked)
    assert list(tmp_path.iterdir()) == []
    assert ("storage_threshold to 8192 or more" in "".join(capfd.readouterr())) == (not booked)
