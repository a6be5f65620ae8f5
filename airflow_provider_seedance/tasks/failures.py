"""Translate errors into Airflow's exceptions: the only place that decides which errors end a task for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import (
    GenerationExpiredError,
    GenerationFailedError,
    SeedanceError,
)

#: Errors that a retry cures only in a task that submits. In any other task they are final.
GENERATION_ENDED = (GenerationFailedError, GenerationExpiredError)


def _no_advice(_: SeedanceError) -> str | None:
    """Keep the advice of the error."""
    return None


def _ignore(_: SeedanceError) -> None:
    """No-op callback."""


@contextmanager
def as_airflow_errors(
    advise: Callable[[SeedanceError], str | None] = _no_advice,
    *,
    final: tuple[type[SeedanceError], ...] = (),
    on_error: Callable[[SeedanceError], None] = _ignore,
) -> Iterator[None]:
    """
    Pass errors that a retry may cure, and turn the others into ``AirflowFailException``.

    An error that passes follows the task's ``retries``. An ``AirflowFailException`` ends the task at once. It replaces
    the first error and hides its frames, so that the log shows the error once, and its message first.

    :param advise: Returns advice that replaces the error's own, or ``None``.
    :param final: Errors that a retry of this task does not cure, although it may cure them in another.
    :param on_error: Called with the error once its advice is final.
    """
    try:
        yield
    except SeedanceError as error:
        error.advice = advise(error) or error.advice
        on_error(error)
        if error.retryable and not isinstance(error, final):
            raise
        raise AirflowFailException(str(error)) from None
