"""``airflow seedance spend``: the ledger of an account, added up. Prices are those of the specification's list."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.ledger.entries import State
from airflow_provider_seedance.ledger.layout import Reservation, generation_of_task
from airflow_provider_seedance.ledger.store import open_store
from tests.ledgers import create_entry
from tests.unit.cli.test_commands import KEY, Ran

#: A table of submissions: when, DAG, model, state, list price, highest price.
SUBMISSIONS = [
    ("2026-10-31T23:30:00+00:00", "nightly", "fast", State.SUCCEEDED, "0.3992", "0.3992"),
    ("2026-11-01T10:00:00+00:00", "nightly", "fast", State.SUCCEEDED, "0.3992", "0.3992"),
    ("2026-11-01T10:00:01+00:00", "nightly", "pro", State.FAILED, "0.1", "0.2"),
    ("2026-11-01T11:00:00+00:00", "launch", "fast", State.RESERVED, "0.3992", "0.3992"),
    ("2026-11-02T09:00:00+00:00", "launch", "fast", State.REFUSED, "0.3992", "0.3992"),
    ("2026-11-02T09:00:02+00:00", "launch", "new", State.SUBMITTED, None, None),
]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the ledger of the connection ``seedance_default``, with an entry for each submission of the table."""
    uri = (tmp_path / "ledger").as_uri()
    store = open_store(uri)
    for number, (when, dag_id, model, state, estimate, highest) in enumerate(SUBMISSIONS):
        create_entry(
            store, number, when=when, dag_id=dag_id, model=model, state=state, estimate=estimate, highest=highest
        )
    connect(monkeypatch, {"ledger": uri})
    return uri


