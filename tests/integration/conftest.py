"""A database for ``dag.test()``, created once."""

from __future__ import annotations

import contextlib
import functools
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.cli import cli_parser
from airflow.sdk import DAG
from sqlalchemy import Engine, event

from airflow_provider_seedance.emulator import videos
from tests.integration.examples import load_example
from tests.integration.marked_films import write_marked_film
from tests.integration.task_api import shared_task_api

_sleep = time.sleep


@pytest.fixture(scope="session")
def airflow_database(airflow_home: Path) -> Iterator[Path]:
    event.listen(Engine, "connect", _disable_disk_sync)
    _write_bundles_once()
    for command in (["db", "migrate"], ["dags", "reserialize"]):
        arguments = cli_parser.get_parser().parse_args(command)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Could not import graphviz")
            arguments.func(arguments)
    with shared_task_api():
        yield airflow_home / "airflow.db"


@pytest.fixture(autouse=True)
def marked_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the emulator encode one film of each length and size. All films differ, but not in their pictures."""
    monkeypatch.setattr(videos, "write_video", write_marked_film)


@functools.cache
def _cached_bundles() -> Any:
    from airflow.dag_processing import dagbag

    return functools.cache(dagbag.BundleDagBag)


@pytest.fixture(autouse=True)
def bundles_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``dag.test()`` read a bundle once, and not at each call: no file changes here."""
    with contextlib.suppress(ImportError):  # Airflow 3.1 has no such class
        monkeypatch.setattr("airflow.dag_processing.dagbag.BundleDagBag", _cached_bundles())


def _write_bundles_once() -> None:
    """Let ``dag.test()`` write the DAGs of a bundle once, and not at each call: no file changes here."""
    try:
        from airflow.dag_processing import dagbag
    except ImportError:  # Airflow 3.1 writes them only once
        return
    write, written = dagbag.sync_bag_to_db, set[str]()

    def write_new(bag: Any, *arguments: Any, **options: Any) -> None:
        if not bag.dags.keys() <= written:
            write(bag, *arguments, **options)
            written.update(bag.dags)

    dagbag.sync_bag_to_db = write_new  # type: ignore[assignment]  # of any arguments


def _disable_disk_sync(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


@pytest.fixture
def example(airflow_database: Path, short_waits: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], DAG]:
    """Return a function that loads an example DAG."""
    # If no task is due, dag.test() polls again after a second.
    monkeypatch.setattr(time, "sleep", lambda seconds: _sleep(min(seconds, 0.02)))
    return load_example
