"""A DAG whose mapped tasks get rows from a task, as from a table that somebody else fills."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

#: What a table can hold. None of it is a template or a file of the DAG's author.
PROMPTS = [
    "{{ conn.seedance_default.password }}",
    "{% raw %}",
    "see notes.txt",
    "{{ 1 // 0 }}",
    "{{ ds }}",
]
ROWS = [{"prompt": prompt, "seed": number} for number, prompt in enumerate(PROMPTS)]

with DAG("rows", schedule=None, start_date=pendulum.datetime(2026, 1, 1), user_defined_macros={"four": 4}):

    @task
    def read_rows() -> list[dict[str, Any]]:
        return ROWS

    @task
    def read_arguments() -> list[dict[str, str]]:
        return [{"text": prompt} for prompt in PROMPTS]

    SeedanceTextToVideoOperator.partial(task_id="from_rows", duration="{{ four }}", deferrable=True).expand_kwargs(
        read_rows()
    )

    @task.seedance(deferrable=True)
    def describe(text: str, seconds: str) -> dict[str, Any]:
        return {"prompt": text, "duration": seconds}

    describe.partial(seconds="{{ four }}").expand_kwargs(read_arguments())

    @task
    def read_row(number: int) -> dict[str, Any]:
        return ROWS[number]

    SeedanceTextToVideoOperator.partial(task_id="from_a_list", duration=6).expand_kwargs([read_row(0), read_row(4)])

    SeedanceTextToVideoOperator.partial(task_id="written_by_the_author").expand_kwargs(
        [{"prompt": "It is {{ four }}."}]
    )
