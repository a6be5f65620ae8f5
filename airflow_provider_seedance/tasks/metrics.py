"""
The metrics of generations, published through Airflow's own metrics (``[metrics]`` of its configuration).

| name | kind | meaning |
|---|---|---|
| ``seedance.submissions`` | counter | Accepted submissions, which are paid for. |
| ``seedance.unconfirmed_submissions`` | counter | Submissions that may have been accepted, and paid for. |
| ``seedance.estimated_cost_cents`` | counter | Prices of accepted submissions, in cents of a USD, each rounded. |
| ``seedance.outcomes.<cause>`` | counter | Ends of tries: ``succeeded``, or the class of the error. |
| ``seedance.polls`` | counter | Polls of predictions that succeeded. |
| ``seedance.wait`` | timer | From the submission to the end of the task. |
| ``seedance.generation`` | timer | The duration of the generation, as the service reports it. |

All have the tags ``model`` and ``mode`` if they are known; an outcome also ``at_fault``.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, ParamSpec

from airflow.providers.common.compat.sdk import Stats

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.errors import SeedanceError

P = ParamSpec("P")

logger = logging.getLogger(__name__)

_NAME = "seedance"


def _never_fails(count: Callable[P, None]) -> Callable[P, None]:
    """Never fail a paid task because of metrics."""

    @functools.wraps(count)
    def counted(*arguments: P.args, **keywords: P.kwargs) -> None:
        try:
            count(*arguments, **keywords)
        except Exception:  # any error of a metrics backend
            logger.warning("A metric could not be published", exc_info=True)

    return counted


def tags_of(model: str | None, mode: str | None) -> dict[str, str]:
    """Return the tags of all metrics of a generation."""
    return {name: value for name, value in {"model": model, "mode": mode}.items() if value}


@_never_fails
def count_submission(cost: Decimal | None, tags: dict[str, str]) -> None:
    """Count an accepted submission, and its list price in USD."""
    Stats.incr(f"{_NAME}.submissions", tags=tags)
    if cost is not None:
        Stats.incr(f"{_NAME}.estimated_cost_cents", count=round(100 * cost), tags=tags)


@_never_fails
def count_unconfirmed_submission(tags: dict[str, str]) -> None:
    """Count a submission that may have been accepted."""
    Stats.incr(f"{_NAME}.unconfirmed_submissions", tags=tags)


@_never_fails
def count_success(
    *, polls: int | None, wait_seconds: float | None, generation_seconds: float, tags: dict[str, str]
) -> None:
    """
    Count a generation that succeeded.

    :param polls: The number of polls; ``None`` if unknown.
    :param wait_seconds: Seconds since the submission; ``None`` if unknown.
    :param generation_seconds: As the service reports it; 0 if it does not.
    :param tags: See :func:`tags_of`.
    """
    Stats.incr(f"{_NAME}.outcomes.succeeded", tags=tags)
    if polls is not None:
        Stats.incr(f"{_NAME}.polls", count=polls, tags=tags)
    if wait_seconds is not None:
        Stats.timing(f"{_NAME}.wait", timedelta(seconds=wait_seconds), tags=tags)
    if generation_seconds:
        Stats.timing(f"{_NAME}.generation", timedelta(seconds=generation_seconds), tags=tags)


@_never_fails
def count_failure(error: SeedanceError, tags: dict[str, str]) -> None:
    """Count a try that ended with an error, by its class."""
    Stats.incr(f"{_NAME}.outcomes.{type(error).__name__}", tags={**tags, "at_fault": error.at_fault})
