"""The error tree as a retry policy, for Airflow 3.3 and later: whether and when a failed task is retried."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy

from airflow_provider_seedance.gptproto.errors import SeedanceError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Jitter as a share of the delay, so that throttled tasks do not retry in lockstep.
_JITTER = 0.25
#: The longest delay that ``Retry-After`` can cause, in seconds.
_LONGEST_DELAY = 3600.0


class SeedanceRetryPolicy(RetryPolicy):
    """
    Do not retry an error that a retry cannot cure, and retry a 429 after its ``Retry-After``.

    The operators use it unless the author sets ``retry_policy``. It suits any task that calls
    :class:`~airflow_provider_seedance.hooks.seedance.SeedanceHook`. All other errors follow the task's ``retries`` and
    ``retry_delay``.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return the decision on an exception."""
        if not isinstance(exception, SeedanceError):
            return RetryDecision.default()
        if not exception.retryable:
            return RetryDecision.fail(f"a retry does not help: {exception.what}")
        if not exception.retry_after:
            return RetryDecision.default()
        seconds = min(exception.retry_after, _LONGEST_DELAY) * random.uniform(1, 1 + _JITTER)  # noqa: S311 - jitter is no secret
        return RetryDecision.retry(timedelta(seconds=seconds), f"Retry-After is {exception.retry_after:g} s")
