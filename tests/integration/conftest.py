"""A database for ``dag.test()``, made once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.cli import cli_parser
from airflow.sdk import DAG
from airflow.sdk.execution_time import supervisor

from tests.integration.examples import load_example

# Airflow below 3.3 makes its whole API anew for each task of dag.test(), which takes seconds.
supervisor.in_process_api_server = functools.cache(supervisor.in_process_api_server)


@pytest.fixture(scope="session")
def airflow_database(airflow_home: Path) -> Path:
    for command in (["db", "migrate"], ["dags", "reserialize"]):
        arguments = cli_parser.get_parser().parse_args(command)
        arguments.func(arguments)
    return airflow_home / "airflow.db"


@pytest.fixture
def example(airflow_database: Path, short_waits: None) -> Callable[[str], DAG]:
    """Return a function that returns one of the example DAGs."""
    return load_example
