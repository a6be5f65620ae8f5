"""
Measure the budgets of a ledger, on disk and on an S3 server of its own.

.. code-block:: console

    $ python -m benchmarks.budgets --rounds 50

1. Many processes reserve at the same moment, with random delays, and some are killed between two calls to the store.
   What is accepted must never exceed the budget.
2. One check of a month with many reservations: seconds and requests.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import math
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.budgets import spent
from airflow_provider_seedance.ledger.errors import BudgetExceededError
from airflow_provider_seedance.ledger.layout import HOUR, Reservation, Total, generation_of_key, start_of_hour
from airflow_provider_seedance.ledger.reservations import CLOSED_AFTER, reservations_between, reserve
from airflow_provider_seedance.ledger.store import Store, open_store

#: Generations that are reserved at once, the price of each, and the budget.
PROCESSES, PRICE, BUDGET = 64, Decimal("0.50"), Decimal(10)
FITS = int(BUDGET / PRICE)
#: Seconds over which the processes of a round start, and the share of them that is killed.
SPREADS, KILLED = (0.0, 0.2, 1.0), 0.15
#: The longest delay of a call to the store in seconds, and the last call at which a process is killed.
DELAY, LAST_CALL = 0.02, 7
ENTRIES = 100_000
#: The longest time of one check, in seconds.
TARGET = 2.0
_BUCKET = "ledger"


def serve(pipe: Connection) -> None:
    """Run an S3 server, and put names into it at the request of the other end of the pipe."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    pipe.send("http://{}:{}".format(*server.get_host_and_port()))
    while names := pipe.recv():
        # The server goes through all names of the bucket for each list, as S3 does not.
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[_BUCKET].keys.clear()
        # Straight into the memory of the server: a hundred thousand requests would take a quarter of an hour.
        for name in names:
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(_BUCKET, name, b"")
        pipe.send(True)


@contextmanager
def running_s3() -> Iterator[tuple[str, Connection]]:
    """Run an S3 server in a process of its own for the duration of a ``with`` block."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=[there], daemon=True)
    process.start()
    address = here.recv()
    attach(address).mkdir(_BUCKET)
    yield address, here
    here.send(None)
    process.terminate()


def attach(address: str) -> Any:
    """Attach the S3 server to the URIs of this process, as Airflow's Amazon provider does."""
    from airflow.sdk.io import attach as attach_to_airflow
    from s3fs import S3FileSystem

    options = {"endpoint_url": address, "key": "test", "secret": "test", "skip_instance_cache": True}
    return attach_to_airflow("s3", conn_id=conn_id(), fs=S3FileSystem(**options)).fs


def conn_id() -> str:
    """Return the Airflow connection of this process: the file system of another one cannot be used after a fork."""
    return f"budgets_{os.getpid()}"


def store_of(where: str, s3_address: str | None) -> Store:
    """Return the store of a folder on disk or in the bucket."""
    if s3_address is None:
        return open_store(f"file://{where}")
    attach(s3_address)
    return open_store(f"s3://{conn_id()}@{_BUCKET}/{where}")


@dataclass(frozen=True, slots=True)
class Round:
    """
    What became of the processes of one round.

    :param accepted: Reserved, and not killed before that.
    :param refused: Over budget.
    :param killed: Killed before an outcome.
    :param left: Reservations of killed processes, which stay counted.
    """

    accepted: int
    refused: int
    killed: int
    left: int


def contend(where: str, s3_address: str | None, number: int, start_at: float, seed: float, outcomes: Path) -> None:
    """Reserve once, and write the outcome."""
    store = store_of(where, s3_address)
    disturb(store, random.Random(seed))  # noqa: S311 - no secret
    time.sleep(max(start_at - time.time(), 0))
    try:
        reserve(store, reservation(datetime.now(UTC), number, PRICE), settings(), datetime.now(UTC))
    except BudgetExceededError:
        (outcomes / f"refused-{number}").touch()
    else:
        (outcomes / f"accepted-{number}").touch()


