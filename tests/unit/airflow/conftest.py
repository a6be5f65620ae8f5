"""Fixtures of the tests of the Airflow modules."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_seedance.emulator.handle import Emulator


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that returns the output since its last call, including Airflow's log."""

    def read() -> str:
        out, err = capsys.readouterr()
        return f"{out}{err}"

    return read


@pytest.fixture
def emulator(seedance_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Return the emulator with generations as short as the poll interval of ``short_waits``."""
    # The seed is 0 where the request has none: equal requests have one video, which is encoded once.
    monkeypatch.setattr("airflow_provider_seedance.emulator.service.SEED_MAXIMUM", 0)
    seedance_emulator.settings(seconds_created=0.02, seconds_queued=0.02, seconds_running=0.03)
    return seedance_emulator


@pytest.fixture(params=[True, False], ids=["deferrable", "on the worker"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
