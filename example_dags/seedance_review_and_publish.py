"""
### A person approves each video before it is published

The DAG makes a video, waits until a person approves it, and then copies it to a public folder. The request is under
*Required Actions* in Airflow's UI and contains a link to the video.

**What it costs:** one generation, about 0.50 USD at list price. Waiting for a person holds no worker.

**How to answer:** *Approve* publishes the video. *Reject* skips the task `publish`. If nobody answers within twenty
hours, the task is skipped, too, because the link in the request expires after a day.

**To get another video:** clear `make_video` and its downstream tasks. Because of `on_clear="regenerate"` the task makes
and pays for a new video. By default a clear returns the same video.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

with DAG(
    "seedance_review_and_publish",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    params={
        "prompt": Param("A fountain pen writes a single line in blue ink, macro shot.", type="string", minLength=1),
        "published": Param((Path.home() / "seedance_published").as_uri(), type="string", description="A folder."),
    },
):
    make_video = SeedanceTextToVideoOperator(
        task_id="make_video",
        prompt="{{ params.prompt }}",
        deferrable=True,
        on_clear="regenerate",
        doc_md="Makes the video that is reviewed.",
    )
    review = ApprovalOperator(
        task_id="review",
        subject="May this video be published?",
        body="""
[Watch the video]({{ ti.xcom_pull(task_ids="make_video", key="video_url") }})

> {{ params.prompt }}

Prediction `{{ ti.xcom_pull(task_ids="make_video", key="prediction_id") }}`
""",
        # Limits the wait for an answer; execution_timeout limits only the time before the wait.
        response_timeout=timedelta(hours=20),
        defaults=ApprovalOperator.REJECT,
        doc_md="Waits until a person approves or rejects the video.",
    )
    publish = SeedanceToObjectStorageOperator(
        task_id="publish",
        prediction_id=make_video.output["prediction_id"],
        destination="{{ params.published }}",
        doc_md="Runs only if the video was approved.",
    )

    make_video >> review >> publish
