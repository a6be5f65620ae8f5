"""
A fan-out: 500 mapped tasks submit from 32 processes at once, and the service takes 5 submissions a second.

Airflow itself is left out, because a machine that runs 32 of its workers is more than a test can ask for. Each process
does what the submit leg of a mapped task does, and grants the retries that Airflow would.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.pool import Pool

import pytest
from airflow.sdk import RetryAction

from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from tests.unit.airflow.driving import Run

SUBMISSIONS = 500
PROCESSES = 32
SUBMISSIONS_PER_SECOND = 5.0
RETRIES = 2
#: Far more seconds than it takes: a process that is lost must not let the test wait for ever.
PATIENCE = 1200.0
#: What every process needs, imported once before they part.
PRELOADED = [
    "airflow_provider_seedance.operators.seedance",
    "airflow_provider_seedance.tasks.generation",
    "airflow_provider_seedance.gptproto.client",
    "tests.unit.airflow.driving",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What came of a task.

    :param prompt: Tells it from the others.
    :param prediction_id: What it returned; ``None`` when it was out of tries.
    :param tries: How many tries it took.
    """

    prompt: str
    prediction_id: str | None
    tries: int


def run_task(prompt: str) -> Outcome:
    """Run one task through its tries, as Airflow does."""
    operator = SeedanceTextToVideoOperator(
        task_id="make_video", prompt=prompt, wait_for_completion=False, retries=RETRIES
    )
    run = Run()
    while True:
        try:
            return Outcome(prompt, run.try_once(operator), run.tries)
        except SeedanceError as error:
            assert operator.retry_policy is not None
            decision = operator.retry_policy.evaluate(error, run.tries, RETRIES)
            if decision.action is RetryAction.FAIL or run.tries > RETRIES:
                return Outcome(prompt, None, run.tries)
            time.sleep((decision.retry_delay or operator.retry_delay).total_seconds())


def connect(connection: str) -> None:
    """Lead a process's connection to the emulator."""
    os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"] = connection


def processes(connection: str) -> Pool:
    """Start the processes that run tasks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context.Pool(PROCESSES, connect, (connection,))


def test_every_task_gets_its_generation_and_pays_once(capsys: pytest.CaptureFixture[str]) -> None:
    prompts = [f"A paper boat, number {number}" for number in range(SUBMISSIONS)]
    with (
        running_emulator(Settings(submissions_per_second=SUBMISSIONS_PER_SECOND)) as emulator,
        processes(emulator.connection_json) as pool,
    ):
        began = time.monotonic()
        outcomes: list[Outcome] = pool.map_async(run_task, prompts, chunksize=1).get(PATIENCE)
        seconds = time.monotonic() - began
        ledger = emulator.ledger()
        statuses = Counter(request["status"] for request in emulator.requests())

    tries = Counter(outcome.tries for outcome in outcomes)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are for whoever watches
            f"\n{SUBMISSIONS} tasks, {PROCESSES} processes, {SUBMISSIONS_PER_SECOND:g} submissions a second: "
            f"{len(ledger)} booked in {seconds:.0f} s, answers {dict(statuses)}, tries {dict(tries)}",
            flush=True,
        )
    assert [outcome.prompt for outcome in outcomes if outcome.prediction_id is None] == []
    booked = {entry["id"]: entry["parameters"]["prompt"] for entry in ledger}
    assert sorted(booked.values()) == sorted(prompts)
    assert {outcome.prediction_id: outcome.prompt for outcome in outcomes} == booked
    # The limit was met, or nothing was tested.
    assert statuses == {200: SUBMISSIONS, 429: statuses[429]}
    assert statuses[429] > SUBMISSIONS
