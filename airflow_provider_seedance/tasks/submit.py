"""Submit a task's generation, unless that was done before: the one place in which money is spent."""

from __future__ import annotations

import dataclasses
import time
from decimal import Decimal
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_seedance.gptproto.catalogue import estimate_cost
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ContentPolicyError,
    CostLimitError,
    PredictionNotFoundError,
    RepeatableSubmissionError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.flows import Log
from airflow_provider_seedance.gptproto.polling import failure
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.tasks import metrics
from airflow_provider_seedance.tasks.options import OnClear, OnUnconfirmedSubmission
from airflow_provider_seedance.tasks.record import (
    Reattach,
    Submission,
    SubmissionRecord,
    decide,
)

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.client import GPTProtoClient


class Submitter:
    """
    Finds or submits the generation of one try.

    :param client: Speaks with the service.
    :param record: What earlier tries recorded.
    :param request: What is asked for.
    :param connection_id: The Airflow connection, which is part of what is asked for.
    :param clear_number: How often the DAG run has been cleared.
    :param on_clear: See :func:`~airflow_provider_seedance.tasks.record.decide`.
    :param on_unconfirmed_submission: Likewise.
    :param max_cost: What may be spent, in USD; ``None`` for any price.
    :param log: The task's log.
    """

    def __init__(
        self,
        client: GPTProtoClient,
        record: SubmissionRecord,
        request: GenerationRequest,
        *,
        connection_id: str,
        clear_number: int,
        on_clear: OnClear,
        on_unconfirmed_submission: OnUnconfirmedSubmission,
        max_cost: float | None,
        log: Log,
    ) -> None:
        self._client = client
        self._record = record
        self._request = request
        self._connection_id = connection_id
        self._clear_number = clear_number
        self._on_clear = on_clear
        self._on_unconfirmed_submission = on_unconfirmed_submission
        self._max_cost = max_cost
        self._log = log
        self._is_stopped = False
        self._is_sending = False

    def stop(self) -> None:
        """Send nothing from now on, and say so if a submission is on its way; called when the task is killed."""
        self._is_stopped = True
        if self._is_sending:
            self._log.warning(
                "Stopped while a submission was on its way. %s Look for it in the GPTProto dashboard; "
                "where submissions are recorded, neither a retry nor a clear of this task submits again",
                Charge.POSSIBLE.value,
            )

    def attach(self, prediction_id: str) -> tuple[Submission, Prediction]:
        """
        Return a prediction that something else submitted; nothing is submitted.

        :raises PredictionNotFoundError: When the service does not know it.
        """
        prediction = self._client.get_confirmed(prediction_id)
        if prediction is None:
            what = "GPTProto does not know the prediction that the task was told to wait for"
            raise PredictionNotFoundError(what, prediction_id=prediction_id, charge=Charge.POSSIBLE)
        self._log.info("Waiting for prediction %s, as told; nothing is submitted", prediction_id)
        recorded = self._record.read()
        if recorded is not None and recorded.prediction_id == prediction_id:
            return recorded, prediction
        if recorded is not None and recorded.prediction_id is not None:
            self._log.warning("Prediction %s was recorded so far; it is not waited for", recorded.prediction_id)
        if any(self._request.problems()):
            # What could never be submitted has no fingerprint that a later try could ask for.
            return Submission(fingerprint="", submitted_at=time.time(), prediction_id=prediction_id), prediction
        submission = dataclasses.replace(self._intent(), prediction_id=prediction_id)
        self._record.write(submission)
        return submission, prediction

    def submit_once(self) -> tuple[Submission, Prediction]:
        """
        Return the generation that an earlier try submitted, or submit it.

        :raises CostLimitError: When it would cost more than it may.
        :raises UnconfirmedSubmissionError: When nobody can tell whether it was submitted.
        :raises SeedanceError: When it was refused, or an earlier one could not be asked for.
        """
        intent = self._intent()
        recorded = self._record.read()
        decision = decide(
            recorded,
            fingerprint=intent.fingerprint,
            clear_number=intent.clear_number,
            on_clear=self._on_clear,
            on_unconfirmed_submission=self._on_unconfirmed_submission,
        )
        if isinstance(decision, Reattach):
            prediction = self._recall(decision.submission)
            if prediction is not None:
                return decision.submission, prediction
        elif decision.reason:
            self._log.warning("Submitting anew: %s", decision.reason)
        return self._submit(intent, recorded)

    def _intent(self) -> Submission:
        return Submission(
            fingerprint=self._request.fingerprint(self._connection_id),
            submitted_at=time.time(),
            clear_number=self._clear_number,
        )

    def _recall(self, submission: Submission) -> Prediction | None:
        """Return the recorded prediction if it has, or can still have, a result."""
        prediction_id = submission.prediction_id or ""
        prediction = self._client.get_confirmed(prediction_id)
        if prediction is None:
            self._log.warning("Submitting anew: GPTProto does not know the recorded prediction %s", prediction_id)
            return None
        if prediction.status in (PredictionStatus.FAILED, PredictionStatus.EXPIRED):
            error = failure(prediction)
            if isinstance(error, ContentPolicyError) and self._clear_number <= submission.clear_number:
                # The same content would be refused again; a clear says that somebody wants to try all the same.
                raise error
            self._log.warning("Submitting anew. Recorded prediction %s: %s", prediction_id, error.what)
            return None
        self._log.info("Going on with recorded prediction %s, which is %s", prediction_id, prediction.reported_status)
        return prediction

    def _submit(self, intent: Submission, recorded: Submission | None) -> tuple[Submission, Prediction]:
        request, cost = self._request, self._cost
        price = "at an unknown price" if cost is None else f"for about {cost:.2f} USD at list price"
        if self._max_cost is not None and (cost is None or cost > Decimal(str(self._max_cost))):
            raise CostLimitError(f"The generation would be submitted {price}, and max_cost is {self._max_cost:g} USD")

        def before_send() -> None:
            if self._is_stopped:
                raise AirflowException("The task was stopped before its submission was sent. Nothing was charged.")
            self._record.write(intent)
            self._is_sending = True

        def after_refusal() -> None:
            self._is_sending = False
            # Nothing was accepted, so what was recorded before still holds.
            self._record.restore(recorded)

        try:
            prediction = self._client.submit(request, before_send=before_send, after_refusal=after_refusal)
        except UnconfirmedSubmissionError as error:
            return self._go_on_with_named(error, intent)
        # Before the record, so that the id is known somewhere should the record not be written.
        self._log.info(
            "Submitted prediction %s to %s (%s), %s", prediction.id, request.model, request.mode.value, price
        )
        submission = dataclasses.replace(intent, prediction_id=prediction.id)
        self._record.write(submission)
        self._is_sending = False
        self._count()
        return submission, prediction

    @property
    def _cost(self) -> Decimal | None:
        """List price in USD, where it is known."""
        return estimate_cost(self._request.model, self._request.resolution, self._request.duration or 0)

    def _count(self) -> None:
        metrics.count_submission(self._cost, metrics.tags_of(self._request.model, self._request.mode.value))

    def _go_on_with_named(self, error: UnconfirmedSubmissionError, intent: Submission) -> tuple[Submission, Prediction]:
        """Go on with the prediction that an answer named although it was no success, or raise the error."""
        if error.prediction_id is None:
            if self._on_unconfirmed_submission == "resubmit":
                raise RepeatableSubmissionError(error.what, charge=error.charge) from error
            raise error
        self._log.warning("%s. The answer names prediction %s: going on with it", error.what, error.prediction_id)
        submission = dataclasses.replace(intent, prediction_id=error.prediction_id)
        self._record.write(submission)
        self._is_sending = False
        self._count()
        prediction = self._client.get_confirmed(error.prediction_id)
        if prediction is None:
            raise error
        return submission, prediction
