"""Values that a mapped task gets from rows are data: they are sent as they are, and never rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from tests.integration.dags.rows import PROMPTS
from tests.versions import DagBag

DAGS = Path(__file__).with_name("dags")


@pytest.mark.usefixtures("airflow_database", "short_waits")
def test_rows_are_sent_as_they_are(seedance_emulator: Emulator) -> None:
    bag: Any = DagBag(str(DAGS / "rows.py"))
    assert bag.import_errors == {}
    dag = bag.dags["rows"]
    assert dag.test().state == "success"
    sent = [booked["parameters"] for booked in seedance_emulator.ledger()]
    written = [each for each in sent if each["prompt"] == "It is 4."]
    from_list = [each for each in sent if each["duration"] == 6]
    from_rows = [each for each in sent if "seed" in each and each not in from_list]
    described = [each for each in sent if each not in written + from_rows + from_list]
    assert [each["prompt"] for each in sorted(from_rows, key=lambda each: int(each["seed"]))] == PROMPTS
    assert sorted(each["prompt"] for each in described) == sorted(PROMPTS)
    assert {(each["seed"], each["prompt"]) for each in from_list} == {(0, PROMPTS[0]), (4, PROMPTS[4])}
    # What the author wrote is a template.
    assert {each["duration"] for each in from_rows + described} == {4}
    assert len(written) == 1
