"""On a distributed Airflow, every generation is paid once and delivered, despite crashes and restarts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import ready
from tests.system.cluster.airflow import COMPONENTS, TRIGGERERS, WORKERS
from tests.system.cluster.evaluation import Row, maximum_running
from tests.system.cluster.logs import kept_task_logs, read, running_log_store, task_logs, written
from tests.system.cluster.measuring import Cost, Meter, cost_table, longest_statements
from tests.system.cluster.plan import (
    GENERATIONS,
    KILLED,
    LATE_KEY,
    LOGGED,
    MANY,
    NEW_KEY,
    PLAIN,
    POOLED,
    ROLLING,
    SLOTS,
    WAIT_SECONDS,
    WARM,
    WHOLE,
    prompt,
)
from tests.system.cluster.stage import KEY, Stage, running_stage

NEXT_KEY = "sk-cluster-second"
#: Seconds for which the idle cluster is measured.
_IDLE_SECONDS = 30.0
#: Seconds in which the workers finish their work after the last task, before the idle measurement.
_SETTLE_SECONDS = 30.0
#: Seconds that a process supervisor takes to restart a killed worker.
_RESTART_SECONDS = 10.0


def is_in_order(stage: Stage, row: Row) -> bool:
    """Return whether all generations are delivered and paid once, and no API key leaked."""
    return row.is_in_order and row.booked == row.requested and stage.emulator.leaks() == []


def measured(stage: Stage, dag_id: str) -> tuple[str, Cost]:
    """Run a DAG to its end, and return the run's id and its cost."""
    meter = Meter(stage.database, stage.processes())
    run_id = stage.start(dag_id, seconds_running=WAIT_SECONDS)
    stage.wait_for_end(dag_id, run_id)
    return run_id, meter.read(stage.processes())


def test_many_generations_in_one_run_are_all_delivered(stage: Stage, rows: list[Row], figures: list[str]) -> None:
    # Warm up: the first task or trigger of a process does work that later ones do not.
    stage.wait_for_end(WARM, stage.start(WARM, seconds_running=5))
    time.sleep(_SETTLE_SECONDS)
    meter = Meter(stage.database, stage.processes())
    time.sleep(_IDLE_SECONDS)
    idle = meter.read(stage.processes())
    run_id, generating = measured(stage, WHOLE)
    row = stage.evaluate(f"{MANY} generations in one run", WHOLE, run_id)
    rows.append(row)
    generations = stage.steps(WHOLE, run_id)
    run_id, waiting = measured(stage, PLAIN)

    figures.append(ready.table(generations, stage.steps(PLAIN, run_id)))
    figures.append(cost_table(generating, waiting, idle, MANY))
    figures.append(longest_statements(generating, MANY))
    assert is_in_order(stage, row)
    assert row.delivered == row.requested == MANY
    assert stage.states(PLAIN) == {"success": MANY}


