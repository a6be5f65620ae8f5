"""Reads XComs and their tasks from Airflow's database: only of DAGs that the reader may read, and never writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from airflow.api_fastapi.core_api.security import PermittedDagFilter
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Select, Text, cast, or_, select, tuple_
from sqlalchemy.orm import Session

from airflow_provider_seedance.plugins.copies import StoredXCom
from airflow_provider_seedance.plugins.generations import FINISHED, Generation, TaskKey, read_json
from airflow_provider_seedance.stored import STORED, StoredFiles

PREDICTION, PREDICTION_ID = "prediction", "prediction_id"
#: Rows that are fetched at once. A value has about 2 kB.
_BATCH = 500
_COLUMNS = (XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.map_index)
#: The columns of a :class:`TaskKey`. Airflow has regions since 3.4.
_KEY = (*_COLUMNS, XComModel.region_id) if hasattr(XComModel, "region_id") else _COLUMNS


class XComs:
    """
    The XComs that a reader may read.

    :param session: The session of the request.
    :param readable: Airflow's filter for the XComs of the reader.
    """

    def __init__(self, session: Session, readable: PermittedDagFilter) -> None:
        self._session = session
        self._readable = readable

    @property
    def readable_dag_ids(self) -> set[str]:
        """The DAGs whose XComs the reader may read."""
        return self._readable.value or set()

    def dag_ids(self) -> list[str]:
        """Return the DAGs with generations, sorted."""
        query = select(XComModel.dag_id).where(XComModel.key == PREDICTION).distinct()
        return sorted(self._session.scalars(self._readable.to_orm(query)))

    def generations(
        self, *, dag_id: str | None = None, since: datetime | None = None, before: datetime | None = None
    ) -> Iterator[Generation]:
        """Yield the generations of a DAG and a period, in any order."""
        query = _generations()
        if dag_id is not None:
            query = query.where(XComModel.dag_id == dag_id)
        if since is not None:
            query = query.where(XComModel.timestamp >= since)
        if before is not None:
            query = query.where(XComModel.timestamp < before)
        return self._read(query)

    def unfinished(self, dag_id: str | None = None) -> Iterator[Generation]:
        """Yield the generations whose tasks have not finished, in any order."""
        query = _generations().where(or_(TaskInstance.state.is_(None), TaskInstance.state.not_in(FINISHED)))
        return self._read(query if dag_id is None else query.where(XComModel.dag_id == dag_id))

    def generations_of(self, keys: Sequence[TaskKey]) -> Iterator[Generation]:
        """Yield the generations of task instances, in their order. One that is gone by now is left out."""
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            values = [key[: len(_KEY)] for key in batch]
            found = {each.key: each for each in self._read(_generations().where(tuple_(*_KEY).in_(values)))}
            yield from (found[key] for key in batch if key in found)

    def generations_with(self, prediction_ids: Iterable[str]) -> Iterator[Generation]:
        """Yield the generations with these prediction ids."""
        texts = [json.dumps(each) for each in prediction_ids]
        # Airflow stores a value as JSON, or as JSON in a JSON text.
        is_wanted = cast(XComModel.value, Text).in_([*texts, *map(json.dumps, texts)])
        rows = self._execute(select(*_KEY).where(XComModel.key == PREDICTION_ID, is_wanted))
        return self.generations_of([TaskKey(*row) for row in rows])

    def stored(self, *, since: datetime | None = None, key: TaskKey | None = None) -> Iterator[StoredXCom]:
        """Yield the XComs ``stored`` from a time on, or the one of a task instance."""
        columns: tuple[Any, ...] = (*_KEY, XComModel.timestamp, cast(XComModel.value, Text))
        query = select(*columns).where(XComModel.key == STORED)
        if since is not None:
            query = query.where(XComModel.timestamp >= since)
        if key is not None:
            known = [(column, value) for column, value in zip(_KEY, key, strict=False) if value is not None]
            query = query.where(*(column == value for column, value in known))
        for *task, pushed_at, value in self._execute(query):
            yield StoredXCom(TaskKey(*task), pushed_at, StoredFiles.from_dict(read_json(value)))

    def release(self) -> None:
        """Return the connection to the pool: a store that hangs must not take the database from other requests."""
        self._session.commit()

    def _execute(self, query: Select[*tuple[Any, ...]]) -> Iterable[Any]:
        return self._session.execute(self._readable.to_orm(query), execution_options={"yield_per": _BATCH})

    def _read(self, query: Select[Any]) -> Iterator[Generation]:
        for *task, pushed_at, state, try_number, operator, custom_operator, label, value in self._execute(query):
            key = TaskKey(*task)
            if label is None and key.map_index >= 0:
                label = str(key.map_index)  # as Airflow 3.3, where 3.1 leaves it empty
            found = Generation(
                key=key,
                pushed_at=pushed_at,
                state=state,
                try_number=try_number or 0,
                operator=custom_operator or operator,
                label=label,
                value=read_json(value),
            )
            if not found.is_foreign:
                yield found


def _generations() -> Select[Any]:
    columns: tuple[Any, ...] = (
        *_KEY,
        XComModel.timestamp,
        TaskInstance.state,
        TaskInstance.try_number,
        TaskInstance.operator,
        TaskInstance.custom_operator_name,
        TaskInstance.rendered_map_index,
        # As text, because one value that SQLAlchemy cannot decode would fail the whole query.
        cast(XComModel.value, Text),
    )
    # The relationship, because from Airflow 3.4 on several tasks can have the same DAG, run, id and index.
    return select(*columns).outerjoin(XComModel.task).where(XComModel.key == PREDICTION)
