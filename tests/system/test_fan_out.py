"""
Fan-out: 500 mapped tasks submit from 32 parallel processes, and the service allows 5 submissions a second.

The test does not start Airflow, because 32 workers need a larger machine. Each process executes the submitting part of
a mapped task, and retries it as Airflow does.
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
#: Far more seconds than the test takes; it ends the test if a process is lost.
TIMEOUT = 1200.0
#: Modules that every process needs; the fork server imports them once.
PRELOADED = [
    "airflow_provider_seedance.operators.seedance",
    "airflow_provider_seedance.tasks.generation",
    "airflow_provider_seedance.gptproto.client",
    "tests.unit.airflow.driving",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Result of a task.

    :param prompt: Prompt, unique per task.
    :param prediction_id: Return value; ``None`` if all tries failed.
    :param tries: Number of tries.
    """

    prompt: str
    prediction_id: str | None
    tries: int


def run_task(prompt: str) -> Outcome:
    """Run one task with its retries, as Airflow does."""
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
    """Set a process's connection to the emulator."""
    os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"] = connection


def processes(connection: str) -> Pool:
    """Start the processes that run the tasks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context.Pool(PROCESSES, connect, (connection,))


def test_every_task_of_a_fan_out_gets_one_generation_and_pays_once(capsys: pytest.CaptureFixture[str]) -> None:
    prompts = [f"A paper boat, number {number}" for number in range(SUBMISSIONS)]
    with (
        running_emulator(Settings(submissions_per_second=SUBMISSIONS_PER_SECOND)) as emulator,
        processes(emulator.connection_json) as pool,
    ):
        began = time.monotonic()
        outcomes: list[Outcome] = pool.map_async(run_task, prompts, chunksize=1).get(TIMEOUT)
        seconds = time.monotonic() - began
        ledger = emulator.ledger()
        statuses = Counter(request["status"] for request in emulator.requests())

    tries = Counter(outcome.tries for outcome in outcomes)
    with capsys.disabled():
        print(  # noqa: T201 - figures for the console
            f"\n{SUBMISSIONS} tasks, {PROCESSES} processes, {SUBMISSIONS_PER_SECOND:g} submissions a second: "
            f"{len(ledger)} booked in {seconds:.0f} s, answers {dict(statuses)}, tries {dict(tries)}",
            flush=True,
        )
    assert [outcome.prompt for outcome in outcomes if outcome.prediction_id is None] == []
    booked = {entry["id"]: entry["parameters"]["prompt"] for entry in ledger}
    assert sorted(booked.values()) == sorted(prompts)
    assert {outcome.prediction_id: outcome.prompt for outcome in outcomes} == booked
    # The test is valid only if the rate limit was reached.
    assert statuses == {200: SUBMISSIONS, 429: statuses[429]}
    assert statuses[429] > SUBMISSIONS
