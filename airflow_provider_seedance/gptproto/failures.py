"""The error of a prediction that ended without videos."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_seedance.gptproto.errors import (
    AudioPolicyError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    GenerationExpiredError,
    GenerationFailedError,
    InsufficientBalanceError,
    MissingOutputsError,
    SeedanceError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.verdicts import Verdict

#: Failures that a new generation would meet again, each with its advice. All others can be tried again.
_FAILURES: Mapping[Verdict | None, tuple[type[SeedanceError], str | None]] = {
    Verdict.CONTENT: (ContentPolicyError, None),
    Verdict.SOUND: (AudioPolicyError, None),
    Verdict.BALANCE: (InsufficientBalanceError, None),
    Verdict.ARGUMENTS: (
        BadRequestError,
        "The arguments were refused after the submission was accepted. Correct them, or reword the prompt: a new "
        "generation with the same arguments is paid for, and refused again.",
    ),
}


def failure(prediction: Prediction) -> SeedanceError:
    """
    Return the error for a prediction that ended without a video.

    :param prediction: A prediction that failed, expired, or succeeded without outputs.
    """
    if prediction.status is PredictionStatus.SUCCEEDED:
        unread = f"; the response has {prediction.unread}" if prediction.unread else ""
        what = f"The prediction succeeded, but it has no outputs{unread}"
        return MissingOutputsError(what, prediction_id=prediction.id, charge=Charge.ACCEPTED)
    detail = prediction.error
    shown = detail.shown() if detail else ""
    reason = f": {shown}" if shown else ""
    what = f"The generation ended as {prediction.reported_status}{reason}".rstrip(".")
    if prediction.status is PredictionStatus.EXPIRED:
        return GenerationExpiredError(what, prediction_id=prediction.id, charge=Charge.FAILED)
    verdict = detail.verdict if detail else None
    if detail and detail.is_policy and verdict is None:
        verdict = Verdict.CONTENT
    cls, advice = _FAILURES.get(verdict, (GenerationFailedError, None))
    return cls(what, prediction_id=prediction.id, charge=Charge.FAILED, advice=advice)
