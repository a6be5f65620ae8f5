"""Tasks of one account that share a ledger, and what happens between their legs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from airflow.triggers.base import BaseTrigger

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.store import Store
from tests.unit.airflow.driving import FakeStore, Run
from tests.unit.airflow.world import KilledError, Operator, World, WorldLedger, connected

KEY = "2026-11-27/sku-1"


@dataclass
class Account:
    """Tasks of one account that share a ledger."""

    deferrable: bool
    world: World = field(default_factory=lambda: World(has_ledger=True))
    open_store: Callable[[str], Store] | None = None
    state_store: FakeStore | None = None

    def run(self, run: Run, *, has_ledger: bool = True, **arguments: Any) -> list[str]:
        """Run one try of a task."""
        operator = Operator(
            **{
                "task_id": "make_video",
                "prompt": "A paper boat",
                "idempotency_key": KEY,
                "deferrable": self.deferrable,
                **arguments,
            }
        )
        self.world.has_ledger = has_ledger
        with connected(self.world, open_store=self.open_store):
            return run.try_once(operator, task_state_store=self.state_store)  # type: ignore[no-any-return]

    @property
    def booked(self) -> list[str]:
        return list(self.world.ledger)

    @property
    def entries(self) -> list[dict[str, Any]]:
        values = self.world.values
        return [json.loads(values[name]) for name in sorted(values) if name.startswith("generations/")]


@dataclass
class Interrupted(Run):
    """
    A run of a deferrable task; something happens between an event of its trigger and the next leg.

    :param between: Called once.
    """

    between: Callable[[], object] = field(default=lambda: None)

    def _fire(self, trigger: BaseTrigger) -> Any:
        event = super()._fire(trigger)
        happens, self.between = self.between, lambda: None
        happens()
        return event


def other_run(number: int = 2) -> Run:
    return Run(run_id=f"run {number}", map_index=number)


class OtherFolder(WorldLedger):
    """A ledger in another folder of the same world."""

    def __init__(self, world: World, uri: str) -> None:
        super().__init__(world)
        self.uri = uri

    def _create(self, name: str, data: bytes) -> None:
        super()._create(f"{self.uri}/{name}", data)

    def _replace(self, name: str, data: bytes) -> None:
        super()._replace(f"{self.uri}/{name}", data)

    def _read(self, name: str) -> bytes:
        return super()._read(f"{self.uri}/{name}")

    def _names(self, folder: str) -> list[str]:
        return super()._names(f"{self.uri}/{folder}")

    def _delete(self, name: str) -> None:
        super()._delete(f"{self.uri}/{name}")


def move_ledger(account: Account, uri: str) -> None:
    """Name another ledger in the connection."""
    account.world.ledger_settings = LedgerSettings(uri=uri)
    account.open_store = lambda _: OtherFolder(account.world, uri)


def kill_during_the_wait(account: Account, run: Run, **arguments: Any) -> None:
    """Run a try of a task that is killed when it polls."""
    account.world.polls = ["killed"]
    with pytest.raises(KilledError):
        account.run(run, **arguments)