def connect(monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]) -> None:
    connection = {"conn_type": "seedance", "password": KEY, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", json.dumps(connection))


NOVEMBER = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.mark.usefixtures("ledger")
class TestSpend:
    def test_days_are_added_up(self, capsys: pytest.CaptureFixture[str]) -> None:
        ran = Ran(capsys, "spend", *NOVEMBER, "--output", "json")
        assert ran.code == 0
        first, second = ran.json()
        assert first == {
            "group": "2026-11-01",
            "submissions": 3,
            "videos": 1,
            "failed": 1,
            "unconfirmed": 1,
            "estimate": 0.8984,
            "highest": 0.9984,
            "unpriced": 0,
        }
        assert (second["group"], second["submissions"], second["unpriced"]) == ("2026-11-02", 1, 1)
        assert "4 submissions, 0.8984 USD at list price" in ran.err

    @pytest.mark.parametrize(
        ("by", "groups"),
        [
            ("dag", {"launch": "2", "nightly": "2"}),
            ("model", {"fast": "2", "new": "1", "pro": "1"}),
            ("connection", {"seedance_default": "4"}),
        ],
    )
    def test_submissions_are_added_up_by(
        self, by: str, groups: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        ran = Ran(capsys, "spend", "--by", by, *NOVEMBER, "--output", "csv")
        rows = list(csv.DictReader(io.StringIO(ran.out)))
        assert {row["group"]: row["submissions"] for row in rows} == groups

    def test_days_are_those_of_the_time_zone(
        self, ledger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        connect(monkeypatch, {"ledger": ledger, "budget_timezone": "Europe/Berlin"})
        ran = Ran(capsys, "spend", *NOVEMBER, "--output", "json")
        # 23:30 UTC of 31 October is 0:30 of 1 November in Berlin.
        assert ran.json()[0]["submissions"] == 4

    def test_period_without_submissions_is_empty(self, capsys: pytest.CaptureFixture[str]) -> None:
        ran = Ran(capsys, "spend", "--from", "2025-01-01", "--to", "2025-12-31", "--output", "json")
        assert (ran.code, ran.json()) == (0, [])
        assert "0 submissions" in ran.err

    @pytest.mark.parametrize("first", ["2026-11-01", "0001-01-01"])
    @pytest.mark.parametrize("last", ["2026-11-30", "9999-12-31"])
    @pytest.mark.parametrize(
        # 14 hours ahead, all of the table is in November, and 11 hours behind, only what was at 11:00 or later.
        ("timezone", "in_november"),
        [("Pacific/Kiritimati", 5), ("Pacific/Pago_Pago", 2)],
    )
    def test_any_day_may_be_the_first_or_last(
        self,
        first: str,
        last: str,
        timezone: str,
        in_november: int,
        ledger: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        connect(monkeypatch, {"ledger": ledger, "budget_timezone": timezone})
        ran = Ran(capsys, "spend", "--from", first, "--to", last, "--by", "connection", "--output", "json")
        assert ran.code == 0
        assert ran.json()[0]["submissions"] == (in_november if first == "2026-11-01" else 5)

    @pytest.mark.parametrize("days", [("--from", "2026-11-02", "--to", "2026-11-01"), ("--from", "9999-12-31")])
    def test_first_day_after_the_last_is_wrong_usage(
        self, days: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        ran = Ran(capsys, "spend", *days)
        assert (ran.code, ran.out) == (2, "")
        assert f"The first day, {days[1]}, is after the last one" in ran.err

    @pytest.mark.parametrize("damage", ["{", '{"state": "succeeded"}', "other entry"])
    def test_unreadable_entry_is_noted_and_the_others_are_added_up(
        self, damage: str, ledger: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store = open_store(ledger)
        names = [f"generations/{generation_of_task(SUBMISSIONS[number][1], number)}/000001.json" for number in (1, 2)]
        store.replace(names[0], (damage.encode() if damage != "other entry" else store.read(names[1])) or b"")
        ran = Ran(capsys, "spend", *NOVEMBER, "--by", "connection", "--output", "json")
        assert ran.code == 1
        assert ran.json()[0]["submissions"] == 3
        assert f"The entry {ledger}/{names[0]} of the ledger cannot be read" in ran.err
        assert "it is in no sum" in ran.err
        assert "have no entry" not in ran.err
        assert "task" not in ran.err

    def test_ledger_that_fails_names_the_object_and_gives_no_advice_for_tasks(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        connect(monkeypatch, {"ledger": f"file://{tmp_path}/file"})
        ran = Ran(capsys, "spend")
        assert ran.code == 1
        assert f"The ledger failed at file://{tmp_path}/file/reservations" in ran.err
        assert "Check the ledger in the connection" in ran.err
        assert "task" not in ran.err.replace(str(tmp_path), "")

    def test_reservation_without_an_entry_is_told(self, ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
        at = int(datetime(2026, 11, 3, tzinfo=UTC).timestamp() * 1000)
        lost = Reservation(at=at, usd=Decimal("1.5"), generation=generation_of_task("lost"), number=1)
        open_store(ledger).replace(lost.name, b"")
        ran = Ran(capsys, "spend", *NOVEMBER)
        assert "1 reservations have no entry" in ran.err
        assert "1.5 USD more" in ran.err

    # The way out of an unconfirmed submission: delete its entry, and clear the task, which submits under its name.
    @pytest.mark.parametrize(
        ("deleted_at", "lost"), [("2026-11-04T09:00:00+00:00", "0.3992"), ("2026-10-04T09:00:00+00:00", None)]
    )
    def test_entry_with_the_name_of_a_deleted_one(
        self, ledger: str, capsys: pytest.CaptureFixture[str], deleted_at: str, lost: str | None
    ) -> None:
        store = open_store(ledger)
        prices: dict[str, Any] = {"estimate": "0.3992", "highest": "0.3992", "state": State.RESERVED}
        store.delete(create_entry(store, 9, when=deleted_at, dag_id="cleared", model="fast", **prices))
        create_entry(store, 9, when="2026-11-05T09:00:00+00:00", dag_id="cleared", model="fast", **prices)

        ran = Ran(capsys, "spend", *NOVEMBER, "--by", "dag", "-o", "json")
        assert [row["submissions"] for row in ran.json() if row["group"] == "cleared"] == [1]
        assert ("were deleted: the budgets count 0.3992 USD more" in ran.err) == (lost is not None)
        october = Ran(capsys, "spend", "--from", "2026-10-01", "--to", "2026-10-30", "--by", "dag", "-o", "json")
        assert "cleared" not in october.out
        assert ("budgets count 0.3992 USD more" in october.err) == (lost is None)


def test_spend_without_a_ledger_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(monkeypatch, {})
    ran = Ran(capsys, "spend")
    assert ran.code == 1
    assert "no ledger" in ran.err


def test_wrong_date_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert Ran(capsys, "spend", "--from", "yesterday").code == 2
