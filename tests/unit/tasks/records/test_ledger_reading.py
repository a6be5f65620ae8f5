"""What an entry of the ledger means for a task, and the errors about its idempotency key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_seedance.gptproto.errors import Charge
from airflow_provider_seedance.ledger.entries import Entry, Owner, State, latest_entry
from airflow_provider_seedance.ledger.errors import IdempotencyKeyError
from airflow_provider_seedance.tasks.records.ledger_reading import as_seen_by, check_same_request, other_key
from airflow_provider_seedance.tasks.records.submission import Submission
from tests.unit.tasks.records.ledgers import ACCEPTED, GENERATION, INTENT, OTHER, OWNER, MemoryStore, entry_name, record

OF_OTHER = replace(ACCEPTED, prediction_id="of another task", submissions=7, total_cost_usd=7.0, clears=7)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def add(store: MemoryStore, number: int, owner: Owner, submission: Submission, state: State = State.SUCCEEDED) -> None:
    """Add an entry with a number."""
    if not store.objects:
        record(store, owner).write(INTENT)
    entry = replace(latest(store), number=number, owner=owner, record=submission.to_dict(), state=state)
    store.objects[entry_name(number)] = entry.to_json()


def latest(store: MemoryStore) -> Entry:
    _, entry = latest_entry(store, GENERATION)
    assert entry is not None
    return entry


def seen(store: MemoryStore, *, max_tries: int | None = 0, before: Submission | None = None) -> Submission:
    """Return the submission of the latest entry, of another task, as ``OWNER`` counts it."""
    return as_seen_by(store, latest(store), OF_OTHER, OWNER, max_tries, before)


class TestSubmissionOfAnotherTask:
    """Limits and reports are about a task's own submissions."""

    def counts(self, submission: Submission) -> tuple[int, float | None, int]:
        return submission.submissions, submission.total_cost_usd, submission.clears

    def test_it_is_none_of_this_task(self, store: MemoryStore) -> None:
        add(store, 1, OTHER, OF_OTHER)
        assert self.counts(seen(store)) == (0, 0.0, 0)
        assert (seen(store).prediction_id, seen(store).max_tries) == ("of another task", None)

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_the_latest_own_one_counts(self, store: MemoryStore, number: int) -> None:
        for each in (1, 2, 3):
            add(store, each, OTHER, OF_OTHER)
        add(store, number, OWNER, replace(ACCEPTED, submissions=2, total_cost_usd=0.5, clears=1))
        add(store, 4, OTHER, OF_OTHER)
        assert self.counts(seen(store)) == (2, 0.5, 1)

    def test_a_clear_since_the_own_one_counts(self, store: MemoryStore) -> None:
        add(store, 1, OWNER, replace(ACCEPTED, clears=1, max_tries=0))
        add(store, 2, OTHER, OF_OTHER)
        assert seen(store, max_tries=2).clears == 2

    def test_a_refused_or_deleted_one_counts_nothing(self, store: MemoryStore) -> None:
        add(store, 1, OWNER, replace(ACCEPTED, submissions=2, total_cost_usd=0.5))
        add(store, 3, OWNER, replace(INTENT, submissions=3, is_refused=True), State.REFUSED)
        add(store, 4, OTHER, OF_OTHER)
        assert self.counts(seen(store)) == (2, 0.5, 0)

    def test_one_from_before_the_ledger_counts(self, store: MemoryStore) -> None:
        add(store, 1, OTHER, OF_OTHER)
        before = replace(ACCEPTED, submissions=3, total_cost_usd=0.3)
        assert self.counts(seen(store, before=before)) == (3, 0.3, 0)
        assert self.counts(seen(store, before=replace(before, total_cost_usd=None))) == (3, None, 0)


class TestOtherKey:
    @pytest.mark.parametrize(
        ("before", "now", "was", "advice"),
        [
            ("boat/1", "boat/2", "idempotency_key was 'boat/1' at", "set it to 'boat/1' again to go on"),
            ("boat/1", "", "idempotency_key was 'boat/1' at", "set it to 'boat/1' again to go on"),
            ("", "boat/2", "idempotency_key was not set at", "remove it to go on"),
        ],
    )
    def test_error_names_both_keys_and_the_way_back(self, before: str, now: str, was: str, advice: str) -> None:
        error = other_key("prediction abc", before, now, ACCEPTED)
        assert was in error.what
        assert f"is {now!r} at this try" in error.what if now else error.what.endswith("is not set at this try")
        assert advice in str(error.advice)

    def test_what_the_earlier_try_paid_is_in_the_error(self) -> None:
        error = other_key("prediction abc", "boat/1", "boat/2", ACCEPTED)
        assert (error.prediction_id, error.charge) == ("abc", Charge.EARLIER)

    def test_an_unconfirmed_submission_may_be_charged(self) -> None:
        error = other_key("an unconfirmed submission", "boat/1", "boat/2", INTENT)
        assert (error.prediction_id, error.charge) == (None, Charge.POSSIBLE)


class TestSameRequest:
    def entry(self, store: MemoryStore, state: State) -> Entry:
        record(store, OTHER, key="boat/1").write(INTENT)
        return replace(latest(store), state=state)

    def test_another_request_is_refused_and_charges_nothing(self, store: MemoryStore) -> None:
        with pytest.raises(IdempotencyKeyError, match=r"'boat/1'.* stands for another request") as caught:
            check_same_request(self.entry(store, State.SUBMITTED), ACCEPTED, OWNER, "kite")
        assert caught.value.charge is Charge.NONE

    @pytest.mark.parametrize(("state", "fingerprint"), [(State.FAILED, "kite"), (State.SUBMITTED, "boat")])
    def test_key_is_free_once_its_generation_failed(self, store: MemoryStore, state: State, fingerprint: str) -> None:
        check_same_request(self.entry(store, state), ACCEPTED, OWNER, fingerprint)
