"""
### Twenty videos, five at a time, within a budget

One task instance for each of twenty subjects. Three things keep the bill in hand: a pool limits how many generations
run at once, `max_cost` refuses a generation that would be too dear before anything is sent, and the last task adds up
what was submitted.

**Before you trigger it:** make the pool. A task that waits in the triggerer holds its slot only where the pool counts
deferred tasks:

```shell
airflow pools set seedance 5 'running generations' --include-deferred
```

**What it costs:** twenty videos of four seconds in 480p, about 0.18 USD each at list price, 3.54 USD together. Give it
fewer subjects when you trigger it.

**When it goes wrong:** clear what failed. A generation that came out is not paid for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

SUBJECTS = [
    *("a lighthouse", "a hot-air balloon", "a tram", "a windmill", "a ferry", "a greenhouse", "an observatory"),
    *("a carousel", "a harbour crane", "a bakery", "a bookshop", "a cable car", "a canal boat", "a clock tower"),
    *("a vineyard", "a skate park", "a night train", "a fish market", "a rope bridge", "a drive-in cinema"),
]

with DAG(
    "seedance_fan_out",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    # The pool limits the generations; so Airflow's usual limit of sixteen tasks at a time need not.
    max_active_tasks=100,
    tags=["seedance"],
    doc_md=__doc__,
    # So that the subjects arrive as a list, and not as its text.
    render_template_as_native_obj=True,
    params={"subjects": Param(SUBJECTS, type="array", items={"type": "string"}, minItems=1)},
):

    @task(doc_md="Turns every subject into a prompt of the same style.")
    def write_prompts(subjects: list[str]) -> list[str]:
        return [f"{subject.capitalize()} as a watercolour that comes to life." for subject in subjects]

    make_videos = SeedanceTextToVideoOperator.partial(
        task_id="make_videos",
        duration=4,
        resolution="480p",
        deferrable=True,
        pool="seedance",
        # For each generation. Whoever asks for ten seconds in 720p below finds nothing submitted.
        max_cost=0.25,
        retries=2,
        map_index_template="{{ task.prompt | truncate(50) }}",
        doc_md="One generation for each prompt, five at a time.",
    ).expand(prompt=write_prompts("{{ params.subjects }}"))

    # Also when some of them failed: what was submitted is paid for all the same.
    @task(trigger_rule="all_done", doc_md="Returns how many generations were submitted, and what they cost in USD.")
    def add_up(predictions: Sequence[dict[str, Any]]) -> dict[str, float]:
        # Every task instance pushes XCom `prediction`; one that submitted nothing has no id in it.
        costs = [each["estimated_cost_usd"] for each in predictions if each["id"]]
        total = round(sum(cost for cost in costs if cost is not None), 2)
        print(f"{len(costs)} generations, about {total:.2f} USD at list price")  # noqa: T201 - an example's task log
        return {"generations": len(costs), "usd": total}

    add_up(make_videos.output["prediction"])
