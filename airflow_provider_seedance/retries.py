"""Whether and when Airflow tries a failed task again: the error tree as a retry policy, for Airflow 3.3 and later."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy

from airflow_provider_seedance.gptproto.errors import SeedanceError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: How much longer than the service asked a retry may wait: many tasks that are refused together must not return so.
_JITTER = 0.25
#: Seconds that a service may ask for at most: an hour.
_LONGEST_DELAY = 3600.0


class SeedanceRetryPolicy(RetryPolicy):
    """
    Do not retry what a retry cannot cure, and after a 429 retry when the service says.

    The operators use it where the author gives no ``retry_policy``. It is of use for any task that calls
    :class:`~airflow_provider_seedance.hooks.seedance.SeedanceHook`. All else follows the task's ``retries`` and
    ``retry_delay``.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return what follows from an exception."""
        if not isinstance(exception, SeedanceError):
            return RetryDecision.default()
        if not exception.retryable:
            return RetryDecision.fail(f"a retry does not help: {exception.what}")
        if not exception.retry_after:
            return RetryDecision.default()
        seconds = min(exception.retry_after, _LONGEST_DELAY) * random.uniform(1, 1 + _JITTER)  # noqa: S311 - jitter is no secret
        return RetryDecision.retry(timedelta(seconds=seconds), f"the service asks to wait {exception.retry_after:g} s")
