"""The record in the ledger: who may write, what broken entries and clocks do, and a store that fails at each call."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, GenerationFailedError, SeedanceError
from airflow_provider_seedance.ledger.errors import (
    IdempotencyKeyError,
    LedgerUnavailableError,
    SubmissionTakenError,
    UnreadableEntryError,
)
from airflow_provider_seedance.tasks.records import ledger_record
from airflow_provider_seedance.tasks.records.ledger_record import LedgerRecord
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.submission import Submission
from tests.unit.tasks.records.ledgers import (
    ACCEPTED,
    GENERATION,
    INTENT,
    OTHER,
    OWNER,
    URI,
    MemoryStore,
    entry_name,
    record,
)

LOG = logging.getLogger(__name__)
NOW = datetime(2026, 11, 27, 10, tzinfo=UTC).timestamp()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Return the time, which a pause advances, as the last item of a list of all pauses' ends."""
    times = [NOW]
    monkeypatch.setattr(time, "time", lambda: times[-1])
    monkeypatch.setattr(time, "sleep", lambda seconds: times.append(times[-1] + seconds))
    yield times
    monkeypatch.undo()


def succeed(made: LedgerRecord) -> None:
    made.read()
    made.write(INTENT)
    made.write(ACCEPTED)
    made.mark_delivered("abc", 0, ["https://example.com/boat.mp4"])


