"""Simulate a person who responds to a DAG's request for input, through Airflow's REST API like the UI."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

#: States of a task that waits for a response; Airflow below 3.3 has only the second.
_WAITING = ("awaiting_input", "deferred")


class Reviewer:
    """
    Responds to the first request of a DAG.

    :param dag_id: Id of the DAG.
    :param answer: Chosen option.
    """

    def __init__(self, dag_id: str, answer: str) -> None:
        self._dag_id = dag_id
        self._answer = answer
        self._client = _log_in()
        #: The answered request; empty before.
        self.request: dict[str, Any] = {}

    def poll(self) -> None:
        """Respond to the request if there is one."""
        found = self._client.get(f"/api/v2/dags/{self._dag_id}/dagRuns/~/hitlDetails").raise_for_status().json()
        for request in found["hitl_details"]:
            task = request["task_instance"]
            if task["state"] in _WAITING and not request["response_received"]:
                path = f"/api/v2/dags/{self._dag_id}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
                answer = {"chosen_options": [self._answer], "params_input": {}}
                self._client.patch(f"{path}/-1/hitlDetails", json=answer).raise_for_status()
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
    """Let a :class:`Reviewer` poll a few times a second during a ``with`` block."""
    reviewer = Reviewer(dag_id, answer)
    ended = threading.Event()

    def work() -> None:
        while not reviewer.request and not ended.wait(0.2):
            reviewer.poll()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield reviewer
    finally:
        ended.set()
        thread.join()
