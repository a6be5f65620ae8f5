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
from collections.abc import Callable
from typing import Protocol

from airflow_provider_seedance.gptproto.backoff import retry_delay
from airflow_provider_seedance.gptproto.errors import (
    AudioPolicyError,
    Charge,
    ContentPolicyError,
    CostLimitError,
    DeliveredVideoLostError,
    PredictionNotFoundError,
    RepeatableSubmissionError,
    SeedanceError,
    UnconfirmedSubmissionError,
    UnrecordedSubmissionError,
)
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.modes import Validation
from airflow_provider_seedance.gptproto.polling import failure
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.prices import Price, cents
from airflow_provider_seedance.gptproto.requests import CheckedRequest, GenerationRequest
from airflow_provider_seedance.tasks import metrics
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.progress import Progress
from airflow_provider_seedance.tasks.record import Submission, SubmitFresh, check_limit, decide, intend
from airflow_provider_seedance.tasks.record_store import SubmissionRecord

_RANDOM = random.SystemRandom()
#: Seconds between the attempts to record the id of an accepted submission.
_RECORD_DELAYS = (1.0, 3.0)
_LOST_ADVICE = (
    "This try submitted nothing. Check that the connection's key belongs to the account that submitted it; the service "
    "keeps predictions for 7 days. To submit, and pay for, a new one, set "
    'on_lost_prediction="resubmit", or delete the record {where} and clear the task.'
)
_UNBOUNDED_ADVICE = (
    "Nothing was sent. max_cost needs a model and a resolution with a list price, no extra_parameters, and the "
    "arguments duration and resolution instead of prompt flags. Change the arguments, or remove max_cost."
)


_NOT_RESTORED = (
    "The record still has the intent of this submission, so the next try fails as unconfirmed: delete the record "
    "{where}, and clear the task."
)


class Client(Protocol):
    """The methods of a client that are used."""

    def submit(self, request: CheckedRequest) -> Prediction:
        """Submit a generation, exactly once."""

    def get_confirmed(self, prediction_id: str) -> Prediction:
        """Return the confirmed state of a prediction."""


def attach(client: Client, prediction_id: str, *, log: Log) -> Prediction:
    """
    Return the prediction of the option ``prediction_id``. Nothing is submitted, and the record stays as it is.

    :raises PredictionNotFoundError: When the service has no such prediction.
    """
    prediction = client.get_confirmed(prediction_id)
    if prediction.has_failed:
        raise failure(prediction)
    log.info("Nothing is submitted, because prediction_id is set; waiting for prediction %s", prediction_id)
    return prediction


def find(
    client: Client,
    record: SubmissionRecord,
    recorded: Submission | None,
    options: GenerationOptions,
    *,
    fingerprint: str,
    mutes: bool = False,
    max_tries: int | None,
    progress: Progress,
    log: Log,
) -> tuple[Submission, Prediction] | SubmitFresh:
    """
    Return the generation that an earlier try submitted, or the decision to submit one.

    :param client: A client of the service.
    :param record: The record of earlier tries.
    :param recorded: What was read from it.
    :param options: The options of the task.
    :param fingerprint: The idempotency key of the request.
    :param mutes: Whether a request like this is submitted without audio after its audio was refused.
    :param max_tries: ``max_tries`` of the task instance.
    :param progress: Names the recorded prediction to ``on_kill``.
    :param log: The task's log.
    :raises UnconfirmedSubmissionError: When it is unknown whether an earlier submission was accepted.
    :raises SeedanceError: When the earlier prediction could not be read, or must not be replaced.
    """
    decision = decide(
        recorded,
        fingerprint=fingerprint,
        max_tries=max_tries,
        on_clear=options.on_clear,
        on_unconfirmed_submission=options.on_unconfirmed_submission,
    )
    if isinstance(decision, SubmitFresh):
        return decision
    progress.waiting_for = decision.submission.prediction_id
    prediction = _reattach(
        client, decision.submission, options, mutes=mutes, max_tries=max_tries, where=record.where, log=log
    )
    if isinstance(prediction, SubmitFresh):
        progress.waiting_for = None
        return prediction
    return _seen_by_this_clear(record, decision.submission, max_tries, log=log), prediction


