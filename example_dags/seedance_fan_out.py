"""
### Twenty videos, five at a time, within a budget

The DAG runs one task instance for each of twenty subjects. Four measures control the cost: a pool limits the concurrent
generations, `within_budget` fails before the first generation if all of them together can cost more than the budget,
`max_cost` refuses a single generation that can cost too much, and the last task adds up the cost of all submissions.

**Before you trigger it:** create the pool. Only a pool that includes deferred tasks counts a task that waits in the
triggerer:

```shell
airflow pools set seedance 5 'running generations' --include-deferred
```

**What it costs:** twenty videos of four seconds in 480p, about 0.18 USD each at list price, 3.54 USD together. To pay
less, trigger the DAG with fewer subjects.

**After failures:** clear the failed task instances. You do not pay again for generations that succeeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_provider_seedance.gptproto.catalogue import estimate_cost
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

SUBJECTS = [
    *("a lighthouse", "a hot-air balloon", "a tram", "a windmill", "a ferry", "a greenhouse", "an observatory"),
    *("a carousel", "a harbour crane", "a bakery", "a bookshop", "a cable car", "a canal boat", "a clock tower"),
    *("a vineyard", "a skate park", "a night train", "a fish market", "a rope bridge", "a drive-in cinema"),
]
# The arguments that decide the price.
VIDEO: dict[str, Any] = {"duration": 4, "resolution": "480p"}

with DAG(
    "seedance_fan_out",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    # Raises Airflow's default limit of 16 tasks, because the pool is the limit here.
    max_active_tasks=100,
    tags=["seedance"],
    doc_md=__doc__,
    # Renders the subjects as a list instead of text.
    render_template_as_native_obj=True,
    params={
        "subjects": Param(SUBJECTS, type="array", items={"type": "string"}, minItems=1),
        "budget": Param(5, type="number", description="The most that all videos together may cost, in USD."),
    },
):

    @task(doc_md="Writes one prompt for each subject, all in the same style.")
    def write_prompts(subjects: list[str]) -> list[str]:
        return [f"{subject.capitalize()} as a watercolour that comes to life." for subject in subjects]

    @task(doc_md="Returns the prompts, or fails if their videos can cost more than the budget.")
    def within_budget(prompts: list[str], budget: float) -> list[str]:
        price = estimate_cost(**VIDEO).highest
        if price is None or price * len(prompts) > budget:
            raise ValueError(f"{len(prompts)} videos at up to {price} USD each can exceed the budget of {budget} USD")
        return prompts

    make_videos = SeedanceTextToVideoOperator.partial(
        task_id="make_videos",
        **VIDEO,
        deferrable=True,
        pool="seedance",
        # For each generation: ten seconds in 720p, for example, would be refused.
        max_cost=0.25,
        retries=2,
        map_index_template="{{ task.prompt | truncate(50) }}",
        doc_md="One generation for each prompt, five at a time.",
    ).expand(prompt=within_budget(write_prompts("{{ params.subjects }}"), "{{ params.budget }}"))

    # Runs after failures, too, because accepted submissions are billed in any case.
    @task(trigger_rule="all_done", doc_md="Returns the number of submissions and their cost in USD, over all tries.")
    def add_up(predictions: Sequence[dict[str, Any]]) -> dict[str, float]:
        # Every task instance pushes XCom `prediction`. A retry after a failed generation pays again.
        submissions = sum(each["submissions"] or 0 for each in predictions)
        totals = [each["total_cost_usd"] for each in predictions]
        usd, unknown = round(sum(total for total in totals if total is not None), 2), totals.count(None)
        print(f"{submissions} generations, about {usd:.2f} USD at list price; unknown: {unknown} tasks")  # noqa: T201
        return {"generations": submissions, "usd": usd, "unknown": unknown}

    add_up(make_videos.output["prediction"])
