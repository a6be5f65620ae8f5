"""
Many processes on one store in any order, step by step: a store that is as consistent as S3 and no more.

Each process is a thread, and only one of them runs at a time. It stops before and after each effect on the store. A
process can die at every stop. Then a request that it had sent may still take effect, later or never.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from airflow_provider_seedance.ledger.store import Store


class Dead(BaseException):
    """The process is killed."""


class Process:
    """
    A process that runs one function.

    :param world: What it shares with others.
    :param work: The function. It gets the process.
    :param skew: How far its clock is ahead.
    """

    def __init__(self, world: World, work: Callable[[Process], None], skew: timedelta) -> None:
        self.world = world
        self.skew = skew
        self.store = SteppedStore(self)
        self.is_over = self.is_dead = False
        #: The request that is on its way to the store.
        self.sent: Callable[[], None] | None = None
        self.error: BaseException | None = None
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=[work], daemon=True)
        self._thread.start()

    def clock(self) -> datetime:
        """Return the time of the process."""
        return self.world.now + self.skew

    def pause(self) -> None:
        """Let others run."""
        if self.is_dead:
            raise Dead
        self._stopped.release()
        self._go.acquire()
        if self.is_dead:
            raise Dead

    def step(self) -> None:
        """Run until the next stop."""
        self._go.release()
        self._stopped.acquire()

    def kill(self) -> None:
        """End the process here."""
        self.is_dead = True
        if self.sent is not None:
            self.world.late.append(self.sent)
        self.step()

    def _run(self, work: Callable[[Process], None]) -> None:
        self._go.acquire()
        try:
            work(self)
        except Dead:
            pass
        except BaseException as error:  # for the test
            self.error = error
        self.is_over = True
        self._stopped.release()


class World:
    """The store's objects, and the time."""

    def __init__(self, random: Random, now: datetime) -> None:
        self.random = random
        self.now = now.astimezone(UTC)
        self.objects: set[str] = set()
        self.late: list[Callable[[], None]] = []

    def run(self, processes: Iterable[Process], *, pauses: list[timedelta], deaths: float) -> None:
        """
        Run processes to their ends, in any order. One process often runs alone for a while, and others stand still.

        :param pauses: What the time can advance by at each step.
        :param deaths: The share of steps that kill.
        """
        processes = list(processes)
        process = self.random.choice(processes)
        while alive := [each for each in processes if not each.is_over]:
            self.now += self.random.choice(pauses)
            if self.late and self.random.random() < 0.3:
                effect = self.late.pop(self.random.randrange(len(self.late)))
                if self.random.random() < 0.8:
                    effect()
            if process.is_over or self.random.random() < 0.3:
                process = self.random.choice(alive)
            if self.random.random() < deaths:
                process.kill()
            else:
                process.step()
        for each in processes:
            if each.error is not None:
                raise each.error


class SteppedStore(Store):
    """The store as one process sees it."""

    def __init__(self, process: Process) -> None:
        super().__init__("test://ledger")
        self._process = process
        self._world = process.world

    def _replace(self, name: str, data: bytes) -> None:
        assert data == b""
        self._send(lambda: self._world.objects.add(name))

    def _delete(self, name: str) -> None:
        self._send(lambda: self._world.objects.discard(name))

    def _names(self, folder: str) -> Iterable[str]:
        self._process.pause()
        before = set(self._world.objects)
        self._process.pause()
        after = set(self._world.objects)
        # What was written or deleted meanwhile may be in the list, or not.
        uncertain = sorted(before ^ after)
        listed = (before & after) | {name for name in uncertain if self._world.random.random() < 0.5}
        return {name[len(folder) + 1 :].partition("/")[0] for name in listed if name.startswith(f"{folder}/")}

    def _send(self, effect: Callable[[], Any]) -> None:
        self._process.sent = effect
        self._process.pause()
        effect()
        self._process.sent = None
        self._process.pause()

    def _create(self, name: str, data: bytes) -> None:
        raise NotImplementedError

    def _read(self, name: str) -> bytes:
        raise NotImplementedError