def submit_new(
    client: Client,
    record: SubmissionRecord,
    recorded: Submission | None,
    options: GenerationOptions,
    checked: CheckedRequest,
    decision: SubmitFresh,
    *,
    given: str,
    is_muted: bool = False,
    max_tries: int | None,
    progress: Progress,
    log: Log,
) -> tuple[Submission, Prediction]:
    """
    Submit a new generation. The parameters are those of :func:`find`.

    :param checked: The request.
    :param decision: Why it is submitted.
    :param given: The fingerprint of the request as given.
    :param is_muted: Whether it repeats a generation whose audio was refused.
    :raises CostLimitError: When the price can be higher than ``max_cost``.
    :raises SubmissionLimitError: When the task instance has submitted as often as it may.
    :raises UnconfirmedSubmissionError: When it is unknown whether it was accepted.
    :raises SeedanceError: When the service refused it.
    """
    check_limit(recorded, max_submissions=options.max_submissions, max_tries=max_tries, reason=decision.reason)
    _check_cost(checked.price, options.max_cost)
    record.check_place(log)
    record.describe(checked)
    if decision.reason:
        log.warning("Submitting again: %s", decision.reason)
    intent = intend(
        recorded,
        fingerprint=checked.fingerprint(options.connection_id),
        given=given,
        cost_usd=None if checked.price.estimate is None else float(checked.price.estimate),
        max_tries=max_tries,
        is_resubmission=decision.is_resubmission,
        is_muted=is_muted,
        now=time.time(),
    )
    try:
        prediction = send(client, checked, record=record, intent=intent, recorded=recorded, progress=progress, log=log)
    except UnconfirmedSubmissionError as error:
        if error.prediction_id is None:
            metrics.count_unconfirmed_submission(metrics.tags_of(checked.request.model, checked.request.mode.value))
            # Without a record the next try cannot know that it may repeat the submission only once.
            may_repeat = options.on_unconfirmed_submission == "resubmit" and record.is_kept
            if may_repeat and not decision.is_resubmission and not intent.reaches(options.max_submissions):
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
        if progress.is_stopped:
            progress.is_sending = False
            _restore(record, recorded, intent, "The task was stopped before it was sent", log=log)
            progress.check_not_stopped()
        sends += 1
        try:
            return client.submit(checked)
        except UnconfirmedSubmissionError:
            raise
        except SeedanceError as error:
            progress.is_sending = False
            delay = retry_delay(error, sends=sends, elapsed=time.time() - started, source=_RANDOM)
            if not _restore(record, recorded, intent, error.what, log=log):
                error.advice = f"{error.advice} {_NOT_RESTORED.format(where=record.where)}"
                raise
            if delay is None:
                raise
            log.warning("Submission not accepted: %s. Next attempt in %.1f s", error.what, delay)
        time.sleep(delay)


def send_unrecorded(
    client: Client, request: GenerationRequest, record: SubmissionRecord, *, validation: Validation = "strict", log: Log
) -> Prediction:
    """
    Send a submission as :func:`send` does, without a record that a later call finds: a second call pays again.

    :param record: It books the submission in the ledger, if there is one.
    :raises UnrecordedSubmissionError: When the ledger does not take the id.
    """
    checked = request.check(validation)
    for warning in checked.warnings:
        log.warning("%s", warning)
    intent = Submission(fingerprint="", submitted_at=time.time())
    record.describe(checked)
    prediction = send(client, checked, record=record, intent=intent, recorded=None, progress=Progress(), log=log)
    # Logged before it is recorded, so that the id is not lost if the store fails.
    log.info("Submitted prediction %s to %s (%s)", prediction.id, request.model, request.mode.value)
    record_id(record, intent, prediction.id, log=log)
    return prediction


