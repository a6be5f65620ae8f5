"""A person who answers what a DAG asks of people, as the UI does: through Airflow's REST API."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

#: States of a task that waits for a person; Airflow below 3.3 knows the second one only.
_WAITING = ("awaiting_input", "deferred")


class Reviewer:
    """
    Somebody who gives the same answer to the first request of a DAG.

    :param dag_id: Of which DAG.
    :param answer: One of the options.
    """

    def __init__(self, dag_id: str, answer: str) -> None:
        self._dag_id = dag_id
        self._answer = answer
        self._client = _log_in()
        #: What was asked; empty as long as nothing was.
        self.request: dict[str, Any] = {}

    def poll(self) -> None:
        """Answer the request if it is there."""
        found = self._client.get(f"/api/v2/dags/{self._dag_id}/dagRuns/~/hitlDetails").raise_for_status().json()
        for request in found["hitl_details"]:
            task = request["task_instance"]
            if task["state"] in _WAITING and not request["response_received"]:
                place = f"/api/v2/dags/{self._dag_id}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
                answer = {"chosen_options": [self._answer], "params_input": {}}
                self._client.patch(f"{place}/-1/hitlDetails", json=answer).raise_for_status()
                self.request = request


@functools.cache
def _log_in() -> TestClient:
    from airflow.api_fastapi.app import create_app

    client = TestClient(create_app(apps="core"))
    token = client.get("/auth/token").json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@contextmanager
def reviewing(dag_id: str, answer: str) -> Iterator[Reviewer]:
    """Let a person look a few times a second during a ``with`` block; see :class:`Reviewer`."""
    reviewer = Reviewer(dag_id, answer)
    is_over = threading.Event()

    def work() -> None:
        while not reviewer.request and not is_over.wait(0.2):
            reviewer.poll()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield reviewer
    finally:
        is_over.set()
        thread.join()
