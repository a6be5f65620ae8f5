"""The API key is in the authorization header only: not in logs, database or requests to other servers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk._shared.secrets_masker import redact

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import FAST, running_emulator
from airflow_provider_seedance.gptproto.polling import Poller
from tests.clock import Clock

KEY = "sk-needle-7d1c0f52"
#: Faults of a run, and its final state.
RUNS: list[tuple[list[dict[str, Any]], str]] = [
    ([], "success"),
    ([{"endpoint": "submit", "status": 400, "body": {"error": {"message": f"no such key: {KEY}"}}}], "failed"),
    ([{"endpoint": "submit", "drop": "after"}], "failed"),
    ([{"endpoint": "result", "status": 401, "times": None, "body": {"error": f"bad {KEY}"}}], "failed"),
    ([{"endpoint": "result", "answer": "failed", "times": None}], "failed"),
]


# Only for the fast schedule of its fixture; the emulator with the searched key is another.
@pytest.mark.usefixtures("seedance_emulator")
def test_api_key_is_in_no_log_row_or_file(
    example: Callable[[str], DAG],
    airflow_database: Path,
    airflow_home: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert (redact({"password": KEY}), redact(KEY)) == ({"password": KEY}, KEY), "Airflow masks the key"
    # A permanent error ends a wait only after these seconds, which are real ones.
    monkeypatch.setattr(Poller, "MINIMUM_PERMANENT_SECONDS", 0.1)
    dag: Any = example("seedance_text_to_video")
    with running_emulator(replace(FAST, api_keys=(KEY,)), clock=clock) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", emulator.connection_json)
        for faults, state in RUNS:
            emulator.clear_faults()
            emulator.faults(faults)
            assert dag.test().state == state
        assert emulator.leaks() == []
        assert [each for each in emulator.requests() if not each["key"]] == []

    captured = capfd.readouterr()
    output = "\n".join([captured.out, captured.err, caplog.text])
    with closing(sqlite3.connect(airflow_database)) as connection:
        rows = "\n".join(connection.iterdump())
    files = "\n".join(path.read_text() for path in (airflow_home / "logs").rglob("*") if path.is_file())
    # The searched texts do contain the messages.
    assert "Submitted prediction" in output
    for message in ("no such key: ***", "may have been started and charged", "bad ***", "unexpected internal error"):
        assert message in output
    assert "A paper boat drifts" in rows
    for text in (output, rows, files):
        assert KEY not in text


@pytest.mark.parametrize(
    "fault",
    [
        {"endpoint": "submit", "answer": "redirect"},
        {"endpoint": "submit", "answer": "redirect", "status": 302},
        {"endpoint": "submit", "answer": "foreign-urls"},
        {"endpoint": "result", "answer": "redirect"},
        {"endpoint": "result", "answer": "foreign-urls"},
    ],
    ids=lambda fault: " ".join(str(value) for value in fault.values()),
)
def test_requests_go_to_the_configured_server_only(
    fault: dict[str, Any], example: Callable[[str], DAG], seedance_emulator: Emulator
) -> None:
    with running_emulator() as other:
        seedance_emulator.fault(location=other.url, **fault)
        example("seedance_text_to_video").test()
        assert seedance_emulator.faults() == []
        assert other.requests() == []
