"""When a submission is sent again: only what provably was not accepted, and not for ever."""

from __future__ import annotations

import inspect
import random

import pytest

from airflow_provider_seedance.gptproto import errors
from airflow_provider_seedance.gptproto.errors import NotConnectedError, RateLimitError, SeedanceError
from airflow_provider_seedance.gptproto.resending import BUDGET_SECONDS, MAXIMUM_SENDS, pause_before_resend

REPEATABLE = {NotConnectedError, RateLimitError}
FINAL = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, SeedanceError) and cls not in REPEATABLE
]


def pause(error: SeedanceError, *, sends: int = 1, elapsed: float = 0.0, seed: int = 0) -> float | None:
    return pause_before_resend(error, sends=sends, elapsed=elapsed, source=random.Random(seed))  # noqa: S311


@pytest.mark.parametrize("cls", REPEATABLE)
class TestWhatIsSentAgain:
    def test_after_a_pause(self, cls: type[SeedanceError]) -> None:
        seconds = pause(cls("It broke"))
        assert seconds is not None
        assert seconds > 0

    def test_the_services_wish_is_the_least_pause(self, cls: type[SeedanceError]) -> None:
        for seed in range(50):
            seconds = pause(cls("It broke", retry_after=40.0), seed=seed)
            assert seconds is not None
            assert 40.0 < seconds <= 41.0

    def test_pauses_grow(self, cls: type[SeedanceError]) -> None:
        bounds = [(0.5, 1), (1, 2), (2, 4), (4, 8), (8, 16)]
        for sends, (least, most) in enumerate(bounds, start=1):
            seconds = pause(cls("It broke"), sends=sends)
            assert seconds is not None
            assert least <= seconds <= most

    def test_tasks_refused_together_do_not_return_together(self, cls: type[SeedanceError]) -> None:
        assert len({pause(cls("It broke", retry_after=10.0), seed=seed) for seed in range(50)}) == 50

    def test_a_few_times_only(self, cls: type[SeedanceError]) -> None:
        assert pause(cls("It broke"), sends=MAXIMUM_SENDS - 1) is not None
        assert pause(cls("It broke"), sends=MAXIMUM_SENDS) is None

    def test_within_a_budget_only(self, cls: type[SeedanceError]) -> None:
        assert pause(cls("It broke"), elapsed=BUDGET_SECONDS - 2) is not None
        assert pause(cls("It broke"), elapsed=BUDGET_SECONDS) is None

    def test_a_wish_beyond_the_budget_is_not_waited_for(self, cls: type[SeedanceError]) -> None:
        assert pause(cls("It broke", retry_after=BUDGET_SECONDS + 1)) is None


@pytest.mark.parametrize("cls", FINAL)
def test_nothing_else_is_sent_again(cls: type[SeedanceError]) -> None:
    assert pause(cls("It broke", retry_after=1.0)) is None
