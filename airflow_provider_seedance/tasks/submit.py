"""
Submit a task's generation, unless an earlier try did: the only place that spends money.

The order protects the payment: record the intent, send once, record the id. A submission is sent again only if it
provably was not accepted (:mod:`~airflow_provider_seedance.gptproto.backoff`). After a lost response the intent stays
recorded, and the next try finds it. The record provides the deduplication, because the service offers none.
"""

from __future__ import annotations

import dataclasses
import random
import time
from decimal import Decimal
from typing import Protocol

from airflow_provider_seedance.gptproto.backoff import retry_delay
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ContentPolicyError,
    CostLimitError,
    DeliveredVideoLostError,
    InvalidRequestError,
    PredictionNotFoundError,
    RepeatableSubmissionError,
    SeedanceError,
    UnconfirmedSubmissionError,
    UnrecordedSubmissionError,
)
from airflow_provider_seedance.gptproto.flows import Log
from airflow_provider_seedance.gptproto.polling import failure
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.prices import Price, cents
from airflow_provider_seedance.gptproto.requests import CheckedRequest, GenerationRequest
from airflow_provider_seedance.tasks import metrics
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.progress import Progress
from airflow_provider_seedance.tasks.record import Reattach, Submission, SubmissionRecord, decide

_RANDOM = random.SystemRandom()
#: Seconds between the attempts to record the id of an accepted submission.
_RECORD_DELAYS = (1.0, 3.0)
_LOST_ADVICE = (
    "This try submitted nothing. Check that the connection's key belongs to the account that submitted it; the service "
    "keeps predictions for 7 days. To submit, and pay for, a new one, set "
    'on_lost_prediction="resubmit", or delete the record under Storage > Task State Store and clear the task.'
)
_UNBOUNDED_ADVICE = (
    "Nothing was sent. max_cost needs a model and a resolution with a list price, no extra_parameters, and the "
    "arguments duration and resolution instead of prompt flags. Change the arguments, or remove max_cost."
)


class Client(Protocol):
    """The methods of a client that are used."""

    def submit(self, request: CheckedRequest) -> Prediction:
        """Submit a generation, exactly once."""

    def get_confirmed(self, prediction_id: str) -> Prediction:
        """Return the confirmed state of a prediction."""


def attach(
    client: Client,
    record: SubmissionRecord,
    request: GenerationRequest,
    options: GenerationOptions,
    *,
    max_tries: int | None,
    log: Log,
) -> tuple[Submission, Prediction]:
    """
    Return the prediction of the option ``prediction_id``. Nothing is submitted.

    :raises PredictionNotFoundError: When the service has no such prediction.
    """
    prediction_id = options.prediction_id
    prediction = client.get_confirmed(prediction_id)
    if prediction.has_failed:
        raise failure(prediction)
    log.info("Nothing is submitted, because prediction_id is set; waiting for prediction %s", prediction_id)
    recorded = record.read()
    if recorded is not None and recorded.prediction_id == prediction_id:
        return recorded, prediction
    if recorded is not None and recorded.prediction_id is not None:
        log.warning("Replacing the record of prediction %s; no task waits for it now", recorded.prediction_id)
    try:
        fingerprint = request.check().fingerprint(options.connection_id)
    except InvalidRequestError:
        # These arguments cannot be submitted, so a record of them would be useless.
        return Submission(fingerprint="", submitted_at=time.time(), prediction_id=prediction_id), prediction
    submission = Submission(
        fingerprint=fingerprint, submitted_at=time.time(), max_tries=max_tries, prediction_id=prediction_id
    )
    record.write(submission)
    return submission, prediction


