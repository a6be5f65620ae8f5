"""A DAG for each scenario, with one mapped task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn

import pendulum
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, Context

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from tests.system.cluster.plan import GENERATIONS, PLAIN, POOL, POOLED, WAIT_SECONDS, prompt

BEGIN = pendulum.datetime(2026, 1, 1)
USUAL: dict[str, Any] = {"task_id": "make_video", "retries": 5, "retry_delay": timedelta(seconds=1)}


class WaitOperator(BaseOperator):
    """
    Be deferred as long as a generation takes, and do nothing else.

    :param number: Tells it from the others.
    """

    def __init__(self, *, number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: Context) -> NoReturn:
        """Wait in the triggerer."""
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=WAIT_SECONDS)), method_name="execute_complete")

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """End."""


for dag_id, count in GENERATIONS.items():
    with DAG(dag_id, schedule=None, start_date=BEGIN, max_active_tasks=64):
        if dag_id == PLAIN:
            WaitOperator.partial(**USUAL).expand(number=list(range(count)))
        else:
            SeedanceTextToVideoOperator.partial(
                **USUAL, deferrable=True, pool=POOL if dag_id == POOLED else "default_pool"
            ).expand(prompt=[prompt(dag_id, index) for index in range(count)])
