"""How a leg of a task ends, if it does not fail; the operator returns a value or defers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.ledger.errors import BudgetExceededError
from airflow_provider_seedance.tasks.options import GenerationOptions


@dataclass(frozen=True, slots=True)
class Deliver:
    """
    The videos are ready and published.

    :param outputs: Their URLs.
    """

    outputs: list[str]


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    The generation is submitted, and the task does not wait.

    :param prediction_id: Its id.
    """

    prediction_id: str


@dataclass(frozen=True, slots=True)
class KeepWaiting:
    """
    The task has to wait in the triggerer.

    :param poller: The wait.
    :param ledger: Where the ledger has the generation; empty without a ledger.
    :param report: What the task published, for the leg after the deferral; ``None`` if it needs none.
    """

    poller: Poller
    ledger: str = ""
    report: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AwaitBudget:
    """
    Nothing is submitted until a budget resets, in the triggerer.

    :param resets_at: When it does.
    """

    resets_at: datetime


Outcome = Deliver | Submitted | KeepWaiting | AwaitBudget


def await_budget(exceeded: BudgetExceededError, options: GenerationOptions, log: Log) -> AwaitBudget:
    """
    Return the wait for the budget if the task waits for it, else raise the error.

    :raises BudgetExceededError: Also if the generation would never fit.
    """
    if options.on_budget_exceeded == "fail" or exceeded.resets_at is None:
        raise exceeded
    log.warning('%s. on_budget_exceeded is "wait": the task submits after that. Nothing was sent', exceeded.what)
    return AwaitBudget(exceeded.resets_at)
