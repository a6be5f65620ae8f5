"""
### The videos of the day

Every night the DAG reads a table, picks the rows of the day, makes a video for each and keeps it in object storage. A
row that fails holds no other row up: each is stored as soon as its own video is there.

**Before you switch it on:** give the parameters `table` and `videos` places of your own, on disk or in object storage:
`s3://aws_default@bucket/content.csv`. The DAG is paused when it appears, because it spends money every day.

**What it costs:** one video of four or five seconds for each row of the day, 0.40 to 0.50 USD at list price.

**When a row went wrong:** correct it in the table, leave the order of the rows as it is, and clear the run. Rows that
did not change hand their video on again, and nothing is paid for them.
"""

from __future__ import annotations

import csv
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
        "videos": Param((Path.home() / "seedance_videos").as_uri(), type="string", description="A folder, likewise."),
    },
):

    @task(doc_md="Returns the rows of the day, which are the arguments of the group below.")
    def read_rows(table: str, weekday: str) -> list[dict[str, str]]:
        rows = csv.DictReader(ObjectStoragePath(table).read_text().splitlines())
        return [row for row in rows if row.pop("weekday") == weekday]

    @task_group
    def one_video(file: str, prompt: str, aspect_ratio: str, duration: str) -> None:
        make_video = SeedanceTextToVideoOperator(
            task_id="make_video",
            prompt=prompt,
            aspect_ratio=aspect_ratio,
            # Text in a table, and a number in the request.
            duration=duration,
            deferrable=True,
            retries=2,
            # A typing error in the table must not become a long video.
            max_cost=1.0,
            map_index_template="{{ task.prompt | truncate(50) }}",
            doc_md="One generation for each row.",
        )
        SeedanceToObjectStorageOperator(
            task_id="keep_video",
            # With the id, and not the links: should they be dead by now, the service is asked for others.
            prediction_id=make_video.output["prediction_id"],
            destination="{{ params.videos }}/{{ dag_run.run_after | ds }}",
            filename=file,
            # A row that was corrected brings another video of the same name.
            overwrite=True,
            retries=2,
            map_index_template="{{ task.filename }}",
            doc_md="Returns where the video is now. A retry leaves alone what is there already.",
        )

    one_video.expand_kwargs(
        # The day of the run, and not of the clock: a retry tomorrow shall make today's videos.
        read_rows("{{ params.table }}", weekday="{{ dag_run.run_after.strftime('%A') | lower }}")
    )
