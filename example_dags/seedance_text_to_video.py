"""The shortest useful DAG: a prompt becomes a video, without holding a worker while it is made."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

with DAG("seedance_text_to_video", schedule=None, start_date=pendulum.datetime(2026, 1, 1), tags=["seedance"]):
    SeedanceTextToVideoOperator(
        task_id="make_video",
        prompt="A paper boat drifts down a rainy street at dawn, slow camera pan, cinematic lighting.",
        deferrable=True,
    )
