"""The API key is in the one header that carries it, and nowhere else."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from tests.integration import unmasked_runs
from tests.integration.unmasked_runs import KEY, RUNS


def test_runs_leave_no_trace_of_it(airflow_database: Path, airflow_home: Path) -> None:
    ran = subprocess.run(  # noqa: S603 - a module of these tests
        [sys.executable, "-m", unmasked_runs.__name__],
        env=os.environ | unmasked_runs.UNMASKED,
        capture_output=True,
        text=True,
        check=True,
    )
    output = f"{ran.stdout}{ran.stderr}"
    [result] = [json.loads(line[7:]) for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
    with closing(sqlite3.connect(airflow_database)) as connection:
        rows = "\n".join(connection.iterdump())
    files = "\n".join(path.read_text() for path in (airflow_home / "logs").rglob("*") if path.is_file())

    assert result["states"] == {name: state for name, _, state in RUNS}
    assert result["masked"] is False
    # The places that are searched do hold what was said there.
    assert "Submitted prediction" in output
    for told in ("no such key: ***", "may have been started and charged", "bad ***", "unexpected internal error"):
        assert told in output
    assert "A paper boat drifts" in rows
    for place in (output, rows, files):
        assert KEY not in place
    assert result["leaks"] == []
    assert result["without_key"] == []


@pytest.mark.parametrize(
    "fault",
    [
        {"endpoint": "submit", "answer": "redirect"},
        {"endpoint": "submit", "answer": "redirect", "status": 302},
        {"endpoint": "submit", "answer": "foreign-urls"},
        {"endpoint": "result", "answer": "redirect"},
        {"endpoint": "result", "answer": "foreign-urls"},
    ],
    ids=lambda fault: " ".join(str(value) for value in fault.values()),
)
def test_no_other_server_ever_receives_a_request(
    fault: dict[str, Any], example: Callable[[str], DAG], seedance_emulator: Emulator
) -> None:
    with running_emulator() as other:
        seedance_emulator.fault(location=other.url, **fault)
        example("seedance_text_to_video").test()
        assert seedance_emulator.faults() == []
        assert other.requests() == []
