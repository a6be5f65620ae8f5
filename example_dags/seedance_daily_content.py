"""
### The videos of the day

Every night the DAG reads a table, selects the rows of the day, makes one video for each row and stores it in object
storage. The rows are independent: a failed row does not delay the others.

**Before you unpause it:** set the parameters `table` and `videos` to your own paths, on disk or in object storage:
`s3://aws_default@bucket/content.csv`, and name a `ledger` in the extra of the connection `seedance_default`, such as
`s3://aws_default@bucket/seedance` or `file:///var/seedance`. Without a ledger the tasks fail and send nothing. The DAG
is paused at first, because it spends money every day.

**What it costs:** one video of four or five seconds for each row of the day, 0.40 to 0.50 USD at list price.

**What is paid once:** the idempotency key of a row is the day and the row's file name, such as
`2026-11-27/boat.mp4`. The file names of a day must differ. When the run is cleared, or another run makes the same day,
each row is found by its key:

| row | result |
|---|---|
| unchanged, in any order | the same video; nothing is paid |
| inserted | one new video; the other rows cost nothing |
| removed | nothing; its video stays where it is |
| corrected after its generation failed or was refused | one new video |
| changed after its video was made | an error that names the key and the earlier video; nothing is paid |

To make another video of a row that has one, change its file name. A backfill makes the videos of days that have none;
days that have them cost nothing. A link works for about a day, and the service keeps a prediction for 7 days: after
that, a rerun fails and pays nothing.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pendulum
from airflow.sdk import DAG, ObjectStoragePath, Param, task, task_group

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

TABLE = Path(__file__).parent / "data" / "daily_content.csv"

with DAG(
    "seedance_daily_content",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["seedance"],
    doc_md=__doc__,
    params={
        "table": Param(TABLE.as_uri(), type="string", description="A CSV file, as a path or URI."),
        "videos": Param((Path.home() / "seedance_videos").as_uri(), type="string", description="A folder (path, URI)."),
    },
):

    @task(doc_md="Returns the rows of the day: the arguments of the task group `one_video`.")
    def read_rows(table: str, day: str) -> list[dict[str, str]]:
        weekday = date.fromisoformat(day).strftime("%A").lower()
        rows = csv.DictReader(ObjectStoragePath(table).read_text().splitlines())
        # The name of the row instead of its position, which changes when rows are inserted or removed.
        return [row | {"idempotency_key": f"{day}/{row['file']}"} for row in rows if row.pop("weekday") == weekday]

    @task_group
    def one_video(file: str, prompt: str, aspect_ratio: str, duration: str, idempotency_key: str) -> None:
        make_video = SeedanceTextToVideoOperator(
            task_id="make_video",
            prompt=prompt,
            idempotency_key=idempotency_key,
            aspect_ratio=aspect_ratio,
            # Text in the table; the operator converts it to a number.
            duration=duration,
            deferrable=True,
            retries=2,
            # A typing error in the table must not cause a high cost.
            max_cost=1.0,
            map_index_template="{{ task.prompt | truncate(50) }}",
            doc_md="One generation for each row.",
        )
        SeedanceToObjectStorageOperator(
            task_id="keep_video",
            # The report has the id too, so that the task can replace expired links.
            prediction=make_video.output["prediction"],
            # Prompt, price and checksum of each video, for the time after Airflow has forgotten the run.
            sidecar=True,
            destination="{{ params.videos }}/{{ dag_run.run_after | ds }}",
            filename=file,
            # A corrected row makes another video with the same name.
            overwrite=True,
            retries=2,
            map_index_template="{{ task.filename }}",
            doc_md="Stores the video and returns its path. A retry keeps an existing file.",
        )

    one_video.expand_kwargs(
        # The day of the run instead of today, so that a retry tomorrow makes the same videos.
        read_rows("{{ params.table }}", day="{{ dag_run.run_after | ds }}")
    )
