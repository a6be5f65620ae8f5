"""What repeated responses about a prediction mean together: one wrong response must not give up what is paid for."""

from __future__ import annotations

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ContentPolicyError,
    PredictionNotFoundError,
    SeedanceError,
    UnreadableResponseError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.failures import failure
from airflow_provider_seedance.gptproto.predictions import Prediction

#: Responses that have to say that a prediction failed; the first and the last of all must be among them.
MINIMUM_FAILURES = 3


def confirmed(results: list[Prediction | SeedanceError], prediction_id: str) -> Prediction:
    """
    Return or raise what all responses about a prediction agree on.

    :param results: None of them is a success with outputs or a prediction in progress.
    """
    last = results[-1]
    if all(isinstance(each, PredictionNotFoundError) for each in results) and isinstance(last, SeedanceError):
        what = f"GPTProto does not know the prediction ({last.what})"
        raise PredictionNotFoundError(what, prediction_id=prediction_id, charge=Charge.POSSIBLE)
    # The first and the last failure are twenty seconds apart, and there is at least one more.
    is_failure = [isinstance(each, ContentPolicyError) or _has_failed(each) for each in results]
    if sum(is_failure) >= MINIMUM_FAILURES and is_failure[0] and is_failure[-1]:
        if isinstance(last, SeedanceError):
            raise last
        return last
    others = [
        each
        for each, failed in zip(results, is_failure, strict=True)
        if not failed and not isinstance(each, PredictionNotFoundError)
    ]
    if not others:
        what = "The responses about the prediction contradict each other, and none is believed"
        raise UnreadableResponseError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED)
    if isinstance(others[-1], SeedanceError):
        raise others[-1]
    return others[-1]


def not_confirmed(last: Prediction | SeedanceError, prediction_id: str) -> WaitTimeoutError:
    """Return the error for a wait that ends before the last response was confirmed."""
    error = last if isinstance(last, SeedanceError) else failure(last)
    what = f"The last response was not confirmed in time: {error.what}"
    return WaitTimeoutError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED)


def _has_failed(result: Prediction | SeedanceError) -> bool:
    return isinstance(result, Prediction) and result.has_failed
