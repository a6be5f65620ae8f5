"""The retry policy: which errors fail the task at once, and the retry delay after a 429."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    GenerationFailedError,
    RateLimitError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="Airflow has retry policies since 3.3")

from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction

from airflow_provider_seedance.retries import SeedanceRetryPolicy


class TestDecision:
    @pytest.mark.parametrize("error", [AuthenticationError("no key"), UnconfirmedSubmissionError("lost")])
    def test_permanent_error_fails_the_task(self, error: Exception) -> None:
        decision = SeedanceRetryPolicy().evaluate(error, 1, 3)
        assert decision.action is RetryAction.FAIL
        assert str(error.args[0]) in str(decision.reason)

    def test_retry_delay_after_429_follows_retry_after(self) -> None:
        delays = set()
        for _ in range(50):
            decision = SeedanceRetryPolicy().evaluate(RateLimitError("busy", retry_after=40), 1, 3)
            assert decision.action is RetryAction.RETRY
            assert decision.retry_delay is not None
            delays.add(decision.retry_delay.total_seconds())
        assert 40 <= min(delays) < max(delays) <= 50

    @pytest.mark.parametrize("error", [RateLimitError("busy"), GenerationFailedError("failed"), OSError("disk")])
    def test_other_errors_follow_the_retries_of_the_task(self, error: Exception) -> None:
        assert SeedanceRetryPolicy().evaluate(error, 1, 3).action is RetryAction.DEFAULT


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
