"""A task that would exceed a budget sends nothing: it fails, or waits until the budget resets and then submits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.ledger.errors import BudgetExceededError
from airflow_provider_seedance.triggers import budget
from tests.unit.airflow.driving import Run
from tests.unit.airflow.world import KilledError, Operator, World, connected

#: Five seconds at the default resolution with the default model cost 0.499 USD at list price.
ONE = Decimal("0.60")
DAY = 24 * 3600.0


@dataclass
class Account:
    """Tasks of one account with a budget."""

    deferrable: bool
    budget: Decimal = ONE
    monthly: Decimal | None = None
    world: World = field(default_factory=lambda: World(has_ledger=True))

    def run(self, run: Run, **arguments: Any) -> list[str]:
        operator = Operator(
            **{"task_id": "make_video", "prompt": "A paper boat", "deferrable": self.deferrable, **arguments}
        )
        self.world.ledger_settings = LedgerSettings(
            uri="s3://bucket/seedance", daily_budget_usd=self.budget, monthly_budget_usd=self.monthly
        )
        with connected(self.world):
            return run.try_once(operator, task_state_store=None)  # type: ignore[no-any-return]

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.world.now, UTC).date().isoformat()


@pytest.fixture
def account(deferrable: bool) -> Account:
    return Account(deferrable)


def test_task_over_budget_fails_and_sends_nothing(account: Account) -> None:
    account.run(Run(run_id="first"))
    with pytest.raises(AirflowFailException) as caught:
        account.run(Run(run_id="second"))
    message = str(caught.value)
    assert "Nothing was charged" in message
    assert "0.60 USD" in message
    assert "0.499 USD" in message
    assert "resets at" in message
    assert len(account.world.ledger) == 1


def test_reservation_of_a_refused_submission_is_free_again(account: Account) -> None:
    account.world.submits = ["refused"]
    with pytest.raises(AirflowFailException):
        account.run(Run(run_id="first"))
    account.run(Run(run_id="second"))
    assert len(account.world.ledger) == 1


def test_retry_of_a_killed_wait_is_not_counted_twice(account: Account) -> None:
    run = Run()
    account.world.polls = ["killed"]
    with pytest.raises(KilledError):
        account.run(run)
    assert account.run(run)
    assert len(account.world.ledger) == 1


def test_each_send_after_a_429_is_counted_once(account: Account) -> None:
    account.world.submits = ["rate limit", "rate limit"]
    assert account.run(Run())
    reserved = [name for name in account.world.values if name.startswith("reservations/")]
    assert len(reserved) == 1


def test_task_waits_in_the_triggerer_until_the_budget_resets(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.run(Run(run_id="first"))
    first_day, run = account.day, Run(run_id="second")

    async def sleep(seconds: float) -> None:
        account.world.now += seconds

    monkeypatch.setattr(f"{budget.__name__}.asyncio.sleep", sleep)
    outputs = account.run(run, on_budget_exceeded="wait")
    assert list(account.world.ledger)[1] in outputs[0]
    assert account.day > first_day
    assert run.deferrals[0].method_name == "execute_again"


class TestMuteWithoutRecord:
    """``durable=False``: nothing but the try itself knows of a generation whose audio was refused."""

    LOUD: ClassVar[dict[str, Any]] = {
        "prompt": "A paper boat [policy-audio]",
        "durable": False,
        "on_audio_refusal": "mute",
    }

    def test_does_not_wait_for_the_budget_to_pay_for_the_refused_audio_again(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(budget, "defer_until_reset", lambda *_: pytest.fail("the task waits for the budget"))
        with pytest.raises(AirflowFailException, match=r"0\.60 USD"):
            account.run(Run(), on_budget_exceeded="wait", **self.LOUD)
        assert len(account.world.ledger) == 1

    @pytest.mark.parametrize("maximum", [1, 2, 3, 4])
    def test_tries_together_stay_within_max_submissions(self, account: Account, maximum: int) -> None:
        account.budget, run = Decimal(100), Run()
        failing = {**self.LOUD, "prompt": f"{self.LOUD['prompt']} [fail]"}
        for _ in range(4):
            with pytest.raises((AirflowFailException, GenerationFailedError)):
                account.run(run, max_submissions=maximum, **failing)
        assert 1 <= len(account.world.ledger) <= maximum


def test_generation_above_the_whole_budget_does_not_wait(account: Account) -> None:
    account.budget = Decimal("0.10")
    with pytest.raises(AirflowFailException, match="more than the whole budget"):
        account.run(Run(), on_budget_exceeded="wait")
    assert not account.world.ledger


def test_generation_without_a_highest_price_is_refused(account: Account) -> None:
    with pytest.raises(AirflowFailException, match="no highest price"):
        account.run(Run(), extra_parameters={"quality": "high"})
    assert not account.world.ledger


def test_monthly_budget_counts_other_days(account: Account) -> None:
    account.monthly = ONE
    account.run(Run(run_id="first"))
    account.world.now += DAY
    with pytest.raises(AirflowFailException, match="monthly budget"):
        account.run(Run(run_id="second"))


def test_submission_of_the_hook_is_booked_and_counted() -> None:
    account = Account(deferrable=False)
    account.run(Run(run_id="first"))
    with connected(account.world), pytest.raises(BudgetExceededError):
        SeedanceHook().submit(TextToVideo(prompt="A kite"))
    assert len(account.world.ledger) == 1
    account.world.now += DAY
    with connected(account.world):
        prediction = SeedanceHook().submit(TextToVideo(prompt="A kite"))
    assert list(account.world.ledger)[1] == prediction.id
    [entry] = [
        each for name, each in account.world.values.items() if name.startswith("generations/") and prediction.id in each
    ]
    assert json.loads(entry)["state"] == "submitted"
