"""The retry policy: which errors a retry cannot cure, and when the service wants to be asked again."""

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
    def test_what_a_retry_cannot_cure_fails(self, error: Exception) -> None:
        decision = SeedanceRetryPolicy().evaluate(error, 1, 3)
        assert decision.action is RetryAction.FAIL
        assert str(error.args[0]) in str(decision.reason)

    def test_after_a_429_the_service_decides_when(self) -> None:
        delays = set()
        for _ in range(50):
            decision = SeedanceRetryPolicy().evaluate(RateLimitError("busy", retry_after=40), 1, 3)
            assert decision.action is RetryAction.RETRY
            assert decision.retry_delay is not None
            delays.add(decision.retry_delay.total_seconds())
        assert 40 <= min(delays) < max(delays) <= 50

    @pytest.mark.parametrize("error", [RateLimitError("busy"), GenerationFailedError("failed"), OSError("disk")])
    def test_the_task_decides_about_all_else(self, error: Exception) -> None:
        assert SeedanceRetryPolicy().evaluate(error, 1, 3).action is RetryAction.DEFAULT


class TestDefault:
    def test_operators_have_it(self) -> None:
        assert isinstance(SeedanceTextToVideoOperator(task_id="a", prompt="b").retry_policy, SeedanceRetryPolicy)

    def test_mapped_operators_have_it(self) -> None:
        with DAG("mapped_policy", schedule=None):
            mapped = SeedanceTextToVideoOperator.partial(task_id="a").expand(prompt=["b"])
        unmapped = mapped.unmap({"prompt": "b"})
        assert isinstance(unmapped.retry_policy, SeedanceRetryPolicy)

    def test_the_author_has_the_last_word(self) -> None:
        own = ExceptionRetryPolicy(rules=[])
        assert SeedanceTextToVideoOperator(task_id="a", prompt="b", retry_policy=own).retry_policy is own
        with DAG("policy", schedule=None, default_args={"retry_policy": own}):
            assert SeedanceTextToVideoOperator(task_id="a", prompt="b").retry_policy is own
