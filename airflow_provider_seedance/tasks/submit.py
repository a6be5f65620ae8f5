"""Find the generation that an earlier try submitted, or submit it: what each option of the task means for that."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NoReturn

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
)
from airflow_provider_seedance.gptproto.failures import failure
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.prices import Price, cents
from airflow_provider_seedance.gptproto.requests import CheckedRequest
from airflow_provider_seedance.tasks import metrics
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.preparing import Prepared
from airflow_provider_seedance.tasks.records.limit import SubmissionLimit
from airflow_provider_seedance.tasks.records.submission import Submission, SubmitFresh, decide, intend
from airflow_provider_seedance.tasks.sending import Client, Sender

_LOST_ADVICE = (
    "This try submitted nothing. Check that the connection's key belongs to the account that submitted it; the service "
    "keeps predictions for 7 days. To submit, and pay for, a new one, set "
    'on_lost_prediction="resubmit", or delete the record {where} and clear the task.'
)
_UNBOUNDED_ADVICE = (
    "Nothing was sent. max_cost needs a model and a resolution with a list price, no extra_parameters, and the "
    "arguments duration and resolution instead of prompt flags. Change the arguments, or remove max_cost."
)


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


@dataclass(frozen=True, slots=True)
class Submitter:
    """
    Submits the generation of a task, unless an earlier try did.

    :param sender: Sends a submission.
    :param options: The options of the task.
    :param max_tries: ``max_tries`` of the task instance.
    """

    sender: Sender
    options: GenerationOptions
    max_tries: int | None = None

    def find_or_submit(self, prepared: Prepared) -> tuple[Submission, Prediction]:
        """
        Return the generation that an earlier try submitted, or submit it.

        :raises CostLimitError: When the price can be higher than ``max_cost``.
        :raises SubmissionLimitError: When the task instance has submitted as often as it may.
        :raises UnconfirmedSubmissionError: When it is unknown whether a submission was accepted.
        :raises IdempotencyKeyError: When the key stands for another request, or an earlier try has this one elsewhere.
        :raises SeedanceError: When the service refused it, or the earlier prediction could not be read or must not be
            replaced.
        :raises Exception: When the request cannot be made again, and has to be.
        """
        if prepared.muting is None:
            self.sender.record.check_request(prepared.fingerprint, prepared.given_without_audio)
        found = self._find(prepared)
        if not isinstance(found, SubmitFresh):
            return found
        self.sender.record.check_before(prepared.fingerprint, prepared.given_without_audio)
        if isinstance(prepared.checked, Exception):
            raise prepared.checked
        for warning in prepared.checked.warnings:
            self.sender.log.warning("%s", warning)
        return self._submit(prepared, prepared.checked, found)

    def _find(self, prepared: Prepared) -> tuple[Submission, Prediction] | SubmitFresh:
        """Return the generation of an earlier try, or the decision to submit one."""
        progress = self.sender.progress
        decision = decide(
            prepared.recorded,
            fingerprint=prepared.fingerprint,
            max_tries=self.max_tries,
            on_clear=self.options.on_clear,
            on_unconfirmed_submission=self.options.on_unconfirmed_submission,
        )
        if isinstance(decision, SubmitFresh):
            return decision
        self.sender.record.note_place()
        progress.waiting_for = decision.submission.prediction_id
        prediction = self._reattach(decision.submission, mutes=prepared.has_audio(self.options))
        if isinstance(prediction, SubmitFresh):
            progress.waiting_for = None
            return prediction
        return self._seen_by_this_clear(decision.submission), prediction

    def _reattach(self, submission: Submission, *, mutes: bool) -> Prediction | SubmitFresh:
        """
        Return the recorded prediction if it has a result or can still have one, or the decision to submit a new one.

        :param mutes: Whether the task submits the request without audio if its audio is refused.
        :raises DeliveredVideoLostError: When it was delivered and the service has it no longer: reuse never pays.
        :raises PredictionNotFoundError: When the service does not know it, and the author did not choose to resubmit.
        """
        prediction_id = submission.prediction_id or ""
        # A delivered video that is to be regenerated never comes here.
        is_delivered = submission.delivered
        try:
            prediction = self.sender.client.get_confirmed(prediction_id)
        except PredictionNotFoundError as unknown:
            if is_delivered:
                raise _lost(unknown.what, prediction_id) from None
            if self.options.on_lost_prediction == "fail":
                unknown.advice = _LOST_ADVICE.format(where=self.sender.record.where)
                raise
            why = f"the service does not know prediction {prediction_id}"
            return SubmitFresh(f'{why}, and on_lost_prediction is "resubmit". {unknown.what}')
        except ContentPolicyError as refused:
            ended: SeedanceError | None = refused
        else:
            ended = failure(prediction) if prediction.has_failed else None
        is_cleared = submission.is_cleared(self.max_tries)
        if ended is not None:
            if is_delivered:
                raise _lost(ended.what, prediction_id)
            # A clear means that somebody decided to pay again. With audio that was refused nobody has to.
            is_decided = is_cleared and not (mutes and isinstance(ended, AudioPolicyError))
            if not ended.retryable and not is_decided:
                # It would pay for the same refusal of content or arguments.
                raise ended
            return SubmitFresh(f"recorded prediction {prediction_id} did not succeed. {ended.what}")
        regenerates = self.options.on_clear == "regenerate" and is_cleared
        if regenerates and not self.options.wait_for_completion and prediction.is_complete:
            # A task that does not wait never records a delivery.
            return SubmitFresh(f'prediction {prediction_id} is finished, and on_clear is "regenerate"')
        self.sender.log.info(
            "Going on with recorded prediction %s, status %s", prediction_id, prediction.reported_status
        )
        return prediction

    def _seen_by_this_clear(self, submission: Submission) -> Submission:
        """Record ``max_tries`` of a clear during the wait, so that a later plain retry does not count as a clear."""
        seen = submission if submission.delivered else submission.seen_by(self.max_tries)
        if seen != submission:
            try:
                self.sender.record.write(seen)
            except Exception as error:  # any error of the store: the generation is paid for, so the task goes on
                self.sender.log.warning(
                    "The clear could not be recorded (prediction %s): %r", seen.prediction_id, error
                )
        return seen

    def _submit(
        self, prepared: Prepared, checked: CheckedRequest, decision: SubmitFresh
    ) -> tuple[Submission, Prediction]:
        """Submit a new generation, within the limits of the task."""
        sender, options = self.sender, self.options
        reason = prepared.muting.reason if prepared.muting else decision.reason
        SubmissionLimit.of(options).check(prepared.recorded, max_tries=self.max_tries, reason=reason)
        _check_cost(checked.price, options.max_cost)
        sender.record.check_place(sender.log)
        sender.record.describe(checked)
        if reason:
            sender.log.warning("Submitting again: %s", reason)
        intent = intend(
            prepared.recorded,
            fingerprint=prepared.fingerprint,
            given=prepared.given,
            cost_usd=None if checked.price.estimate is None else float(checked.price.estimate),
            max_tries=self.max_tries,
            is_resubmission=decision.is_resubmission,
            is_muted=prepared.is_muted,
            now=time.time(),
        )
        try:
            prediction = sender.send(checked, intent=intent, recorded=prepared.recorded)
        except UnconfirmedSubmissionError as error:
            if error.prediction_id is None:
                self._raise_unconfirmed(error, checked, intent)
            sender.log.warning(
                "Going on with the id in the response: prediction %s. %s", error.prediction_id, error.what
            )
            submission = self._accepted(checked, intent, error.prediction_id)
            try:
                return submission, sender.client.get_confirmed(error.prediction_id)
            except PredictionNotFoundError:
                raise error from None
        request = checked.request
        # Logged before it is recorded, so that the id is not lost if the store fails.
        sender.log.info(
            "Submitted prediction %s to %s (%s), price: %s",
            prediction.id,
            request.model,
            request.mode.value,
            checked.price,
        )
        return self._accepted(checked, intent, prediction.id), prediction

    def _raise_unconfirmed(
        self, error: UnconfirmedSubmissionError, checked: CheckedRequest, intent: Submission
    ) -> NoReturn:
        """Raise the error of a submission without an id: one that Airflow retries, if it may be sent once more."""
        metrics.count_unconfirmed_submission(_tags(checked))
        # Without a record the next try cannot know that it may repeat the submission only once.
        may_repeat = self.options.on_unconfirmed_submission == "resubmit" and self.sender.record.is_kept
        if may_repeat and not intent.is_resubmission and not SubmissionLimit.of(self.options).is_reached(intent):
            raise RepeatableSubmissionError(error.what, charge=error.charge) from None
        raise error

    def _accepted(self, checked: CheckedRequest, intent: Submission, prediction_id: str) -> Submission:
        """Count and record an accepted submission."""
        progress = self.sender.progress
        progress.is_sending, progress.waiting_for = False, prediction_id
        metrics.count_submission(checked.price.estimate, _tags(checked))
        return self.sender.record_id(intent, prediction_id)


def _lost(what: str, prediction_id: str) -> DeliveredVideoLostError:
    what = f"The delivered video is not available any more: {what}"
    return DeliveredVideoLostError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED)


def _tags(checked: CheckedRequest) -> dict[str, str]:
    return metrics.tags_of(checked.request.model, checked.request.mode.value)


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
