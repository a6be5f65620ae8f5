"""From the error tree to Airflow's terms: the one place where it is decided what ends a task for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_seedance.gptproto.errors import SeedanceError


@contextmanager
def airflow_failures() -> Iterator[None]:
    """
    Let errors that a retry may cure pass, and turn the others into ``AirflowFailException``.

    An error that passes follows the task's own ``retries``; an ``AirflowFailException`` ends the task at once.
    """
    try:
        yield
    except SeedanceError as error:
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from error