def disturb(store: Store, source: random.Random) -> None:
    """Delay the calls of a store, and kill some processes before or after one of them."""
    fatal = source.uniform(0, LAST_CALL) if source.random() < KILLED else math.inf
    calls = itertools.count()

    def disturbed(call: Any) -> Any:
        def run(*arguments: Any) -> Any:
            number = next(calls)
            time.sleep(source.uniform(0, DELAY))
            if number < fatal < number + 0.5:
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*arguments)
            if number + 0.5 <= fatal < number + 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return run

    for method in ("_replace", "_names", "_delete"):
        setattr(store, method, disturbed(getattr(store, method)))


def settings(budget: Decimal = BUDGET) -> LedgerSettings:
    """Return settings with both budgets."""
    return LedgerSettings(uri="", daily_budget_usd=budget, monthly_budget_usd=budget)


def reservation(at: datetime, number: int, usd: Decimal) -> Reservation:
    """Return the reservation of a generation."""
    millis = int(at.timestamp() * 1000)
    return Reservation(at=millis, usd=usd, generation=generation_of_key(str(number)), number=1)


def play(where: str, s3_address: str | None, spread: float, source: random.Random) -> Round:
    """Let many processes reserve at once, and kill some of them."""
    # A fork, because 64 interpreters that import Airflow would not start together. No parent's thread is in use.
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="seedance-budgets-") as folder:
        begin = time.time() + 1.0
        processes = [
            context.Process(
                target=contend,
                args=[where, s3_address, number, begin + source.uniform(0, spread), source.random(), Path(folder)],
            )
            for number in range(PROCESSES)
        ]
        for each in processes:
            each.start()
        for each in processes:
            each.join()
        if any(each.exitcode not in (0, -signal.SIGKILL) for each in processes):
            sys.exit("A process failed")
        found = [path.name.partition("-")[0] for path in Path(folder).iterdir()]
    accepted, refused = found.count("accepted"), found.count("refused")
    return Round(accepted, refused, PROCESSES - len(found), standing(where, s3_address) - accepted)


def standing(where: str, s3_address: str | None) -> int:
    """Return the number of reservations in a ledger."""
    now = datetime.now(UTC)
    store = store_of(where, s3_address)
    return sum(1 for _ in reservations_between(store, now - timedelta(days=1), now + timedelta(days=1)))


def report_rounds(where: str, rounds: list[Round]) -> bool:
    """Print the rounds of a store, and return whether no round exceeded the budget."""
    accepted = [each.accepted for each in rounds]
    histogram = {count: accepted.count(count) for count in sorted(set(accepted))}
    print(f"{where}: {len(rounds)} rounds of {PROCESSES} processes, budget for {FITS}: accepted {histogram}")
    totals = {name: sum(getattr(each, name) for each in rounds) for name in ("accepted", "refused", "killed", "left")}
    print(f"  mean {statistics.mean(accepted):.1f}, highest {max(accepted)}; in all {totals}", flush=True)
    return max(accepted) <= FITS


