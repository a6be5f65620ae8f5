"""A task without retries, when the service is busy for longer than one try repeats the submission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from tests.versions import DagBag, needs_3_4

DAGS = Path(__file__).with_name("dags")
#: More than one try sends in five minutes with exponential delays, and fewer than two tries send.
REFUSALS = 12


@needs_3_4
@pytest.mark.usefixtures("airflow_database", "short_waits")
def test_refusals_before_acceptance_use_no_try(seedance_emulator: Emulator) -> None:
    seedance_emulator.fault(endpoint="submit", status=429, times=REFUSALS)
    bag: Any = DagBag(str(DAGS / "busy.py"))
    run = bag.dags["busy"].test()

    [task] = run.get_task_instances()
    assert (task.state, task.try_number) == ("success", 1)
    assert len(seedance_emulator.ledger()) == 1
    assert seedance_emulator.faults() == []
