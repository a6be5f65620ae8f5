"""Ledgers on disk and on a real S3 server."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.ledger.store import Store, open_store
from tests.s3 import attach_s3

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def s3(s3_address: str) -> Any:
    return attach_s3(s3_address, "ledger_s3")


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
