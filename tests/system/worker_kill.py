"""An operator that kills its worker with SIGKILL at a chosen point of the first try."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, Literal

from airflow.sdk import Context

from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.tasks.records.ledger_record import LedgerRecord
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.state_store_record import StateStoreRecord

#: The classes with a method ``write`` of their own. A task has one of them.
_RECORDS = (SubmissionRecord, StateStoreRecord, LedgerRecord)

KillPoint = Literal[
    "before the POST",
    "between POST and record",
    "after the record",
    "after the record, with the supervisor",
    "while polling",
    "in execute_complete",
]


class KillingOperator(SeedanceTextToVideoOperator):
    """
    Kill the worker in the first try. Further parameters are those of the base class.

    :param kill_at: Point at which the worker is killed; ``None`` for never.
    """

    def __init__(self, *, kill_at: KillPoint | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kill_at = kill_at

    def execute(self, context: Context) -> list[str] | str:
        """Install the kill, then execute the operator."""
        if context["ti"].try_number == 1:
            match self.kill_at:
                case "before the POST":
                    _after_call(_RECORDS, "write", 1, _kill_worker)
                case "between POST and record":
                    _before_call(_RECORDS, "write", 2, _kill_worker)
                case "after the record":
                    _after_call(_RECORDS, "write", 2, _kill_worker)
                case "after the record, with the supervisor":
                    _after_call(_RECORDS, "write", 2, _kill_worker_and_supervisor)
                case "while polling":
                    _after_call((Poller,), "on_prediction", 3, _kill_worker)
        return super().execute(context)

    def execute_complete(self, context: Context, event: Any = None) -> list[str] | str:
        """Kill the worker, or complete the operator."""
        if context["ti"].try_number == 1 and self.kill_at == "in execute_complete":
            _before_call((SubmissionRecord,), "mark_delivered", 1, _kill_worker)
        return super().execute_complete(context, event)


def _kill_worker() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_worker_and_supervisor() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    _kill_worker()


def _before_call(owners: tuple[type, ...], name: str, number: int, action: Callable[[], None]) -> None:
    for owner in owners:
        _around_call(owner, name, lambda call: action() if call == number else None, lambda _: None)


def _after_call(owners: tuple[type, ...], name: str, number: int, action: Callable[[], None]) -> None:
    for owner in owners:
        _around_call(owner, name, lambda _: None, lambda call: action() if call == number else None)


def _around_call(owner: type, name: str, before: Callable[[int], None], after: Callable[[int], None]) -> None:
    original = getattr(owner, name)
    calls = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        before(calls)
        result = original(*arguments, **named)
        after(calls)
        return result

    setattr(owner, name, counted)
