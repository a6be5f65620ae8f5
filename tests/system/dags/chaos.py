"""A DAG for each scenario, and two DAGs with many generations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG

from tests.system.scenarios import SCENARIOS
from tests.system.worker_kill import KillingOperator

BEGIN = pendulum.datetime(2026, 1, 1)
DEFAULTS: dict[str, Any] = {
    "task_id": "make_video",
    "deferrable": True,
    "poll_interval": 3,
    "retries": 5,
    "retry_delay": timedelta(seconds=1),
}

for scenario in SCENARIOS:
    with DAG(scenario.dag_id, schedule=None, start_date=BEGIN):
        KillingOperator(
            **{**DEFAULTS, **scenario.arguments},
            prompt=scenario.name,
            seedance_conn_id=scenario.dag_id,
            kill_at=scenario.kill_at,
        )

with DAG("chaos_waits", schedule=None, start_date=BEGIN):
    KillingOperator.partial(**DEFAULTS, seedance_conn_id="chaos_waits").expand(
        prompt=[f"chaos_waits {n}" for n in range(3)]
    )

with DAG("chaos_storm", schedule=None, start_date=BEGIN, max_active_tasks=100):
    KillingOperator.partial(**{**DEFAULTS, "retries": 8, "poll_interval": 5}, seedance_conn_id="chaos_storm").expand(
        prompt=[f"chaos_storm {n}" for n in range(50)]
    )
