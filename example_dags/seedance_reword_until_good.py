"""
### Reword a prompt until the video is good

A loop makes a video, judges it, and rewords the prompt for the next iteration. It ends with the first video that is
good. Loops exist since Airflow 3.4; on earlier versions this file defines no DAG.

**What it costs:** at most three videos of four seconds in 480p, about 0.18 USD each at list price.

**Your own judge:** `judge` is a stand-in. It accepts every video whose prompt names the light. Put a call of a model
that can see there, or a check of your own, and return what `reword` needs to improve the prompt.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, task, task_group

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

FIRST_PROMPT = "A heron stands in a quiet river."


@task
def reword(*, loop: Any = None) -> str:
    """Return the first prompt, or the last one with what its video lacks."""
    if loop.index == 0:
        return FIRST_PROMPT
    return f"{loop.previous['prompt']} {loop.previous['lacking']}"


@task
def judge(prompt: str, urls: list[str]) -> dict[str, Any]:
    """Return whether the video is good, and what it lacks."""
    is_good = "light" in prompt
    return {"prompt": prompt, "url": urls[0], "is_good": is_good, "lacking": "Soft morning light, mist on the water."}


@task_group
def attempt() -> None:
    """Make one video, and judge it."""
    prompt = reword()
    make_video = SeedanceTextToVideoOperator(
        task_id="make_video",
        prompt=prompt,
        duration=4,
        resolution="480p",
        deferrable=True,
        doc_md="Makes the video of this iteration.",
    )
    judge(prompt, make_video.output)


def is_good(*, loop: Any) -> bool:
    """Return whether the loop ends."""
    result: bool = loop.result["is_good"]
    return result


if hasattr(attempt, "loop"):
    with DAG(
        "seedance_reword_until_good",
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1),
        tags=["seedance"],
        doc_md=__doc__,
    ):
        attempt.loop(max_iterations=3, until=is_good)
