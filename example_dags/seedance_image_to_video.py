"""A still comes to life: first as the first frame alone, then moving on to a last frame of its own."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator

with DAG(
    "seedance_image_to_video",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    params={
        "first_frame": Param("https://example.com/lighthouse_day.png", type="string", format="uri"),
        "last_frame": Param("https://example.com/lighthouse_night.png", type="string", format="uri"),
        "duration": Param(6, type="integer", minimum=4, maximum=15),
    },
):
    first_frame = SeedanceImageToVideoOperator(
        task_id="first_frame",
        prompt="Waves roll in below the lighthouse, gulls pass by.",
        image="{{ params.first_frame }}",
        duration="{{ params.duration }}",
        deferrable=True,
    )
    first_and_last_frame = SeedanceImageToVideoOperator(
        task_id="first_and_last_frame",
        prompt="Night falls over the lighthouse and its lamp is lit.",
        image="{{ params.first_frame }}",
        last_image="{{ params.last_frame }}",
        duration="{{ params.duration }}",
        aspect_ratio="9:16",
        deferrable=True,
    )

    # The second video is paid for only when the first one came out.
    first_frame >> first_and_last_frame