def find_or_submit(
    client: Client,
    record: SubmissionRecord,
    checked: CheckedRequest,
    options: GenerationOptions,
    *,
    max_tries: int | None,
    progress: Progress,
    log: Log,
) -> tuple[Submission, Prediction]:
    """
    Return the generation that an earlier try submitted, or submit it.

    :param client: A client of the service.
    :param record: The record of earlier tries.
    :param checked: The request.
    :param options: The options of the task.
    :param max_tries: ``max_tries`` of the task instance.
    :param progress: Updated before and after the submission, for ``on_kill``.
    :param log: The task's log.
    :raises CostLimitError: When the price can be higher than ``max_cost``.
    :raises UnconfirmedSubmissionError: When it is unknown whether an earlier or this submission was accepted.
    :raises SeedanceError: When the service refused it, or the earlier prediction could not be read.
    """
    fingerprint = checked.fingerprint(options.connection_id)
    recorded = record.read()
    decision = decide(
        recorded,
        fingerprint=fingerprint,
        max_tries=max_tries,
        on_clear=options.on_clear,
        on_unconfirmed_submission=options.on_unconfirmed_submission,
    )
    is_resubmission = False
    if isinstance(decision, Reattach):
        prediction = _reattach(client, decision.submission, options, max_tries=max_tries, log=log)
        if prediction is not None:
            return _seen_by_this_clear(record, decision.submission, max_tries), prediction
    elif decision.reason:
        is_resubmission = decision.is_resubmission
        log.warning("Submitting again: %s", decision.reason)
    _check_cost(checked.price, options.max_cost)
    intent = Submission(
        fingerprint=fingerprint, submitted_at=time.time(), max_tries=max_tries, is_resubmission=is_resubmission
    )
    try:
        prediction = send(client, checked, record=record, intent=intent, recorded=recorded, progress=progress, log=log)
    except UnconfirmedSubmissionError as error:
        if error.prediction_id is None:
            if options.on_unconfirmed_submission == "resubmit" and not is_resubmission:
                raise RepeatableSubmissionError(error.what, charge=error.charge) from None
            raise
        log.warning("Going on with the id in the response: prediction %s. %s", error.prediction_id, error.what)
        progress.is_sending, progress.waiting_for = False, error.prediction_id
        _count(checked)
        submission = record_id(record, intent, error.prediction_id, log=log)
        try:
            return submission, client.get_confirmed(error.prediction_id)
        except PredictionNotFoundError:
            raise error from None
    request = checked.request
    # Logged before it is recorded, so that the id is not lost if the store fails.
    log.info(
        "Submitted prediction %s to %s (%s), price: %s", prediction.id, request.model, request.mode.value, checked.price
    )
    progress.is_sending, progress.waiting_for = False, prediction.id
    _count(checked)
    return record_id(record, intent, prediction.id, log=log), prediction


def send(
    client: Client,
    checked: CheckedRequest,
    *,
    record: SubmissionRecord,
    intent: Submission,
    recorded: Submission | None,
    progress: Progress,
    log: Log,
) -> Prediction:
    """
    Send a submission until it is accepted, refused, or its outcome is unknown.

    :param intent: Recorded before each attempt.
    :param recorded: The record before this try; restored after an attempt that was not accepted.
    :raises UnconfirmedSubmissionError: When the outcome is unknown; the intent stays recorded.
    :raises SeedanceError: When the service refused it.
    """
    started = time.time()
    sends = 0
    while True:
        progress.check_not_stopped()
        record.write(intent)
        progress.is_sending = True
        sends += 1
        try:
            return client.submit(checked)
        except UnconfirmedSubmissionError:
            raise
        except SeedanceError as error:
            progress.is_sending = False
            record.restore(recorded, intent)
            delay = retry_delay(error, sends=sends, elapsed=time.time() - started, source=_RANDOM)
            if delay is None:
                raise
            log.warning("Submission not accepted: %s. Next attempt in %.1f s", error.what, delay)
        time.sleep(delay)


def send_unrecorded(client: Client, request: GenerationRequest, *, log: Log) -> Prediction:
    """Send a submission as :func:`send` does, without a record: a second call pays again."""
    intent = Submission(fingerprint="", submitted_at=time.time())
    return send(
        client,
        request.check(),
        record=SubmissionRecord(None),
        intent=intent,
        recorded=None,
        progress=Progress(),
        log=log,
    )


