"""The metrics that a task emits."""

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
def emitted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the emitted metrics: the number of a counter or the seconds of a timer, each with its tags."""
    emitted: dict[str, Any] = {}

    class Backend:
        def incr(self, name: str, count: int = 1, *, tags: dict[str, str]) -> None:
            number, _ = emitted.get(name, (0, None))
            emitted[name] = (number + count, tags)

        def timing(self, name: str, time_span: timedelta, *, tags: dict[str, str]) -> None:
            emitted[name] = (time_span.total_seconds(), tags)

    monkeypatch.setattr(metrics, "Stats", Backend())
    return emitted


def test_success_emits_all_metrics(emulator: Emulator, emitted: dict[str, Any], deferrable: bool) -> None:
    Run().try_once(text_to_video(deferrable=deferrable))

    [booked] = emulator.ledger()
    wait, tags = emitted.pop("seedance.wait")
    assert (0 < wait < 60, tags) == (True, TAGS)
    assert emitted == {
        "seedance.submissions": (1, TAGS),
        # 5 seconds at 0.0998 USD.
        "seedance.estimated_cost_cents": (50, TAGS),
        "seedance.outcomes.succeeded": (1, TAGS),
        # The response to the submission is the first poll.
        "seedance.polls": (booked["polls"] + 1, TAGS),
        "seedance.generation": (0.03, TAGS),
    }


def test_failure_is_counted_by_its_cause(emulator: Emulator, emitted: dict[str, Any], deferrable: bool) -> None:
    with pytest.raises(GenerationFailedError):
        Run().try_once(text_to_video(prompt="[fail]", deferrable=deferrable))
    assert emitted["seedance.submissions"] == (1, TAGS)
    assert emitted["seedance.outcomes.GenerationFailedError"] == (1, {**TAGS, "at_fault": "service"})
    assert "seedance.outcomes.succeeded" not in emitted


def test_refusal_is_not_counted_as_submission(emulator: Emulator, emitted: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException):
        Run().try_once(text_to_video(prompt="[policy]"))
    assert emitted == {"seedance.outcomes.ContentPolicyError": (1, {**TAGS, "at_fault": "author"})}


def test_lost_response_is_counted_as_unconfirmed_submission(emulator: Emulator, emitted: dict[str, Any]) -> None:
    emulator.fault(endpoint="submit", drop="after")
    with pytest.raises(AirflowFailException):
        Run().try_once(text_to_video())
    assert emitted["seedance.unconfirmed_submissions"] == (1, TAGS)
    assert "seedance.submissions" not in emitted


def test_prediction_of_another_task_is_not_counted_as_submission(
    emulator: Emulator, emitted: dict[str, Any], printed: Callable[[], str]
) -> None:
    prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
    emitted.clear()
    Run().try_once(SeedancePredictionSensor(task_id="wait", prediction_id=prediction_id, poke_interval=0.05))
    assert "seedance.submissions" not in emitted
    # The service reports the model, but not the mode.
    assert emitted["seedance.outcomes.succeeded"] == (1, {"model": TAGS["model"]})


def test_broken_backend_fails_no_task_and_hides_no_error(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_flagged_video_that_fails_the_task_is_not_counted_as_success(
    emulator: Emulator, emitted: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException):
        Run().try_once(text_to_video(prompt="[nsfw]", fail_on_nsfw=True))
    assert [name for name in emitted if "outcomes" in name] == ["seedance.outcomes.NsfwContentError"]
