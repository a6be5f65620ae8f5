"""
### What a retry costs, and what a clear costs

Four tasks that differ in one thing only: what happens when they run again. On Airflow 3.3 and later each keeps a record
of what it submitted, in the tab *Task State Store* of its instance. A new try reads it first.

**What it costs:** three videos of four seconds in 480p, about 0.18 USD each at list price. `pick_up` submits nothing.

**Try it.** Trigger the DAG, wait until all tasks have succeeded, and then:

1. Clear `reuse`. It succeeds again at once. XCom `prediction_id` and the video are the same: nothing was paid.
2. Clear `regenerate`. It takes as long as before, and XCom `prediction_id` is another one: a second video was paid for.
3. Clear `regenerate` once more, and clear it again while it waits. It goes on waiting for the same prediction: only a
   video that was delivered is made anew.
4. Delete `seedance_submission` in the tab *Task State Store* of `reuse`, and clear it. Without the record it is a task
   that never ran: it submits, and pays.
5. Trigger the DAG with the parameter `prediction_id` set to an id from the tab *Video*. `pick_up` brings that video.

**Retries** follow the same record. One after a crash, a timeout or a lost connection goes on with what was submitted;
one after a generation that failed submits anew. Where nobody can tell whether a submission arrived, a task fails, and
only `resubmit` dares to pay twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

WHAT_ALL_SHARE: dict[str, Any] = {
    "prompt": "A tortoise crosses a gravel path, seen from the ground.",
    "duration": 4,
    "resolution": "480p",
    "deferrable": True,
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
}

with DAG(
    "seedance_retries_and_clears",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    params={"prediction_id": Param("", type="string", description="For pick_up; empty takes that of reuse.")},
):
    reuse = SeedanceTextToVideoOperator(
        **WHAT_ALL_SHARE,
        task_id="reuse",
        # The default, spelled out.
        on_clear="reuse",
        doc_md="A clear hands on the video that is there. Its links are asked for anew.",
    )
    SeedanceTextToVideoOperator(
        **WHAT_ALL_SHARE,
        task_id="regenerate",
        on_clear="regenerate",
        doc_md="A clear makes another video, once the first one was delivered. A retry never does.",
    )
    SeedanceTextToVideoOperator(
        **WHAT_ALL_SHARE,
        task_id="resubmit",
        on_unconfirmed_submission="resubmit",
        doc_md="When the answer to a submission is lost, a retry submits again, and may pay twice. The others fail.",
    )
    pick_up = SeedanceTextToVideoOperator(
        **WHAT_ALL_SHARE,
        task_id="pick_up",
        prediction_id="{{ params.prediction_id or ti.xcom_pull(task_ids='reuse', key='prediction_id') }}",
        doc_md="Waits for a prediction that something else submitted, and submits nothing: neither at first nor later.",
    )

    reuse >> pick_up
