"""Rows of Airflow's database for the videos page: DAGs, runs, task instances and XComs, without running a task."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import delete, insert, select, text

START = datetime(2026, 11, 27, 12, tzinfo=UTC)
BUNDLE = "videos-page"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    A task instance with XComs.

    :param xcoms: Values by key.
    :param raw: Texts by key that are in the column as they are, whether or not they are JSON.
    """

    dag_id: str
    run_id: str = "run"
    task_id: str = "make"
    map_index: int = -1
    state: str | None = "success"
    try_number: int = 1
    operator: str = "SeedanceTextToVideoOperator"
    pushed_at: datetime = START
    xcoms: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, str] = field(default_factory=dict)

    @property
    def run(self) -> tuple[str, str]:
        """What identifies the DAG run."""
        return self.dag_id, self.run_id


def prediction(number: int, **changes: Any) -> dict[str, Any]:
    """Return a value of XCom ``prediction``, as the README lists its keys."""
    return {
        "id": f"{number:032x}",
        "mode": "text-to-video",
        "model": "seedance-1-0-pro-250528",
        "status": "succeeded",
        "parameters": {"prompt": f"A boat, number {number}", "resolution": "720p", "duration": 5},
        "width": 1280,
        "height": 720,
        "outputs": [f"https://videos.example/{number}.mp4?signature=abc"],
        "error": None,
        "submitted_at": START.isoformat(),
        "created_at": START.isoformat(),
        "finished_at": START.isoformat(),
        "inference_seconds": 31.5,
        "has_nsfw_contents": [False],
        "estimated_cost_usd": 0.1,
        "submissions": 1,
        "total_cost_usd": 0.1,
        **changes,
    }


def insert_rows(rows: Iterable[Row]) -> None:
    """Insert rows, with the DAGs and runs that they need."""
    rows = list(rows)
    with create_session(scoped=False) as session:
        if session.get(DagBundleModel, BUNDLE) is None:
            session.execute(insert(DagBundleModel).values(name=BUNDLE))
        known = set(session.scalars(select(DagModel.dag_id)))
        for dag_id in sorted({row.dag_id for row in rows} - known):
            session.add(DagModel(dag_id=dag_id, bundle_name=BUNDLE, is_paused=False))  # type: ignore[no-untyped-call]  # Airflow's
        session.flush()
        runs: dict[tuple[str, str], int] = {
            (dag_id, run_id): number
            for number, dag_id, run_id in session.execute(select(DagRun.id, DagRun.dag_id, DagRun.run_id))
        }
        first = max(runs.values(), default=0) + 1
        new = {run: number for number, run in enumerate(sorted({row.run for row in rows} - runs.keys()), start=first)}
        if new:
            session.execute(insert(DagRun), [_run(number, *run) for run, number in new.items()])
        runs |= new
        session.execute(insert(TaskInstance), [_task(row) for row in rows])
        entries = [entry for row in rows for entry in _entries(row, runs[row.run])]
        session.execute(insert(XComModel), entries)
        for row in rows:
            for key, value in row.raw.items():
                session.execute(
                    text("UPDATE xcom SET value = :value WHERE dag_id = :dag AND run_id = :run AND key = :key"),
                    {"value": value, "dag": row.dag_id, "run": row.run_id, "key": key},
                )


def delete_rows() -> None:
    """Delete the rows of all calls of :func:`insert_rows`."""
    with create_session(scoped=False) as session:
        dag_ids = list(session.scalars(select(DagModel.dag_id).where(DagModel.bundle_name == BUNDLE)))
        for model in (XComModel, TaskInstance, DagRun, DagModel):
            session.execute(delete(model).where(model.dag_id.in_(dag_ids)))


def delete_xcoms() -> None:
    """Delete all XComs."""
    with create_session(scoped=False) as session:
        session.execute(delete(XComModel))


def many(count: int, dag_ids: Iterable[str]) -> Iterator[Row]:
    """Yield rows of so many generations, in runs of a hundred, one every ten minutes."""
    dags = itertools.cycle(dag_ids)
    for number in range(count):
        dag_id = next(dags)
        moment = START - timedelta(minutes=10 * number)
        yield Row(
            dag_id=dag_id,
            run_id=f"scheduled__{number // 100}",
            map_index=number % 100,
            pushed_at=moment,
            xcoms={"prediction": prediction(number, submitted_at=moment.isoformat())},
        )


def _run(number: int, dag_id: str, run_id: str) -> dict[str, Any]:
    moment = START - timedelta(seconds=next(_NUMBERS))
    return {
        "id": number,
        "dag_id": dag_id,
        "run_id": run_id,
        "run_type": "manual",
        "run_after": moment,
        "logical_date": moment,
        "state": "running",
    }


def _task(row: Row) -> dict[str, Any]:
    names = ("dag_id", "run_id", "task_id", "map_index", "state", "try_number", "operator")
    return {**{name: getattr(row, name) for name in names}, "pool": "default_pool", "max_tries": 0, "pool_slots": 1}


def _entries(row: Row, run: int) -> Iterator[dict[str, Any]]:
    names = ("dag_id", "run_id", "task_id", "map_index")
    for key in [*row.xcoms, *row.raw]:
        yield {
            **{name: getattr(row, name) for name in names},
            "dag_run_id": run,
            "key": key,
            "value": row.xcoms.get(key),
            "timestamp": row.pushed_at,
        }
