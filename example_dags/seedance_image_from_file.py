"""
### A video from an image file

An image argument accepts a path on the worker or a URI of object storage, so you need no web server for images. The
task reads the file on the worker, right before it submits, and sends it inside the request. Templates, logs and XCom
show only the file's name.

**Before you trigger it:** by default the parameters point to a drawing in the folder of this DAG file. You can set them
to your own image: each side must have 300 to 6,000 pixels, and the file may have 30 MB.

**What it costs:** two videos of four seconds, about 0.40 USD each at list price. The second video is made, and paid
for, only if the first one succeeds.
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
            description="A URI, such as s3://aws_default@bucket/lighthouse.png, which needs the Amazon provider.",
        ),
    },
):
    from_worker = SeedanceImageToVideoOperator(
        task_id="from_worker",
        prompt="Waves roll in below the lighthouse, clouds pass by.",
        image="{{ params.path }}",
        duration=4,
        deferrable=True,
        doc_md="Reads the image from the worker's disk. Every worker needs the file.",
    )
    from_object_storage = SeedanceImageToVideoOperator(
        task_id="from_object_storage",
        prompt="Dusk falls over the lighthouse, and by and by it is night again.",
        # With the same first and last frame the video can be played in a loop.
        image="{{ params.uri }}",
        last_image="{{ params.uri }}",
        duration=4,
        deferrable=True,
        doc_md="Reads the image through Airflow's object storage, which every worker can access.",
    )

    # The second video is paid for only if the first one succeeds.
    from_worker >> from_object_storage
