"""Sums of the videos page from a ledger: exact, of readable DAGs, and never in the way."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.ledger.entries import State
from airflow_provider_seedance.ledger.layout import entry_name, generation_of_task
from airflow_provider_seedance.ledger.store import LocalStore, Store, open_store
from airflow_provider_seedance.plugins import ledger_entries, routes
from airflow_provider_seedance.plugins.ledger_entries import THREAD, LedgerReader
from tests.integration.plugins.hiding_auth_manager import HIDDEN_DAG
from tests.integration.plugins.page_rows import Row, insert_rows, prediction
from tests.integration.plugins.reader import SHOWN_DAG, Reader
from tests.ledgers import create_entry

KEY = "sk-ledger-of-the-page"
SUBMISSIONS: list[dict[str, Any]] = [
    {
        "when": "2026-11-26T23:30:00+00:00",
        "dag_id": SHOWN_DAG,
        "model": "pro",
        "state": State.SUCCEEDED,
        "estimate": "0.1",
    },
    {
        "when": "2026-11-27T10:00:00+00:00",
        "dag_id": SHOWN_DAG,
        "model": "pro",
        "state": State.FAILED,
        "estimate": "0.1",
    },
    {
        "when": "2026-11-27T11:00:00+00:00",
        "dag_id": SHOWN_DAG,
        "model": "fast",
        "state": State.SUBMITTED,
        "estimate": "0.1",
    },
    {
        "when": "2026-11-27T12:00:00+00:00",
        "dag_id": SHOWN_DAG,
        "model": "new",
        "state": State.RESERVED,
        "estimate": None,
    },
    {"when": "2026-11-27T12:30:00+00:00", "dag_id": SHOWN_DAG, "model": "pro", "state": State.REFUSED, "estimate": "9"},
    {
        "when": "2026-11-27T13:00:00+00:00",
        "dag_id": HIDDEN_DAG,
        "model": "pro",
        "state": State.SUCCEEDED,
        "estimate": "7",
    },
]


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Configure a ledger with an entry for each submission, next to one XCom of each DAG."""
    uri = (tmp_path / "ledger").as_uri()
    for number, each in enumerate(SUBMISSIONS):
        create_entry(open_store(uri), number, highest=each["estimate"], **each)
    connection = {"conn_type": "seedance", "password": KEY, "extra": {"ledger": uri}}
    monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_LEDGER", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__SEEDANCE__LEDGER_CONN_IDS", "seedance_ledger, seedance_ledger")
    monkeypatch.setattr(routes, "_LEDGERS", LedgerReader())
    # On a busy host.
    monkeypatch.setattr(routes, "_LEDGER_SECONDS", 30)
    for dag_id in (SHOWN_DAG, HIDDEN_DAG):
        insert_rows([Row(dag_id=dag_id, xcoms={"prediction": prediction(1)})])
    return uri


def test_sums_are_those_of_the_entries_of_readable_dags(viewer: Reader) -> None:
    for _ in range(2):  # the second time, some are kept in memory
        sums = viewer.generations()["sums"]
        assert sums == {
            "source": "ledger",
            "note": None,
            "count": 4,
            "usd": 0.3,
            "unknown": 1,
            "by_day": [{"day": "2026-11-26", "usd": 0.1, "count": 1}, {"day": "2026-11-27", "usd": 0.2, "count": 3}],
            "by_dag": [{"dag_id": SHOWN_DAG, "usd": 0.3, "count": 4}],
            "by_model": [
                {"model": "fast", "usd": 0.1, "count": 1},
                {"model": "new", "usd": 0.0, "count": 1},
                {"model": "pro", "usd": 0.2, "count": 2},
            ],
        }


@pytest.mark.parametrize(
    ("query", "usd"),
    [
        ({"model": "pro"}, 0.2),
        ({"dag_id": SHOWN_DAG}, 0.3),
        ({"since": "2026-11-27", "until": "2026-11-27"}, 0.2),
        ({"since": "2026-11-27", "until": "2026-11-27", "zone": "Europe/Berlin"}, 0.3),
        ({"since": "2026-11-28"}, 0.0),
        ({"since": "0300-01-01", "until": "9999-12-31"}, 0.3),
    ],
    ids=str,
)
def test_entries_are_filtered(viewer: Reader, query: dict[str, str], usd: float) -> None:
    sums = viewer.generations(**query)["sums"]
    assert (sums["source"], sums["usd"]) == ("ledger", usd)


@pytest.mark.parametrize("query", [{"text": "boat"}, {"outcome": "succeeded"}], ids=str)
def test_what_no_entry_has_is_added_up_from_xcoms(viewer: Reader, query: dict[str, str]) -> None:
    sums = viewer.generations(**query)["sums"]
    assert (sums["source"], sums["note"], sums["count"]) == ("xcom", None, 1)


def test_admin_has_the_sums_of_all_dags(admin: Reader) -> None:
    assert admin.generations()["sums"]["usd"] == 7.3


