"""The README's first DAG makes a video in an environment with the wheel only."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from tests.package.distributions import CHECKOUT
from tests.package.installation import Installation


@pytest.fixture
def emulator(installed_with_emulator: Installation) -> Iterator[Emulator]:
    with installed_with_emulator.running_emulator() as emulator:
        yield emulator


def first_dag() -> str:
    """Return the first snippet of the README."""
    found = re.search(r"^```python\n(.*?)^```$", (CHECKOUT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def xcom(installed: Installation) -> dict[str, Any]:
    """Return all XCom values of the only task in the database."""
    with closing(sqlite3.connect(installed.database)) as database:
        return {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM xcom")}


# It takes half a minute: the provider's delay before its first poll.
def test_first_dag_of_the_readme_makes_one_video_and_pays_once(installed: Installation, emulator: Emulator) -> None:
    dags = installed.home / "dags"
    dags.mkdir()
    (dags / "first.py").write_text(first_dag())
    settings = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_CONN_SEEDANCE_DEFAULT": emulator.connection_json,
    }

    installed.airflow("db", "migrate", **settings)
    installed.airflow("dags", "test", "seedance_text_to_video", **settings)

    [booked] = emulator.ledger()
    assert booked["parameters"]["prompt"].startswith("A paper boat drifts down a rainy street at dawn")
    assert booked["delivered"]
    pushed = xcom(installed)
    assert pushed["return_value"] == [pushed["video_url"]]
    assert pushed["prediction_id"] == booked["id"]
    with build_opener(ProxyHandler({})).open(pushed["video_url"], timeout=30) as video:
        # An MP4 file begins with a 4-byte length and its type.
        assert video.read(8)[4:] == b"ftyp"
    assert emulator.leaks() == []
