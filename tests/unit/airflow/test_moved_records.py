"""
The record of a task moves between two tries: the ledger or the key is added, changed or removed. Nothing is paid twice.

The expected behaviour is that of docs/guide/the-same-video-only-once.md. The emulator's ledger is the judge.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError
from tests.unit.airflow.accounts import KEY, Account, kill_during_the_wait, move_ledger, other_run
from tests.unit.airflow.driving import FailingStore, FakeStore, Run
from tests.unit.airflow.world import KilledError
from tests.versions import needs_store


@pytest.fixture
def account(deferrable: bool) -> Account:
    return Account(deferrable)


@needs_store
def test_lost_ledger_between_two_tries_pays_nothing(account: Account) -> None:
    run, store = Run(), FakeStore()
    account.state_store = store
    account.world.polls = ["killed"]
    with pytest.raises(KilledError):
        account.run(run, idempotency_key=None)
    with pytest.raises(AirflowFailException, match="may be in the ledger at s3://bucket/seedance"):
        account.run(run, idempotency_key=None, has_ledger=False)
    assert len(account.booked) == 1


@needs_store
def test_ledger_that_is_lost_after_a_task_joined_a_generation_pays_nothing(account: Account) -> None:
    account.run(Run())
    joined = other_run()
    account.state_store = FakeStore()
    account.run(joined)
    with pytest.raises(AirflowFailException, match="may be in the ledger at s3://bucket/seedance"):
        account.run(joined, idempotency_key=None, has_ledger=False)
    assert len(account.booked) == 1


class TestKeyThatChangesBetweenTries:
    """A key with the try's number or the time of day in it is another one at each try; a retry then pays again."""

    @pytest.fixture(params=[pytest.param(FakeStore, marks=needs_store, id="noted"), pytest.param(None, id="no note")])
    def interrupted(self, request: pytest.FixtureRequest, account: Account) -> Run:
        account.state_store = request.param() if request.param else None
        return Run()

    def begin(self, account: Account, run: Run, key: str | None) -> None:
        account.world.polls = ["killed"]
        with pytest.raises(KilledError):
            account.run(run, idempotency_key=key)

    def check_retry(self, account: Account, run: Run, first: str | None, second: str | None, said: str) -> None:
        self.begin(account, run, first)
        with pytest.raises(AirflowFailException, match=said) as caught:
            account.run(run, idempotency_key=second)
        assert account.booked[0] in str(caught.value)
        assert "This try charged nothing" in str(caught.value)
        assert len(account.booked) == 1

    def test_retry_with_a_key_that_was_added_pays_nothing(self, account: Account, interrupted: Run) -> None:
        self.check_retry(account, interrupted, None, KEY, f"was not set at an earlier try, .* and is '{KEY}'")
        assert account.run(interrupted, idempotency_key=None)
        assert len(account.booked) == 1

    @needs_store
    @pytest.mark.parametrize(
        ("first", "second", "said"),
        [
            (KEY, None, f"was '{KEY}' at an earlier try, .* and is not set"),
            ("boat/{{ ti.try_number }}", "boat/{{ ti.try_number }}", "was 'boat/1' .* and is 'boat/2'"),
        ],
    )
    def test_retry_with_another_key_pays_nothing_where_airflow_keeps_a_note(
        self, account: Account, first: str, second: str | None, said: str
    ) -> None:
        account.state_store = FakeStore()
        self.check_retry(account, Run(), first, second, said)

    def test_unreadable_entry_of_the_earlier_key_is_named(self, account: Account, interrupted: Run) -> None:
        self.begin(account, interrupted, None)
        [name] = [name for name in account.world.values if name.startswith("generations/")]
        account.world.values[name] = json.dumps(json.loads(account.world.values[name]) | {"record": {}})
        with pytest.raises(AirflowFailException, match=f"The record of the entry s3://bucket/seedance/{name} cannot"):
            account.run(interrupted)
        assert len(account.booked) == 1

    def test_task_without_a_record_pays_at_each_try(self, account: Account, interrupted: Run) -> None:
        self.begin(account, interrupted, None)
        account.run(interrupted, idempotency_key=None, durable=False)
        assert len(account.booked) == 2

    @pytest.mark.parametrize(("first", "second"), [(None, KEY), (KEY, f"{KEY}/2")])
    def test_clear_with_another_key_makes_another_video(
        self, account: Account, interrupted: Run, first: str | None, second: str
    ) -> None:
        account.run(interrupted, idempotency_key=first)
        interrupted.clear()
        account.run(interrupted, idempotency_key=second)
        assert len(account.booked) == 2

    def test_another_request_is_another_video(self, account: Account, interrupted: Run) -> None:
        self.begin(account, interrupted, None)
        account.run(interrupted, prompt="A kite")
        assert len(account.booked) == 2

    @pytest.mark.parametrize("end", ["failed", "refused"])
    def test_retry_submits_again_what_did_not_succeed(self, account: Account, interrupted: Run, end: str) -> None:
        if end == "failed":
            account.world.end = "failed"
        else:
            account.world.submits = ["refused"]
        with pytest.raises((SeedanceError, AirflowFailException)):
            account.run(interrupted, idempotency_key=None)
        assert account.run(interrupted)


