"""
64 processes run a task with the same idempotency key at once, and some of them are killed: one generation is paid for.

The test does not start Airflow, because 64 workers need a larger machine. Each process executes one try of a task.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from airflow_provider_seedance.ledger.entries import latest_entry
from airflow_provider_seedance.ledger.layout import generation_of_key
from airflow_provider_seedance.ledger.store import open_store
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.tasks.records import ledger_intent
from tests.integration.storing_process import S3_CONN_ID
from tests.s3 import attach_s3, running_s3
from tests.unit.airflow.driving import Run

PROCESSES = 64
ROUNDS = int(os.environ.get("ONE_KEY_ROUNDS", "4"))
#: Seconds over which the processes of a round start.
SPREADS = (0.0, 0.5, 3.0)
KILLED_SHARE = 0.15
#: Seconds that the service takes for the submission.
LATENCY = 2.0
UNCONFIRMED = "A generation may have been started and charged"
#: Imported once, before the processes are forked.
PRELOADED = [__name__, "airflow_provider_seedance.tasks.generation", "airflow_provider_seedance.gptproto.client"]
SEED = 20261127


def serve_s3(pipe: Connection) -> None:
    """Run an S3 server until the other end of the pipe is closed."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with running_s3() as address:
        pipe.send(address)
        pipe.poll(None)
        os._exit(0)


@pytest.fixture(params=["disk", "S3"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Return the ledger, and the address of its S3 server."""
    if request.param == "disk":
        yield tmp_path.as_uri(), ""
        return
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve_s3, args=[there], daemon=True)
    server.start()
    address = here.recv()
    attach_s3(address, S3_CONN_ID).mkdir("ledger")
    yield f"s3://{S3_CONN_ID}@ledger/seedance", address
    server.kill()
    server.join()


def run_task(number: int, key: str, start_at: float, connection: str, s3_address: str, outcome: Connection) -> None:
    """Run one try of a task, and send what became of it."""
    os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"] = connection
    if s3_address:
        attach_s3(s3_address, S3_CONN_ID)
    # A killed submission is unconfirmed soon.
    ledger_intent._MARGIN = 1.0
    time.sleep(max(start_at - time.time(), 0))
    operator = SeedanceTextToVideoOperator(
        task_id="make_video", prompt="A paper boat", idempotency_key=key, poll_interval=1.0, deferrable=False
    )
    try:
        result = Run(run_id=f"run-{number}").try_once(operator)
    except Exception as error:  # the outcome of the try
        result = f"{type(error).__name__}: {error}"
    outcome.send(result)


def submitter(uri: str, key: str) -> int:
    """Wait until a process has the entry of the generation, and return its number."""
    store = open_store(uri)
    while (entry := latest_entry(store, generation_of_key(key))[1]) is None:
        time.sleep(0.02)
    return int(entry.owner.run_id.removeprefix("run-"))


def kill(process: BaseProcess) -> None:
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)


def play(
    emulator: Emulator, ledger: tuple[str, str], key: str, source: random.Random, *, kills_submitter: bool
) -> tuple[list[str], list[Any]]:
    """Run all processes with a key; return the booked ids, and the outcomes of those that were not killed."""
    emulator.reset()
    emulator.fault(endpoint="submit", latency=LATENCY)
    uri, s3_address = ledger
    connection = json.dumps({**emulator.connection, "extra": {"ledger": uri, "timeout": 15}})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    spread, start_at = source.choice(SPREADS), time.time() + 4.0
    pipes, processes = [], []
    for number in range(PROCESSES):
        here, there = context.Pipe(duplex=False)
        arguments = (number, key, start_at + source.uniform(0, spread), connection, s3_address, there)
        process = context.Process(target=run_task, args=arguments, daemon=True)
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    first = submitter(uri, key)
    victims = source.sample(processes, int(KILLED_SHARE * PROCESSES))
    for victim in [processes[first], *victims] if kills_submitter else victims:
        # The first one may be sending, waiting for the response, or recording the id.
        time.sleep(source.uniform(0, LATENCY if victim is processes[first] else LATENCY / 5))
        kill(victim)
    outcomes = []
    for pipe, process in zip(pipes, processes, strict=True):
        assert pipe.poll(180.0), "a process does not end"
        try:
            outcomes.append(pipe.recv())
        except EOFError:
            process.join()
            assert process.exitcode == -signal.SIGKILL
    return [each["id"] for each in emulator.ledger()], outcomes


def test_processes_with_one_key_pay_once(ledger: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    source = random.Random(SEED)  # noqa: S311 - no cryptography
    lines = []
    with running_emulator(Settings(seconds_created=0.1, seconds_queued=0.1, seconds_running=1.0)) as emulator:
        for number in range(ROUNDS):
            # In every second round the process that submits is killed, too.
            booked, outcomes = play(emulator, ledger, f"round {number}", source, kills_submitter=number % 2 == 1)
            assert len(booked) <= 1
            kinds = Counter("video" if isinstance(each, list) else "unconfirmed" for each in outcomes)
            lines.append(f"round {number + 1}: booked {len(booked)}, killed {PROCESSES - len(outcomes)}, {dict(kinds)}")
            for outcome in outcomes:
                if isinstance(outcome, list):
                    assert booked[0] in outcome[0]
                else:
                    assert UNCONFIRMED in outcome, outcome
            assert len(kinds) == 1
    with capsys.disabled():
        print("\n".join(["", f"{PROCESSES} processes, one key, {ledger[0].partition(':')[0]}", *lines]))  # noqa: T201 - figures
