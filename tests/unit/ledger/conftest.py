"""Ledgers on disk and on a real S3 server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.io import attach
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from airflow_provider_seedance.ledger.store import Store, open_store

_NUMBERS = itertools.count(1)


def attached(address: str, conn_id: str) -> Any:
    """Attach a file system of its own to ``s3://<conn_id>@``, as Airflow's Amazon provider does in each process."""
    options = {"endpoint_url": address, "key": "test", "secret": "test", "skip_instance_cache": True}
    return attach("s3", conn_id=conn_id, fs=S3FileSystem(**options)).fs


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3(s3_address: str) -> Any:
    return attached(s3_address, "ledger_s3")


@pytest.fixture(params=["file", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URI of an empty ledger."""
    if request.param == "file":
        return f"file://{tmp_path}/seedance"
    bucket = f"ledger-{next(_NUMBERS)}"
    request.getfixturevalue("s3").mkdir(bucket)
    return f"s3://ledger_s3@{bucket}/seedance"


@pytest.fixture
def store(uri: str) -> Store:
    return open_store(uri)
