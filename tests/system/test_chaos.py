"""Whatever crashes, one generation is paid once, and what was paid for is delivered or reported."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from demo.standalone import Component, Standalone
from tests.system.chaos import Row, many_row, run_scenarios, table
from tests.system.scenarios import SCENARIOS

#: How often the storm is run; each takes some minutes.
STORMS = int(os.environ.get("CHAOS_STORMS", "1"))


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[list[Row]], None]:
    """Return a function that prints a table for whoever watches, and finds it in order or not."""

    def show_and_judge(rows: list[Row]) -> None:
        with capsys.disabled():
            print(f"\n\n{table(rows)}\n", flush=True)  # noqa: T201 - the table is what this suite is for
        assert [problem for row in rows for problem in row.problems] == []

    return show_and_judge


def test_scenarios(stage: tuple[Standalone, dict[str, Emulator]], show: Callable[[list[Row]], None]) -> None:
    show(run_scenarios(*stage, SCENARIOS))


def terminate(airflow: Standalone, component: Component) -> None:
    """Ask a component to end, as an orderly restart does, and wait until it has."""
    processes = airflow.component(component)
    processes[0].terminate()
    _, alive = psutil.wait_procs(processes, timeout=60)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.parametrize(
    ("name", "component", "end"),
    [
        ("SIGTERM of the triggerer while deferred", "triggerer", terminate),
        ("SIGKILL of the triggerer while deferred", "triggerer", Standalone.kill),
        ("SIGTERM of the scheduler while deferred", "scheduler", terminate),
        ("SIGKILL of the scheduler while deferred", "scheduler", Standalone.kill),
    ],
)
def test_a_component_is_restarted(
    name: str,
    component: Component,
    end: Callable[[Standalone, Component], None],
    stage: tuple[Standalone, dict[str, Emulator]],
    show: Callable[[list[Row]], None],
) -> None:
    airflow, emulators = stage
    emulator = emulators["chaos_waits"]
    emulator.reset()
    airflow.wait_for_dag("chaos_waits")
    run_id = airflow.api.trigger("chaos_waits")

    def states() -> set[str]:
        return {task["state"] for task in airflow.api.task_instances("chaos_waits", run_id)}

    airflow.wait_for("deferral of all", lambda: states() == {"deferred"})
    end(airflow, component)
    airflow.start(component)
    airflow.wait_for("end of all", lambda: airflow.api.run_state("chaos_waits", run_id) in ("success", "failed"), 300)

    row = many_row(airflow, emulator, name, "chaos_waits", run_id)
    show([row])
    assert (row.booked, row.delivered, row.tries - row.lost, row.state) == (3, 3, 3, "success")


def storm_faults(seed: int) -> list[dict[str, Any]]:
    """One request in five meets a fault; each kind of fault has its own dice."""
    submit: list[dict[str, Any]] = [
        {"status": 429, "retry_after": 1},
        {"status": 500, "book": True},
        {"drop": "after"},
        {"drop": "before"},
    ]
    result: list[dict[str, Any]] = [
        {"status": 503},
        {"status": 429, "retry_after": 1},
        {"body": "html"},
        {"drop": "before"},
    ]
    return [
        {"endpoint": endpoint, "times": None, "probability": 0.05, "seed": seed * 10 + number, **fault}
        for endpoint, faults in (("submit", submit), ("result", result))
        for number, fault in enumerate(faults)
    ]


@pytest.mark.parametrize("number", range(STORMS))
def test_storm(number: int, stage: tuple[Standalone, dict[str, Emulator]], show: Callable[[list[Row]], None]) -> None:
    airflow, emulators = stage
    emulator = emulators["chaos_storm"]
    emulator.reset()
    emulator.faults(storm_faults(number))
    airflow.wait_for_dag("chaos_storm")
    run_id = airflow.api.trigger("chaos_storm")
    airflow.wait_for(
        "end of the storm", lambda: airflow.api.run_state("chaos_storm", run_id) in ("success", "failed"), 900
    )

    row = many_row(airflow, emulator, f"storm {number + 1} of 50 generations", "chaos_storm", run_id)
    show([row])
    assert row.delivered >= 30
