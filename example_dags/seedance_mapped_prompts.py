"""
### One video for each prompt

A task returns a list of prompts, and the next task is mapped over it. Each prompt has its own task instance and video,
which you can retry and clear separately.

**What it costs:** one short video for each prompt, about 0.40 USD at list price. You can set your own subjects when you
trigger the DAG.

**How to find a video:** the task instances show their prompt instead of a number, because of `map_index_template`. The
tab *Video* of each instance links to all videos of the task.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

with DAG(
    "seedance_mapped_prompts",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    # Renders the subjects as a list instead of text.
    render_template_as_native_obj=True,
    params={"subjects": Param(["a lighthouse", "a hot-air balloon", "a tram"], type="array", minItems=1)},
):

    @task(doc_md="Writes one prompt for each subject, all in the same style.")
    def write_prompts(subjects: list[str]) -> list[str]:
        return [f"{subject.capitalize()} as a watercolour that comes to life." for subject in subjects]

    SeedanceTextToVideoOperator.partial(
        task_id="make_videos",
        duration=4,
        deferrable=True,
        # Replaces the map index in the UI after the task instance has run.
        map_index_template="{{ task.prompt | truncate(50) }}",
        doc_md="One generation for each prompt.",
    ).expand(prompt=write_prompts("{{ params.subjects }}"))
