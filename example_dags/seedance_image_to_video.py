"""
### A video from one or two images

The first task makes a video that begins with an image. The second task makes a video that begins with the same image
and ends with another one.

**Before you trigger it:** set the parameters to the URLs of two images; the default URLs do not exist.

**What it costs:** two generations of six seconds, about 0.60 USD each at list price. The second video is made, and paid
for, only if the first one succeeds.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator

with DAG(
    "seedance_image_to_video",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
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
        doc_md="The image is the first frame; the prompt describes what happens next.",
    )
    first_and_last_frame = SeedanceImageToVideoOperator(
        task_id="first_and_last_frame",
        prompt="Night falls over the lighthouse and its lamp is lit.",
        image="{{ params.first_frame }}",
        last_image="{{ params.last_frame }}",
        duration="{{ params.duration }}",
        aspect_ratio="9:16",
        deferrable=True,
        doc_md="The video moves from the first image to the last one. Some models do not support a last frame.",
    )

    # The second video is paid for only if the first one succeeds.
    first_frame >> first_and_last_frame
