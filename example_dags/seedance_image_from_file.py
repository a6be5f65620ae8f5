"""
### A still from a file

Images need no web server: an image argument takes a path on the worker, or a URI of object storage. The file is read
where the task runs, right before it submits, and travels inside the request. Templates, logs and XCom show its name
only.

**Before you trigger it:** the parameters lead to a drawing beside this file. Give an image of your own if you like: its
sides have to have 300 to 6,000 pixels, and it may take 30 MB.

**What it costs:** two videos of four seconds, about 0.40 USD each at list price. The second one is paid for only when
the first one came out.
"""

from __future__ import annotations

from pathlib import Path

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator

STILL = Path(__file__).parent / "data" / "lighthouse.png"

with DAG(
    "seedance_image_from_file",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    params={
        "path": Param(str(STILL), type="string", description="A path on the worker."),
        "uri": Param(
            STILL.as_uri(),
            type="string",
            description="A URI, such as s3://aws_default@bucket/lighthouse.png, for which Amazon's provider is needed.",
        ),
    },
):
    from_worker = SeedanceImageToVideoOperator(
        task_id="from_worker",
        prompt="Waves roll in below the lighthouse, clouds pass by.",
        image="{{ params.path }}",
        duration=4,
        deferrable=True,
        doc_md="Reads the image from the worker's disk. Every worker has to have it there.",
    )
    from_object_storage = SeedanceImageToVideoOperator(
        task_id="from_object_storage",
        prompt="Dusk falls over the lighthouse, and by and by it is night again.",
        # The same at the end as at the beginning: the video can be played in a loop.
        image="{{ params.uri }}",
        last_image="{{ params.uri }}",
        duration=4,
        deferrable=True,
        doc_md="Reads the image through Airflow's object storage, so any worker finds it.",
    )

    # The second video is paid for only when the first one came out.
    from_worker >> from_object_storage
