"""Backoff of submissions: only a submission that provably was not accepted is retried, and within a budget."""

from __future__ import annotations

import heapq
import inspect
import random

import pytest

from airflow_provider_seedance.emulator.service import Bucket
from airflow_provider_seedance.gptproto import errors
from airflow_provider_seedance.gptproto.backoff import (
    BUDGET_SECONDS,
    MAXIMUM_CONNECTION_ATTEMPTS,
    retry_delay,
)
from airflow_provider_seedance.gptproto.errors import NotConnectedError, RateLimitError, SeedanceError

REPEATABLE = (NotConnectedError, RateLimitError)
FINAL = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, SeedanceError) and cls not in REPEATABLE
]


def delay_after(error: SeedanceError, *, sends: int = 1, elapsed: float = 0.0, seed: int = 0) -> float | None:
    return retry_delay(error, sends=sends, elapsed=elapsed, source=random.Random(seed))  # noqa: S311


@pytest.mark.parametrize("cls", REPEATABLE)
class TestRetryDelay:
    def test_repeatable_error_gets_a_delay(self, cls: type[SeedanceError]) -> None:
        seconds = delay_after(cls("It broke"))
        assert seconds is not None
        assert seconds > 0

    def test_retry_after_is_the_minimum_delay(self, cls: type[SeedanceError]) -> None:
        for seed in range(50):
            seconds = delay_after(cls("It broke", retry_after=40.0), seed=seed)
            assert seconds is not None
            assert 40.0 < seconds <= 41.0

    def test_delay_doubles_with_each_submission(self, cls: type[SeedanceError]) -> None:
        bounds = [(0.5, 1), (1, 2), (2, 4), (4, 8), (8, 16)]
        for sends, (least, most) in enumerate(bounds, start=1):
            seconds = delay_after(cls("It broke"), sends=sends)
            assert seconds is not None
            assert least <= seconds <= most

    def test_delays_have_jitter(self, cls: type[SeedanceError]) -> None:
        assert len({delay_after(cls("It broke", retry_after=10.0), seed=seed) for seed in range(50)}) == 50

    def test_delay_beyond_the_budget_is_none(self, cls: type[SeedanceError]) -> None:
        assert delay_after(cls("It broke"), elapsed=BUDGET_SECONDS - 2) is not None
        assert delay_after(cls("It broke"), elapsed=BUDGET_SECONDS) is None

    def test_delay_that_ends_with_the_budget_is_allowed(self, cls: type[SeedanceError]) -> None:
        seconds = delay_after(cls("It broke", retry_after=40.0))
        assert seconds is not None
        assert delay_after(cls("It broke", retry_after=40.0), elapsed=BUDGET_SECONDS - seconds) == seconds

    def test_retry_after_beyond_the_budget_gives_none(self, cls: type[SeedanceError]) -> None:
        assert delay_after(cls("It broke", retry_after=BUDGET_SECONDS + 1)) is None


def test_connection_attempts_are_limited() -> None:
    assert delay_after(NotConnectedError("It broke"), sends=MAXIMUM_CONNECTION_ATTEMPTS - 1) is not None
    assert delay_after(NotConnectedError("It broke"), sends=MAXIMUM_CONNECTION_ATTEMPTS) is None


@pytest.mark.parametrize("workers", [8, 32, 100, 500])
def test_fan_out_of_500_tasks_succeeds_against_a_rate_limit(workers: int) -> None:
    """500 tasks submit, at most ``workers`` at once; the service accepts 5 submissions a second."""
    service, source = Bucket(), random.Random(1)  # noqa: S311
    first_sends: dict[int, float] = {}
    waiting = list(range(500))
    # Time, task, and number of submissions so far.
    agenda = [(source.uniform(0, 1), waiting.pop(), 1) for _ in range(workers)]
    accepted = 0
    while agenda:
        heapq.heapify(agenda)
        at, task, sends = heapq.heappop(agenda)
        first_sends.setdefault(task, at)
        if not service.take(5.0, at):
            accepted += 1
            if waiting:
                agenda.append((at + source.uniform(0, 1), waiting.pop(), 1))
            continue
        error = RateLimitError("Too many", retry_after=1.0)
        again = retry_delay(error, sends=sends, elapsed=at - first_sends[task], source=source)
        assert again is not None, f"task {task} gives up after {sends} submissions"
        agenda.append((at + again, task, sends + 1))
    assert accepted == 500


@pytest.mark.parametrize("cls", FINAL)
def test_other_error_is_never_retried(cls: type[SeedanceError]) -> None:
    assert delay_after(cls("It broke", retry_after=1.0)) is None
