"""The stored copies of generations, from the XComs ``stored``. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from airflow_provider_seedance.plugins.generations import TaskKey
from airflow_provider_seedance.plugins.roots import Root, root_of
from airflow_provider_seedance.stored import StoredFile, StoredFiles, without_query

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class StoredXCom:
    """
    An XCom ``stored``.

    :param key: The task instance that stored the files.
    :param pushed_at: When it was written.
    """

    key: TaskKey
    pushed_at: datetime
    files: StoredFiles


class Wanted(NamedTuple):
    """A generation whose copies are wanted, and its DAG if it is known."""

    prediction_id: str | None
    outputs: Sequence[str] = ()
    dag_id: str | None = None


def find_copies(
    wanted: Mapping[_Name, Wanted], stored: Iterable[StoredXCom], roots: Sequence[Root]
) -> dict[_Name, list[dict[str, Any]]]:
    """
    Return the copies of each generation that may be served: those of its own DAG first, and the last stored first.

    Another DAG may store a video, too. But its author must not decide what the page shows for a video of this DAG.

    :param wanted: The generations by a name.
    :param stored: The XComs, in any order.
    :param roots: The folders whose files may be served.
    """
    # By id and by link, because there can be thousands of XComs.
    by_id: dict[str | None, set[_Name]] = {}
    by_source: dict[str, set[_Name]] = {}
    for name, each in wanted.items():
        by_id.setdefault(each.prediction_id, set()).add(name)
        for output in each.outputs:
            by_source.setdefault(without_query(output), set()).add(name)
    found: dict[_Name, list[tuple[datetime, dict[str, Any]]]] = {name: [] for name in wanted}
    for xcom in stored:
        sources = [by_source.get(file.source, set()) for file in xcom.files.files]
        has_id = xcom.files.prediction_id is not None
        for name in by_id.get(xcom.files.prediction_id, set()) if has_id else set().union(*sources):
            found[name] += _copies_of(wanted[name], xcom, roots)
    return {name: _sorted(copies, wanted[name].dag_id) for name, copies in found.items()}


def _sorted(copies: list[tuple[datetime, dict[str, Any]]], dag_id: str | None) -> list[dict[str, Any]]:
    return [copy for _, copy in sorted(copies, key=lambda each: (each[1]["dag_id"] == dag_id, each[0]), reverse=True)]


def _copies_of(wanted: Wanted, xcom: StoredXCom, roots: Sequence[Root]) -> list[tuple[datetime, dict[str, Any]]]:
    return [
        (xcom.pushed_at, {**xcom.key.to_dict(), "file": position, **_description(file, roots)})
        for position in xcom.files.positions_of(wanted.prediction_id, wanted.outputs)
        if root_of((file := xcom.files.files[position]).path, roots)
    ]


def _description(file: StoredFile, roots: Sequence[Root]) -> dict[str, Any]:
    return {"index": file.index, "has_poster": root_of(file.poster, roots) is not None}