def _reattach(
    client: Client, submission: Submission, options: GenerationOptions, *, max_tries: int | None, log: Log
) -> Prediction | None:
    """
    Return the recorded prediction if it has a result or can still have one; ``None`` to submit a new one.

    :raises DeliveredVideoLostError: When it was delivered and the service has it no longer: reuse never pays.
    :raises PredictionNotFoundError: When the service does not know it, and the author did not choose to resubmit.
    """
    prediction_id = submission.prediction_id or ""
    # A delivered video that is to be regenerated never comes here.
    is_delivered = submission.delivered
    try:
        prediction = client.get_confirmed(prediction_id)
    except PredictionNotFoundError as unknown:
        if is_delivered:
            raise _lost(unknown.what, prediction_id) from None
        if options.on_lost_prediction == "fail":
            unknown.advice = _LOST_ADVICE
            raise
        log.warning("Submitting again, as on_lost_prediction says. %s (prediction %s)", unknown.what, prediction_id)
        return None
    except ContentPolicyError as refused:
        ended: SeedanceError | None = refused
    else:
        ended = failure(prediction) if prediction.has_failed else None
    if ended is not None:
        if is_delivered:
            raise _lost(ended.what, prediction_id)
        if isinstance(ended, ContentPolicyError) and not submission.is_cleared(max_tries):
            # A retry would pay for the same refusal. A clear means that somebody decided to try it again.
            raise ended
        log.warning("Submitting again: recorded prediction %s did not succeed. %s", prediction_id, ended.what)
        return None
    is_regenerated = options.on_clear == "regenerate" and submission.is_cleared(max_tries)
    if is_regenerated and not options.wait_for_completion and prediction.is_complete:
        # A task that does not wait never records a delivery.
        log.warning('Submitting again: prediction %s is finished, and on_clear is "regenerate"', prediction_id)
        return None
    log.info("Going on with recorded prediction %s, status %s", prediction_id, prediction.reported_status)
    return prediction


def _seen_by_this_clear(record: SubmissionRecord, submission: Submission, max_tries: int | None) -> Submission:
    """Record ``max_tries`` of a clear during the wait, so that a later plain retry does not count as a clear."""
    if submission.delivered or not submission.is_cleared(max_tries):
        return submission
    submission = dataclasses.replace(submission, max_tries=max_tries)
    record.write(submission)
    return submission


def _lost(what: str, prediction_id: str) -> DeliveredVideoLostError:
    what = f"The delivered video is not available any more: {what}"
    return DeliveredVideoLostError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED)


def record_id(
    record: SubmissionRecord,
    intent: Submission,
    prediction_id: str,
    *,
    log: Log,
) -> Submission:
    """
    Record the id of an accepted submission, with repetitions: without it the next try cannot go on with it.

    :raises UnrecordedSubmissionError: When the store does not take it.
    """
    submission = dataclasses.replace(intent, prediction_id=prediction_id)
    for delay in (*_RECORD_DELAYS, None):
        try:
            record.write(submission)
        except Exception as error:  # any error of the store
            if delay is None:
                what = f"The submission was accepted, but its id could not be recorded ({error!r})"
                raise UnrecordedSubmissionError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED) from error
            log.warning(
                "The id could not be recorded (prediction %s): %r. Next attempt in %.0f s", prediction_id, error, delay
            )
            time.sleep(delay)
        else:
            break
    return submission


def _count(checked: CheckedRequest) -> None:
    metrics.count_submission(checked.price.estimate, metrics.tags_of(checked.request.model, checked.request.mode.value))


def _check_cost(price: Price, max_cost: float | None) -> None:
    if max_cost is None or (price.highest is not None and price.highest <= Decimal(str(max_cost))):
        return
    what = f"The price of the generation is {price}, and max_cost is {max_cost:g} USD"
    if price.highest is None:
        raise CostLimitError(what, advice=_UNBOUNDED_ADVICE)
    advice = f"{CostLimitError.default_advice} {cents(price.highest)} USD is enough."
    if price.raised_by:
        advice += f" Without {' and '.join(price.raised_by)} the list price is the limit."
    raise CostLimitError(what, advice=advice)
