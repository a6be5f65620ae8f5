"""
### A video after references

It takes its subject from images, its motion from a clip and its mood from a sound. References are no frames: the video
shows what is in them, in a scene of its own.

**Before you trigger it:** put addresses of your own into the task `choose_references`; the ones there lead nowhere.

**What it costs:** two generations of five seconds, about 0.72 USD together at list price.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_seedance.operators.seedance import SeedanceReferenceToVideoOperator

with DAG(
    "seedance_reference_to_video",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
):

    @task(doc_md="Where a real pipeline would pick what fits the day; here it is always the same.")
    def choose_references() -> dict[str, list[str]]:
        return {
            "images": ["https://example.com/robot_front.png", "https://example.com/robot_side.png"],
            "videos": ["https://example.com/dance.mp4"],
            "audios": ["https://example.com/drums.mp3"],
        }

    references = choose_references()

    SeedanceReferenceToVideoOperator(
        task_id="images_only",
        prompt="The robot waters a row of sunflowers on a roof terrace.",
        images=references["images"],
        deferrable=True,
        doc_md="Two views of the same robot make one subject.",
    )
    SeedanceReferenceToVideoOperator(
        task_id="images_video_and_audio",
        prompt="The robot dances on the roof terrace, to the beat and with the moves of the references.",
        images=references["images"],
        videos=references["videos"],
        audios=references["audios"],
        resolution="480p",
        deferrable=True,
        doc_md="A sound never comes alone: it needs an image or a clip beside it.",
    )
