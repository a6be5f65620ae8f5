"""
Measure the parse time of a DAG file that imports the operators, and of one with ``EmptyOperator``.

Each measurement starts a new interpreter that has imported ``airflow.sdk``, as the DAG processor has. The first
measurement of a source does not count, because it may compile modules.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Mapping

_MEASURE = """
import airflow.sdk, time
from airflow.sdk import DAG, BaseOperator
source = compile({source!r}, "dag_file.py", "exec")
before = time.process_time()
exec(source, {{"__name__": "dag_file"}})
print(time.process_time() - before)
"""
_DAG = """
from airflow.sdk import DAG
from {module} import {name}
with DAG("parsed", schedule=None):
    {name}(task_id="task"{arguments})
"""
_OPERATORS = "airflow_provider_seedance.operators.seedance"
_OPERATOR = "SeedanceTextToVideoOperator"

SOURCES: Mapping[str, str] = {
    "import of the operators": f"import {_OPERATORS}",
    "DAG file, Seedance operator": _DAG.format(module=_OPERATORS, name=_OPERATOR, arguments=", prompt='a boat'"),
    "DAG file, EmptyOperator": _DAG.format(
        module="airflow.providers.standard.operators.empty", name="EmptyOperator", arguments=""
    ),
}


def measure(environment: Mapping[str, str], repeats: int) -> Mapping[str, float]:
    """
    Return the median processor time of every source, in seconds.

    :param environment: Environment of the interpreters.
    :param repeats: Measurements of each source.
    """
    return {
        name: statistics.median(_times(_MEASURE.format(source=source), environment, repeats + 1)[1:])
        for name, source in SOURCES.items()
    }


def _times(code: str, environment: Mapping[str, str], times: int) -> list[float]:
    return [_time(code, environment) for _ in range(times)]


def _time(code: str, environment: Mapping[str, str]) -> float:
    printed = subprocess.run(  # noqa: S603 - this interpreter and literal code
        [sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return float(printed.splitlines()[-1])
