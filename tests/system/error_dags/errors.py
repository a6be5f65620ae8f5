"""Tasks that fail for reasons on Airflow's side, and one that does not."""

from __future__ import annotations

import os
from typing import Any

import pendulum
from airflow.sdk import DAG

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator


def create_connection(_: Any) -> None:
    """Create a connection for this process: the triggerer does not have it."""
    os.environ["AIRFLOW_CONN_ONLY_ON_THE_WORKER"] = os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"]


with DAG("errors", schedule=None, start_date=pendulum.datetime(2026, 1, 1), default_args={"retries": 0}):
    arguments: dict[str, Any] = {"prompt": "A paper boat drifts down a rainy street", "deferrable": True}
    make_video = SeedanceTextToVideoOperator(task_id="make_video", poll_interval=3, **arguments)
    for name, destination in {"below_a_file": f"{__file__}/videos", "without_package": "gs://bucket/videos"}.items():
        SeedanceToObjectStorageOperator(
            task_id=name,
            prediction_id="{{ ti.xcom_pull('make_video', key='prediction_id') }}",
            destination=destination,
        ).set_upstream(make_video)
    SeedanceTextToVideoOperator(task_id="without_connection", seedance_conn_id="absent", **arguments)
    SeedanceTextToVideoOperator(
        task_id="without_connection_in_the_triggerer",
        seedance_conn_id="only_on_the_worker",
        timeout=30,
        pre_execute=create_connection,
        **arguments,
    )
