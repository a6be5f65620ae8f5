"""A decorated, mapped, deferred task whose instances show what the function returned."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

with DAG("decorated_label", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):

    @task.seedance(
        seedance_conn_id="chaos_waits",
        deferrable=True,
        poll_interval=3,
        map_index_template="{{ task.prompt | truncate(50) }}",
    )
    def make_video(subject: str) -> str:
        return f"{subject} drifts down a rainy street at dawn, past a red door"

    make_video.expand(subject=["A paper boat", "A leaf"])
