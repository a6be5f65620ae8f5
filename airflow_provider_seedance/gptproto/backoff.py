"""
Backoff of submissions: whether one may be sent again, and after how many seconds. A pure decision.

Each submission that arrives costs money. So it is sent again only if it provably was not accepted: no connection was
made, or the response was 429. Any other error is final; a lost response is an unconfirmed submission.
"""

from __future__ import annotations

import random

from airflow_provider_seedance.gptproto.errors import NotConnectedError, RateLimitError, SeedanceError

#: Seconds after the first attempt in which a submission is repeated. 500 tasks that submit at once to a service with a
#: limit of 5 submissions a second all succeed in that time.
BUDGET_SECONDS = 300.0
#: Attempts at most to a service that accepts no connection.
MAXIMUM_CONNECTION_ATTEMPTS = 6


def retry_delay(error: SeedanceError, *, sends: int, elapsed: float, source: random.Random) -> float | None:
    """
    Return the seconds before the next attempt, or ``None`` if there must not be one.

    :param error: The error of the last attempt.
    :param sends: The number of attempts so far.
    :param elapsed: Seconds since the first attempt.
    :param source: Source of jitter, so that throttled mapped tasks do not retry in lockstep.
    """
    if isinstance(error, NotConnectedError):
        if sends >= MAXIMUM_CONNECTION_ATTEMPTS:
            return None
    elif not isinstance(error, RateLimitError):
        return None
    exponential = 2.0 ** (sends - 1)
    delay = (error.retry_after or 0.0) + exponential * source.uniform(0.5, 1.0)
    return delay if elapsed + delay <= BUDGET_SECONDS else None
