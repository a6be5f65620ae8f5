"""What Airflow's metrics are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import GenerationFailedError
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.tasks import metrics
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video

pytestmark = pytest.mark.usefixtures("short_waits")

TAGS = {"model": "doubao-seedance-2-0-fast-260128", "mode": "text-to-video"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what is told: for a counter its number, for a timer its seconds, each with its tags."""
    told: dict[str, Any] = {}

    class Backend:
        def incr(self, name: str, count: int = 1, *, tags: dict[str, str]) -> None:
            number, _ = told.get(name, (0, None))
            told[name] = (number + count, tags)

        def timing(self, name: str, time_span: timedelta, *, tags: dict[str, str]) -> None:
            told[name] = (time_span.total_seconds(), tags)

    monkeypatch.setattr(metrics, "Stats", Backend())
    return told


def test_a_success(emulator: Emulator, told: dict[str, Any], deferrable: bool) -> None:
    Run().try_once(text_to_video(deferrable=deferrable))

    [booked] = emulator.ledger()
    wait, tags = told.pop("seedance.wait")
    assert (0 < wait < 60, tags) == (True, TAGS)
    assert told == {
        "seedance.submissions": (1, TAGS),
        # 5 seconds at 0.0998 USD.
        "seedance.estimated_cost_cents": (50, TAGS),
        "seedance.outcomes.succeeded": (1, TAGS),
        # The submission's answer is the first look.
        "seedance.polls": (booked["polls"] + 1, TAGS),
        "seedance.generation": (0.03, TAGS),
    }


def test_a_failure_by_its_cause(emulator: Emulator, told: dict[str, Any], deferrable: bool) -> None:
    with pytest.raises(GenerationFailedError):
        Run().try_once(text_to_video(prompt="[fail]", deferrable=deferrable))
    assert told["seedance.submissions"] == (1, TAGS)
    assert told["seedance.outcomes.GenerationFailedError"] == (1, {**TAGS, "at_fault": "service"})
    assert "seedance.outcomes.succeeded" not in told


def test_a_refusal_is_no_submission(emulator: Emulator, told: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException):
        Run().try_once(text_to_video(prompt="[policy]"))
    assert told == {"seedance.outcomes.ContentPolicyError": (1, {**TAGS, "at_fault": "author"})}


def test_what_is_picked_up_is_no_submission(
    emulator: Emulator, told: dict[str, Any], printed: Callable[[], str]
) -> None:
    prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
    told.clear()
    Run().try_once(SeedancePredictionSensor(task_id="wait", prediction_id=prediction_id, poke_interval=0.05))
    assert "seedance.submissions" not in told
    # The service says the model, and nobody the mode.
    assert told["seedance.outcomes.succeeded"] == (1, {"model": TAGS["model"]})


def test_a_backend_that_fails_costs_nothing_and_hides_nothing(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __getattr__(self, _: str) -> Callable[..., None]:
            def fail(*_: Any, **__: Any) -> None:
                raise OSError("no statsd")

            return fail

    monkeypatch.setattr(metrics, "Stats", Broken())
    assert Run().try_once(text_to_video(durable=False))
    with pytest.raises(AirflowFailException, match="duration: 99"):
        Run().try_once(text_to_video(duration=99))
    assert len(emulator.ledger()) == 1


def test_a_flagged_video_that_fails_the_task_is_no_success(emulator: Emulator, told: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException):
        Run().try_once(text_to_video(prompt="[nsfw]", fail_on_nsfw=True))
    assert [name for name in told if "outcomes" in name] == ["seedance.outcomes.NsfwContentError"]
