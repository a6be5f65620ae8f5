"""
### Submit now, wait later

The generation runs at the service while other tasks run in Airflow. The task `submit` ends as soon as the service has
accepted the submission, and returns the prediction id. The sensor `wait` waits for that prediction.

**What it costs:** one generation, about 0.50 USD at list price, submitted by `submit`. The sensor never submits, so
retries and clears of it cost nothing.

**Where the video is:** in the tab *Video* of `wait`.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor

with DAG(
    "seedance_submit_and_wait",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
):
    submit = SeedanceTextToVideoOperator(
        task_id="submit",
        prompt="A hot-air balloon rises over a valley full of fog.",
        wait_for_completion=False,
        doc_md="Submits the generation and returns the prediction id.",
    )

    @task
    def write_caption() -> str:
        return "Up, up and away"

    wait = SeedancePredictionSensor(
        task_id="wait",
        prediction_id=submit.output,
        deferrable=True,
        doc_md="Waits for the prediction and returns the links of its outputs.",
    )

    @task
    def publish(videos: list[str], caption: str) -> None:
        print(f"{caption}: {videos[0]}")  # noqa: T201 - an example's task log

    publish(wait.output, write_caption())
