"""
When a submission is sent again: a pure decision, because each submission that arrives costs money.

It is sent again only when it provably was not accepted: no connection was made, or the answer was 429. Everything else
is final here; a lost answer is an unconfirmed submission.
"""

from __future__ import annotations

import random

from airflow_provider_seedance.gptproto.errors import NotConnectedError, RateLimitError, SeedanceError

#: For how many seconds after the first time one submission is sent again. A fan-out of 500 tasks that all submit at
#: once to a service which takes 5 submissions a second gets through in that time.
BUDGET_SECONDS = 300.0
#: How often it is sent at most to a service that is not there.
MAXIMUM_CONNECTION_ATTEMPTS = 6


def retry_delay(error: SeedanceError, *, sends: int, elapsed: float, source: random.Random) -> float | None:
    """
    Return how many seconds to wait before the submission is sent again, or ``None`` when it must not be.

    :param error: What became of the last one.
    :param sends: How often it was sent so far.
    :param elapsed: Seconds since it was sent first.
    :param source: Where jitter comes from: many mapped tasks that are refused together must not return together.
    """
    if isinstance(error, NotConnectedError):
        if sends >= MAXIMUM_CONNECTION_ATTEMPTS:
            return None
    elif not isinstance(error, RateLimitError):
        return None
    backoff = 2.0 ** (sends - 1)
    pause = (error.retry_after or 0.0) + backoff * source.uniform(0.5, 1.0)
    return pause if elapsed + pause <= BUDGET_SECONDS else None
