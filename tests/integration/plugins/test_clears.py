"""What Airflow does with the record in its task state store when a task is cleared over its REST API, as in the UI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.utils.session import create_session
from sqlalchemy import text

from airflow_provider_seedance.emulator.handle import Emulator
from tests.integration.plugins.reader import Reader
from tests.versions import IS_3_4, needs_store


@needs_store
@pytest.mark.parametrize(("choice", "is_kept"), [({}, not IS_3_4), ({"keep_task_state": True}, True)])
def test_clear_keeps_the_record_below_3_4_and_where_the_task_state_is_kept(
    example: Callable[[str], DAG],
    seedance_emulator: Emulator,
    admin: Reader,
    choice: dict[str, Any],
    is_kept: bool,
) -> None:
    """See https://github.com/apache/airflow/pull/72100: what is not kept is paid for again."""
    if choice and not IS_3_4:
        pytest.skip("below Airflow 3.4 there is no such choice")
    run: Any = example("seedance_text_to_video").test()
    body = {"dag_run_id": run.run_id, "task_ids": ["make_video"], "dry_run": False, "only_failed": False, **choice}
    response = admin.post("/api/v2/dags/seedance_text_to_video/clearTaskInstances", body)

    assert response.status_code == 200, response.text
    assert records_of(run.run_id) == (1 if is_kept else 0)


def records_of(run_id: str) -> int:
    query = text("SELECT count(*) FROM task_state_store WHERE key = 'seedance_submission' AND run_id = :run_id")
    with create_session() as session:
        return int(session.execute(query, {"run_id": run_id}).scalar_one())