@needs_store
class TestNote:
    """Airflow's store says which ledger and which generation an earlier try went on with."""

    @pytest.fixture
    def account(self, deferrable: bool) -> Account:
        return Account(deferrable, state_store=FakeStore())

    @pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/seedance/2", "s3://bucket/seedance-2"])
    @pytest.mark.parametrize("key", [KEY, None])
    def test_ledger_in_another_folder_is_another_ledger(self, account: Account, uri: str, key: str | None) -> None:
        run = Run()
        kill_during_the_wait(account, run, idempotency_key=key)
        move_ledger(account, uri)
        with pytest.raises(AirflowFailException, match="may be in the ledger at s3://bucket/seedance, which"):
            account.run(run, idempotency_key=key)
        assert len(account.booked) == 1

    def test_ledger_in_which_the_key_has_a_failed_generation(self, account: Account) -> None:
        run, other = Run(), Account(account.deferrable, account.world)
        move_ledger(other, "s3://other")
        account.world.end = "failed"
        with pytest.raises(SeedanceError):
            other.run(other_run(), max_submissions=1)
        account.world.ledger_settings = LedgerSettings(uri="s3://bucket/seedance")
        kill_during_the_wait(account, run)
        move_ledger(account, "s3://other")
        with pytest.raises(AirflowFailException, match="may be in the ledger at s3://bucket/seedance, which"):
            account.run(run)
        assert len(account.booked) == 2

    def test_record_from_before_the_ledger_survives_an_entry_that_was_not_created(self, account: Account) -> None:
        run = Run()
        kill_during_the_wait(account, run, has_ledger=False, idempotency_key=None)
        # The reservation, which is no step of the world, is written; the entry is not.
        account.world.writes = [("applied", 0), ("fails", 0)]
        with pytest.raises(SeedanceError):
            account.run(run, idempotency_key=None, prompt="A kite")
        [url] = account.run(run, idempotency_key=None)
        assert account.booked[0] in url
        assert len(account.booked) == 1

    def test_submission_with_an_unknown_outcome_is_repeated_once_with_a_ledger_that_fails_between(
        self, account: Account
    ) -> None:
        run = Run()
        arguments: dict[str, Any] = {"idempotency_key": None, "on_unconfirmed_submission": "resubmit"}
        account.world.submits = ["killed after"]
        with pytest.raises(KilledError):
            account.run(run, has_ledger=False, **arguments)
        account.world.writes = [("applied", 0), ("fails", 0)]
        with pytest.raises(SeedanceError):
            account.run(run, **arguments)
        account.world.submits = ["killed after"]
        with pytest.raises(KilledError):
            account.run(run, **arguments)
        with pytest.raises(AirflowFailException, match="was interrupted"):
            account.run(run, **arguments)
        assert len(account.booked) == 2

    def test_own_generation_from_before_the_ledger_and_the_key_is_not_forgotten(self, account: Account) -> None:
        run = Run()
        kill_during_the_wait(account, run, has_ledger=False, idempotency_key=None)
        Account(account.deferrable, account.world).run(other_run(), wait_for_completion=False)
        [url] = account.run(run)
        assert account.booked[1] in url
        with pytest.raises(AirflowFailException, match=f"was '{KEY}' at an earlier try"):
            account.run(run, idempotency_key=None)
        run.clear()
        [url] = account.run(run, idempotency_key=None)
        assert account.booked[0] in url
        assert len(account.booked) == 2

    def test_own_generation_from_before_the_ledger_is_not_paid_again_for_a_key_that_is_free(
        self, account: Account
    ) -> None:
        run = Run()
        kill_during_the_wait(account, run, has_ledger=False, idempotency_key=None)
        account.world.end = "failed"
        with pytest.raises(SeedanceError):
            Account(account.deferrable, account.world).run(other_run(), max_submissions=1)
        with pytest.raises(AirflowFailException, match="was not set at an earlier try") as caught:
            account.run(run)
        assert account.booked[0] in str(caught.value)
        assert "remove it to go on" in str(caught.value)
        [url] = account.run(run, idempotency_key=None)
        assert account.booked[0] in url
        assert len(account.booked) == 2

    def test_generation_that_is_joined_is_noted_before_the_service_is_asked(self, account: Account) -> None:
        Account(account.deferrable, account.world).run(Run(), wait_for_completion=False)
        joined = other_run()
        kill_during_the_wait(account, joined)
        with pytest.raises(AirflowFailException, match="may be in the ledger at s3://bucket/seedance"):
            account.run(joined, idempotency_key=None, has_ledger=False)
        assert len(account.booked) == 1

    def test_nothing_is_sent_without_the_note(self, account: Account) -> None:
        account.state_store = FailingStore(failures=["fails"])
        with pytest.raises(LedgerUnavailableError, match="could not be noted") as caught:
            account.run(Run())
        assert caught.value.retryable
        assert "Nothing was charged" in str(caught.value)
        assert not account.booked
        assert not [name for name in account.world.values if name.startswith(("reservations/", "generations/"))]

    def test_error_of_the_missing_ledger_names_what_was_submitted_before_it(self, account: Account) -> None:
        run = Run()
        kill_during_the_wait(account, run, has_ledger=False, idempotency_key=None)
        account.world.submits = ["refused"]
        with pytest.raises(AirflowFailException, match="400"):
            account.run(run, idempotency_key=None, prompt="A kite")
        with pytest.raises(AirflowFailException, match="may be in the ledger at s3://bucket/seedance") as caught:
            account.run(run, idempotency_key=None, has_ledger=False)
        assert account.booked[0] in str(caught.value)

    def test_generation_that_was_copied_to_another_ledger_is_found_there(self, account: Account) -> None:
        run = Run()
        kill_during_the_wait(account, run)
        entries = {name: text for name, text in account.world.values.items() if name.startswith("generations/")}
        account.world.values |= {f"s3://other/{name}": text for name, text in entries.items()}
        move_ledger(account, "s3://other")
        [url] = account.run(run)
        assert account.booked[0] in url
        assert len(account.booked) == 1

    def test_generation_that_was_submitted_while_the_ledger_was_away_is_the_newer_one(self, account: Account) -> None:
        run = Run()
        account.world.end = "failed"
        with pytest.raises(SeedanceError):
            account.run(run, idempotency_key=None)
        # As the error of the missing ledger advises.
        account.state_store = FakeStore()
        kill_during_the_wait(account, run, idempotency_key=None, has_ledger=False)
        [url] = account.run(run, idempotency_key=None)
        assert account.booked[1] in url
        assert len(account.booked) == 2

    def test_limit_counts_what_was_submitted_before_the_ledger(self, account: Account) -> None:
        run = Run()
        with pytest.raises(SeedanceError, match="ended as failed"):
            account.run(run, prompt="A boat [fail]", has_ledger=False, idempotency_key=None)
        with pytest.raises(SeedanceError, match="ended as failed"):
            Account(account.deferrable, account.world).run(other_run(), prompt="A boat [fail]")
        run.clear()
        with pytest.raises(SeedanceError, match="ended as failed"):
            account.run(run, prompt="A boat [fail]", max_submissions=1)
        with pytest.raises(AirflowFailException, match="may not submit again"):
            account.run(run, prompt="A boat [fail]", max_submissions=1)
        assert len(account.booked) == 3

    def test_place_of_a_record_from_before_the_ledger_is_named(self, account: Account) -> None:
        run = Run()
        account.world.submits = ["killed after"]
        with pytest.raises(KilledError):
            account.run(run, has_ledger=False, idempotency_key=None)
        with pytest.raises(AirflowFailException, match="under Storage > Task State Store"):
            account.run(run, idempotency_key=None)


