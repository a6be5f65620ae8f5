"""Load the example DAGs with any supported Airflow."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from tests.conftest import EXAMPLE_DAGS
from tests.versions import DagBag


def load_examples() -> dict[str, DAG]:
    """Return all example DAGs by their ids."""
    return _load(EXAMPLE_DAGS)


def load_example(dag_id: str) -> DAG:
    """Return one of the example DAGs."""
    return _load(_files()[dag_id])[dag_id]


@functools.cache
def _files() -> dict[str, Path]:
    return {dag_id: Path(dag.fileloc) for dag_id, dag in load_examples().items()}


def _load(path: Path) -> dict[str, DAG]:
    bag: Any = DagBag(str(path))
    assert bag.import_errors == {}
    return dict(bag.dags)