class Counted:
    """Count the calls of a store, and the pages of its lists as requests."""

    def __init__(self, store: Store) -> None:
        self.calls: list[tuple[str, int]] = []
        for method in ("_replace", "_names", "_delete"):
            setattr(store, method, self._counting(method, getattr(store, method)))

    def _counting(self, method: str, call: Any) -> Any:
        def counted(*arguments: Any) -> Any:
            result = call(*arguments)
            # A list call of S3 returns a thousand names.
            self.calls.append((method, max(1, -(-len(list(result)) // 1000)) if method == "_names" else 1))
            return result

        return counted

    @property
    def requests(self) -> int:
        """The number of requests."""
        return sum(pages for _, pages in self.calls)


def names_of(spread: timedelta, now: datetime) -> list[str]:
    """Return the names of many reservations, evenly over the time before now."""
    step = spread / ENTRIES
    return [reservation(now - step * number, number, Decimal("0.5")).name for number in range(ENTRIES)]


def totals_of(names: list[str], now: datetime) -> list[str]:
    """Return the names of the totals of the hours that are closed, as earlier checks have written them."""
    hours: dict[datetime, list[Reservation]] = {}
    for name in names:
        found = Reservation.from_name(name)
        if found is not None and start_of_hour(found.moment) + HOUR + CLOSED_AFTER <= now:
            hours.setdefault(start_of_hour(found.moment), []).append(found)
    return [Total(hour=hour, usd=spent(found).usd, unpriced=0).name for hour, found in hours.items()]


def check_once(store: Store, now: datetime, number: int) -> tuple[float, int]:
    """Return the seconds and the requests of one reservation."""
    counted = Counted(store)
    started = time.perf_counter()
    reserve(
        store,
        reservation(now, ENTRIES + number, Decimal("0.5")),
        settings(Decimal(10) ** 8),
        now,
        clock=lambda: now,
    )
    return time.perf_counter() - started, counted.requests


def measure_checks(title: str, where: str, s3_address: str | None, put: Any) -> bool:
    """
    Measure the checks of full months, and return whether they take less than the target.

    The server goes through all names of its bucket for each list, as S3 does not. So there the totals of the closed
    hours exist already, as they do where a ledger is in use: a first check would list each of the hours.
    """
    now = datetime(2026, 10, 31, 23, 40, tzinfo=UTC)
    is_met = True
    for period, spread in (("month", timedelta(days=30)), ("day", timedelta(hours=23, minutes=30))):
        names = names_of(spread, now)
        put(f"{where}-{period}", names if s3_address is None else names + totals_of(names, now))
        stores = [store_of(f"{where}-{period}", s3_address) for _ in range(6)]
        first, *others = [check_once(store, now, number) for number, store in enumerate(stores)]
        seconds, requests = statistics.median(each[0] for each in others), others[-1][1]
        print(f"{title}: {ENTRIES} submissions in a {period}: {seconds:.2f} s, {requests} requests", end="; ")
        hours = "which adds up the hours" if s3_address is None else "with the totals of the hours"
        print(f"the first check, {hours}: {first[0]:.1f} s, {first[1]} requests", flush=True)
        is_met = is_met and seconds < TARGET
    return is_met


def main() -> None:
    """Run both measurements."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budgets", description="Measure a ledger's budgets.")
    parser.add_argument("--rounds", type=int, default=50, help="repetitions on each store")
    parser.add_argument("--stores", nargs="+", choices=["disk", "S3"], default=["disk", "S3"], help="where")
    parser.add_argument("--without-checks", action="store_true", help="skip the second measurement")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="seed of delays and kills")  # noqa: S311
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)  # noqa: S311 - no secret
    print(f"Seed {arguments.seed}", flush=True)
    met = []
    with tempfile.TemporaryDirectory(prefix="seedance-budgets-") as folder, running_s3() as (address, pipe):
        for title, root, s3_address in (("disk", folder, None), ("S3", "rounds", address)):
            if title not in arguments.stores:
                continue
            rounds = []
            for number in range(arguments.rounds):
                rounds.append(play(f"{root}/{number}", s3_address, SPREADS[number % len(SPREADS)], source))
                print(f"{title}, round {number + 1}: {rounds[-1]}", flush=True)
            if rounds:
                met.append(report_rounds(title, rounds))

        def put_files(where: str, names: list[str]) -> None:
            for name in names:
                path = Path(where) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()

        def put_objects(where: str, names: list[str]) -> None:
            pipe.send([f"{where}/{name}" for name in names])
            pipe.recv()

        if "disk" in arguments.stores and not arguments.without_checks:
            met.append(measure_checks("disk", f"{folder}/full", None, put_files))
        if "S3" in arguments.stores and not arguments.without_checks:
            met.append(measure_checks("S3", "full", address, put_objects))
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
