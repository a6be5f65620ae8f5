"""Simulate a person who responds to a DAG's request for input, through Airflow's REST API like the UI."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import UUID

from airflow.models.hitl import HITLDetail
from airflow.providers.standard.triggers import hitl
from airflow.utils.session import create_session
from fastapi.testclient import TestClient

#: States of a task that waits for a response: with the last one, dag.test() of Airflow below 3.3 runs the trigger.
_WAITING = ("awaiting_input", "deferred", "queued")


class Reviewer:
    """
    Responds to the requests of a DAG.

    :param dag_id: Id of the DAG.
    :param answers: Chosen options, one for each request.
    """

    def __init__(self, dag_id: str, *answers: str) -> None:
        self._dag_id = dag_id
        self._answers = answers
        self._client = _log_in()
        #: The answered requests.
        self.requests: list[dict[str, Any]] = []

    @property
    def is_done(self) -> bool:
        """Whether all answers are given."""
        return len(self.requests) == len(self._answers)

    def poll(self) -> None:
        """Respond to a request if there is one."""
        found = self._client.get(f"/api/v2/dags/{self._dag_id}/dagRuns/~/hitlDetails").raise_for_status().json()
        for request in found["hitl_details"]:
            task = request["task_instance"]
            if task["state"] in _WAITING and not request["response_received"] and not self.is_done:
                path = f"/api/v2/dags/{self._dag_id}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
                answer = {"chosen_options": [self._answers[len(self.requests)]], "params_input": {}}
                self._client.patch(f"{path}/-1/hitlDetails", json=answer).raise_for_status()
                self.requests.append(request)


def _read_response(ti_id: UUID) -> Any:
    """Return the response to a request: in dag.test() of Airflow below 3.3 the trigger receives none."""
    from airflow.api_fastapi.execution_api.datamodels.hitl import HITLDetailResponse

    with create_session() as session:
        # Airflow 3.1 has text in this column.
        request = session.get(HITLDetail, HITLDetail.ti_id.type.python_type(str(ti_id)))
        assert request is not None
        return HITLDetailResponse.from_hitl_detail_orm(request)


@functools.cache
def _log_in() -> TestClient:
    from airflow.api_fastapi.app import create_app

    client = TestClient(create_app(apps="core"))
    token = client.get("/auth/token").json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@contextmanager
def reviewing(dag_id: str, *answers: str) -> Iterator[Reviewer]:
    """Let a :class:`Reviewer` poll a few times a second during a ``with`` block."""
    reviewer = Reviewer(dag_id, *answers)
    ended = threading.Event()

    def work() -> None:
        while not reviewer.is_done and not ended.wait(0.2):
            reviewer.poll()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with mock.patch.object(hitl, "get_hitl_detail_content_detail", _read_response):
            yield reviewer
    finally:
        ended.set()
        thread.join()