def test_changed_entry_counts_at_the_next_request(viewer: Reader, ledger: str) -> None:
    assert viewer.generations()["sums"]["count"] == 4
    create_entry(
        open_store(ledger),
        3,
        highest=None,
        **{**SUBMISSIONS[3], "state": State.SUCCEEDED, "when": "2026-11-27T12:00:01+00:00"},
    )
    create_entry(open_store(ledger), 9, highest="1", **{**SUBMISSIONS[0], "estimate": "1"})
    assert viewer.generations()["sums"]["usd"] == 1.3


def test_entry_with_the_name_of_a_deleted_one_is_in_its_own_period(viewer: Reader, ledger: str) -> None:
    store = open_store(ledger)
    store.delete(entry_name(generation_of_task(SHOWN_DAG, 0), 1))
    create_entry(store, 0, highest="5", **{**SUBMISSIONS[0], "when": "2026-12-02T10:00:00+00:00", "estimate": "5"})
    november, december = ({"since": f"2026-{month}-01", "until": f"2026-{month}-30"} for month in (11, 12))
    assert viewer.generations(**november)["sums"]["usd"] == 0.2
    assert viewer.generations(**december)["sums"]["usd"] == 5


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the objects that are read from a ledger."""
    names: list[str] = []
    read_object = LocalStore.read

    def noting(store: LocalStore, name: str) -> bytes | None:
        names.append(name)
        return read_object(store, name)

    monkeypatch.setattr(LocalStore, "read", noting)
    return names


def test_full_memory_keeps_what_was_asked_for_last(
    viewer: Reader, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_entries, "_LARGEST_CACHE", 3)
    sums = [viewer.generations(since="2026-11-26", until="2026-11-26")["sums"] for _ in range(2)]
    assert [(each["usd"], each["count"]) for each in sums] == [(0.1, 1)] * 2
    sums = [viewer.generations(since="2026-11-27")["sums"] for _ in range(2)]
    assert [(each["usd"], each["count"]) for each in sums] == [(0.2, 3)] * 2
    read.clear()
    assert viewer.generations(since="2026-11-27")["sums"]["count"] == 3
    # The one that is not answered yet.
    assert len(read) == 1


def test_memory_of_a_ledger_lasts_when_that_of_another_one_is_full(
    viewer: Reader, read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = (tmp_path / "other").as_uri()
    for number in range(4):
        create_entry(open_store(uri), number, highest="0.1", **SUBMISSIONS[0])
    connection = {"conn_type": "seedance", "password": KEY, "extra": {"ledger": uri}}
    monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_OTHER", json.dumps(connection))
    monkeypatch.setattr(ledger_entries, "_LARGEST_CACHE", 4)
    for conn_ids in ("seedance_ledger", "seedance_ledger, seedance_other", "seedance_other", "seedance_ledger"):
        monkeypatch.setenv("AIRFLOW__SEEDANCE__LEDGER_CONN_IDS", conn_ids)
        read.clear()
        viewer.generations()
    # The one that is not answered yet.
    assert len(read) == 1


class TestFailures:
    @pytest.mark.parametrize("conn_ids", ["no_such_connection", "seedance_ledger,no_such_connection"])
    def test_missing_connection_is_a_note(self, viewer: Reader, monkeypatch: pytest.MonkeyPatch, conn_ids: str) -> None:
        monkeypatch.setenv("AIRFLOW__SEEDANCE__LEDGER_CONN_IDS", conn_ids)
        self._assert_noted(viewer, "could not be read")

    def test_unreadable_entry_is_a_note(self, viewer: Reader, ledger: str, tmp_path: Path) -> None:
        [entry, *_] = tmp_path.rglob("000001.json")
        entry.write_text("{")
        self._assert_noted(viewer, "could not be read")

    def test_broken_connection_is_a_note_without_its_key(self, viewer: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
        connection = {"conn_type": "seedance", "password": KEY, "extra": {"ledger": f"nowhere://{KEY}"}}
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_LEDGER", json.dumps(connection))
        self._assert_noted(viewer, "could not be read")

    def test_extra_that_is_no_json_is_a_note(
        self, viewer: Reader, ledger: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Airflow takes it as no extra, and so as no ledger.
        connection = {"conn_type": "seedance", "password": KEY, "extra": f'{{"ledger": "{ledger}",}}'}
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_LEDGER", json.dumps(connection))
        self._assert_noted(viewer, "could not be read")

    def test_slow_ledger_is_a_note_and_later_exact(self, viewer: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(routes, "_LEDGER_SECONDS", 0.2)
        may_go_on = threading.Event()
        read = LocalStore.read_all

        def wait(store: Store, names: list[str]) -> Any:
            assert may_go_on.wait(60)
            return read(store, names)

        monkeypatch.setattr(LocalStore, "read_all", wait)
        for _ in range(3):
            self._assert_noted(viewer, "was not read in time")
        assert [thread.name for thread in threading.enumerate()].count(THREAD) == 1
        may_go_on.set()
        monkeypatch.setattr(routes, "_LEDGER_SECONDS", 30)
        assert viewer.generations()["sums"]["source"] == "ledger"

    @staticmethod
    def _assert_noted(viewer: Reader, reason: str) -> None:
        answer = viewer.generations()
        assert (answer["sums"]["source"], answer["sums"]["count"]) == ("xcom", 1)
        assert reason in answer["sums"]["note"]
        assert KEY not in json.dumps(answer)
