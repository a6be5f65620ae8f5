"""Run a task with retries against a world whose service answers in a given way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_seedance.gptproto.errors import SeedanceError
from tests.unit.airflow.driving import Run
from tests.unit.airflow.world import Operator, TryStore, World, connected

#: The tries of a task with ``retries=2``.
TRIES = 3


@dataclass
class Gateway(World):
    """
    A world whose service answers each request with a fault.

    :param submission: The fault of every submission.
    :param poll: The fault of the first ``times`` polls; ``None`` for all.
    :param polls: The faults of the next polls, before ``poll``.
    """

    submission: dict[str, Any] | None = None
    poll: dict[str, Any] | None = None
    times: int | None = None
    polls: list[Any] = field(default_factory=list)
    posts: int = 0
    polled: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def _submit(self, request: httpx.Request) -> httpx.Response:
        self.posts += 1
        self.hosts.add(request.url.host)
        return self._emulate(request, self.submission)

    def _poll(self, request: httpx.Request) -> httpx.Response:
        self.polled.append(request.url.path.split("/")[-2])
        self.hosts.add(request.url.host)
        if self.polls:
            return self._emulate(request, self.polls.pop(0))
        return self._emulate(request, self.poll if self.times is None or len(self.polled) <= self.times else None)


@dataclass
class Task:
    """
    One task instance with ``retries=2``.

    :param arguments: Arguments of its operator.
    """

    world: Gateway
    arguments: dict[str, Any]
    run: Run = field(default_factory=Run)
    #: The error of each try that failed. Any other exception than the package's and Airflow's leaves the test.
    errors: list[Exception] = field(default_factory=list)
    #: What the last try returned.
    outputs: list[str] | None = None

    def run_all(self) -> Task:
        """Run tries until one succeeds, fails for good, or the retries are used up."""
        for _ in range(TRIES):
            if not self.try_once():
                break
        return self

    def try_once(self) -> bool:
        """Run one try, and return whether Airflow retries it."""
        self.world.newest_try = self.run.tries + 1
        operator = Operator(**{"task_id": "make_video", "prompt": "A paper boat", "timeout": 600.0, **self.arguments})
        with connected(self.world):
            try:
                self.outputs = self.run.try_once(operator, task_state_store=TryStore(self.world, self.world.newest_try))
            except AirflowFailException as error:
                self.errors.append(error)
                return False
            except (SeedanceError, AirflowException) as error:
                self.errors.append(error)
                return True
        return False

    @property
    def is_final(self) -> bool:
        """Whether the last try failed for good."""
        return self.outputs is None and isinstance(self.errors[-1], AirflowFailException)

    @property
    def message(self) -> str:
        """The last error."""
        return str(self.errors[-1])

    @property
    def booked(self) -> list[str]:
        """The ids in the ledger."""
        return list(self.world.ledger)
