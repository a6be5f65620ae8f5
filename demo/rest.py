"""A client for the parts of Airflow's REST API that the demo and the system tests need."""

from __future__ import annotations

from typing import Any

import httpx

#: Airflow's default for the largest page.
_PAGE = 100


class AirflowApi:
    """
    A client of Airflow's REST API.

    :param url: Base URL of Airflow.
    """

    def __init__(self, url: str) -> None:
        # Airflow runs on this host: do not use the environment's proxy.
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def health(self) -> dict[str, str | None]:
        """Return the status of each component; needs no login."""
        return {name: state["status"] for name, state in self.get("monitor/health").items()}

    def login(self, username: str | None = None, password: str | None = None) -> None:
        """Get a token for all further requests; without a name, from an auth manager that makes every user an admin."""
        if username is None:
            response = self._client.get("/auth/token")
        else:
            response = self._client.post("/auth/token", json={"username": username, "password": password})
        response.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def get(self, path: str, **parameters: str | int) -> Any:
        """Return the JSON response of a path below ``/api/v2/``."""
        return self._call("GET", path, params=parameters)

    def post(self, path: str, content: Any) -> Any:
        """Post JSON to a path below ``/api/v2/`` and return the response."""
        return self._call("POST", path, json=content)

    def patch(self, path: str, content: Any) -> Any:
        """Patch a resource below ``/api/v2/`` and return the response."""
        return self._call("PATCH", path, json=content)

    def delete(self, path: str) -> None:
        """Delete a resource below ``/api/v2/``."""
        self._client.delete(f"/api/v2/{path}").raise_for_status()

    def import_errors(self) -> list[str]:
        """Return the stack traces of the DAG files that cannot be imported."""
        return [each["stack_trace"] for each in self.get("importErrors")["import_errors"]]

    def dag_ids(self) -> list[str]:
        """Return the ids of all parsed DAGs."""
        return [each["dag_id"] for each in self.get("dags")["dags"]]

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run of a DAG and return its id."""
        run_id: str = self.post(f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})["dag_run_id"]
        return run_id

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        state: str = self.get(f"dags/{dag_id}/dagRuns/{run_id}")["state"]
        return state

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run."""
        return self._list(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")

    def events(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the audit log of a run, the oldest entry first."""
        return self._list("eventLogs", "event_logs", dag_id=dag_id, run_id=run_id, order_by="event_log_id")

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", *, map_index: int = -1) -> Any:
        """Return an XCom value."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(path, deserialize="true", map_index=map_index)["value"]

    def log_lines(self, dag_id: str, run_id: str, task_id: str, try_number: int, *, map_index: int = -1) -> list[str]:
        """Return the lines of a try's log."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self.get(path, map_index=map_index)["content"]
        return [each if isinstance(each, str) else line(each) for each in content]

    def _list(self, path: str, name: str, **parameters: str) -> list[dict[str, Any]]:
        """Return the entries of all pages."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=_PAGE, offset=len(found), **parameters)
            found += page[name]
            if not page[name] or len(found) >= page["total_entries"]:
                return found

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        response = self._client.request(method, f"/api/v2/{path}", **arguments)
        response.raise_for_status()
        return response.json()


def line(entry: dict[str, Any]) -> str:
    """Return an entry of a task's log as text."""
    details = [f"{each['exc_type']}: {each['exc_value']}" for each in entry.get("error_detail") or []]
    return " ".join([entry.get("level", "").upper(), entry["event"], *details]).strip()
