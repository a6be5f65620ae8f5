"""The example DAGs, as any supported Airflow loads them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG

from tests.conftest import EXAMPLE_DAGS
from tests.versions import DagBag


def load_examples() -> dict[str, DAG]:
    """Return all example DAGs by their ids."""
    bag: Any = DagBag(str(EXAMPLE_DAGS))
    assert bag.import_errors == {}
    return dict(bag.dags)


def load_example(dag_id: str) -> DAG:
    """Return one of the example DAGs."""
    return load_examples()[dag_id]
