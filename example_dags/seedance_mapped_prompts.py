"""
### One video for each prompt

A task makes a list of prompts, and the next one is mapped over it: as many videos as there are prompts, each a task
instance of its own that can fail, be retried and be cleared alone.

**What it costs:** one short video for each prompt, about 0.40 USD at list price. Give it prompts of your own when you
trigger it.

**Finding one among many:** the task instances carry their prompt instead of a number, because of `map_index_template`.
The tab *Video* of any of them leads to all videos of the task.
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
    # So that the subjects arrive as a list, and not as its text.
    render_template_as_native_obj=True,
    params={"subjects": Param(["a lighthouse", "a hot-air balloon", "a tram"], type="array", minItems=1)},
):

    @task(doc_md="Turns every subject into a prompt of the same style.")
    def write_prompts(subjects: list[str]) -> list[str]:
        return [f"{subject.capitalize()} as a watercolour that comes to life." for subject in subjects]

    SeedanceTextToVideoOperator.partial(
        task_id="make_videos",
        duration=4,
        deferrable=True,
        # Shown in place of the map index, once a task instance has run; the prompt is rendered by then.
        map_index_template="{{ task.prompt | truncate(50) }}",
        doc_md="One generation for each prompt.",
    ).expand(prompt=write_prompts("{{ params.subjects }}"))
