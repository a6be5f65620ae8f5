"""Differences between the supported Airflow versions; the guide describes them to users."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_3_PLUS, get_base_airflow_version_tuple

try:
    from airflow.dag_processing.dagbag import DagBag as DagBag
except ImportError:  # Airflow 3.1
    from airflow.models.dagbag import DagBag as DagBag  # type: ignore[no-redef]

HAS_STORE = AIRFLOW_V_3_3_PLUS
#: Loops of task groups, and retry policies that use no retry.
IS_3_4 = get_base_airflow_version_tuple() >= (3, 4, 0)
needs_3_4 = pytest.mark.skipif(not IS_3_4, reason="needs Airflow 3.4")
needs_store = pytest.mark.skipif(not HAS_STORE, reason="Airflow below 3.3 has no task state store")
