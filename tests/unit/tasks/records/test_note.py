"""The note in Airflow's task state store of a record that is in a ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, UnreadableRecordError
from airflow_provider_seedance.tasks.records.record import Note
from airflow_provider_seedance.tasks.records.state_store_record import StateStoreRecord
from airflow_provider_seedance.tasks.records.submission import STORE_KEY, Submission
from tests.unit.airflow.driving import FakeStore
from tests.unit.tasks.records.ledgers import ACCEPTED, GENERATION, INTENT, URI
from tests.versions import needs_store

pytestmark = needs_store

NOTE = Note(URI, GENERATION, max_tries=2)


def record(store: FakeStore, ledger: str = "") -> StateStoreRecord:
    """Return the record of a try whose connection names this ledger."""
    made = StateStoreRecord(store)
    made.ledger = ledger
    return made


def noted(before: Submission | None = None) -> FakeStore:
    """Return the store after a try that noted the ledger, beside what was recorded before."""
    store = FakeStore()
    made = record(store, URI)
    if before is not None:
        made.write(before)
    made.note(NOTE)
    assert made.noted == NOTE
    return store


@pytest.mark.parametrize("before", [None, ACCEPTED])
def test_later_try_reads_the_note_and_what_was_recorded_before(before: Submission | None) -> None:
    made = record(noted(before), URI)
    assert made.read() == before
    assert made.noted == NOTE


def test_note_outlives_the_next_record() -> None:
    store = noted(ACCEPTED)
    made = record(store, URI)
    made.read()
    made.write(replace(ACCEPTED, delivered=True))
    again = record(store, URI)
    assert again.read() == replace(ACCEPTED, delivered=True)
    assert again.noted == NOTE


@pytest.mark.parametrize("before", [None, INTENT])
def test_connection_without_that_ledger_is_an_error_that_names_it(before: Submission | None) -> None:
    with pytest.raises(UnreadableRecordError) as caught:
        record(noted(before)).read()
    assert f"may be in the ledger at {URI}" in caught.value.what
    assert f"generation {GENERATION}" in caught.value.what
    assert caught.value.charge is Charge.POSSIBLE
    assert "Name that ledger in the connection again" in str(caught.value.advice)
    assert "prediction_id" not in str(caught.value.advice)


def test_error_names_the_prediction_from_before_the_ledger() -> None:
    with pytest.raises(UnreadableRecordError) as caught:
        record(noted(ACCEPTED)).read()
    assert caught.value.what.endswith("before that, the task submitted prediction abc")
    assert caught.value.charge is Charge.POSSIBLE
    assert "Name that ledger in the connection again" in str(caught.value.advice)
    assert "set prediction_id to its id" in str(caught.value.advice)


def test_damaged_note_is_no_missing_record() -> None:
    store = noted()
    store.set(STORE_KEY, {"ledger": URI, "before": {"prediction_id": "abc"}})
    with pytest.raises(UnreadableRecordError):
        record(store, URI).read()
