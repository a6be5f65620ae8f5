"""
Submit now, wait later: the generation runs at the service while other tasks do their work.

The submitting task returns the prediction's id; a sensor further down waits for it. The sensor never submits, so it can
be retried and cleared at no cost.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor

with DAG("seedance_submit_and_wait", schedule=None, start_date=pendulum.datetime(2026, 1, 1), tags=["seedance"]):
    submit = SeedanceTextToVideoOperator(
        task_id="submit",
        prompt="A hot-air balloon rises over a valley full of fog.",
        wait_for_completion=False,
    )

    @task
    def write_caption() -> str:
        return "Up, up and away"

    wait = SeedancePredictionSensor(task_id="wait", prediction_id=submit.output, deferrable=True)

    @task
    def publish(videos: list[str], caption: str) -> None:
        print(f"{caption}: {videos[0]}")  # noqa: T201 - an example's task log

    publish(wait.output, write_caption())
