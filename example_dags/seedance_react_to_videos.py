"""
### One DAG makes a video, another DAG processes it

Two DAGs are connected by an asset. `seedance_new_video` makes a video and creates an event of the asset.
`seedance_on_new_video` starts at every event and stores the new video.

**What it costs:** one generation for each run of the first DAG, about 0.50 USD at list price. The second DAG costs
nothing.

**Try it:** trigger `seedance_new_video`. When its task has finished, the other DAG starts automatically. *Assets* shows
the fields of the event: `prediction_id`, `urls`, `model`, `width`, `height` and `estimated_cost_usd`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, Param, task

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

NEW_VIDEO = Asset("seedance_new_video")

with DAG(
    "seedance_new_video", schedule=None, start_date=pendulum.datetime(2026, 1, 1), tags=["seedance"], doc_md=__doc__
):
    SeedanceTextToVideoOperator(
        task_id="make_video",
        prompt="A kingfisher dives into a still pond, slow motion.",
        deferrable=True,
        # The operator adds the result to the event.
        outlets=[NEW_VIDEO],
        doc_md="Makes a video and creates an event of the asset.",
    )

with DAG(
    "seedance_on_new_video",
    schedule=[NEW_VIDEO],
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    params={"videos": Param((Path.home() / "seedance_videos").as_uri(), type="string", description="A folder.")},
):
    # There can be several events, if videos arrive faster than this DAG runs.
    @task(doc_md="Returns the arguments of the next task, one dict for each new video.")
    def read_events(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        extras = [event.extra for event in triggering_asset_events[NEW_VIDEO]]
        return [{"prediction_id": extra["prediction_id"], "urls": extra["urls"]} for extra in extras]

    SeedanceToObjectStorageOperator.partial(
        task_id="keep_video",
        destination="{{ params.videos }}",
        map_index_template="{{ task.prediction_id }}",
        doc_md="Stores the video and returns its path.",
    ).expand_kwargs(read_events())
