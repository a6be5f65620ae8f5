"""Rows of Airflow's database for the videos page: DAGs, runs, task instances and XComs, without running a task."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from airflow.models.base import Base
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import Text, delete, insert, select, type_coerce

from tests.versions import IS_3_4

START = datetime(2026, 11, 27, 12, tzinfo=UTC)
BUNDLE = "videos-page"
_NO_REGION = UUID(int=0)
_NUMBERS = itertools.count(1)
_TASKS = Base.metadata.tables["task_instance"]
# The table, because Airflow 3.4's model cannot be written: it combines this one with that of earlier versions.
_XCOMS = Base.metadata.tables["xcom_v2" if IS_3_4 else "xcom"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    A task instance with XComs.

    :param xcoms: Values by key.
    :param raw: Texts by key that are in the column as they are, whether or not they are JSON.
    :param is_current: Whether it is the last attempt. Airflow below 3.4 has no rows of earlier ones.
    :param region_id: The loop, or the expansion of a mapped task, on Airflow 3.4.
    :param id: The attempt, to which XComs belong on Airflow 3.4.
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
    is_current: bool = True
    region_id: UUID = _NO_REGION
    id: UUID = field(default_factory=uuid4)

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
        session.execute(insert(_TASKS), [_task(row) for row in rows])
        entries = [entry for row in rows for entry in _entries(row, runs[row.run], row.xcoms)]
        if entries:
            session.execute(insert(_XCOMS), entries)
        for row in rows:
            for entry in _entries(row, runs[row.run], row.raw):
                session.execute(insert(_XCOMS).values({**entry, "value": type_coerce(entry["value"], Text)}))


def delete_rows() -> None:
    """Delete the rows of all calls of :func:`insert_rows`."""
    with create_session(scoped=False) as session:
        dag_ids = list(session.scalars(select(DagModel.dag_id).where(DagModel.bundle_name == BUNDLE)))
        # The tasks and XComs of a run go with it.
        for model in (DagRun, DagModel):
            session.execute(delete(model).where(model.dag_id.in_(dag_ids)))


def delete_xcoms() -> None:
    """Delete all XComs."""
    with create_session(scoped=False) as session:
        session.execute(delete(_XCOMS))


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
    values = {name: getattr(row, name) for name in ("dag_id", "run_id", "task_id", "state", "try_number", "operator")}
    values |= {"pool": "default_pool", "max_tries": 0, "pool_slots": 1}
    if not IS_3_4:
        return {**values, "map_index": row.map_index}
    attempt = {"id": row.id, "working_set": True if row.is_current else None}
    return {**values, **attempt, "region_id": row.region_id, "region_index": row.map_index}


def _entries(row: Row, run: int, xcoms: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if IS_3_4:
        owner: dict[str, Any] = {"task_instance_id": row.id}
    else:
        names = ("dag_id", "run_id", "task_id", "map_index")
        owner = {**{name: getattr(row, name) for name in names}, "dag_run_id": run}
    for key, value in xcoms.items():
        yield {**owner, "key": key, "value": value, "timestamp": row.pushed_at}
