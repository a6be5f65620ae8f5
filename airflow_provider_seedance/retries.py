"""The error tree as a retry policy, for Airflow 3.3 and later: whether and when a failed task is retried."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy

from airflow_provider_seedance.gptproto.errors import Charge, RateLimitError, SeedanceError, ServiceError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Jitter as a share of the delay, so that throttled tasks do not retry in lockstep.
_JITTER = 0.25
#: The longest delay that ``Retry-After`` can cause, in seconds.
_LONGEST_DELAY = 3600.0
#: How long one try is rescheduled, from its first reschedule on. After that, its failures use the task's retries.
_RESCHEDULE_TIMEOUT = timedelta(hours=1)
#: Airflow below 3.4 cannot run a task again without using a retry.
_RESCHEDULE = getattr(RetryDecision, "reschedule", None)


class SeedanceRetryPolicy(RetryPolicy):
    """
    Do not retry an error that a retry cannot cure, and retry a 429 after its ``Retry-After``.

    From Airflow 3.4 on, a refusal before any submission was accepted (a 429, or no capacity) uses no retry for an hour.

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
        delay = _delay(exception.retry_after)
        if _RESCHEDULE is not None and _is_temporary_refusal(exception):
            decision: RetryDecision = _RESCHEDULE(
                delay, reschedule_timeout=_RESCHEDULE_TIMEOUT, reason=f"nothing was submitted: {exception.what}"
            )
            return decision
        if delay is None:
            return RetryDecision.default()
        return RetryDecision.retry(delay, f"Retry-After is {exception.retry_after:g} s")


def _delay(retry_after: float | None) -> timedelta | None:
    """Return the delay that the service requests, with jitter; ``None`` means the task's ``retry_delay``."""
    if not retry_after:
        return None
    return timedelta(seconds=min(retry_after, _LONGEST_DELAY) * random.uniform(1, 1 + _JITTER))  # noqa: S311 - jitter is no secret


def _is_temporary_refusal(error: SeedanceError) -> bool:
    """Return whether the service was busy and accepted nothing, in this try or an earlier one."""
    is_busy = isinstance(error, RateLimitError | ServiceError)
    return is_busy and error.prediction_id is None and error.charge is Charge.NONE
