"""A user of Airflow's API server."""

from __future__ import annotations

import inspect
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api import security
from fastapi.testclient import TestClient

GENERATIONS = "/seedance/api/generations"
TABLE = "/seedance/api/generations.csv"
#: Airflow 3.1.0 checks the right to a DAG only in the path. The filter of readable DAGs holds there as well.
CHECKS_QUERY = "query_params" in inspect.getsource(security.requires_access_dag)
SHOWN_DAG = "shown"


class Reader:
    """A client with the session of a user."""

    def __init__(self, server: TestClient, role: str) -> None:
        user = SimpleAuthManagerUser(username=role.lower(), role=role)
        self._server = server
        self._cookie = {"Cookie": f"_token={get_auth_manager().generate_jwt(user)}"}

    def get(self, url: str, *, method: str = "GET", headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self._server.request(
            method, url, params=query, headers={**self._cookie, **(headers or {})}, follow_redirects=False
        )

    def post(self, url: str, body: Any) -> Any:
        return self._server.post(url, json=body, headers=self._cookie)

    def generations(self, **query: Any) -> Any:
        response = self.get(GENERATIONS, **query)
        assert response.status_code == 200, response.text
        return response.json()
