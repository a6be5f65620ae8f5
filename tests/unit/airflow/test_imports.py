"""What an import loads: Airflow parses DAG files every few seconds."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.triggers.seedance import SeedancePredictionTrigger
from tests.unit.airflow.driving import collect

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
import {PACKAGE}.triggers.seedance
print(json.dumps({{
    "dag_file": sorted(dag_file),
    "all": sorted(set(sys.modules) - before),
    "deferrable": [
        Operator(task_id="a", prompt="b").deferrable, Sensor(task_id="c", prediction_id="d").deferrable
    ],
}}))
"""
#: One leg of a try in a process of its own, as on a worker. The event and the report arrive as JSON.
_LEG = f"""
import json, os, ssl, sys

ca_reads = []
for name in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
    setattr(ssl.SSLContext, name, lambda *arguments: ca_reads.append(arguments))
from tests.unit.airflow.driving import Run
from {PACKAGE}.operators.seedance import SeedanceTextToVideoOperator as Operator

operator = Operator(task_id="task", prompt="a boat", deferrable=True)
context = Run(tries=1).context(task=operator)
resumed, handed_on = json.loads(os.environ["RESUMED"]), {{}}
operator.render_template_fields(context)
try:
    if resumed:
        operator.resume_execution("execute_complete", resumed, context)
    else:
        operator.execute(context)
except BaseException as deferred:
    if resumed:
        raise
    handed_on = {{"trigger": deferred.trigger.serialize()[1], "kwargs": deferred.kwargs}}
print(json.dumps({{**handed_on, "ca_reads": len(ca_reads), "modules": sorted(sys.modules)}}))
"""
#: What a try needs that reads files or uploads, returns a delivered video once more, or copies videos.
_FILES_AND_LINKS = {"gptproto.http.fetch", "gptproto.http.download", "storage", "tasks.media", "tasks.reuse"}


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
        "gptproto", "gptproto.base_error", "gptproto.errors", "gptproto.given", "gptproto.modes",
        "gptproto.redaction", "hooks", "hooks.seedance", "links", "links.seedance", "operators",
        "operators.base", "operators.parsing", "operators.written", "operators.seedance", "sensors",
        "sensors.seedance", "tasks", "tasks.constants", "tasks.options", "tasks.rendering", "transfers",
        "transfers.seedance_to_object_storage", "triggers", "triggers.deferral",
    }  # fmt: skip
    assert "airflow.triggers.base" not in modules


def run_leg(resumed: object = None) -> dict[str, Any]:
    """Run a leg in a new process; ``None`` runs the first one."""
    result: dict[str, Any] = json.loads(run_python(_LEG, RESUMED=json.dumps(resumed)).splitlines()[-1])
    result["names"] = {name.removeprefix(f"{PACKAGE}.") for name in result["modules"] if name.startswith(f"{PACKAGE}.")}
    return result


@pytest.mark.usefixtures("short_waits")
def test_legs_of_a_try_load_only_what_they_use(emulator: Emulator) -> None:
    first = run_leg()
    assert {"tasks.sending", "gptproto.client"} <= first["names"]
    assert first["names"] & {*_FILES_AND_LINKS, "tasks.storing.transfer", "tasks.storing.object_storage"} == set()
    assert under(first["names"], "gptproto.media") == {"gptproto.media.media"}
    assert under(first["names"], "ledger") == {"ledger.errors"}

    trigger = SeedancePredictionTrigger(**{**first["trigger"], "poll_interval": 0.05})
    [event] = asyncio.run(collect(trigger))
    second = run_leg({**first["kwargs"], "event": event.payload})
    assert "tasks.leg" in second["names"]
    assert second["names"] & {*_FILES_AND_LINKS, "gptproto.client", "gptproto.requests", "gptproto.rules"} == set()
    assert second["names"] & {"gptproto.settings", "tasks.generation", "tasks.sending", "triggers.seedance"} == set()
    assert under(second["names"], "gptproto.http") == set()
    assert under(second["names"], "gptproto.media") == {"gptproto.media.media"}
    assert under(second["names"], "ledger") == {"ledger.errors"}

    # The emulator has a plain http address; the second leg sends nothing to any host.
    assert (first["ca_reads"], second["ca_reads"]) == (0, 0)


def under(names: set[str], package: str) -> set[str]:
    """Return the modules of a package."""
    return {name for name in names if name.startswith(f"{package}.")}


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
