"""
A pytest plugin to test your DAGs against the emulator.

.. code-block:: python

    pytest_plugins = ["airflow_provider_seedance.emulator.pytest_plugin"]


    def test_my_dag(seedance_emulator):
        my_dag.test()
        assert len(seedance_emulator.ledger()) == 1

The emulator finishes a video after a quarter of a second; the real service takes a minute. The fixture shortens the
expected duration, so that tasks poll several times a second. A ``poll_interval`` of the task has precedence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_seedance.emulator.handle import Emulator


#: The client's schedule as fast as the emulator, in seconds.
_FAST = {"MINIMUM_INTERVAL": 0.05, "CONFIRMATION_INTERVAL": 0.05, "MINIMUM_FAILURE_SECONDS": 0.1}


@pytest.fixture(scope="session")
def seedance_emulator_server() -> Iterator[Emulator]:
    """Run one emulator for all tests, on a free port of this host; it finishes videos fast."""
    from airflow_provider_seedance.emulator.extras import require_extra

    require_extra()
    from airflow_provider_seedance.emulator.server import running_emulator

    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def seedance_ledger(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """Return the ledger of the connection: an empty folder. Override it with ``None`` to test without a ledger."""
    return tmp_path_factory.mktemp("seedance_ledger").as_uri()


@pytest.fixture
def seedance_emulator(
    seedance_emulator_server: Emulator, seedance_ledger: str | None, monkeypatch: pytest.MonkeyPatch
) -> Emulator:
    """Return an emulator without bookings; for this test the connection ``seedance_default`` points to it."""
    seedance_emulator_server.reset()
    connection = {**seedance_emulator_server.connection, "extra": {"ledger": seedance_ledger}}
    monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", json.dumps(connection))
    # Patched by name: the emulator must not import the client that it tests.
    monkeypatch.setattr("airflow_provider_seedance.gptproto.times.USUAL_SECONDS", 0.25)
    poller = "airflow_provider_seedance.gptproto.polling.Poller"
    for name, value in _FAST.items():
        monkeypatch.setattr(f"{poller}.{name}", value)
    trigger = "airflow_provider_seedance.triggers.seedance.SeedancePredictionTrigger"
    monkeypatch.setattr(f"{trigger}.MINIMUM_SECONDS", 0.0)
    monkeypatch.setattr("airflow_provider_seedance.gptproto.flows.CONFIRM_DELAYS", (0.02, 0.04, 0.06, 0.08))
    return seedance_emulator_server
