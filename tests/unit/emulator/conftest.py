"""One emulator for all tests of this folder, on a clock that only tests move."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from tests.unit.emulator.customer import KEY, START, Clock, Customer


@pytest.fixture(scope="session")
def _lasting_customer() -> Iterator[Customer]:
    clock = Clock()
    with (
        running_emulator(Settings(), clock=clock) as emulator,
        httpx.Client(base_url=emulator.url, headers={"Authorization": KEY}, trust_env=False, timeout=30) as http,
        httpx.Client(base_url=emulator.url, trust_env=False, timeout=30) as keyless,
    ):
        yield Customer(emulator, http, keyless, clock)


@pytest.fixture
def customer(_lasting_customer: Customer) -> Customer:
    _lasting_customer.emulator.reset()
    _lasting_customer.clock.now = START
    return _lasting_customer


@pytest.fixture
def emulator(customer: Customer) -> Emulator:
    return customer.emulator
