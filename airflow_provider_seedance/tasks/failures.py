"""From the error tree to Airflow's terms: the one place where it is decided what ends a task for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import GenerationExpiredError, GenerationFailedError, SeedanceError

#: Errors that only a task which submits can cure by a retry: for any other they are final.
GENERATION_ENDED = (GenerationFailedError, GenerationExpiredError)


def _say_nothing(_: SeedanceError) -> None:
    """Leave the advice of the error's class, and tell nobody."""


@contextmanager
def as_airflow_errors(
    advise: Callable[[SeedanceError], str | None] = _say_nothing,
    *,
    final: tuple[type[SeedanceError], ...] = (),
    tell: Callable[[SeedanceError], None] = _say_nothing,
) -> Iterator[None]:
    """
    Let errors that a retry may cure pass, and turn the others into ``AirflowFailException``.

    An error that passes follows the task's own ``retries``; an ``AirflowFailException`` ends the task at once.

    :param advise: Returns what to do now where that differs from what the error says, or ``None``.
    :param final: Errors that a retry of this task does not cure, although it may cure them in another.
    :param tell: Is told of the error, once its advice is the one that holds.
    """
    try:
        yield
    except SeedanceError as error:
        error.advice = advise(error) or error.advice
        tell(error)
        if error.retryable and not isinstance(error, final):
            raise
        raise AirflowFailException(str(error)) from error
