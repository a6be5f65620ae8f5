"""The extra link *Video*: the button on a task that leads to its video."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator, TaskDeferred, XCom
from airflow.providers_manager import ProvidersManager

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from airflow_provider_seedance.links.seedance import SeedanceVideoLink
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from airflow_provider_seedance.provider_info import get_provider_info
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video

TI_KEY: Any = SimpleNamespace(dag_id="boats", run_id="manual__2026-01-01T00:00:00+00:00", task_id="boat", map_index=3)
URL = "https://cdn.example/videos/1.mp4?signature=a%2Bb"


def link(operator: Any) -> str:
    """Return the link as Airflow's worker evaluates it: with the operator object that the last leg ran."""
    [each] = operator.operator_extra_links
    evaluated: str = each.get_link(operator=operator, ti_key=TI_KEY)
    return evaluated


def link_to(address: str) -> str:
    operator: Any = SimpleNamespace(video_url=address)
    return SeedanceVideoLink().get_link(operator, ti_key=TI_KEY)


def test_link_is_the_url_of_the_video() -> None:
    assert link_to(URL) == URL


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,<script>", "//cdn.example/1.mp4", ""])
def test_link_is_empty_if_it_is_no_web_url(address: str) -> None:
    assert link_to(address) == ""


def test_link_is_empty_for_another_operator() -> None:
    assert SeedanceVideoLink().get_link(BaseOperator(task_id="boat"), ti_key=TI_KEY) == ""


class TestEvaluation:
    """Airflow evaluates the link after each leg, without a call of its API: a missing XCom is an error in the log."""

    pytestmark = pytest.mark.usefixtures("short_waits", "no_xcom")

    @pytest.fixture
    def no_xcom(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("the link reads an XCom")

        for name in ("get_value", "get_one", "get_all"):
            monkeypatch.setattr(XCom, name, refuse)

    def test_link_of_an_operator_leads_to_its_video(self, emulator: Emulator, deferrable: bool) -> None:
        run = Run()
        [url] = run.try_once(text_to_video(deferrable=deferrable))
        assert link(run.operator) == url
        assert len(run.deferrals) == (1 if deferrable else 0)

    def test_link_of_a_sensor_leads_to_the_video(self, emulator: Emulator, deferrable: bool) -> None:
        # Long enough for the first poll, also on a busy machine.
        emulator.settings(seconds_running=0.5)
        prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
        run = Run()
        sensor = SeedancePredictionSensor(
            task_id="wait", prediction_id=prediction_id, poke_interval=0.05, deferrable=deferrable
        )
        [url] = run.try_once(sensor)
        assert link(run.operator) == url
        assert len(run.deferrals) == (1 if deferrable else 0)

    def test_no_link_is_stored_during_the_wait(self, emulator: Emulator) -> None:
        operator = text_to_video(deferrable=True)
        assert link(operator) == ""
        with pytest.raises(TaskDeferred):
            operator.execute(Run().context())
        # Airflow pushes an XCom for each of them.
        assert list(operator.operator_extra_links) == []
        [booked] = emulator.ledger()
        sensor = SeedancePredictionSensor(task_id="wait", prediction_id=booked["id"], deferrable=True)
        assert link(sensor) == ""

    def test_link_is_empty_after_a_failed_generation(self, emulator: Emulator) -> None:
        run = Run()
        with pytest.raises(GenerationFailedError):
            run.try_once(text_to_video(prompt="[fail]"))
        assert link(run.operator) == ""


def test_operators_have_the_link_video() -> None:
    assert [link.name for link in SeedanceTextToVideoOperator.operator_extra_links] == ["Video"]


def test_xcom_key_of_the_link_is_none_of_the_results() -> None:
    assert SeedanceVideoLink().xcom_key not in ("return_value", "prediction_id", "prediction", "video_url")


def test_airflow_registers_the_class_of_the_link() -> None:
    path = f"{SeedanceVideoLink.__module__}.{SeedanceVideoLink.__name__}"
    assert get_provider_info()["extra-links"] == [path]
    assert path in ProvidersManager().extra_links_class_names  # type: ignore[no-untyped-call]  # Airflow's
