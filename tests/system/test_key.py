"""The API key is in no database row, file or log of a real Airflow, even while tasks are deferred."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

from airflow_provider_seedance.emulator.handle import Emulator
from demo.standalone import Standalone

#: Triggers are encrypted in the database; Airflow's model decrypts them.
_SHOW_TRIGGERS = """
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session

with create_session() as session:
    for trigger in session.query(Trigger):
        print(trigger.classpath, trigger.kwargs)
"""


def test_deferred_tasks_store_no_api_key(stage: tuple[Standalone, dict[str, Emulator]]) -> None:
    airflow, emulators = stage
    emulator = emulators["chaos_waits"]
    emulator.reset()
    airflow.wait_for_dag("chaos_waits")
    run_id = airflow.api.trigger("chaos_waits")

    def are_deferred() -> bool:
        return {task["state"] for task in airflow.api.task_instances("chaos_waits", run_id)} == {"deferred"}

    airflow.wait_for("deferral of all", are_deferred)
    printed = subprocess.run(  # noqa: S603 - this interpreter and literal code
        [sys.executable, "-c", _SHOW_TRIGGERS], env=airflow.environment, capture_output=True, text=True, check=True
    )
    triggers = [line for line in printed.stdout.splitlines() if "SeedancePredictionTrigger" in line]
    airflow.wait_for("end of the run", lambda: airflow.api.run_state("chaos_waits", run_id) == "success")

    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        rows = "\n".join(database.iterdump())
    files = [path.read_text(errors="replace") for path in airflow.home.rglob("*.log*")]

    # The searched texts do contain the three triggers, their rows, and their logs.
    ids = [entry["id"] for entry in emulator.ledger()]
    assert len(triggers) == len(ids) == 3
    for prediction_id in ids:
        assert any(prediction_id in line for line in triggers)
        assert any(prediction_id in text for text in files)
        assert prediction_id in rows
    for text in (*triggers, rows, *files):
        assert emulator.api_key not in text
    assert emulator.leaks() == []
