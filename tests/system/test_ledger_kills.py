"""With a ledger, any Airflow pays once and delivers or reports after any crash, as the task state store lets 3.3 do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from demo.sessions import Session
from demo.standalone import free_ports
from tests.matrix.__main__ import ENVIRONMENTS, log_of, make_environment, run
from tests.matrix.cells import CELLS
from tests.system.chaos import chaos, restart, run_scenarios
from tests.system.conftest import Show
from tests.system.scenarios import RESTARTS, SCENARIOS

#: Cells of the matrix whose Airflow is tested in addition to that of this interpreter.
CELL_NAMES = ["", *os.environ.get("CELLS", "").split()]
#: Without those that only vary what a poll returns: no record changes then.
RECORDED = [each for each in SCENARIOS if not each.name.startswith(("poll:", "service away", "no faults, adaptive"))]
BUCKET = "accounts"


def interpreter(name: str) -> str:
    """Return the interpreter of a cell, whose environment is made if there is none, or this one."""
    if not name:
        return sys.executable
    cell, log, python = CELLS[name], log_of(CELLS[name]), ENVIRONMENTS / name / "bin" / "python"
    ENVIRONMENTS.mkdir(exist_ok=True)
    if not python.exists():
        make_environment(cell, ENVIRONMENTS / name, log)
    pins = ["--constraints", str(cell.pins)] if cell.pins else []
    assert run([".ci/uv", "pip", "install", "--python", str(python), *pins, "--group", "ledger"], log) == 0, log
    return str(python)


@contextmanager
def running_s3(log: Path) -> Iterator[str]:
    """Run an S3 server with an empty bucket, and yield its address."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    session = Session(command, environment=dict(os.environ), log=log)
    try:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=8), trust_env=False) as client:
            client.put(f"{url}/{BUCKET}").raise_for_status()
        yield url
    finally:
        session.end()


@contextmanager
def running_store(kind: str, folder: Path) -> Iterator[tuple[str, dict[str, str], Any]]:
    """Yield the URI of a ledger, the variables with which Airflow reaches it, and its file system for this process."""
    if kind == "files":
        yield f"file://{folder}/ledger", {}, fsspec.filesystem("dir", path=f"{folder}/ledger")
        return
    with running_s3(folder / "s3.log") as url:
        # The server accepts any key.
        extra = {"endpoint_url": url, "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
        s3 = fsspec.filesystem("s3", endpoint_url=url, key="test", secret="test", use_listings_cache=False)
        folder_of_ledger = fsspec.filesystem("dir", path=f"{BUCKET}/seedance", fs=s3)
        uri = f"s3://aws_default@{BUCKET}/seedance"
        yield uri, {"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)}, folder_of_ledger


def entries(ledger: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the entries of each DAG in a ledger."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in ledger.glob("generations/*/*.json"):
        entry = json.loads(ledger.cat_file(path))
        found.setdefault(entry["owner"]["dag_id"], []).append(entry)
    return found


def differences(found: list[dict[str, Any]], emulator: Emulator) -> list[str]:
    """Return what the service booked and the ledger does not count, and what only the ledger has."""
    booked = {each["id"] for each in emulator.ledger()}
    known = {each["prediction_id"] for each in found if each["prediction_id"]}
    paid = [each for each in found if each["state"] != "refused"]
    problems = [f"{each} is in the ledger, and was not booked" for each in known - booked]
    if len(paid) < len(booked):
        problems.append(f"{len(booked)} are booked, and {len(paid)} are in the ledger")
    return problems


@pytest.mark.parametrize("cell", CELL_NAMES, ids=lambda cell: cell or "here")
@pytest.mark.parametrize("kind", ["files", "S3"])
def test_any_airflow_with_a_ledger_pays_once_and_delivers_or_reports(
    cell: str, kind: str, tmp_path: Path, show: Show
) -> None:
    python = interpreter(cell)
    with (
        running_store(kind, tmp_path) as (uri, environment, ledger),
        chaos(tmp_path, RECORDED, python=python, extra={"ledger": uri}, environment=environment) as stage,
    ):
        restarted = (restart(*stage, name, component, signal) for name, component, signal in RESTARTS)
        show([*run_scenarios(*stage, RECORDED), *restarted])
        found = entries(ledger)
        ids = [each.dag_id for each in RECORDED]
        assert [each for dag_id in ids for each in differences(found[dag_id], stage[1][dag_id])] == []
