"""
### A story in three shots

Each shot begins with the last frame of the previous one, so the three clips can be played as one film. The first shot
is made from a prompt, the others from an image and a prompt. One function returns these arguments, and `@task.seedance`
chooses the mode.

**Before you trigger it:** the tasks `take_last_frame` need PyAV and Pillow on the worker: `pip install av pillow`.

**What it costs:** three videos of four seconds, about 0.40 USD each at list price, one after the other. If a shot
fails, the later shots are not made and cost nothing.

**To change a shot:** change its scene and clear its task and all downstream tasks. The earlier shots stay unchanged and
are not paid for again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, ObjectStoragePath, Param, task

from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

SCENES = [
    "A courier on a red bicycle waits at a railway crossing, a train passes.",
    "The barrier opens, the courier rides on through a tunnel of trees.",
    "The courier stops at a farmhouse and hands over a small parcel.",
]
STYLE = "Autumn afternoon, long shadows, muted colours, 35mm film."

with DAG(
    "seedance_storyboard",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    tags=["seedance"],
    doc_md=__doc__,
    params={"film": Param((Path.home() / "seedance_storyboard").as_uri(), type="string", description="A folder.")},
):

    @task.seedance(duration=4, deferrable=True, doc_md="Makes a shot, from a first frame if there is one.")
    def make_shot(scene: str, first_frame: str | None) -> dict[str, Any]:
        # Without an image the mode is text-to-video. The image is a path, and the operator reads the file.
        return {"prompt": f"{scene} {STYLE}", "image": first_frame}

    @task(doc_md="Stores the last frame of a video in the video's folder and returns its path.")
    def take_last_frame(videos: list[str]) -> str:
        import av

        video: Any = ObjectStoragePath(videos[0])
        still = video.with_suffix(".png")
        with video.open("rb") as clip, av.open(clip) as container:
            for frame in container.decode(video=0):
                last = frame
        with still.open("wb") as image:
            last.to_image().save(image, "PNG")
        return str(still)

    first_frame = None
    for number, scene in enumerate(SCENES, start=1):
        shot = make_shot.override(task_id=f"make_shot_{number}")(scene, first_frame)
        keep_shot = SeedanceToObjectStorageOperator(
            task_id=f"keep_shot_{number}",
            prediction_id=shot["prediction_id"],
            destination="{{ params.film }}/{{ dag_run.run_after | ts_nodash }}",
            filename=f"shot_{number}.mp4",
            # After a clear, the new shot has the same file name.
            overwrite=True,
            doc_md="Stores the shot and returns its path.",
        )
        if number < len(SCENES):
            first_frame = take_last_frame.override(task_id=f"take_last_frame_{number}")(keep_shot.output)
