"""
### A video from references

The video takes its subject from images, its motion from a clip and its mood from a sound. References are not frames:
the model makes a new scene with them.

**Before you trigger it:** put your own URLs into the task `choose_references`; the example URLs do not exist.

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

    @task(doc_md="Returns the references. A real pipeline would choose them; this one always returns the same.")
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
        doc_md="Uses two images of the same robot as one subject.",
    )
    SeedanceReferenceToVideoOperator(
        task_id="images_video_and_audio",
        prompt="The robot dances on the roof terrace, to the beat and with the moves of the references.",
        images=references["images"],
        videos=references["videos"],
        audios=references["audios"],
        resolution="480p",
        deferrable=True,
        doc_md="Uses images, a clip and a sound. A sound needs at least one image or clip.",
    )