def test_killed_worker_and_triggerer_lose_no_generation(stage: Stage, rows: list[Row]) -> None:
    run_id = stage.start(KILLED, seconds_running=WAIT_SECONDS)
    stage.cluster.wait_for("half of the submissions", lambda: len(stage.emulator.ledger()) >= MANY // 2, 900)
    held = dict(
        stage.select("SELECT triggerer_id, count(*) FROM trigger WHERE triggerer_id IS NOT NULL GROUP BY triggerer_id")
    )
    stage.cluster.components[WORKERS[0]].kill()
    stage.cluster.components[TRIGGERERS[0]].kill()
    time.sleep(_RESTART_SECONDS)
    stage.cluster.start(WORKERS[0])
    stage.wait_for_end(KILLED, run_id)
    note = f"triggers held when one triggerer was killed: {sorted(held.values())}"
    row = stage.evaluate(f"{MANY}, a worker and a triggerer killed halfway", KILLED, run_id, note)
    rows.append(row)
    stage.cluster.start(TRIGGERERS[0])

    # The takeover is tested only if both triggerers held triggers.
    assert len(held) == len(TRIGGERERS)
    assert is_in_order(stage, row)
    # A kill between a POST and its record leaves an unconfirmed submission, which the task reports and does not resend.
    assert row.delivered + row.unconfirmed == row.requested


def test_rolling_restart_loses_no_deferred_generation(stage: Stage, rows: list[Row]) -> None:
    run_id = stage.start(ROLLING, seconds_running=300)
    stage.wait_until_deferred(ROLLING)
    began = time.monotonic()
    for name in COMPONENTS:
        stage.cluster.restart(name)
    seconds = time.monotonic() - began
    note = f"{len(COMPONENTS)} components in turn, in {seconds:.0f} s; by then {stage.states(ROLLING)}"
    stage.wait_for_end(ROLLING, run_id)
    row = stage.evaluate(f"{GENERATIONS[ROLLING]}, rolling restart while deferred", ROLLING, run_id, note)
    rows.append(row)

    assert is_in_order(stage, row)
    assert row.delivered == row.requested


@pytest.fixture
def first_key(stage: Stage) -> Iterator[None]:
    """Restore the first key of the connection after the test."""
    yield
    stage.set_key(KEY)


def refusals(stage: Stage) -> int:
    """Return the number of requests that were refused with 401."""
    return sum(request["status"] == 401 for request in stage.emulator.requests())


@pytest.mark.usefixtures("first_key")
def test_deferred_tasks_continue_after_a_key_rotation(stage: Stage, rows: list[Row]) -> None:
    run_id = stage.start(NEW_KEY, seconds_running=180)
    stage.wait_until_deferred(NEW_KEY)
    stage.emulator.settings(api_keys=[NEXT_KEY])
    stage.set_key(NEXT_KEY)
    stage.wait_for_end(NEW_KEY, run_id)
    refused = refusals(stage)
    note = f"requests refused with 401: {refused}"
    row = stage.evaluate(f"{GENERATIONS[NEW_KEY]}, the API key is rotated while they wait", NEW_KEY, run_id, note)
    rows.append(row)

    # The rotation is tested only if the old key was in use.
    assert refused > 0
    assert is_in_order(stage, row)
    assert row.delivered == row.requested
    assert row.tries == row.requested


@pytest.mark.usefixtures("first_key")
def test_clear_resumes_tasks_that_failed_by_a_late_key_change(stage: Stage, rows: list[Row]) -> None:
    run_id = stage.start(LATE_KEY, seconds_running=240)
    stage.wait_until_deferred(LATE_KEY)
    stage.emulator.settings(api_keys=[NEXT_KEY])
    began = time.monotonic()
    stage.wait_for_end(LATE_KEY, run_id)
    ended = f"by the old key, after {time.monotonic() - began:.0f} s: {stage.states(LATE_KEY)}"
    stage.set_key(NEXT_KEY)
    parameters = {"dry_run": False, "dag_run_id": run_id, "only_failed": True, "reset_dag_runs": True}
    stage.cluster.api.post(f"dags/{LATE_KEY}/clearTaskInstances", parameters)
    stage.wait_for_end(LATE_KEY, run_id)
    row = stage.evaluate(f"{GENERATIONS[LATE_KEY]}, the key changed too late, then cleared", LATE_KEY, run_id, ended)
    rows.append(row)

    assert is_in_order(stage, row)
    assert row.delivered == row.requested


def test_pool_with_deferred_tasks_limits_running_generations(stage: Stage, rows: list[Row]) -> None:
    run_id = stage.start(POOLED, seconds_running=15)
    stage.wait_for_end(POOLED, run_id)
    most = maximum_running(stage.emulator.ledger())
    note = f"the most under way at once, by the ledger: {most}"
    row = stage.evaluate(f"{GENERATIONS[POOLED]}, a pool of {SLOTS} slots", POOLED, run_id, note)
    rows.append(row)

    assert is_in_order(stage, row)
    assert row.delivered == row.requested
    # The limit is tested only if more than half of the slots were in use.
    assert SLOTS // 2 < most <= SLOTS


def test_remote_logs_contain_every_line_once(tmp_path: Path, rows: list[Row]) -> None:
    indices, copies = range(GENERATIONS[LOGGED]), tmp_path / "copies"
    with running_log_store() as settings, running_stage(tmp_path, settings, own_log_folders=True) as stage:
        with kept_task_logs(stage.cluster.home / "logs", copies):
            run_id = stage.start(LOGGED, seconds_running=20)
            stage.wait_for_end(LOGGED, run_id)
            # A task succeeds before its log is uploaded.
            stage.cluster.wait_for("upload of all logs", lambda: not task_logs(stage.cluster.home / "logs"))
        row = stage.evaluate(f"{GENERATIONS[LOGGED]}, task logs in S3", LOGGED, run_id)
        tries = {task["map_index"]: task["try_number"] for task in stage.cluster.api.task_instances(LOGGED, run_id)}
        logged = [read(stage, LOGGED, run_id, index, tries[index]) for index in indices]
        booked = {entry["parameters"]["prompt"]: entry["id"] for entry in stage.emulator.ledger()}
        in_order = is_in_order(stage, row)
    parts = [written(copies, LOGGED, run_id, index) for index in indices]
    note = f"{sum(map(len, logged))} lines are read through Airflow's API; written on {sorted(set().union(*parts))}"
    rows.append(replace(row, notes=(note, *row.notes)))

    assert in_order
    assert row.delivered == row.requested
    for index in indices:
        # Workers wrote the lines before and after the deferral, and a triggerer those in between.
        assert {place.partition("-")[0] for place in parts[index]} == {"triggerer", "worker"}
        assert sorted(logged[index]) == sorted(each for part in parts[index].values() for each in part)
        by_triggerer = [each for place, part in parts[index].items() if place in TRIGGERERS for each in part]
        prediction_id = booked[prompt(LOGGED, index)]
        for part in (logged[index], by_triggerer):
            assert any(prediction_id in each for each in part)
