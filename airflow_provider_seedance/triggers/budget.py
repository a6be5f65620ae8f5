"""The trigger of tasks that wait until a budget resets, so that no worker slot is occupied."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_seedance.triggers.seedance import DEFERRAL_MARGIN, SeedancePredictionTrigger

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

#: Seconds over which the tasks that wait for the same moment start again.
_SPREAD = 300.0
#: The longest sleep in seconds. After it the clock is read again, because it may have been set.
_LONGEST_SLEEP = 60.0


class SeedanceBudgetTrigger(BaseTrigger):
    """
    Fire once, when a time has come.

    Nothing is submitted yet, so the end of the trigger costs nothing.

    :param wake_at: The time, in seconds since the epoch, so that the wait goes on unchanged in another triggerer.
    """

    def __init__(self, *, wake_at: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.wake_at = wake_at

    @classmethod
    def after(cls, resets_at: datetime) -> SeedanceBudgetTrigger:
        """Return the trigger that fires a while after a budget resets: jitter, so that not all tasks start at once."""
        return cls(wake_at=resets_at.timestamp() + random.uniform(0, _SPREAD))  # noqa: S311 - jitter is no secret

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the argument, for the metadata database."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"wake_at": self.wake_at}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, not at once even if the time has passed: an early event would cost the task a try."""
        await asyncio.sleep(SeedancePredictionTrigger.MINIMUM_SECONDS)
        while (remaining := self.wake_at - time.time()) > 0:  # noqa: ASYNC110 - it waits for a time, not for an event
            await asyncio.sleep(min(remaining, _LONGEST_SLEEP))
        yield TriggerEvent({"wake_at": self.wake_at})  # type: ignore[no-untyped-call]  # Airflow's


def defer_until_reset(operator: BaseOperator, resets_at: datetime) -> NoReturn:
    """
    Free the worker until a budget resets.

    :param operator: Its ``execute_again`` starts anew.
    :param resets_at: When the budget resets.
    """
    trigger = SeedanceBudgetTrigger.after(resets_at)
    remaining = timedelta(seconds=max(trigger.wake_at - time.time(), 0.0))
    operator.defer(trigger=trigger, method_name="execute_again", timeout=remaining + DEFERRAL_MARGIN)
