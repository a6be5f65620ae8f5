"""One emulator for all tests of this directory, with a clock that the tests advance."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from tests.unit.emulator.api_client import KEY, START, ApiClient, Clock


@pytest.fixture(scope="session")
def _session_client() -> Iterator[ApiClient]:
    clock = Clock()
    with (
        running_emulator(Settings(), clock=clock) as emulator,
        httpx.Client(base_url=emulator.url, headers={"Authorization": KEY}, trust_env=False, timeout=30) as http,
        httpx.Client(base_url=emulator.url, trust_env=False, timeout=30) as keyless,
    ):
        yield ApiClient(emulator, http, keyless, clock)


@pytest.fixture
def client(_session_client: ApiClient) -> ApiClient:
    _session_client.emulator.reset()
    _session_client.clock.now = START
    return _session_client


@pytest.fixture
def emulator(client: ApiClient) -> Emulator:
    return client.emulator
