"""A delivered video that a task returns once more: its links expire after about a day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.emulator.handle import Emulator
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video
from tests.versions import needs_store

pytestmark = [needs_store, pytest.mark.usefixtures("short_waits")]


def delivered(**arguments: Any) -> Run:
    """Return a task instance whose video was delivered, and which was cleared since."""
    run = Run()
    run.try_once(text_to_video(**arguments))
    run.clear()
    return run


def test_working_link_is_returned_once_more(emulator: Emulator, printed: Callable[[], str]) -> None:
    [address] = delivered().try_once(text_to_video())
    assert emulator.ledger()[0]["id"] in address
    assert "could not be checked" not in printed()


def test_dead_link_fails_and_names_the_ways_on(emulator: Emulator) -> None:
    run = delivered()
    emulator.settings(link_seconds=0)
    with pytest.raises(AirflowFailException) as caught:
        run.try_once(text_to_video())
    [booked] = emulator.ledger()
    assert str(caught.value) == (
        f"The delivered video is not available any more: its link {emulator.url}/outputs/{booked['id']}/0.mp4 answered "
        f"403 (prediction {booked['id']}). The generation was accepted and is billed whatever happens to this task. "
        "Nothing was submitted. Use the stored copy if there is one. The service returns a prediction for 7 days: "
        "clear the task later, and it requests the link again and pays nothing. Only if the link stays dead, set "
        'on_clear="regenerate" and clear the task to pay for a new video.'
    )
    assert run.xcoms["prediction_id"] == booked["id"]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_link_that_is_refused_for_some_seconds_is_not_dead(emulator: Emulator, status: int) -> None:
    run = delivered()
    emulator.fault(endpoint="output", status=status, times=4)
    assert run.try_once(text_to_video())


def test_dead_link_does_not_stand_in_the_way_of_a_new_video(emulator: Emulator) -> None:
    run = delivered()
    emulator.settings(link_seconds=0)
    assert run.try_once(text_to_video(on_clear="regenerate"))
    assert len(emulator.ledger()) == 2


def test_first_delivery_requests_no_link(emulator: Emulator) -> None:
    emulator.settings(link_seconds=0)
    assert Run().try_once(text_to_video())


def test_link_that_cannot_be_checked_is_a_warning(emulator: Emulator, printed: Callable[[], str]) -> None:
    run = delivered()
    # A private address that is not the connection's own.
    emulator.settings(public_url="http://127.0.0.2:9")
    assert run.try_once(text_to_video())
    assert "The link of the delivered video could not be checked: http://127.0.0.2:9/outputs/" in printed()


@pytest.mark.parametrize("status", [401, 429, 500])
def test_link_with_an_unclear_response_is_a_warning(
    emulator: Emulator, printed: Callable[[], str], status: int
) -> None:
    run = delivered()
    emulator.fault(endpoint="output", status=status, times=None)
    assert run.try_once(text_to_video())
    assert f"The link of the delivered video may not work: {emulator.url}/outputs/" in printed()
