"""After any crash, a generation is paid once, and is delivered or reported."""

from __future__ import annotations

import os
from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from demo.standalone import Component, Standalone
from tests.system.chaos import many_row, restart, run_scenarios
from tests.system.conftest import Show
from tests.system.scenarios import RESTARTS, SCENARIOS

#: Number of storms; each takes some minutes.
STORMS = int(os.environ.get("CHAOS_STORMS", "1"))


def test_chaos_scenarios_end_as_expected(stage: tuple[Standalone, dict[str, Emulator]], show: Show) -> None:
    show(run_scenarios(*stage, SCENARIOS))


@pytest.mark.parametrize(("name", "component", "signal"), RESTARTS)
def test_restart_of_a_component_loses_no_generation(
    name: str, component: Component, signal: str, stage: tuple[Standalone, dict[str, Emulator]], show: Show
) -> None:
    show([restart(*stage, name, component, signal)])


def storm_faults(seed: int) -> list[dict[str, Any]]:
    """Return faults for one request in five; each kind of fault has its own random seed."""
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
def test_storm_loses_no_generation(number: int, stage: tuple[Standalone, dict[str, Emulator]], show: Show) -> None:
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
