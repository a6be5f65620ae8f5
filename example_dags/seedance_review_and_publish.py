"""
### A person approves each video before it is published

The DAG makes a video, stores it as a draft, and waits for a person. The request is on the tab *Required Actions* of the
task `review`: with the prompt, a picture and a link to the video.

**What it costs:** one generation, about 0.50 USD at list price, and as much for each further take, three at most.
Waiting for a person holds no worker and costs nothing.

**How to answer:** *Publish* stores the video in the public folder. *Another take* makes and pays for a new video from
the same prompt, and asks again. *Reject* ends the run without a publication. If nobody answers within twenty hours,
the video is rejected.

**Why three takes:** A DAG has no loops below Airflow 3.4, so each take is a group of tasks; the takes that nobody asked
for are skipped. The last request has no *Another take*: start another run instead.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.sdk import DAG, Param, TaskGroup

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

TAKES = 3
#: With the extra `poster` the request shows the first frame, if the drafts are below `[seedance] media_roots`.
HAS_POSTERS = find_spec("av") is not None
PUBLISH, AGAIN, REJECT = "Publish", "Another take", "Reject"
#: Airflow's pages resolve relative addresses against their base URL. Indented text is shown as it is, so a prompt adds
#: no links and no images.
BODY = """
{% set take, run = task.task_group.group_id, run_id | urlencode %}
{% set tab = "dags/" ~ dag.dag_id ~ "/runs/" ~ run ~ "/tasks/" ~ take ~ ".make_video/plugin/seedance-video" %}
{% set draft = "seedance/stored?dag_id=" ~ dag.dag_id ~ "&run_id=" ~ run ~ "&task_id=" ~ take ~ ".keep_draft" %}
[![Watch the video]({{ draft }}&poster=true)]({{ tab }})

[Watch the video]({{ tab }}), or [open its link]({{ ti.xcom_pull(task_ids=take ~ ".make_video", key="video_url") }}).

    {{ params.prompt | indent(4) }}
"""

with DAG(
    "seedance_review_and_publish",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    params={
        "prompt": Param("A fountain pen writes a single line in blue ink, macro shot.", type="string", minLength=1),
        "drafts": Param((Path.home() / "seedance_drafts").as_uri(), type="string", description="A folder."),
        "published": Param((Path.home() / "seedance_published").as_uri(), type="string", description="A folder."),
    },
):
    made = [f"take_{number}.make_video" for number in range(1, TAKES + 1)]
    publish = SeedanceToObjectStorageOperator(
        task_id="publish",
        # The take that was reviewed last; later takes have no id.
        prediction_id=f"{{{{ ti.xcom_pull(task_ids={made}, key='prediction_id') | select | list | last }}}}",
        destination="{{ params.published }}",
        trigger_rule="none_failed_min_one_success",
        doc_md="Runs only if a take was approved.",
    )
    rejected = EmptyOperator(
        task_id="rejected", trigger_rule="none_failed_min_one_success", doc_md="Runs if the video was rejected."
    )
    reviews: list[HITLBranchOperator] = []
    for number in range(1, TAKES + 1):
        with TaskGroup(f"take_{number}"):
            make_video = SeedanceTextToVideoOperator(
                task_id="make_video",
                prompt="{{ params.prompt }}",
                deferrable=True,
                retries=2,
                doc_md="Makes the video that is reviewed.",
            )
            keep_draft = SeedanceToObjectStorageOperator(
                task_id="keep_draft",
                prediction_id=make_video.output["prediction_id"],
                destination="{{ params.drafts }}",
                poster=HAS_POSTERS,
                retries=2,
                doc_md="Stores the video, whose link expires after a day.",
            )
            following = {PUBLISH: "publish", AGAIN: f"take_{number + 1}.make_video", REJECT: "rejected"}
            if number == TAKES:
                del following[AGAIN]
            review = HITLBranchOperator(
                task_id="review",
                subject=f"May take {number} of {TAKES} be published?",
                body=BODY,
                options=list(following),
                options_mapping=following,
                # Limits the wait for an answer; execution_timeout limits only the time before the wait.
                response_timeout=timedelta(hours=20),
                defaults=REJECT,
                doc_md="Waits until a person decides.",
            )
            keep_draft >> review
        if reviews:
            reviews[-1] >> make_video
        reviews.append(review)

    for review in reviews:
        review >> [publish, rejected]
