"""Differences between the supported Airflow versions; the guide describes them to users."""

from __future__ import annotations

import pytest
from airflow import sdk
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_3_PLUS

try:
    from airflow.dag_processing.dagbag import DagBag as DagBag
except ImportError:  # Airflow 3.1
    from airflow.models.dagbag import DagBag as DagBag  # type: ignore[no-redef]

HAS_STORE = AIRFLOW_V_3_3_PLUS
HAS_LOOPS = hasattr(sdk.task_group(lambda: None), "loop")
needs_loops = pytest.mark.skipif(not HAS_LOOPS, reason="Airflow below 3.4 has no loops")
needs_store = pytest.mark.skipif(not HAS_STORE, reason="Airflow below 3.3 has no task state store")
needs_answers = pytest.mark.skipif(
    not AIRFLOW_V_3_3_PLUS, reason="dag.test() of Airflow below 3.3 does not pass a person's response to the task"
)
