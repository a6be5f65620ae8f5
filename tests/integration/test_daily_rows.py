"""
The daily example pays once for each row of a day, however often its runs repeat and its table changes.

The sums are those of two ledgers: what the emulator booked, and what the ledger of the account has reserved. Prices are
those of the models page, for the default model in 720p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.ledger.layout import Reservation
from tests.integration.test_example_dags import MONDAY

DAY = "2026-11-23"
HEADER = "weekday,file,prompt,aspect_ratio,duration"
BOAT = "monday,boat.mp4,A paper boat,16:9,4"
KITE = "monday,kite.mp4,A red kite,9:16,5"
TRAM = "monday,tram.mp4,A yellow tram,1:1,4"
OTTER = "monday,otter.mp4,An otter,16:9,4"
REFUSED = "monday,heron.mp4,A heron [policy-late],16:9,4"
CORRECTED = "monday,heron.mp4,A heron,16:9,4"
OTHER_TRAM = "monday,tram.mp4,A blue tram,1:1,4"
TOMORROW = "tuesday,boat.mp4,A paper boat,16:9,4"


@dataclass
class Pipeline:
    """
    The example with a table of its own.

    :param dag: The example.
    :param emulator: What is booked.
    :param ledger: The account's ledger.
    :param folder: The folder with the table and the videos.
    """

    dag: Any
    emulator: Emulator
    ledger: Path
    folder: Path
    runs: int = 0
    steps: list[str] = field(default_factory=list)

    def run(self, step: str, *rows: str, days: int = 0) -> tuple[int, dict[str, str]]:
        """Run the table once more; return the number of bookings, and the state of each row by its file."""
        table = self.folder / "table.csv"
        table.write_text("\n".join([HEADER, *rows]))
        conf = {"table": str(table), "videos": (self.folder / "videos").as_uri()}
        booked, before = len(self.emulator.ledger()), self.sums()
        at = MONDAY.add(days=days, hours=self.runs)
        self.runs += 1
        run = self.dag.test(logical_date=at, run_after=at, run_conf=conf)
        now, after = len(self.emulator.ledger()), self.sums()
        assert after[0] == after[1]
        self.steps.append(f"{step:44} {before[0]:>8} {before[1]:>8} {now - booked:>7} {after[0]:>8} {after[1]:>8}")
        made = {task.map_index: str(task.state) for task in run.get_task_instances() if "make_video" in task.task_id}
        return now - booked, {row.split(",")[1]: made[index] for index, row in enumerate(rows)}

    def sums(self) -> tuple[Decimal, Decimal]:
        """Return the USD that the emulator booked, and those in the account's ledger."""
        booked = sum((Decimal(str(each["cost"])) for each in self.emulator.ledger()), Decimal())
        names = [path.name for path in self.ledger.glob("reservations/*/*/*")]
        found = [each for name in names if (each := Reservation.from_name(name)) and each.usd is not None]
        assert len(found) == len(names)
        return booked, sum((each.usd or Decimal() for each in found), Decimal())

    def table(self) -> str:
        """Return the sums of all steps."""
        columns = f"{'USD booked, USD in the ledger':44} {'before':>17} {'booked':>7} {'after':>17}"
        return "\n".join([columns, *self.steps])


@pytest.fixture
def seedance_ledger(tmp_path: Path) -> str:
    return (tmp_path / "ledger").as_uri()


@pytest.fixture
def pipeline(example: Callable[[str], DAG], seedance_emulator: Emulator, tmp_path: Path) -> Pipeline:
    return Pipeline(example("seedance_daily_content"), seedance_emulator, tmp_path / "ledger", tmp_path)


def test_every_row_of_a_day_is_paid_once(pipeline: Pipeline, capfd: pytest.CaptureFixture[str]) -> None:
    done = {"boat.mp4": "success", "kite.mp4": "success", "tram.mp4": "success"}
    assert pipeline.run("first run of three rows", BOAT, KITE, TRAM) == (3, done)
    assert pipeline.sums()[0] == Decimal("1.2974")
    assert pipeline.run("another run for the same day", BOAT, KITE, TRAM) == (0, done)
    assert pipeline.run("rows in another order", TRAM, BOAT, KITE) == (0, done)
    booked, states = pipeline.run("a row inserted before the others", OTTER, TRAM, BOAT, KITE)
    assert (booked, states) == (1, {"otter.mp4": "success", **done})
    booked, states = pipeline.run("a row removed", OTTER, TRAM, KITE)
    assert (booked, set(states.values())) == (0, {"success"})
    assert pipeline.run("a row whose generation fails", OTTER, REFUSED, TRAM)[1]["heron.mp4"] == "failed"
    booked, states = pipeline.run("the failed row once more", REFUSED, OTTER, TRAM)
    assert (booked, states["heron.mp4"]) == (0, "failed")
    booked, states = pipeline.run("the failed row corrected", OTTER, CORRECTED, TRAM)
    assert (booked, set(states.values())) == (1, {"success"})
    capfd.readouterr()

    booked, states = pipeline.run("a row changed after its success", CORRECTED, OTHER_TRAM)
    assert (booked, states) == (0, {"heron.mp4": "success", "tram.mp4": "failed"})
    output = "".join(capfd.readouterr())
    [earlier] = [each["id"] for each in pipeline.emulator.ledger() if each["parameters"]["prompt"] == "A yellow tram"]
    assert f"The idempotency key '{DAY}/tram.mp4' of task one_video.make_video [1]" in output
    assert f"stands for another request already: prediction {earlier}" in output
    assert "Nothing was sent" in output

    kept = sorted(path.name for path in (pipeline.folder / "videos" / DAY).glob("*.mp4"))
    assert kept == ["boat.mp4", "heron.mp4", "kite.mp4", "otter.mp4", "tram.mp4"]
    with capfd.disabled():
        print(f"\n\n{pipeline.table()}\n")  # noqa: T201 - the table is the result of this test


def test_another_day_is_paid_for(pipeline: Pipeline) -> None:
    assert pipeline.run("monday", BOAT)[0] == 1
    assert pipeline.run("tuesday", TOMORROW, days=1) == (1, {"boat.mp4": "success"})


def test_two_rows_of_a_day_with_one_name_are_one_video_or_an_error(pipeline: Pipeline) -> None:
    assert pipeline.run("the same row twice", BOAT, BOAT)[0] == 1
    booked, _ = pipeline.run("two rows with one name", KITE, KITE.replace("red", "blue"))
    assert booked == 1


@pytest.mark.parametrize("seedance_ledger", [None])
def test_nothing_is_sent_without_a_ledger(pipeline: Pipeline, seedance_ledger: None) -> None:
    assert pipeline.run("no ledger", BOAT, KITE) == (0, {"boat.mp4": "failed", "kite.mp4": "failed"})
