"""
Translate errors into Airflow's exceptions, and errors of Airflow into those of this provider.

This is the only place that decides which errors end a task for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ConnectionSettingsError,
    GenerationExpiredError,
    GenerationFailedError,
    SeedanceError,
    TriggerFailedError,
)

#: Errors that a retry cures only in a task that submits. In any other task they are final.
GENERATION_ENDED = (GenerationFailedError, GenerationExpiredError)
#: Advice on a known generation: in a task whose submission is recorded, and in one that never submits.
WAITS_FOR_THE_SAME = (
    "The generation goes on at the service. A retry or a clear of this task, with the same arguments, waits for the "
    "same prediction and pays nothing."
)
ONLY_WAITS_AGAIN = (
    "The generation goes on at the service. This task never submits: a retry or a clear only waits again and pays "
    "nothing."
)


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


def with_prediction(error: ConnectionSettingsError, prediction_id: str, advice: str) -> str:
    """
    Name a known prediction and its charge in an error of the connection, and return the advice with more advice.

    The connection is read before the service is called, so the error knows neither.

    :param error: The error.
    :param prediction_id: A prediction that was submitted.
    :param advice: How to go on with it.
    """
    error.prediction_id, error.charge = prediction_id, Charge.ACCEPTED
    return f"{error.advice} {advice}"


def trigger_failed(error: Exception, prediction_id: str | None, advice: str | None = None) -> TriggerFailedError:
    """
    Return the error for a wait in the triggerer that Airflow ended.

    :param error: Airflow's error, which names neither the prediction nor the charge.
    :param prediction_id: The prediction; ``None`` if it is unknown.
    :param advice: Replaces the advice of the class.
    """
    # A sensor's own error replaces the one that names the reason.
    what = f"The wait in the triggerer ended with an error of Airflow ({error.__cause__ or error})"
    return TriggerFailedError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED, advice=advice)
