"""The retry policy: which errors fail the task at once, and the retry delay after a 429."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    Charge,
    GenerationFailedError,
    LostResponseError,
    NotConnectedError,
    RateLimitError,
    SeedanceError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="Airflow has retry policies since 3.3")

from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryDecision

from airflow_provider_seedance.retries import SeedanceRetryPolicy
from tests.versions import IS_3_4, needs_3_4

#: Refusals before any submission was accepted: a 429, and no capacity.
BUSY = [RateLimitError("busy"), ServiceError("no capacity")]


def decide(error: Exception) -> RetryDecision:
    return SeedanceRetryPolicy().evaluate(error, 1, 3)


class TestDecision:
    @pytest.mark.parametrize("error", [AuthenticationError("no key"), UnconfirmedSubmissionError("lost")])
    def test_permanent_error_fails_the_task(self, error: Exception) -> None:
        decision = decide(error)
        assert decision.action is RetryAction.FAIL
        assert str(error.args[0]) in str(decision.reason)

    def test_retry_delay_after_429_follows_retry_after(self) -> None:
        delays = set()
        for _ in range(50):
            decision = decide(RateLimitError("busy", prediction_id="4f0a", charge=Charge.ACCEPTED, retry_after=40))
            assert decision.action is RetryAction.RETRY
            assert decision.retry_delay is not None
            delays.add(decision.retry_delay.total_seconds())
        assert 40 <= min(delays) < max(delays) <= 50

    @pytest.mark.parametrize(
        "error",
        [
            GenerationFailedError("failed"),
            NotConnectedError("no connection"),
            LostResponseError("lost"),
            RateLimitError("busy", prediction_id="4f0a", charge=Charge.ACCEPTED),
            RateLimitError("busy", charge=Charge.EARLIER),
            ServiceError("broken", charge=Charge.POSSIBLE),
            OSError("disk"),
        ],
    )
    def test_other_errors_follow_the_retries_of_the_task(self, error: Exception) -> None:
        assert decide(error).action is RetryAction.DEFAULT


class TestReschedule:
    @needs_3_4
    @pytest.mark.parametrize("error", BUSY)
    def test_refusal_before_acceptance_uses_no_retry_for_an_hour(self, error: SeedanceError) -> None:
        decision = decide(error)
        assert decision.action.name == "RESCHEDULE"
        # None is the retry_delay of the task.
        assert decision.retry_delay is None
        assert vars(decision)["reschedule_timeout"] == timedelta(hours=1)
        assert error.what in str(decision.reason)

    @needs_3_4
    def test_reschedule_follows_retry_after(self) -> None:
        decision = decide(RateLimitError("busy", retry_after=40))
        assert decision.action.name == "RESCHEDULE"
        assert decision.retry_delay is not None
        assert 40 <= decision.retry_delay.total_seconds() <= 50

    @pytest.mark.skipif(IS_3_4, reason="Airflow 3.4 and later reschedule the task")
    @pytest.mark.parametrize("error", BUSY)
    def test_refusal_follows_the_retries_of_the_task_below_3_4(self, error: SeedanceError) -> None:
        assert decide(error).action is RetryAction.DEFAULT
        error.retry_after = 40
        assert decide(error).action is RetryAction.RETRY


class TestDefault:
    def test_operators_have_the_policy(self) -> None:
        assert isinstance(SeedanceTextToVideoOperator(task_id="a", prompt="b").retry_policy, SeedanceRetryPolicy)

    def test_mapped_operators_have_the_policy(self) -> None:
        with DAG("mapped_policy", schedule=None):
            mapped = SeedanceTextToVideoOperator.partial(task_id="a").expand(prompt=["b"])
        unmapped = mapped.unmap({"prompt": "b"})
        assert isinstance(unmapped.retry_policy, SeedanceRetryPolicy)

    def test_policy_of_the_author_replaces_the_default(self) -> None:
        own = ExceptionRetryPolicy(rules=[])
        assert SeedanceTextToVideoOperator(task_id="a", prompt="b", retry_policy=own).retry_policy is own
        with DAG("policy", schedule=None, default_args={"retry_policy": own}):
            assert SeedanceTextToVideoOperator(task_id="a", prompt="b").retry_policy is own
