"""What an import loads: Airflow parses DAG files every few seconds."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from typing import Any

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor

PACKAGE = "airflow_provider_seedance"
# Airflow takes a second to load, so one process serves all tests.
_LOAD = f"""
import json, sys
import airflow.sdk

before = set(sys.modules)
from {PACKAGE}.operators.seedance import SeedanceTextToVideoOperator as Operator
from {PACKAGE}.sensors.seedance import SeedancePredictionSensor as Sensor
import {PACKAGE}.transfers.seedance_to_object_storage
dag_file = set(sys.modules) - before
import {PACKAGE}.hooks.seedance, {PACKAGE}.tasks.leg
last_leg = set(sys.modules) - before
import {PACKAGE}.triggers.seedance
print(json.dumps({{
    "dag_file": sorted(dag_file),
    "last_leg": sorted(last_leg),
    "all": sorted(set(sys.modules) - before),
    "deferrable": [
        Operator(task_id="a", prompt="b").deferrable, Sensor(task_id="c", prediction_id="d").deferrable
    ],
}}))
"""


def run_python(code: str, **environment: str) -> str:
    return subprocess.run(  # noqa: S603 - this interpreter and literal code
        [sys.executable, "-W", f"error::DeprecationWarning:{PACKAGE}", "-c", code],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@functools.cache
def loaded() -> dict[str, Any]:
    """Return what a process loads, with ``[operators] default_deferrable`` set."""
    printed = run_python(_LOAD, AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE="True")
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result


def test_dag_files_load_neither_httpx_nor_the_emulator() -> None:
    modules = loaded()["all"]
    assert {f"{PACKAGE}.{each}.seedance" for each in ("operators", "sensors", "triggers", "hooks")} <= set(modules)
    heavy = ("httpx", "httpcore", "starlette", "uvicorn", "av", "PIL", "wtforms", f"{PACKAGE}.emulator")
    assert [name for name in modules if name.startswith(heavy)] == []


def test_dag_files_load_no_module_that_only_a_running_task_needs() -> None:
    modules = loaded()["dag_file"]
    names = {name.removeprefix(f"{PACKAGE}.") for name in modules if name.startswith(f"{PACKAGE}.")}
    assert names - {"retries"} == {
        "gptproto", "gptproto.base_error", "gptproto.catalogue", "gptproto.errors", "gptproto.frame_sizes",
        "gptproto.given", "gptproto.prices", "gptproto.redaction", "gptproto.whole_numbers", "hooks",
        "hooks.seedance", "links", "links.seedance", "operators", "operators.base", "operators.parsing",
        "operators.written", "operators.seedance", "sensors", "sensors.seedance", "tasks", "tasks.constants",
        "tasks.options", "tasks.rendering", "transfers", "transfers.seedance_to_object_storage", "triggers",
        "triggers.deferral",
    }  # fmt: skip
    assert "airflow.triggers.base" not in modules


def test_delivery_after_a_deferral_loads_neither_the_client_nor_the_checks_nor_the_ledger() -> None:
    names = {name.removeprefix(f"{PACKAGE}.") for name in loaded()["last_leg"]}
    assert "tasks.leg" in names
    others = ("gptproto.http", "gptproto.media", "gptproto.client", "gptproto.requests", "gptproto.rules")
    submitting = ("tasks.generation", "tasks.submit", "tasks.ledger_record", "ledger.store", "ledger.entries")
    assert [name for name in names if name.startswith((*others, *submitting, "httpx"))] == []


def test_gptproto_package_imports_no_airflow() -> None:
    modules = run_python(
        f"import sys, pkgutil, importlib, {PACKAGE}.gptproto as package\n"
        "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*sys.modules)"
    ).split()
    assert f"{PACKAGE}.gptproto.client" in modules
    assert [name for name in modules if name.partition(".")[0] == "airflow"] == []


def test_default_deferrable_is_the_default_of_deferrable() -> None:
    assert loaded()["deferrable"] == [True, True]
    assert not SeedanceTextToVideoOperator(task_id="a", prompt="b").deferrable
    assert not SeedancePredictionSensor(task_id="c", prediction_id="d").deferrable
