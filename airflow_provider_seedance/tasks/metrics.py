"""
What is counted of generations, through Airflow's own metrics (``[metrics]`` of its configuration).

| name | kind | what |
|---|---|---|
| ``seedance.submissions`` | counter | Submissions that were accepted, and so are paid for. |
| ``seedance.estimated_cost_cents`` | counter | What they cost at list price, in cents of a USD, each rounded. |
| ``seedance.outcomes.<cause>`` | counter | How tries ended: ``succeeded``, or the class of the error. |
| ``seedance.polls`` | counter | How often finished predictions were looked at. |
| ``seedance.wait`` | timer | From the submission to the handing over. |
| ``seedance.generation`` | timer | How long the service says that the generation took. |

All have the tags ``model`` and ``mode`` where they are known; an outcome also ``at_fault``.
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


def _aside(count: Callable[P, None]) -> Callable[P, None]:
    """Let a task that was paid for go on when its metrics cannot be told."""

    @functools.wraps(count)
    def counted(*arguments: P.args, **keywords: P.kwargs) -> None:
        try:
            count(*arguments, **keywords)
        except Exception:  # whatever a backend of metrics raises
            logger.warning("A metric could not be told", exc_info=True)

    return counted


def tags_of(model: str | None, mode: str | None) -> dict[str, str]:
    """Return the tags that all metrics of a generation share."""
    return {name: value for name, value in {"model": model, "mode": mode}.items() if value}


@_aside
def count_submission(cost: Decimal | None, tags: dict[str, str]) -> None:
    """Count an accepted submission, and what it costs in USD at list price."""
    Stats.incr(f"{_NAME}.submissions", tags=tags)
    if cost is not None:
        Stats.incr(f"{_NAME}.estimated_cost_cents", count=round(100 * cost), tags=tags)


@_aside
def count_success(
    *, polls: int | None, wait_seconds: float | None, generation_seconds: float, tags: dict[str, str]
) -> None:
    """
    Count a generation that was handed over.

    :param polls: How often it was looked at; ``None`` where nobody counted.
    :param wait_seconds: Since its submission; ``None`` where that is not known.
    :param generation_seconds: As the service says; 0 where it does not.
    :param tags: See :func:`tags_of`.
    """
    Stats.incr(f"{_NAME}.outcomes.succeeded", tags=tags)
    if polls is not None:
        Stats.incr(f"{_NAME}.polls", count=polls, tags=tags)
    if wait_seconds is not None:
        Stats.timing(f"{_NAME}.wait", timedelta(seconds=wait_seconds), tags=tags)
    if generation_seconds:
        Stats.timing(f"{_NAME}.generation", timedelta(seconds=generation_seconds), tags=tags)


@_aside
def count_failure(error: SeedanceError, tags: dict[str, str]) -> None:
    """Count a try that ended with an error."""
    Stats.incr(f"{_NAME}.outcomes.{type(error).__name__}", tags={**tags, "at_fault": error.at_fault})
