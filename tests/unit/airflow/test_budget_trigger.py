"""The trigger that waits until a budget resets: one event, not before the time, and not all at once."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_seedance.triggers.budget import SeedanceBudgetTrigger
from tests.virtual_time import START, run_virtually

RESETS_AT = datetime.fromtimestamp(START, UTC) + timedelta(days=3)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: asyncio.get_running_loop().time())


async def fired(trigger: SeedanceBudgetTrigger) -> list[float]:
    """Return the times of the trigger's events."""
    return [asyncio.get_running_loop().time() async for _ in trigger.run()]


def test_trigger_fires_once_after_the_budget_has_reset() -> None:
    [at] = run_virtually(fired(SeedanceBudgetTrigger.after(RESETS_AT)))
    assert timedelta(0) <= datetime.fromtimestamp(at, UTC) - RESETS_AT <= timedelta(minutes=5, seconds=1)


def test_time_that_has_passed_brings_no_early_event() -> None:
    # An event that arrives before the scheduler has recorded the deferral costs the task a try.
    [at] = run_virtually(fired(SeedanceBudgetTrigger(wake_at=START - 60)))
    assert at - START == pytest.approx(5.0)


def test_wait_goes_on_unchanged_in_another_triggerer() -> None:
    trigger = SeedanceBudgetTrigger.after(RESETS_AT)
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_seedance.triggers.budget.SeedanceBudgetTrigger"
    assert SeedanceBudgetTrigger(**arguments).wake_at == trigger.wake_at


def test_clock_that_is_set_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    # After an hour the clock is set forward by two days.
    monkeypatch.setattr(
        time, "time", lambda: (now := asyncio.get_running_loop().time()) + (now > START + 3600) * 172800
    )
    [at] = run_virtually(fired(SeedanceBudgetTrigger(wake_at=RESETS_AT.timestamp())))
    assert at - START == pytest.approx(24 * 3600, abs=61)


def test_tasks_that_wait_for_the_same_moment_start_one_after_the_other() -> None:
    seconds = {round(SeedanceBudgetTrigger.after(RESETS_AT).wake_at) for _ in range(100)}
    assert len(seconds) > 50
