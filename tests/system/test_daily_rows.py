"""The daily example in a real Airflow: neither another run of a day nor a clear pays for a row twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from airflow_provider_seedance.ledger.layout import Reservation
from demo.standalone import Standalone
from tests.system.cluster.services import running_postgresql

CHECKOUT = Path(__file__).parents[2]
DAG_ID = "seedance_daily_content"
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BOAT, KITE = "boat.mp4,A paper boat,16:9,4", "kite.mp4,A red kite,9:16,5"
TRAM, OTHER_TRAM = "tram.mp4,A yellow tram,1:1,4", "tram.mp4,A blue tram,1:1,4"
REFUSED, CORRECTED = "heron.mp4,A heron [policy-late],16:9,4", "heron.mp4,A heron,16:9,4"
OTTER = "otter.mp4,An otter,16:9,4"


@dataclass
class Stage:
    """An Airflow with the daily example, and the two ledgers: what the emulator booked, and what was reserved."""

    airflow: Standalone
    emulator: Emulator
    ledger: Path
    table: Path
    steps: list[str] = field(default_factory=list)

    def write(self, *rows: str) -> None:
        lines = [f"{day},{row}" for day in WEEK for row in rows]
        self.table.write_text("\n".join(["weekday,file,prompt,aspect_ratio,duration", *lines]))

    def step(self, name: str, run_id: str, before: Decimal) -> tuple[int, str]:
        """Wait for the end of a run; return the number of all bookings, and the state of the run."""

        def ended() -> str:
            state = self.airflow.api.run_state(DAG_ID, run_id)
            return state if state in ("success", "failed") else ""

        state = self.airflow.wait_for(f"end of {name}", ended, 300)
        booked = self.booked()
        found = [Reservation.from_name(path.name) for path in self.ledger.glob("reservations/*/*/*")]
        reserved = sum((each.usd for each in found if each and each.usd), Decimal())
        assert booked == reserved
        count = len(self.emulator.ledger())
        self.steps.append(f"{name:44} {before:>8} {booked:>8} {reserved:>8} {count:>6}  {state}")
        return count, state

    def run(self, name: str, *rows: str) -> tuple[int, str]:
        """Trigger another run for the same day."""
        self.write(*rows)
        return self.step(name, self.airflow.api.trigger(DAG_ID), self.booked())

    def clear(self, name: str, run_id: str, *rows: str) -> tuple[int, str]:
        """Clear all tasks of a run."""
        self.write(*rows)
        before = self.booked()
        clear = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
        self.airflow.api.post(f"dags/{DAG_ID}/clearTaskInstances", clear)
        return self.step(name, run_id, before)

    def booked(self) -> Decimal:
        return sum((Decimal(str(each["cost"])) for each in self.emulator.ledger()), Decimal())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    dags, ledger = tmp_path / "dags", tmp_path / "ledger"
    (dags / "data").mkdir(parents=True)
    shutil.copy(CHECKOUT / "example_dags" / f"{DAG_ID}.py", dags)
    settings = Settings(seconds_created=0.2, seconds_queued=0.2, seconds_running=1.0)
    with running_emulator(settings) as emulator, running_postgresql(tmp_path / "postgresql.log") as postgresql:
        connection = {**emulator.connection, "extra": {"ledger": ledger.as_uri()}}
        environment = {
            "AIRFLOW_CONN_SEEDANCE_DEFAULT": json.dumps(connection),
            # The example stores videos in the home directory.
            "HOME": str(tmp_path),
            "PYTHONPATH": str(CHECKOUT),
        }
        database = f"postgresql+psycopg2://{postgresql.url}"
        with Standalone(tmp_path / "airflow", dags, environment, database=database) as airflow:
            airflow.wait_for_dag(DAG_ID)
            yield Stage(airflow, emulator, ledger, dags / "data" / "daily_content.csv")


def test_every_row_of_a_day_is_paid_once(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    api = stage.airflow.api
    stage.write(BOAT, KITE, TRAM)
    api.patch(f"dags/{DAG_ID}", {"is_paused": False})
    [night] = stage.airflow.wait_for("scheduled run", lambda: api.get(f"dags/{DAG_ID}/dagRuns")["dag_runs"])
    run_id = night["dag_run_id"]
    assert stage.step("scheduled run of three rows", run_id, Decimal()) == (3, "success")
    assert stage.run("another run for the same day", BOAT, KITE, TRAM) == (3, "success")
    assert stage.clear("clear, rows in another order", run_id, TRAM, BOAT, KITE) == (3, "success")
    assert stage.clear("clear, a row inserted first", run_id, OTTER, TRAM, BOAT, KITE) == (4, "success")
    assert stage.clear("clear, a row removed", run_id, OTTER, BOAT, KITE) == (4, "success")
    assert stage.clear("clear, a row whose generation fails", run_id, REFUSED, OTTER, BOAT) == (5, "failed")
    assert stage.clear("clear, the failed row corrected", run_id, OTTER, CORRECTED, BOAT) == (6, "success")
    assert stage.clear("clear, a row changed after success", run_id, OTTER, CORRECTED, OTHER_TRAM) == (6, "failed")
    [failed] = [each for each in api.task_instances(DAG_ID, run_id) if each["state"] == "failed"]
    tries, index = failed["try_number"], failed["map_index"]
    log = "\n".join(api.log_lines(DAG_ID, run_id, "one_video.make_video", tries, map_index=index))
    assert "stands for another request already: prediction" in log
    assert "Nothing was sent" in log
    with capsys.disabled():
        header = f"{'USD':44} {'before':>8} {'booked':>8} {'ledger':>8} {'count':>6}  run"
        print("\n".join(["", "", header, *stage.steps]))  # noqa: T201 - the table is the result of this test