class TestStates:
    def test_entry_follows_the_submission(self, store: MemoryStore) -> None:
        made = record(store)
        assert made.read() is None
        made.write(INTENT)
        # The request's time limit, a second for each 64 KiB that are sent, and half a minute to write the result.
        assert store.entry()["state"] == "reserved"
        due = datetime.fromisoformat(store.entry()["answer_by"]).timestamp()
        assert NOW + 90 <= due < NOW + 91
        assert store.reservations == [store.entry()["reservation"]]
        made.write(ACCEPTED)
        assert (store.entry()["state"], store.entry()["prediction_id"]) == ("submitted", "abc")
        made.mark_delivered("abc", 0, ["https://example.com/boat.mp4"])
        assert (store.entry()["state"], store.entry()["outputs"]) == ("succeeded", ["https://example.com/boat.mp4"])
        assert record(store).read() == replace(ACCEPTED, delivered=True)
        assert len(store.reservations) == 1

    def test_refused_submission_costs_nothing_and_the_next_one_has_another_entry(self, store: MemoryStore) -> None:
        made = record(store)
        made.read()
        made.write(INTENT)
        made.restore(None, INTENT, "402: no balance")
        assert (store.entry()["state"], store.entry()["error"]) == ("refused", "402: no balance")
        assert store.reservations == []
        made.write(INTENT)
        assert store.entry(2)["state"] == "reserved"
        assert len(store.reservations) == 1

    def test_failed_generation_keeps_its_price(self, store: MemoryStore) -> None:
        made = record(store)
        made.read()
        made.write(INTENT)
        made.write(ACCEPTED)
        made.mark_failed(GenerationFailedError("no video", prediction_id="abc", charge=Charge.FAILED))
        assert store.entry()["state"] == "failed"
        assert "no video" in store.entry()["error"]
        assert len(store.reservations) == 1

    @pytest.mark.parametrize(
        "error",
        [
            GenerationFailedError("no video", prediction_id="another", charge=Charge.FAILED),
            SeedanceError("no answer", prediction_id="abc", charge=Charge.ACCEPTED),
        ],
    )
    def test_other_errors_end_no_generation(self, store: MemoryStore, error: SeedanceError) -> None:
        made = record(store)
        made.read()
        made.write(INTENT)
        made.write(ACCEPTED)
        made.mark_failed(error)
        assert store.entry()["state"] == "submitted"

    def test_second_of_two_submissions_at_once_is_taken_and_reserves_nothing(self, store: MemoryStore) -> None:
        first, second = record(store), record(store, OTHER, key="boat")
        first.read(), second.read()
        first.write(INTENT)
        with pytest.raises(SubmissionTakenError, match="'boat'") as caught:
            second.write(INTENT)
        assert caught.value.retryable
        assert store.entry()["owner"]["run_id"] == "monday"
        assert len(store.reservations) == 1

    def test_store_without_exclusive_creation_is_named(
        self, store: MemoryStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        record(store).check_place(LOG)
        assert caplog.text == ""
        store.is_exclusive = False
        record(store).check_place(LOG)
        assert URI in caplog.text
        assert "may both pay" in caplog.text


class TestSharing:
    def test_clear_of_another_task_is_none_of_this_one(self, store: MemoryStore) -> None:
        succeed(record(store))
        other = record(store, OTHER, key="boat")
        recorded = other.read()
        assert recorded is not None
        assert not other.is_own
        assert not recorded.is_cleared(7)
        other.mark_delivered("abc", 7)
        assert store.entry()["record"]["max_tries"] == 0

    def test_clear_before_a_later_try_is_none_after_an_earlier_one(self, store: MemoryStore) -> None:
        """Airflow gave up the first try, which still runs; the second, after a clear, has delivered the video."""
        given_up = record(store)
        given_up.read()
        given_up.write(INTENT)
        given_up.write(ACCEPTED)
        later = record(store, replace(OWNER, try_number=2), max_tries=1)
        assert later.read() == ACCEPTED
        later.mark_delivered("abc", 1)
        recorded = given_up.read()
        assert recorded is not None
        assert not recorded.is_cleared(0)
        given_up.mark_delivered("abc", 0)
        again = record(store, replace(OWNER, try_number=3), max_tries=1).read()
        assert again is not None
        assert not again.is_cleared(1)

    def test_try_that_was_given_up_submits_no_more(self, store: MemoryStore) -> None:
        later, given_up = record(store, replace(OWNER, try_number=2)), record(store)
        succeed(later)
        given_up.read()
        with pytest.raises(SubmissionTakenError, match="a later one"):
            given_up.write(INTENT)
        assert [name for name in store.objects if name.startswith("generations/")] == [entry_name()]

    @pytest.mark.parametrize("key", ["boat", ""])
    def test_another_request_is_an_error_only_with_a_key(self, store: MemoryStore, key: str) -> None:
        succeed(record(store, key=key))
        other = record(store, OTHER, key=key)
        other.read()
        other.check_request("boat", "")
        if not key:
            other.check_request("kite", "")
            return
        with pytest.raises(IdempotencyKeyError, match="prediction abc") as caught:
            other.check_request("kite", "")
        assert "tuesday" in caught.value.what
        assert "monday" in caught.value.what
        assert caught.value.charge is Charge.NONE

    @pytest.mark.parametrize("is_confirmed", [True, False])
    def test_unconfirmed_key_is_not_free(self, store: MemoryStore, is_confirmed: bool) -> None:
        made = record(store, key="boat")
        made.read()
        made.write(INTENT)
        if is_confirmed:
            made.restore(None, INTENT, "refused")
        other = record(store, OTHER, key="boat")
        other.read()
        if is_confirmed:
            other.check_request("kite", "")
        else:
            with pytest.raises(IdempotencyKeyError, match="without an id"):
                other.check_request("kite", "")


def as_seen_by_another_task(submission: Submission) -> Submission:
    """Limits and reports count what a task instance itself submitted."""
    return replace(submission, max_tries=None, submissions=0, total_cost_usd=0.0)


class TestClocks:
    def test_response_of_another_task_is_waited_for(self, store: MemoryStore, clock: list[float]) -> None:
        first = record(store)
        first.read()
        first.write(INTENT)
        other = record(store, OTHER)
        assert other.read_settled() == as_seen_by_another_task(INTENT)
        assert 90 < clock[-1] - NOW < 100

    def test_known_id_ends_the_wait(self, store: MemoryStore, clock: list[float]) -> None:
        first = record(store)
        first.read()
        first.write(INTENT)
        first.write(ACCEPTED)
        assert record(store, OTHER).read_settled() == as_seen_by_another_task(ACCEPTED)
        assert clock == [NOW]

    @pytest.mark.parametrize("ahead", [3600.0, 10 * 86400.0])
    def test_clock_of_another_worker_that_is_ahead_lengthens_no_wait(
        self, store: MemoryStore, clock: list[float], ahead: float
    ) -> None:
        clock.append(NOW + ahead)
        first = record(store)
        first.read()
        first.write(INTENT)
        clock.append(NOW)
        record(store, OTHER).read_settled()
        assert 90 < clock[-1] - NOW < 100

    def test_clock_of_another_worker_that_is_behind_frees_nothing(self, store: MemoryStore, clock: list[float]) -> None:
        clock.append(NOW - 3600)
        first = record(store)
        first.read()
        first.write(INTENT)
        clock.append(NOW)
        other = record(store, OTHER)
        # An intent without an id: the next decision is that it is unconfirmed.
        assert other.read_settled() == as_seen_by_another_task(INTENT)
        assert clock[-1] == NOW

    def test_second_submission_of_another_task_is_waited_for_as_long_as_the_first(
        self, store: MemoryStore, clock: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first is refused after 80 s, and the second follows at once. Its response may take 90 s again."""
        first = record(store)
        first.read()
        first.write(INTENT)

        def refuse_and_submit_again() -> None:
            first.restore(None, INTENT, "429")
            first.write(INTENT)

        def accept() -> None:
            first.write(ACCEPTED)

        steps: list[tuple[int, Callable[[], None]]] = [(160, accept), (80, refuse_and_submit_again)]

        def pause(seconds: float) -> None:
            clock.append(clock[-1] + seconds)
            if steps and clock[-1] - NOW > steps[-1][0]:
                steps.pop()[1]()

        monkeypatch.setattr(time, "sleep", pause)
        settled = record(store, OTHER).read_settled()
        assert settled is not None
        assert settled.prediction_id == "abc"


class TestSlowCalls:
    """Others wait for a response until answer_by: it must be there by then, however slow the ledger and Airflow are."""

    @pytest.mark.parametrize("slow", ["reservations/", "note"])
    def test_time_for_the_response_begins_when_the_entry_is_created(
        self, store: MemoryStore, clock: list[float], slow: str
    ) -> None:
        def wait(call: str, name: str) -> None:
            if name.startswith(slow):
                clock.append(clock[-1] + 200)

        store.fail = wait
        earlier = SubmissionRecord()
        earlier.note = lambda note: wait("set", "note")  # type: ignore[method-assign]
        made = record(store, earlier=earlier)
        made.read()
        made.write(INTENT)
        due = datetime.fromisoformat(store.entry()["answer_by"]).timestamp()
        assert NOW + 290 <= due < NOW + 291

    @pytest.mark.parametrize(("seconds", "is_sent"), [(14, True), (16, False)])
    def test_nothing_is_sent_after_a_slow_creation(
        self, store: MemoryStore, clock: list[float], seconds: int, is_sent: bool
    ) -> None:
        def wait(call: str, name: str) -> None:
            if call == "create":
                clock.append(clock[-1] + seconds)

        store.fail = wait
        made = record(store)
        made.read()
        made.write(INTENT)
        if is_sent:
            made.check_time()
            return
        with pytest.raises(LedgerUnavailableError, match="took 16 s") as caught:
            made.check_time()
        assert caught.value.retryable
        made.restore(None, INTENT, caught.value.what)
        assert (store.entry()["state"], store.reservations) == ("refused", [])
        assert record(store).read() is None


class TestBrokenEntries:
    @pytest.mark.parametrize(
        "damage",
        [
            lambda entry: entry | {"record": None},
            lambda entry: entry | {"record": []},
            lambda entry: entry | {"record": entry["record"] | {"prediction_id": 7}},
            lambda entry: entry | {"record": entry["record"] | {"prediction_id": ""}},
            lambda entry: entry | {"record": entry["record"] | {"submissions": "many"}},
            lambda entry: entry | {"record": {}},
            lambda entry: entry | {"answer_by": "2026-11-27T10:00:00"},
            lambda entry: entry | {"number": 2},
            lambda entry: entry | {"generation": "f" * 32},
            lambda entry: {name: value for name, value in entry.items() if name != "record"},
        ],
    )
    @pytest.mark.parametrize("read", [LedgerRecord.read, LedgerRecord.read_settled])
    def test_damaged_entry_is_no_missing_one(
        self, store: MemoryStore, damage: Callable[[Any], Any], read: Callable[[LedgerRecord], Any]
    ) -> None:
        succeed(record(store))
        store.objects[entry_name()] = json.dumps(damage(store.entry())).encode()
        with pytest.raises(UnreadableEntryError, match=entry_name()) as caught:
            read(record(store))
        assert caught.value.charge is Charge.POSSIBLE
        assert not caught.value.retryable

    def test_entry_of_a_later_version_is_read(self, store: MemoryStore) -> None:
        succeed(record(store))
        entry = store.entry()
        later = entry | {"version": 9, "mood": "good", "record": entry["record"] | {"mood": "good"}}
        store.objects[entry_name()] = json.dumps(later).encode()
        assert record(store).read() == replace(ACCEPTED, delivered=True)


class TestFailingStores:
    #: The calls of a task that succeeds, and whether the submission is still to be sent when they fail.
    CALLS = ("names", "replace reservations", "create generations", "replace generations")

    @pytest.mark.parametrize(
        ("call", "is_applied"),
        [
            (call, applied)
            for call in CALLS
            for applied in (False, True)
            if (call, applied) != ("create generations", True)
        ],
    )
    def test_every_failure_names_the_object_and_never_looks_like_no_record(
        self, store: MemoryStore, call: str, is_applied: bool
    ) -> None:
        failed: list[str] = []

        def fail(name: str, where: str) -> None:
            if f"{name} {where}".startswith(call) and not failed:
                failed.append(where)
                raise OSError("the store is away")

        store.fail, store.is_applied = fail, is_applied
        made = record(store)
        with pytest.raises(LedgerUnavailableError, match="the store is away") as caught:
            succeed(made)
        assert failed[0] in caught.value.what
        assert caught.value.retryable
        recorded = record(store).read()
        assert (recorded is not None) == (call == "replace generations")

    def test_entry_counts_that_was_created_although_its_response_was_lost(self, store: MemoryStore) -> None:
        failed: list[str] = []

        def fail(name: str, where: str) -> None:
            if name == "create" and not failed:
                failed.append(where)
                raise OSError("the store is away")

        store.fail, store.is_applied = fail, True
        succeed(record(store))
        assert failed
        assert record(store).read() == replace(ACCEPTED, delivered=True)

    def test_no_reservation_is_left_if_the_entry_could_not_be_created(self, store: MemoryStore) -> None:
        def fail(name: str, where: str) -> None:
            if name == "create":
                raise OSError("the store is away")

        store.fail = fail
        with pytest.raises(LedgerUnavailableError):
            succeed(record(store))
        assert not any(name.startswith("reservations/") for name in store.objects)

    def test_no_reservation_is_left_if_the_price_could_not_be_reserved(self, store: MemoryStore) -> None:
        def fail(name: str, where: str) -> None:
            if name == "replace" and where.startswith("reservations/"):
                raise OSError

        store.fail, store.is_applied = fail, True
        made = record(store)
        made.read()
        with pytest.raises(LedgerUnavailableError):
            made.write(INTENT)
        assert store.objects == {}

    def test_lost_response_to_the_creation_is_no_other_task(self, store: MemoryStore) -> None:
        created = store._create

        def create_twice(name: str, data: bytes) -> None:
            created(name, data)
            created(name, data)

        store._create = create_twice  # type: ignore[method-assign]
        made = record(store)
        made.read()
        made.write(INTENT)
        assert store.entry()["state"] == "reserved"


class TestEarlierRecord:
    """The task was submitted while the connection had no ledger (Airflow 3.3)."""

    def earlier(self, submission: Any) -> SubmissionRecord:
        kept = SubmissionRecord()
        kept.latest = submission
        return kept

    def test_task_goes_on_with_it_where_it_is(self, store: MemoryStore) -> None:
        earlier = self.earlier(ACCEPTED)
        made = record(store, earlier=earlier)
        assert made.read() == ACCEPTED
        assert made.is_own
        made.mark_delivered("abc", 0)
        assert earlier.latest == replace(ACCEPTED, delivered=True)
        assert store.objects == {}

    def test_intent_in_it_is_unconfirmed(self, store: MemoryStore) -> None:
        assert record(store, earlier=self.earlier(INTENT)).read_settled() == INTENT

    def test_next_submission_is_in_the_ledger(self, store: MemoryStore) -> None:
        earlier = self.earlier(ACCEPTED)
        made = record(store, earlier=earlier)
        made.read()
        made.write(replace(INTENT, submissions=2))
        made.write(replace(ACCEPTED, prediction_id="def", submissions=2))
        assert earlier.latest == ACCEPTED
        found = record(store, earlier=earlier).read()
        assert found is not None
        assert (found.prediction_id, found.submissions) == ("def", 2)

    def test_refusal_of_the_next_submission_restores_it(self, store: MemoryStore) -> None:
        earlier = self.earlier(ACCEPTED)
        made = record(store, earlier=earlier)
        made.read()
        made.write(INTENT)
        made.restore(ACCEPTED, INTENT, "refused")
        assert made.latest == ACCEPTED
        assert record(store, earlier=earlier).read() == ACCEPTED


def test_pointer_names_the_folder_of_the_generation(store: MemoryStore) -> None:
    assert record(store).pointer == f"{URI}/generations/{GENERATION}"


def test_intent_without_its_request_is_a_defect(store: MemoryStore) -> None:
    made = record(store)
    made._checked = None
    with pytest.raises(RuntimeError, match="request"):
        made.write(INTENT)
    assert ledger_record._WAITS[0] < ledger_record._WAITS[1]


def test_intent_gets_no_id_of_an_earlier_generation(store: MemoryStore) -> None:
    made = record(store)
    made.read()
    made.write(INTENT)
    # As after a refused generation whose muted repetition failed: the error names the refused one.
    made.mark_failed(GenerationFailedError("It failed", prediction_id="earlier", charge=Charge.FAILED))
    assert store.entry()["prediction_id"] is None
    assert store.entry()["state"] == "reserved"
