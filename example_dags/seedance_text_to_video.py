"""
### A prompt becomes a video

This is the shortest useful DAG. About a minute and a half after you trigger it, it returns a video of five seconds. The
task holds no worker during the wait.

**What it costs:** one generation, about 0.50 USD at list price. A retry after a crash and a
clear cost nothing; a retry after a failed generation pays again.

**Where the video is:** in the task's tab *Video*, or behind the button *Video*. The link expires after about a day.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

with DAG(
    "seedance_text_to_video", schedule=None, start_date=pendulum.datetime(2026, 1, 1), tags=["seedance"], doc_md=__doc__
):
    SeedanceTextToVideoOperator(
        task_id="make_video",
        prompt="A paper boat drifts down a rainy street at dawn, slow camera pan, cinematic lighting.",
        deferrable=True,
        doc_md="Makes a video and returns the list of its links. XCom `video_url` contains the first link.",
    )
