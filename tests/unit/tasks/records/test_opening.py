"""Which record a task has: in the ledger, in the task state store, or none."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ConnectionSettingsError,
    GenerationFailedError,
    UnreadableRecordError,
)
from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.entries import Entry, Owner
from airflow_provider_seedance.ledger.errors import IdempotencyKeyError, LedgerUnavailableError
from airflow_provider_seedance.ledger.layout import generation_of_task
from airflow_provider_seedance.tasks.options import GenerationOptions, WaitOptions
from airflow_provider_seedance.tasks.records.ledger_record import LedgerRecord
from airflow_provider_seedance.tasks.records.opening import (
    Records,
    mark_delivered_if_possible,
    mark_failed_if_possible,
    owner_of,
    read_if_possible,
)
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.submission import STORE_KEY
from tests.unit.airflow.driving import FakeStore
from tests.unit.gptproto.conftest import SETTINGS
from tests.unit.ledger.test_entries import ENTRY
from tests.unit.tasks.records.ledgers import ACCEPTED, CHECKED, INTENT, URI, MemoryStore, record
from tests.versions import needs_store

LOG = logging.getLogger(__name__)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    made = MemoryStore()
    monkeypatch.setattr("airflow_provider_seedance.ledger.store.open_store", lambda uri: made)
    return made


def many(
    *,
    uri: str | None = URI,
    state_store: FakeStore | None = None,
    run_id: str = "monday",
    map_index: int = -1,
    **options: Any,
) -> Records:
    """Return what opens the records of a try."""
    settings = replace(SETTINGS, ledger=None if uri is None else LedgerSettings(uri=uri))
    ti = SimpleNamespace(dag_id="ads", run_id=run_id, task_id="make", map_index=map_index, try_number=1, max_tries=0)
    context: Any = {"ti": ti, "task_state_store": state_store}
    given = GenerationOptions(connection_id="seedance_default", wait=WaitOptions(timeout=3600), **options)
    return Records(given, context, lambda: settings, LOG)


def opened(**arguments: Any) -> SubmissionRecord:
    return many(**arguments).open()


def place(made: SubmissionRecord) -> str:
    assert isinstance(made, LedgerRecord)
    return made.pointer


def test_tries_of_a_task_instance_share_a_record_and_others_do_not(store: MemoryStore) -> None:
    assert place(opened()) == place(opened())
    assert len({place(opened()), place(opened(run_id="tuesday")), place(opened(map_index=0))}) == 3


def test_tasks_with_a_key_share_a_record(store: MemoryStore) -> None:
    assert place(opened(idempotency_key="boat")) == place(opened(idempotency_key="boat", run_id="tuesday", map_index=4))
    assert len({place(opened(idempotency_key=key)) for key in ("boat", "Boat", "boat ", "b\u043eat")}) == 4


def test_no_key_is_the_key_of_a_task_instance(store: MemoryStore) -> None:
    assert place(opened()) != place(opened(idempotency_key='["ads", "monday", "make", -1]'))


def test_tries_without_a_record_have_entries_that_no_try_finds(store: MemoryStore) -> None:
    first, second = opened(durable=False), opened(durable=False)
    assert not first.is_kept
    assert place(first) != place(second)


@pytest.mark.parametrize("uri", [URI, None])
@pytest.mark.parametrize("key", ["", " ", "\t", "None", "nan", "<NA>"])
def test_blank_key_is_refused(store: MemoryStore, key: str, uri: str | None) -> None:
    with pytest.raises(IdempotencyKeyError, match="blank"):
        opened(idempotency_key=key, uri=uri)


def test_key_without_a_ledger_is_refused(store: MemoryStore) -> None:
    with pytest.raises(IdempotencyKeyError, match="'boat', but the connection seedance_default has no ledger"):
        opened(idempotency_key="boat", uri=None)


def test_leg_after_a_deferral_has_the_same_record(store: MemoryStore) -> None:
    made = opened(idempotency_key="boat/generations/1")
    assert place(many().open_again(place(made))) == place(made)
    state_store = FakeStore()
    again = many(state_store=state_store)
    assert again.open_again("") is again.in_airflow


def test_connection_that_cannot_be_used_is_an_error(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(uri: str) -> Any:
        raise ConnectionSettingsError("ledger: not an absolute path")

    monkeypatch.setattr("airflow_provider_seedance.ledger.store.open_store", fail)
    with pytest.raises(ConnectionSettingsError):
        opened()


class TestChangesOfTheLedger:
    """The connection gets, or loses, a ledger between two tries of a task."""

    def kept(self) -> FakeStore:
        state_store = FakeStore()
        state_store.set(STORE_KEY, ACCEPTED.to_dict())
        return state_store

    def test_record_from_before_the_ledger_is_found(self, store: MemoryStore) -> None:
        made = opened(state_store=self.kept())
        assert isinstance(made, LedgerRecord)
        assert made.read() == ACCEPTED

    def test_task_without_durable_does_not_read_it(self, store: MemoryStore) -> None:
        assert opened(state_store=self.kept(), durable=False).read() is None

    def accepted(self, state_store: FakeStore | None) -> None:
        """Record a submission in the ledger."""
        made = opened(state_store=state_store)
        made.read()
        made.describe(CHECKED)
        made.write(INTENT)
        made.write(ACCEPTED)

    @needs_store
    @pytest.mark.parametrize("uri", [None, "file:///srv/other"])
    def test_removed_or_moved_ledger_is_an_error_where_airflow_keeps_task_state(
        self, store: MemoryStore, uri: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state_store = FakeStore()
        self.accepted(state_store)
        assert opened(state_store=state_store).read() == ACCEPTED

        def open_other(uri: str) -> MemoryStore:
            other = MemoryStore()
            other.uri = uri
            return other

        monkeypatch.setattr("airflow_provider_seedance.ledger.store.open_store", open_other)
        with pytest.raises(UnreadableRecordError, match="in the ledger at"):
            opened(state_store=state_store, uri=uri).read_settled()

    def test_record_in_a_removed_ledger_is_not_found_without_task_state(self, store: MemoryStore) -> None:
        # As the guide says: wait until all generations have ended before you remove a ledger.
        self.accepted(None)
        assert opened(state_store=None, uri=None).read() is None

    def test_ledger_of_an_airflow_without_a_task_state_store(self, store: MemoryStore) -> None:
        made = opened()
        assert made.is_kept
        assert made.read() is None
        assert not opened(uri=None).is_kept


class TestIfPossible:
    def broken(self) -> LedgerRecord:
        store = MemoryStore()
        made = record(store)
        made.read()
        made.write(INTENT)
        made.write(ACCEPTED)

        def fail(call: str, name: str) -> None:
            raise OSError("the store is away")

        store.fail = fail
        return made

    def test_store_that_fails_is_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        error = GenerationFailedError("no video", prediction_id="abc", charge=Charge.FAILED)
        assert read_if_possible(self.broken(), LOG) is None
        mark_delivered_if_possible(self.broken(), "abc", 0, (), LOG)
        mark_failed_if_possible(self.broken(), error, LOG)
        messages = [each.getMessage() for each in caplog.records]
        assert len(messages) == 3
        assert all(LedgerUnavailableError.__name__ in each for each in messages)
        assert "prediction abc" in messages[1]

    def test_store_that_works_is_none(self, caplog: pytest.LogCaptureFixture) -> None:
        made = record(MemoryStore())
        made.read()
        made.write(INTENT)
        made.write(ACCEPTED)
        mark_delivered_if_possible(made, "abc", 0, ("https://example.com/boat.mp4",), LOG)
        assert read_if_possible(made, LOG) == replace(ACCEPTED, delivered=True)
        assert caplog.text == ""


class TestOwnerInARegion:
    """Airflow 3.4 gives each iteration of a loop, and each expansion of a mapped task, a region with own indexes."""

    def owner(self, **fields: Any) -> Owner:
        return owner_of(
            SimpleNamespace(dag_id="ads", run_id="monday", task_id="make", map_index=-1, try_number=1, **fields)
        )

    def test_iterations_of_a_loop_have_generations_of_their_own(self) -> None:
        first, second = (self.owner(region_id=UUID(int=number), region_index=0) for number in (7, 8))
        assert first.map_index == 0
        assert first.identity != second.identity
        assert generation_of_task(*first.identity) != generation_of_task(*second.identity)
        entry = replace(ENTRY, owner=first)
        assert Entry.from_json(entry.to_json(), f"{URI}/{entry.name}").owner == first

    def test_task_outside_of_loops_is_found_after_an_upgrade(self) -> None:
        assert self.owner(region_id=UUID(int=0), region_index=-1).identity == self.owner().identity
        assert len(self.owner().identity) == 4
