"""DAGs with constants that the service is certain to refuse, one for each way to write them."""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG

from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator, SeedanceTextToVideoOperator

#: Which of the DAGs the file holds.
WRONG = os.environ.get("WRONG_CONSTANTS", "")

with DAG(
    "handed_wrong",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    default_args={"duration": 99} if WRONG == "default_args" else {},
):
    if WRONG == "operator":
        SeedanceImageToVideoOperator(
            task_id="make_video", prompt="It sails", image="{{ params.image }}", aspect_ratio="2:1"
        )
    elif WRONG == "partial":
        SeedanceTextToVideoOperator.partial(task_id="make_video", resolution="8k").expand(prompt=["a", "b"])
    else:
        SeedanceTextToVideoOperator(task_id="make_video", prompt="A paper boat")
