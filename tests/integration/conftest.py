"""A database for ``dag.test()``, made once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from tests.conftest import EXAMPLE_DAGS


@pytest.fixture(scope="session")
def airflow_database(airflow_home: Path) -> Path:
    for command in (["db", "migrate"], ["dags", "reserialize"]):
        subprocess.run(  # noqa: S603 - Airflow's own command line
            [sys.executable, "-m", "airflow", *command], env=os.environ, check=True, capture_output=True
        )
    return airflow_home / "airflow.db"


@pytest.fixture
def example(airflow_database: Path, short_waits: None) -> Callable[[str], DAG]:
    """Return a function that returns one of the example DAGs."""

    def load(dag_id: str) -> DAG:
        bag: Any = DagBag(str(EXAMPLE_DAGS))
        assert bag.import_errors == {}
        dag: DAG = bag.dags[dag_id]
        return dag

    return load