def _restore(
    record: SubmissionRecord, recorded: Submission | None, intent: Submission, reason: str, *, log: Log
) -> bool:
    """Restore the record after a submission that was not sent or not accepted. Return whether it succeeded."""
    what = "The record could not be restored after a submission that was not sent or not accepted"
    try:
        _write_repeatedly(lambda: record.restore(recorded, intent, reason), what, log=log)
    except Exception as error:  # any error of the store
        log.warning("%s: %r", what, error)
        return False
    return True


def _write_repeatedly(write: Callable[[], None], what: str, *, log: Log) -> None:
    """
    Write to the store, with repetitions after an error. The error of the last attempt passes.

    :param what: What failed, for the log.
    """
    for delay in _RECORD_DELAYS:
        try:
            return write()
        except Exception as error:  # any error of the store
            log.warning("%s: %r. Next attempt in %.0f s", what, error, delay)
            time.sleep(delay)
    return write()


def _reattach(
    client: Client,
    submission: Submission,
    options: GenerationOptions,
    *,
    mutes: bool,
    max_tries: int | None,
    where: str,
    log: Log,
) -> Prediction | SubmitFresh:
    """
    Return the recorded prediction if it has a result or can still have one, or the decision to submit a new one.

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
            unknown.advice = _LOST_ADVICE.format(where=where)
            raise
        why = f"the service does not know prediction {prediction_id}"
        return SubmitFresh(f'{why}, and on_lost_prediction is "resubmit". {unknown.what}')
    except ContentPolicyError as refused:
        ended: SeedanceError | None = refused
    else:
        ended = failure(prediction) if prediction.has_failed else None
    is_cleared = submission.is_cleared(max_tries)
    if ended is not None:
        if is_delivered:
            raise _lost(ended.what, prediction_id)
        # A clear means that somebody decided to pay again. With audio that was refused nobody has to.
        is_decided = is_cleared and not (mutes and isinstance(ended, AudioPolicyError))
        if not ended.retryable and not is_decided:
            # It would pay for the same refusal of content or arguments.
            raise ended
        return SubmitFresh(f"recorded prediction {prediction_id} did not succeed. {ended.what}")
    if options.on_clear == "regenerate" and is_cleared and not options.wait_for_completion and prediction.is_complete:
        # A task that does not wait never records a delivery.
        return SubmitFresh(f'prediction {prediction_id} is finished, and on_clear is "regenerate"')
    log.info("Going on with recorded prediction %s, status %s", prediction_id, prediction.reported_status)
    return prediction


def _seen_by_this_clear(
    record: SubmissionRecord, submission: Submission, max_tries: int | None, *, log: Log
) -> Submission:
    """Record ``max_tries`` of a clear during the wait, so that a later plain retry does not count as a clear."""
    seen = submission if submission.delivered else submission.seen_by(max_tries)
    if seen != submission:
        try:
            record.write(seen)
        except Exception as error:  # any error of the store: the generation is paid for, so the task goes on
            log.warning("The clear could not be recorded (prediction %s): %r", seen.prediction_id, error)
    return seen


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
    try:
        what = f"The id could not be recorded (prediction {prediction_id})"
        _write_repeatedly(lambda: record.write(submission), what, log=log)
    except Exception as error:  # any error of the store
        what = f"The submission was accepted, but its id could not be recorded ({error!r})"
        raise UnrecordedSubmissionError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED) from error
    return submission


def _count(checked: CheckedRequest) -> None:
    metrics.count_submission(checked.price.estimate, metrics.tags_of(checked.request.model, checked.request.mode.value))


def _check_cost(price: Price, max_cost: float | None) -> None:
    if max_cost is None or price.is_within(max_cost):
        return
    what = f"The price of the generation is {price}, and max_cost is {max_cost:g} USD"
    if price.highest is None:
        raise CostLimitError(what, advice=_UNBOUNDED_ADVICE)
    advice = f"{CostLimitError.default_advice} {cents(price.highest)} USD is enough."
    if price.raised_by:
        advice += f" Without {' and '.join(price.raised_by)} the list price is the limit."
    raise CostLimitError(what, advice=advice)