class TestKeyOfAnEarlierTry:
    """The new key has a history of its own, which does not hide what the earlier try has."""

    @pytest.fixture(params=["failed", "refused"])
    def used(self, request: pytest.FixtureRequest, account: Account) -> Account:
        """Return an account in which the key has a submission of another run that did not succeed."""
        if request.param == "failed":
            account.world.end = "failed"
        else:
            account.world.submits = ["refused"]
        with pytest.raises((SeedanceError, AirflowFailException)):
            account.run(other_run(), max_submissions=1)
        return account

    def test_key_that_was_added(self, used: Account) -> None:
        run, before = Run(), len(used.booked)
        kill_during_the_wait(used, run, idempotency_key=None)
        with pytest.raises(AirflowFailException, match="was not set at an earlier try"):
            used.run(run)
        assert len(used.booked) == before + 1

    @needs_store
    def test_key_that_was_changed(self, used: Account) -> None:
        used.state_store = FakeStore()
        run, before = Run(), len(used.booked)
        kill_during_the_wait(used, run, idempotency_key="earlier")
        with pytest.raises(AirflowFailException, match="was 'earlier' at an earlier try"):
            used.run(run)
        assert len(used.booked) == before + 1

    @needs_store
    @pytest.mark.parametrize("second", [None, "boat/{{ ti.try_number }}"])
    def test_generation_of_another_task_that_the_earlier_try_joined(self, account: Account, second: str | None) -> None:
        account.run(other_run(), idempotency_key="boat/1", wait_for_completion=False)
        account.state_store = FakeStore()
        run = Run()
        kill_during_the_wait(account, run, idempotency_key="boat/{{ ti.try_number }}")
        with pytest.raises(AirflowFailException, match="was 'boat/1' at an earlier try"):
            account.run(run, idempotency_key=second)
        run.clear()
        account.run(run, idempotency_key="another")
        assert len(account.booked) == 2

    @needs_store
    def test_video_of_the_key_is_returned_beside_a_failed_generation_from_before_the_ledger(
        self, account: Account
    ) -> None:
        run, store = Run(), FakeStore()
        account.state_store = store
        account.world.end = "failed"
        with pytest.raises(SeedanceError):
            account.run(run, has_ledger=False, idempotency_key=None)
        account.state_store = None
        first = account.run(other_run())
        account.state_store = store
        assert account.run(run) == first
        assert len(account.booked) == 2

    @needs_store
    @pytest.mark.parametrize("second", [None, "another"])
    def test_other_arguments_that_were_refused_hide_nothing(self, account: Account, second: str | None) -> None:
        account.state_store = FakeStore()
        run = Run()
        kill_during_the_wait(account, run)
        account.world.submits = ["refused"]
        with pytest.raises(AirflowFailException, match="400"):
            account.run(run, idempotency_key=second, prompt="A kite")
        with pytest.raises(AirflowFailException, match=f"was '{KEY}' at an earlier try"):
            account.run(run, idempotency_key=second)
        assert len(account.booked) == 1

    @needs_store
    def test_clear_that_could_not_be_noted_is_over_once_the_task_went_on(self, account: Account) -> None:
        run = Run()
        account.state_store = FailingStore(failures=["none", "fails"])
        kill_during_the_wait(account, run)
        run.clear()
        account.run(run)
        with pytest.raises(AirflowFailException, match=f"was '{KEY}' at an earlier try"):
            account.run(run, idempotency_key="another")
        assert len(account.booked) == 1
