"""
### The cost of a retry and of a clear

The four tasks differ only in their behaviour when they run again. Each task instance keeps a record of its
submission: in the ledger of the connection, or, without one, on Airflow 3.3 and later under *Storage > Task State
Store*. A new try reads the record first.

**What it costs:** three videos of four seconds in 480p, about 0.18 USD each at list price. `pick_up` submits nothing.

**Try it.** Trigger the DAG, wait until all tasks have succeeded, and then:

1. Clear `reuse`. It succeeds again at once. XCom `prediction_id` and the video are the same: you paid nothing.
2. Clear `regenerate`. It takes as long as before, and XCom `prediction_id` is a new one: you paid for a second video.
3. Clear `regenerate` once more, and clear it again during the wait. It continues to wait for the same prediction: a
   clear makes a new video only after the previous one was delivered.
4. Delete `seedance_submission` under *Storage > Task State Store* of `reuse`, and clear the task. Without the record it
   submits and pays again. If the connection has a ledger, delete the folder there that `seedance_submission` names.
5. Trigger the DAG with the parameter `prediction_id` set to an id from the tab *Video*. `pick_up` returns that video.

**Retries** use the same record. After a crash, a timeout or a lost connection a retry continues with the submitted
generation. After a failed generation it submits again. If the response to a submission is lost, the task fails. Only
`resubmit` then submits again and may pay twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

COMMON: dict[str, Any] = {
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
    params={"prediction_id": Param("", type="string", description="For pick_up; if empty, the id of reuse.")},
):
    reuse = SeedanceTextToVideoOperator(
        **COMMON,
        task_id="reuse",
        # This is the default.
        on_clear="reuse",
        doc_md="A clear returns the existing video, with new links.",
    )
    SeedanceTextToVideoOperator(
        **COMMON,
        task_id="regenerate",
        on_clear="regenerate",
        doc_md="A clear makes another video after the first one was delivered. A retry does not.",
    )
    SeedanceTextToVideoOperator(
        **COMMON,
        task_id="resubmit",
        on_unconfirmed_submission="resubmit",
        doc_md="After a lost response, a retry submits again and may pay twice. The other tasks fail.",
    )
    pick_up = SeedanceTextToVideoOperator(
        **COMMON,
        task_id="pick_up",
        prediction_id="{{ params.prediction_id or ti.xcom_pull(task_ids='reuse', key='prediction_id') }}",
        doc_md="Waits for the prediction that another task submitted, and never submits.",
    )

    reuse >> pick_up
