"""
A DAG run is deleted and created again.

Its tries begin with 1 once more, and the ledger has entries of later tries of the run that was deleted.
"""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError
from tests.unit.airflow.accounts import KEY, Account, kill_during_the_wait
from tests.unit.airflow.driving import Run


@pytest.fixture
def account(deferrable: bool) -> Account:
    return Account(deferrable)


@pytest.mark.parametrize("retries", [0, 3])
@pytest.mark.parametrize("key", [KEY, None])
def test_retry_of_the_new_run_is_no_clear(account: Account, key: str | None, retries: int) -> None:
    arguments: dict[str, Any] = {"idempotency_key": key, "on_clear": "regenerate", "retries": retries}
    deleted, created = Run(max_tries=retries), Run(max_tries=retries)
    account.run(deleted, **arguments)
    deleted.clear()
    deleted.max_tries += retries
    first = account.run(deleted, **arguments)
    for _ in range(3):
        account.world.reads = ["fails"]
        with pytest.raises(LedgerUnavailableError):
            account.run(created, **arguments)
    assert account.run(created, **arguments) == first
    assert len(account.booked) == 2
    created.clear()
    created.max_tries += retries
    assert account.run(created, **arguments) != first
    assert len(account.booked) == 3


def test_failed_generation_is_submitted_again_at_once(account: Account) -> None:
    deleted = Run()
    account.world.submits = ["refused"]
    with pytest.raises((SeedanceError, AirflowFailException)):
        account.run(deleted, idempotency_key=None)
    account.world.end = "failed"
    with pytest.raises(SeedanceError):
        account.run(deleted, idempotency_key=None)
    assert account.entries[-1]["owner"]["try_number"] == 2
    began = account.world.now
    assert account.run(Run(), idempotency_key=None)
    # The emulator's generation, and not the five minutes in which others may be submitting.
    assert account.world.now - began < 200


def test_video_of_the_run_that_was_deleted_is_returned(account: Account) -> None:
    deleted = Run()
    kill_during_the_wait(account, deleted, idempotency_key=None)
    first = account.run(deleted, idempotency_key=None)
    assert account.run(Run(), idempotency_key=None) == first
    assert len(account.booked) == 1


def test_clear_of_the_run_that_was_deleted_is_none_of_the_new_one(account: Account) -> None:
    deleted = Run()
    account.run(deleted, idempotency_key=None, on_clear="regenerate")
    deleted.clear()
    first = account.run(deleted, idempotency_key=None, on_clear="regenerate")
    assert account.run(Run(), idempotency_key=None, on_clear="regenerate") == first
    assert len(account.booked) == 2


def test_added_key_does_not_pay_for_the_video_that_the_new_run_has(account: Account) -> None:
    # Without a note in Airflow's store, only the entry says what the earlier try has.
    account.state_store = None
    arguments: dict[str, Any] = {"idempotency_key": None, "retries": 2}
    deleted, created = Run(max_tries=2), Run(max_tries=2)
    account.run(deleted, **arguments)
    deleted.clear()
    deleted.max_tries += 2
    first = account.run(deleted, **arguments)
    assert account.run(created, **arguments) == first
    with pytest.raises(AirflowFailException, match="idempotency_key was not set at an earlier try"):
        account.run(created, **{**arguments, "idempotency_key": KEY})
    assert len(account.booked) == 1
