"""
### Nothing is published before a person has seen it

The DAG makes a video, waits for somebody to watch and approve it, and then copies it to where the public finds it. The
request is under *Required Actions* in Airflow's UI, with a link to the video.

**What it costs:** one generation, about 0.50 USD at list price. Waiting for a person holds no worker.

**How to answer:** *Approve* publishes. *Reject* skips the publishing, and so does silence for twenty hours, because the
link in the request dies after a day.

**When it is not good enough:** clear `make_video` and what comes after it. Because of `on_clear="regenerate"` it makes,
and pays for, another one. By default a clear would bring the same video back.
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
        "published": Param((Path.home() / "seedance_published").as_uri(), type="string", description="Where to."),
    },
):
    make_video = SeedanceTextToVideoOperator(
        task_id="make_video",
        prompt="{{ params.prompt }}",
        deferrable=True,
        on_clear="regenerate",
        doc_md="The video that is up for review.",
    )
    review = ApprovalOperator(
        task_id="review",
        subject="May this video be published?",
        body="""
[Watch the video]({{ ti.xcom_pull(task_ids="make_video", key="video_url") }})

> {{ params.prompt }}

Prediction `{{ ti.xcom_pull(task_ids="make_video", key="prediction_id") }}`
""",
        # Of the request; execution_timeout would be that of the task before it waits.
        response_timeout=timedelta(hours=20),
        defaults=ApprovalOperator.REJECT,
        doc_md="Waits for a person.",
    )
    publish = SeedanceToObjectStorageOperator(
        task_id="publish",
        prediction_id=make_video.output["prediction_id"],
        destination="{{ params.published }}",
        doc_md="Skipped unless the video was approved.",
    )

    make_video >> review >> publish
