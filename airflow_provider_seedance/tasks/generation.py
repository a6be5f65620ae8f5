"""
One try of a task that generates: submit or reattach, wait, and publish. It returns an :data:`Outcome`.

What few tries need, such as downloads and media from files, is imported where it is used: each task is a new process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    AudioPolicyError,
    Charge,
    ConnectionSettingsError,
    SeedanceError,
    UnreadableRecordError,
)
from airflow_provider_seedance.gptproto.leaks import arguments_of, refuse_secrets_of
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.polling import Decision, Done, GiveUp, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.gptproto.times import UsualTime, expected_seconds, usual_time
from airflow_provider_seedance.ledger.errors import BudgetExceededError, SubmissionTakenError
from airflow_provider_seedance.tasks.leg import Leg
from airflow_provider_seedance.tasks.mapping import check_mapped_id
from airflow_provider_seedance.tasks.muting import Muting, as_recorded, replacement, unrecorded
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.outcomes import Deliver, KeepWaiting, Outcome, Submitted, await_budget
from airflow_provider_seedance.tasks.preparing import Prepared, check, prepare
from airflow_provider_seedance.tasks.records.limit import SubmissionLimit
from airflow_provider_seedance.tasks.records.opening import mark_failed_if_possible, read_if_possible
from airflow_provider_seedance.tasks.records.submission import Submission
from airflow_provider_seedance.tasks.sending import Sender
from airflow_provider_seedance.tasks.submit import Submitter, attach
from airflow_provider_seedance.tasks.waiting import new_poller

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Seconds for which a task goes on while other tasks submit, or are about to submit, the same generation.
TAKEN_SECONDS = 300.0
_NO_TASK_STATE = (
    "This Airflow keeps no task state (3.3 does), and the connection has no ledger: a retry after an interrupted try "
    "submits and pays again"
)


class Generation(Leg):
    """
    One try, in one or two legs: :meth:`begin`, and :meth:`resume` or :meth:`deliver` after a deferral.

    :param options: The options of the task.
    :param context: The task's context.
    :param get_settings: Reads the settings of the connection.
    :param connect: Opens a client with them.
    :param log: The task's log.
    """

    def __init__(
        self,
        options: GenerationOptions,
        context: Context,
        *,
        get_settings: Callable[[], ClientSettings],
        connect: Callable[[ClientSettings], GPTProtoClient],
        log: Log,
    ) -> None:
        super().__init__(options, context, get_settings=get_settings, log=log)
        self._connect_with = connect
        #: Why the record could not be opened.
        self._unopened: ConnectionSettingsError | None = None

    def begin(self, request: GenerationRequest) -> Outcome:
        """Submit or reattach to the submission of an earlier try; then wait for the videos."""
        with self._errors():
            self._refuse_secrets(request)
            if self._options.prediction_id:
                self._open_if_possible(self._records.open)
                read_if_possible(self._record, self._log)
            else:
                self._open_record()
            check_mapped_id(self._context, self._options.prediction_id)
            try:
                if not self._options.prediction_id:
                    return self._submit(request)
                with self._connect() as client:
                    # The request of an adopted prediction is unknown, and so is its expected time.
                    return self._begin_wait(client, *self._adopt(client), usual=UsualTime(expected_seconds()))
            except AudioPolicyError as refused:
                return self._submit_muted(request, refused)

    def resume(
        self, error: SeedanceError, *, ledger: str, report: Any, request: Callable[[], GenerationRequest]
    ) -> Outcome:
        """
        Go on after the wait in the triggerer ended with an error: raise it, or submit once more without audio.

        :param error: The error of the trigger's event.
        :param ledger: Where the ledger has the generation; empty without a ledger.
        :param report: The report of the leg before, as a dict; ``None`` reads it from XCom.
        :param request: Returns the request; called only to submit it once more.
        """
        with self._errors():
            has_record = self._open_again(ledger)
            self._restore_report(report)
            if not isinstance(error, AudioPolicyError) or self._options.on_audio_refusal == "fail" or not has_record:
                raise error
            if not ledger:
                # The connection may have a ledger and a budget by now.
                self._open_record()
            again = request()
            self._refuse_secrets(again)
            return self._submit_muted(again, error)

    def _open_record(self) -> None:
        try:
            self._record = self._records.open()
        except ConnectionSettingsError as error:
            # Raised where the client is opened, and then the error names an earlier prediction.
            self._unopened = error

    def _connect(self) -> GPTProtoClient:
        if self._unopened is not None:
            raise self._unopened
        return self._connect_with(self._get_settings())

    def _refuse_secrets(self, request: GenerationRequest) -> None:
        """Refuse a request that holds the API key, before an error or a report can repeat it."""
        own = {"prediction_id": self._options.prediction_id, "idempotency_key": self._options.idempotency_key}
        refuse_secrets_of(self._get_settings, {**arguments_of(request), **own})

    def _submit(self, request: GenerationRequest, *, muting: Muting | None = None, may_wait: bool = True) -> Outcome:
        """
        Submit or reattach, and wait.

        :param muting: Why the request has no audio, if the task submits it in place of a refused one.
        :param may_wait: Whether the task may wait for the budget, and begin anew after that.
        """
        end = time.time() + TAKEN_SECONDS
        while True:
            try:
                return self._try_to_submit(request, muting)
            except SubmissionTakenError as taken:
                if time.time() > end:
                    raise
                self._log.info("%s", taken.what)
                time.sleep(1.0)
            except BudgetExceededError as exceeded:
                if not may_wait:
                    raise
                return await_budget(exceeded, self._options, self._log)

    def _try_to_submit(self, request: GenerationRequest, muting: Muting | None) -> Outcome:
        """
        Submit or reattach once.

        :raises SubmissionTakenError: When another try or task was about to submit the same generation first.
        """
        prepared = self._prepare(request, muting)
        if muting is not None and muting.is_overtaken(prepared.recorded) and not self._record.is_over:
            return self._try_to_submit(muting.original, None)
        self._fingerprint = prepared.fingerprint
        usual = usual_time(request)
        with self._connect() as client:
            sender = Sender(client, self._record, self.progress, self._log)
            submission, prediction = Submitter(sender, self._options, self._max_tries).find_or_submit(prepared)
            if submission.delivered and self._options.wait_for_completion:
                from airflow_provider_seedance.tasks.reuse import check_links

                check_links(prediction, client.settings, log=self._log)
            return self._begin_wait(client, submission, prediction, usual=usual)

    def _submit_muted(self, request: GenerationRequest, refused: AudioPolicyError) -> Outcome:
        """Submit once more without audio, or raise the error if the task does not do that."""
        recorded = self._record.latest or read_if_possible(self._record, self._log)
        mark_failed_if_possible(self._record, refused, self._log)
        without_audio = replacement(
            request, refused, recorded=recorded, is_kept=self._record.is_kept, report=self.report, options=self._options
        )
        if without_audio is None:
            raise refused
        muting = Muting(request, refused, recorded)
        is_forgotten = not self._record.is_kept and refused.charge is not Charge.NONE
        try:
            if is_forgotten:
                paid = unrecorded(
                    refused, self._try_number, self._options, total_cost_usd=self.report.total_cost_usd, now=time.time()
                )
                self._record.latest = paid
                SubmissionLimit.of(self._options).check(paid, max_tries=None, reason=muting.reason)
            # Without a record, the task would pay for the refused audio again after it has waited for the budget.
            return self._submit(without_audio, muting=muting, may_wait=not is_forgotten)
        except SeedanceError as error:
            if isinstance(error, AudioPolicyError) and error.prediction_id not in (None, refused.prediction_id):
                # Another task submitted the audio once more meanwhile, and it was refused again.
                return self._submit_muted(request, error)
            if error.charge in (Charge.NONE, Charge.EARLIER):
                # This try has paid for the refused generation.
                error.prediction_id, error.charge = refused.prediction_id, refused.charge
            raise

    def _prepare(self, request: GenerationRequest, muting: Muting | None) -> Prepared:
        """Read the record and the local media, and check the request."""
        self.report = self.report.with_request(request)
        try:
            recorded = self._record.read_settled()
        except Exception as error:  # any error of the store
            # Invalid arguments come first: the author has to correct them in any case.
            check(request, self._options)
            if self._unopened is not None and isinstance(error, UnreadableRecordError):
                # Without the connection nobody knows whether the record is in its ledger.
                raise self._unopened from None
            raise
        if not self._record.is_kept:
            SubmissionLimit.of(self._options).check_after(self._try_number - 1)
            if self._options.durable:
                self._log.warning(_NO_TASK_STATE)
        original, request = request, as_recorded(request, recorded, self._options)
        is_muted = muting is not None or request is not original
        self.report = self.report.with_request(request)
        prepared = prepare(request, recorded, self._options, is_muted=is_muted, muting=muting, log=self._log)
        if not isinstance(prepared.checked, Exception):
            self.report = self.report.with_checked(prepared.checked)
        return prepared

    def _adopt(self, client: GPTProtoClient) -> tuple[Submission | None, Prediction]:
        """Return the prediction of the option ``prediction_id``. The task's own record stays as it is."""
        prediction_id = self._options.prediction_id
        own = self._record.latest
        prediction = attach(client, prediction_id, log=self._log)
        if own is not None and own.prediction_id == prediction_id:
            return own, prediction
        if own is not None and own.prediction_id is not None:
            self._log.warning(
                "The record keeps this task's own prediction %s; to go on with it, remove prediction_id",
                own.prediction_id,
            )
        return None, prediction

    def _begin_wait(
        self, client: GPTProtoClient, submission: Submission | None, prediction: Prediction, *, usual: UsualTime
    ) -> Outcome:
        """
        Publish the prediction, and wait if the task does.

        :param submission: The record; ``None`` if another task or program submitted the prediction.
        :param usual: The usual time of such a generation.
        """
        submitted_at = None if submission is None else submission.submitted_at
        now = time.time()
        self.report = self.report.with_submission(prediction, submitted_at, now)
        self._add_spending()
        try:
            self._publisher.publish_submitted(self.report)
        except Exception as error:  # any error of Airflow's API: the generation is paid for, so the task goes on
            self._log.warning("The submission could not be pushed to XCom (prediction %s): %r", prediction.id, error)
        if not self._options.wait_for_completion:
            if prediction.is_complete:
                self._mark_delivered(prediction)
            return Submitted(prediction.id)
        start = now if submitted_at is None else submitted_at
        poller = new_poller(self._options.wait, prediction.id, start, now, usual)
        return self._proceed(client, poller, poller.on_prediction(prediction, now))

    def _proceed(self, client: GPTProtoClient, poller: Poller, decision: Decision) -> Deliver | KeepWaiting:
        """Carry out a decision of the poller: wait on, deliver, or fail."""
        self.progress.waiting_for = poller.prediction_id
        if isinstance(decision, GiveUp):
            raise decision.error
        if not isinstance(decision, Done) and self._options.wait.deferrable:
            return KeepWaiting(poller, self._record.pointer, self.report.to_dict())
        if not isinstance(decision, Done):
            return self._deliver(client.wait(poller, on_change=self._on_change), poller)
        return self._deliver(decision.prediction, poller)

    def _on_change(self, prediction: Prediction) -> None:
        self.report = self.report.with_progress(prediction, time.time())
        self._publisher.publish_progress(self.report)
