"""The extra link *Video*: the button on a task that leads to its video."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator, XCom
from airflow.providers_manager import ProvidersManager

from airflow_provider_seedance.links.seedance import SeedanceVideoLink
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.provider_info import get_provider_info

TI_KEY: Any = SimpleNamespace(dag_id="boats", run_id="manual__2026-01-01T00:00:00+00:00", task_id="boat", map_index=3)
URL = "https://cdn.example/videos/1.mp4?signature=a%2Bb"


@pytest.fixture
def xcoms(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the XComs of the task instance; a read of another one's fails."""
    values: dict[str, Any] = {}

    def get_value(*, ti_key: object, key: str) -> Any:
        assert ti_key is TI_KEY
        return values.get(key)

    monkeypatch.setattr(XCom, "get_value", get_value)
    return values


def link() -> str:
    return SeedanceVideoLink().get_link(BaseOperator(task_id="boat"), ti_key=TI_KEY)


def test_link_is_the_url_of_the_video(xcoms: dict[str, Any]) -> None:
    xcoms["video_url"] = URL
    assert link() == URL


def test_link_is_empty_without_a_video(xcoms: dict[str, Any]) -> None:
    xcoms["prediction_id"] = "4f0a9c1e7b3d4c5f8e6a2b1d0c9f8e7d"
    assert link() == ""


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,<script>", "//cdn.example/1.mp4", "", 7, []]
)
def test_link_is_empty_if_it_is_no_web_url(xcoms: dict[str, Any], address: object) -> None:
    xcoms["video_url"] = address
    assert link() == ""


def test_operators_have_the_link_video() -> None:
    assert [link.name for link in SeedanceTextToVideoOperator.operator_extra_links] == ["Video"]


def test_xcom_key_of_the_link_is_none_of_the_results() -> None:
    assert SeedanceVideoLink().xcom_key not in ("return_value", "prediction_id", "prediction", "video_url")


def test_airflow_registers_the_class_of_the_link() -> None:
    path = f"{SeedanceVideoLink.__module__}.{SeedanceVideoLink.__name__}"
    assert get_provider_info()["extra-links"] == [path]
    assert path in ProvidersManager().extra_links_class_names  # type: ignore[no-untyped-call]  # Airflow's
