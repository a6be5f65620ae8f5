"""Airflow's API server in this process, and its users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.api_fastapi import app as airflow_app
from fastapi.testclient import TestClient

from tests.integration.plugins.hiding_auth_manager import HidingAuthManager
from tests.integration.plugins.page_rows import delete_rows, delete_xcoms
from tests.integration.plugins.reader import Reader

_SECRET = "of these tests, and long enough for a key of the algorithm SHA-512, which takes 64 bytes"


@pytest.fixture(scope="package")
def server(airflow_database: Path) -> Iterator[TestClient]:
    """Return a client of Airflow's API server without credentials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"{HidingAuthManager.__module__}.{HidingAuthManager.__name__}")
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", _SECRET)
        # Without it, Airflow 3.1.0 gives PyJWT an issuer that is None.
        patch.setenv("AIRFLOW__API_AUTH__JWT_ISSUER", "airflow.example")
        airflow_app.purge_cached_app()
        with TestClient(airflow_app.create_app("core"), base_url="http://airflow.example") as client:
            yield client
        airflow_app.purge_cached_app()


@pytest.fixture
def viewer(server: TestClient) -> Reader:
    """Return a client of a user who may read all DAGs but the hidden one."""
    return Reader(server, "VIEWER")


@pytest.fixture
def admin(server: TestClient) -> Reader:
    return Reader(server, "ADMIN")


@pytest.fixture(autouse=True)
def _rows(airflow_database: Path) -> Iterator[None]:
    # Other tests of this process run tasks, whose XComs stay in the database.
    delete_xcoms()
    yield
    delete_rows()
