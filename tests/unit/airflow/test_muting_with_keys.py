"""A video without the audio that was refused is that of the same request: a retry with another key pays nothing."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import SeedanceError
from tests.unit.airflow.accounts import KEY, Account, other_run
from tests.unit.airflow.driving import FakeStore, Run
from tests.versions import needs_store


@pytest.fixture
def account(deferrable: bool) -> Account:
    return Account(deferrable)


LOUD: dict[str, Any] = {"prompt": "A paper boat [policy-audio]", "on_audio_refusal": "mute"}


def audio(account: Account) -> list[Any]:
    return [each["parameters"].get("generate_audio") for each in account.world.ledger.values()]


@needs_store
@pytest.mark.parametrize("second", [None, "another"])
def test_retry_with_another_key_pays_nothing(account: Account, second: str | None) -> None:
    account.state_store = FakeStore()
    run = Run()
    account.run(run, **LOUD)
    with pytest.raises(AirflowFailException, match=f"was '{KEY}' at an earlier try"):
        account.run(run, idempotency_key=second, **LOUD)
    assert audio(account) == [None, False]


def test_retry_with_a_key_that_was_added_pays_nothing(account: Account) -> None:
    run = Run()
    account.run(run, idempotency_key=None, **LOUD)
    with pytest.raises(AirflowFailException, match="was not set at an earlier try"):
        account.run(run, **LOUD)
    assert audio(account) == [None, False]


@needs_store
def test_video_from_before_the_ledger_is_not_paid_again(account: Account) -> None:
    account.world.end = "failed"
    with pytest.raises(SeedanceError):
        account.run(other_run(), max_submissions=1)
    account.state_store = FakeStore()
    run = Run()
    account.run(run, has_ledger=False, idempotency_key=None, **LOUD)
    with pytest.raises(AirflowFailException, match="was not set at an earlier try"):
        account.run(run, **LOUD)
    assert audio(account) == [None, None, False]


@needs_store
def test_clear_with_another_key_makes_another_video(account: Account) -> None:
    account.state_store = FakeStore()
    run = Run()
    account.run(run, **LOUD)
    run.clear()
    account.run(run, idempotency_key="another", **LOUD)
    assert audio(account) == [None, False, None, False]
