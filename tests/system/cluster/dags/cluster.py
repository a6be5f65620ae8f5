"""A DAG for each scenario, with one mapped task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn

import pendulum
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, Context

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from tests.system.cluster.plan import GENERATIONS, PLAIN, POOL, POOLED, WAIT_SECONDS, WARM, prompt

BEGIN = pendulum.datetime(2026, 1, 1)
DEFAULTS: dict[str, Any] = {"task_id": "make_video", "retries": 5, "retry_delay": timedelta(seconds=1)}


class WaitOperator(BaseOperator):
    """
    Defer for the duration of a generation, and do nothing else.

    :param number: Number of the mapped task.
    """

    def __init__(self, *, number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: Context) -> NoReturn:
        """Defer to the triggerer."""
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=WAIT_SECONDS)), method_name="execute_complete")

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """End."""


for dag_id, count in GENERATIONS.items():
    with DAG(dag_id, schedule=None, start_date=BEGIN, max_active_tasks=64):
        if dag_id == PLAIN:
            WaitOperator.partial(**DEFAULTS).expand(number=list(range(count)))
        else:
            SeedanceTextToVideoOperator.partial(
                **DEFAULTS,
                deferrable=True,
                pool=POOL if dag_id == POOLED else "default_pool",
                # Of another length, so that the triggerers learn nothing wrong about the others from its short waits.
                duration=10 if dag_id == WARM else 5,
            ).expand(prompt=[prompt(dag_id, index) for index in range(count)])
