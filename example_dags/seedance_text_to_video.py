"""
### A prompt becomes a video

The shortest useful DAG. Trigger it, and about a minute and a half later there is a video of five seconds; while the
service makes it, no worker is held.

**What it costs:** one generation, about 0.50 USD at list price. A retry, or a clear of the task, does not pay again.

**Where the video is:** open the task and its tab *Video*, or the button of that name. The link lives for about a day.
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
        doc_md="Returns the list of the video's links; the first one is in XCom `video_url`, too.",
    )
