"""
Two tries of one task at once, in every order of their calls: one generation is paid once (model checking).

If a worker sends no heartbeat, Airflow starts a new try, but the old process can still run: a zombie. Each call of the
service or of the store is one step. The start of the new try is a step too: from then on Airflow refuses the zombie's
writes and returns nothing to its reads. The emulator's ledger is the judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Semaphore, Thread

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import RateLimitError, SeedanceError
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError, SubmissionTakenError
from airflow_provider_seedance.tasks.records import ledger_record
from tests.unit.airflow.driving import Run
from tests.unit.airflow.world import KilledError, Operator, StoreError, World, connected
from tests.versions import needs_store


class Try(Thread):
    """
    The next try of a world, which stops before each of its calls.

    :param key: The idempotency key, with which each try is of a task of its own; ``None`` for tries of one task.
    """

    def __init__(self, world: World, *, deferrable: bool, key: str | None = None) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._key = key
        self._operator = Operator(
            task_id="make_video", prompt="A paper boat", deferrable=deferrable, idempotency_key=key
        )
        self._may_go_on, self._has_stopped = Semaphore(0), Semaphore(0)
        self.is_done = False
        self.outputs: list[str] = []
        self.error: BaseException | None = None

    def step(self) -> None:
        """Start the try, or make its next call. Then run until before the call after that."""
        self._world.on_step = self._pause
        if self.ident is None:
            self._world.newest_try += 1
            self._number = self._world.newest_try
            self.start()
        else:
            self._may_go_on.release()
        self._has_stopped.acquire()

    def _pause(self) -> None:
        self._has_stopped.release()
        self._may_go_on.acquire()

    def run(self) -> None:
        try:
            store = self._world.state_store()
            run = Run(tries=self._number - 1) if self._key is None else Run(run_id=f"run {self._number}")
            self.outputs = run.try_once(self._operator, task_state_store=store)
        except BaseException as error:
            self.error = error
        self.is_done = True
        self._has_stopped.release()


def begin(start: str, *, deferrable: bool, has_ledger: bool, key: str | None = None) -> World:
    """Return a world in which an earlier try was killed after its id was recorded, or one without a record."""
    world = World(has_ledger=has_ledger)
    if start == "nothing, and one refusal":
        world.submits = ["rate limit"]
    elif start != "nothing":
        world.polls = ["killed"]
        killed = Try(world, deferrable=deferrable, key=key)
        with connected(world):
            while not killed.is_done:
                killed.step()
        assert isinstance(killed.error, KilledError)
    return world


def race(world: World, order: list[int], *, deferrable: bool, key: str | None = None) -> tuple[list[int], Try, Try]:
    """Run a zombie (0) and a new try (1); return the choices between them, which are 0 after the given order."""
    tries = zombie, new = [Try(world, deferrable=deferrable, key=key) for _ in range(2)]
    choices: list[int] = []
    with connected(world):
        zombie.step()
        while not (zombie.is_done and new.is_done):
            if zombie.is_done or new.is_done:
                tries[zombie.is_done].step()
                continue
            choices.append(order[len(choices)] if len(choices) < len(order) else 0)
            tries[choices[-1]].step()
    return choices, zombie, new


def races(
    start: str, *, deferrable: bool, has_ledger: bool, key: str | None = None
) -> Iterator[tuple[list[int], World, Try, Try]]:
    """Run every order of the calls of two tries, each one once."""
    order: list[int] | None = []
    while order is not None:
        world = begin(start, deferrable=deferrable, has_ledger=has_ledger, key=key)
        choices, zombie, new = race(world, order, deferrable=deferrable, key=key)
        yield choices, world, zombie, new
        tried = choices[:LEDGER_CHOICES] if has_ledger else choices
        last = max((place for place, choice in enumerate(tried) if choice == 0), default=None)
        order = None if last is None else [*choices[:last], 1]


#: Of two tries with a ledger, the choices that are tried in every combination: both have submitted by then.
LEDGER_CHOICES = 7


@pytest.mark.parametrize("start", ["nothing", "nothing, and one refusal", "an id"])
@pytest.mark.parametrize(
    "has_ledger", [pytest.param(False, marks=needs_store, id="task state"), pytest.param(True, id="ledger")]
)
def test_two_tries_at_once_pay_once(
    start: str, deferrable: bool, has_ledger: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One look at the entry of the other try: each is a choice more.
    monkeypatch.setattr(ledger_record, "_WAITS", (125.0, 125.0))
    for order, world, zombie, new in races(start, deferrable=deferrable, has_ledger=has_ledger):
        assert len(world.ledger) <= 1, order
        places = [*world.logged, *world.values.values(), str(zombie.error), str(new.error)]
        assert all(any(each in place for place in places) for each in world.ledger), order
        if new.error is None:
            assert list(world.ledger)[-1] in new.outputs[0], order
        elif not (has_ledger and isinstance(new.error, RateLimitError | LedgerUnavailableError)):
            # With a ledger, the refused try may have no time left after the pause of the other one, which may also fall
            # into the creation of its entry.
            assert "A generation may have been started and charged" in str(new.error), order
        assert isinstance(zombie.error, SeedanceError | AirflowFailException | StoreError | None), order


@pytest.mark.parametrize("start", ["nothing", "nothing, and one refusal", "an id"])
def test_two_tasks_with_one_key_at_once_pay_once(start: str, deferrable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_record, "_WAITS", (125.0, 125.0))
    for order, world, first, second in races(start, deferrable=deferrable, has_ledger=True, key="boat"):
        assert len(world.ledger) <= 1, order
        for each in (first, second):
            if each.error is None:
                assert list(world.ledger)[-1] in each.outputs[0], order
                continue
            # None fails for good without money spent: nobody gave up either task.
            may_retry = isinstance(each.error, RateLimitError | LedgerUnavailableError | SubmissionTakenError)
            assert may_retry or "A generation may have been started and charged" in str(each.error), order


@needs_store
def test_two_tries_at_once_pay_twice_if_the_store_takes_the_writes_of_a_zombie() -> None:
    world = World(refuses_stale=False)
    # The smallest such order: both read, and then both submit.
    race(world, [0, 1, 1], deferrable=False)
    assert len(world.ledger) == 2
