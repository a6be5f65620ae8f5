"""Shared by all tests: a temporary Airflow home, a fake clock, and guards against network access and sleeps."""

from __future__ import annotations

import gc
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests import network, sleeping
from tests.clock import Clock
from tests.state_backend import Configure, configurable_backend

if TYPE_CHECKING:
    from airflow_provider_seedance.emulator.handle import Emulator

network.install_guard()
sleeping.install_watch()
# The garbage collector visits Airflow's many objects again and again, which takes an eighth of the time of dag.test().
gc.set_threshold(50_000)
# Airflow reads its configuration at import, and some test modules import it before any fixture runs.
for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]
EXAMPLE_DAGS = Path(__file__).parents[1] / "example_dags"
#: The folders of the tests that must not sleep.
AWAKE = (Path(__file__).with_name("unit"), Path(__file__).with_name("harness"))
#: The folders of the DAGs that tests run, by the name of their bundle.
BUNDLES = {"dags-folder": EXAMPLE_DAGS, "tests": Path(__file__).parent / "integration" / "dags"}
_HOME = Path(tempfile.mkdtemp(prefix="seedance-tests-"))
os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE_DAGS),
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
        [
            {
                "name": name,
                "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                "kwargs": {"path": str(path)},
            }
            for name, path in BUNDLES.items()
        ]
    ),
    # Without an issuer Airflow 3.1.3 makes tokens that PyJWT refuses since 2.10.
    "AIRFLOW__API_AUTH__JWT_ISSUER": "seedance-tests",
    # Airflow's default resolves this host's name by DNS.
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
    # Mask no secrets, so that tests find what the provider leaks.
    "AIRFLOW__CORE__HIDE_SENSITIVE_VAR_CONN_FIELDS": "False",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(_HOME / "logs"),
    "AIRFLOW__LOGGING__MIN_LENGTH_MASKED_SECRET": "1000",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "SCARF_ANALYTICS": "False",
}

pytest_plugins = ["airflow_provider_seedance.emulator.pytest_plugin"]


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    sleeping.take_slept()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    yield
    assert network.take_refused() == [], "the test accessed a host other than this one"
    slept = sleeping.take_slept()
    if any(map(item.path.is_relative_to, AWAKE)) and item.get_closest_marker("real_time") is None:
        assert slept == [], "the unit test slept (seconds)"


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    return _HOME


@pytest.fixture(scope="session")
def clock() -> Clock:
    """Return the emulator's clock, which the pauses of ``short_waits`` advance."""
    return Clock()


@pytest.fixture(scope="session")
def seedance_emulator_server(clock: Clock) -> Iterator[Emulator]:
    from airflow_provider_seedance.emulator.server import running_emulator

    with running_emulator(clock=clock) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """Return the address of an S3 server."""
    from tests.s3 import running_s3

    with running_s3() as address:
        yield address


@pytest.fixture
def seedance_ledger() -> str | None:
    """Return no ledger: the record is in the task state store, where Airflow has one."""
    return None


@pytest.fixture
def state_backend(tmp_path: Path) -> Iterator[Configure]:
    """Return a function that configures the task state store in object storage, in ``tmp_path``."""
    with configurable_backend(tmp_path) as configure:
        yield configure


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Poll at short intervals, and advance the clock instead of sleeping."""
    from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
    from airflow_provider_seedance.gptproto.http import download
    from airflow_provider_seedance.gptproto.polling import Poller
    from airflow_provider_seedance.tasks import sending
    from airflow_provider_seedance.triggers.settings_cache import settings_in_time

    monkeypatch.setattr(time, "time", clock)
    pausing: list[tuple[Any, Any]] = [
        (GPTProtoClient.__init__, clock.pause),
        (AsyncGPTProtoClient.__init__, clock.pause_async),
        (settings_in_time, clock.pause_async),
    ]
    for function, pause in pausing:
        defaults: Any = function.__kwdefaults__
        monkeypatch.setitem(defaults, "clock", clock)
        monkeypatch.setitem(defaults, "sleep", pause)
    monkeypatch.setattr(download, "MAXIMUM_DELAY", 0.0)
    monkeypatch.setattr(sending, "time", SimpleNamespace(time=clock, sleep=clock.pause))
    monkeypatch.setattr(Poller, "INITIAL_DELAY", 0.0)
    monkeypatch.setattr(Poller, "INTERVAL_SHARE", 0.0)
    monkeypatch.setattr(Poller, "MINIMUM_INTERVAL", 0.05)
