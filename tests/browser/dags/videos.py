"""A DAG for each case that the pages show."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.browser.prompts import (
    ARCHIVE_DAG,
    ARCHIVE_PROMPT,
    HIDDEN_DAG,
    PAID_DAG,
    PAID_TASKS,
    PROMPTS,
    S3_FOLDER,
    paid_prompts,
    postcard,
)

BEGIN = pendulum.datetime(2026, 1, 1)
DEFAULTS: dict[str, Any] = {
    "task_id": "make_video",
    "seedance_conn_id": "seedance_emulator",
    "deferrable": True,
    "poll_interval": 2,
    "duration": 4,
    "resolution": "480p",
    # A fast trigger can overtake the scheduler, which then fails the try.
    "retries": 3,
    "retry_delay": timedelta(seconds=1),
}

with DAG("one_video", schedule=None, start_date=BEGIN):
    SeedanceTextToVideoOperator(
        **{**DEFAULTS, "duration": 5, "resolution": "720p"}, prompt=PROMPTS["one_video"], aspect_ratio="16:9"
    )

for dag_id in ("script_video", "refused_video", "failed_video", "slow_video", HIDDEN_DAG):
    with DAG(dag_id, schedule=None, start_date=BEGIN):
        SeedanceTextToVideoOperator(**DEFAULTS, prompt=PROMPTS[dag_id])

with DAG("many_videos", schedule=None, start_date=BEGIN, max_active_tasks=60):
    SeedanceTextToVideoOperator.partial(**DEFAULTS, map_index_template="{{ task.prompt }}").expand(
        prompt=[postcard(number) for number in range(1, 61)]
    )

with DAG("two_videos", schedule=None, start_date=BEGIN):
    SeedanceTextToVideoOperator.partial(**DEFAULTS).expand(prompt=[postcard(1), postcard(2)])

for dag_id, folder in (("stored_video", f"{os.environ['AIRFLOW_HOME']}/videos"), ("signed_video", S3_FOLDER)):
    with DAG(dag_id, schedule=None, start_date=BEGIN):
        made = SeedanceTextToVideoOperator(**DEFAULTS, prompt=PROMPTS[dag_id])
        SeedanceToObjectStorageOperator(
            task_id="store_video",
            seedance_conn_id="seedance_emulator",
            prediction_id=made.output["prediction_id"],  # type: ignore[index]
            destination=folder,
            retries=3,
            retry_delay=timedelta(seconds=1),
        )

with DAG("other_work", schedule=None, start_date=BEGIN):
    EmptyOperator(task_id="make_video")

with DAG("chosen_connection", schedule=None, start_date=BEGIN, params={"connection": Param("", type="string")}):
    SeedanceTextToVideoOperator(
        **{**DEFAULTS, "seedance_conn_id": "{{ params.connection }}"}, prompt=PROMPTS["chosen_connection"]
    )

with DAG(PAID_DAG, schedule=None, start_date=BEGIN, max_active_tasks=60):
    for task_id in PAID_TASKS:
        # Lengths and sizes have different prices.
        SeedanceTextToVideoOperator.partial(
            task_id=task_id,
            on_clear=task_id,
            seedance_conn_id="seedance_emulator",
            deferrable=True,
            poll_interval=2,
            retries=1,
            retry_delay=timedelta(seconds=1),
        ).expand_kwargs(
            [
                {"prompt": prompt, "duration": 4 + number % 5, "resolution": ("480p", "720p")[number % 2]}
                for number, prompt in enumerate(paid_prompts(task_id))
            ]
        )

with DAG(ARCHIVE_DAG, schedule=None, start_date=BEGIN):
    SeedanceTextToVideoOperator.partial(**DEFAULTS).expand(prompt=[ARCHIVE_PROMPT])
