"""Thousands of generations, as rows in Airflow's database that are copies of one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.browser.prompts import ARCHIVE_DAG, ARCHIVE_PROMPT

#: Between a generation and the one before it.
_STEP = timedelta(minutes=17)


def archived_prompt(number: int) -> str:
    """Return the prompt of a copy."""
    return f"{ARCHIVE_PROMPT}, view {number}"


def fill_archive(database: Path, count: int) -> None:
    """Copy the DAG's only generation, the later copies further in the past."""
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.row_factory = sqlite3.Row
        task = dict(connection.execute("SELECT * FROM task_instance WHERE dag_id = ?", [ARCHIVE_DAG]).fetchone())
        query = "SELECT * FROM xcom WHERE dag_id = ? AND key = 'prediction'"
        xcom = dict(connection.execute(query, [ARCHIVE_DAG]).fetchone())
        now = datetime.now(UTC).replace(tzinfo=None)
        numbers = range(1, count + 1)
        _insert(connection, "task_instance", [task | _identity(task["id"]) | {"map_index": each} for each in numbers])
        _insert(
            connection,
            "xcom",
            [
                xcom
                | {
                    "map_index": each,
                    "timestamp": (now - each * _STEP).isoformat(" "),
                    "value": xcom["value"].replace(ARCHIVE_PROMPT, archived_prompt(each)),
                }
                for each in numbers
            ],
        )


def empty_archive(database: Path) -> None:
    """Delete the copies; their XComs go with them."""
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM task_instance WHERE dag_id = ? AND map_index > 0", [ARCHIVE_DAG])


def _identity(like: str) -> dict[str, str]:
    return {"id": str(uuid4()) if "-" in like else uuid4().hex}


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in rows[0])
    marks = ", ".join("?" for _ in rows[0])
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608 - names of Airflow's own tables
    connection.executemany(statement, [list(row.values()) for row in rows])
