"""A generation without retries, for a service that is busy at first."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

with DAG("busy", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
    SeedanceTextToVideoOperator(
        task_id="make_video", prompt="A quiet street.", retries=0, retry_delay=timedelta(seconds=1)
    )
