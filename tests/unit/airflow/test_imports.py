"""What importing costs: DAG files are parsed every few seconds."""

from __future__ import annotations

import os
import subprocess
import sys

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor


def run_python(code: str, **environment: str) -> str:
    return subprocess.run(  # noqa: S603 - this interpreter and literal code
        [sys.executable, "-W", "error::DeprecationWarning:airflow_provider_seedance", "-c", code],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_dag_files_load_neither_httpx_nor_the_emulator() -> None:
    modules = [f"airflow_provider_seedance.{each}.seedance" for each in ("operators", "sensors", "triggers", "hooks")]
    modules.append("airflow_provider_seedance.transfers.seedance_to_object_storage")
    loaded = run_python(
        "import sys, airflow.sdk; before = set(sys.modules); "
        f"import {', '.join(modules)}; print(*set(sys.modules) - before)"
    ).split()
    assert set(modules) <= set(loaded)
    heavy = ("httpx", "httpcore", "starlette", "uvicorn", "av", "PIL", "wtforms", "airflow_provider_seedance.emulator")
    assert [name for name in loaded if name.startswith(heavy)] == []


def test_dag_files_load_only_what_describes_a_task() -> None:
    package = "airflow_provider_seedance"
    loaded = run_python(
        "import sys, airflow.sdk; before = set(sys.modules); "
        f"import {package}.operators.seedance, {package}.sensors.seedance, "
        f"{package}.transfers.seedance_to_object_storage; print(*set(sys.modules) - before)"
    ).split()
    rooms = {name.removeprefix(f"{package}.") for name in loaded if name.startswith(f"{package}.")}
    assert rooms - {"retries"} == {
        "gptproto", "gptproto.catalogue", "gptproto.errors", "hooks", "hooks.seedance", "links", "links.seedance",
        "operators", "operators.base", "operators.seedance", "policies", "sensors", "sensors.seedance",
        "transfers", "transfers.seedance_to_object_storage",
    }  # fmt: skip
    assert "airflow.triggers.base" not in loaded


def test_the_api_package_works_without_airflow() -> None:
    loaded = run_python(
        "import sys, pkgutil, importlib, airflow_provider_seedance.gptproto as package\n"
        "for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*sys.modules)"
    ).split()
    assert "airflow_provider_seedance.gptproto.client" in loaded
    assert [name for name in loaded if name.partition(".")[0] == "airflow"] == []


def test_default_deferrable_decides_where_nothing_is_said() -> None:
    printed = run_python(
        "from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator as Operator\n"
        "from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor as Sensor\n"
        "print(Operator(task_id='a', prompt='b').deferrable, Sensor(task_id='c', prediction_id='d').deferrable)",
        AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE="True",
    )
    assert printed.split() == ["True", "True"]
    assert not SeedanceTextToVideoOperator(task_id="a", prompt="b").deferrable
    assert not SeedancePredictionSensor(task_id="c", prediction_id="d").deferrable
