"""Task logs in S3, and copies of the files that the components wrote before the upload."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from demo.rest import line
from tests.s3 import running_s3, s3_connection
from tests.system.cluster.stage import TASK_ID, Stage

_BUCKET = "task-logs"
#: Seconds between scans for new files; each exists at least as long as a task's process takes to start.
_PERIOD = 0.1


@contextmanager
def running_log_store() -> Iterator[dict[str, str]]:
    """Run an S3 server with an empty bucket, and yield the settings for task logs in it."""
    with running_s3(_BUCKET) as address:
        yield {
            "AIRFLOW_CONN_TASK_LOGS": s3_connection(address),
            "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS": "True",
            "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": f"s3://{_BUCKET}",
            "AIRFLOW__LOGGING__REMOTE_LOGGING": "True",
            "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID": "task_logs",
        }


def task_logs(folder: Path) -> list[Path]:
    """Return the task log files below a folder."""
    return list(folder.rglob("attempt=*.log*"))


@contextmanager
def kept_task_logs(folder: Path, copies: Path) -> Iterator[None]:
    """
    Keep copies of all task logs below a folder, which Airflow deletes after the upload to S3.

    :param folder: Log folder of the components.
    :param copies: Folder for hard links to the files, which keep their whole content.
    """
    ended = threading.Event()

    def link_new() -> None:
        for path in task_logs(folder):
            with suppress(FileNotFoundError):
                # After a deferral, the task writes to a new file of the same name.
                copy = copies / path.relative_to(folder).parent / f"{path.name}.{path.stat().st_ino}"
                copy.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):
                    os.link(path, copy)

    def watch() -> None:
        while not ended.wait(_PERIOD):
            link_new()

    watcher = threading.Thread(target=watch, name="task-logs")
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def written(copies: Path, dag_id: str, run_id: str, index: int) -> dict[str, list[str]]:
    """Return the lines of a task's log that each component wrote."""
    folder = f"dag_id={dag_id}/run_id={run_id}/task_id={TASK_ID}/map_index={index}"
    found: dict[str, list[str]] = {}
    for component in copies.iterdir():
        for path in task_logs(component / folder):
            entries = path.read_text().splitlines()
            found.setdefault(component.name, []).extend(line(json.loads(entry)) for entry in entries)
    return found


def read(stage: Stage, dag_id: str, run_id: str, index: int, tries: int) -> list[str]:
    """Return the log of a task's tries from Airflow's API, without its lines about the log's source."""
    logged = []
    for number in range(1, tries + 1):
        lines = stage.cluster.api.log_lines(dag_id, run_id, TASK_ID, number, map_index=index)
        logged += lines[next(at for at, each in enumerate(lines) if "::endgroup::" in each) + 1 :]
    return logged
