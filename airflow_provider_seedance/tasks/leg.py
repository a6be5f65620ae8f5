"""
What both legs of a try share: the report, the record and the errors; and the delivery of a finished prediction.

The leg after a deferral often needs nothing else, so this module imports neither the client nor the checks of requests.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.tasks.advice import Situation, advise, trigger_failed
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED, as_airflow_errors
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.outcomes import Deliver
from airflow_provider_seedance.tasks.progress import Progress
from airflow_provider_seedance.tasks.records.opening import (
    Records,
    mark_delivered_if_possible,
    mark_failed_if_possible,
    read_if_possible,
)
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.report import GenerationReport, Publisher, check_nsfw

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.gptproto.settings import ClientSettings


class Leg:
    """
    One leg of a try.

    :param options: The options of the task.
    :param context: The task's context.
    :param get_settings: Reads the settings of the connection.
    :param log: The task's log.
    """

    def __init__(
        self,
        options: GenerationOptions,
        context: Context,
        *,
        get_settings: Callable[[], ClientSettings],
        log: Log,
    ) -> None:
        self._options = options
        self._context = context
        self._get_settings = functools.cache(get_settings)
        self._log = log
        #: Changes with a clear of this task instance, and with nothing else.
        self._max_tries: int | None = getattr(context["ti"], "max_tries", None)
        self._try_number: int = context["ti"].try_number
        self._records = Records(options, context, self._get_settings, log)
        self._record: SubmissionRecord = self._records.in_airflow
        self._publisher = Publisher(context, log=log)
        #: What was published, or will be.
        self.report = GenerationReport()
        self.progress = Progress()
        #: The fingerprint of the request; ``None`` in a leg that does not need it.
        self._fingerprint: str | None = None

    def deliver(self, prediction: Prediction, poller: Poller, *, ledger: str, report: Any) -> Deliver:
        """
        Publish the prediction of the trigger's event, without a request to the service.

        :param prediction: The complete prediction.
        :param poller: The wait.
        :param ledger: Where the ledger has the generation; empty without a ledger.
        :param report: The report of the leg before, as a dict; ``None`` reads it from XCom.
        """
        with self._errors():
            self._open_again(ledger)
            self._restore_report(report)
            return self._deliver(prediction, poller)

    def fail(self, error: Exception) -> NoReturn:
        """
        Raise an error that names the prediction after Airflow ended the wait in the triggerer.

        :param error: Airflow's error, which names neither the prediction nor the bill.
        """
        with self._errors():
            self._open_if_possible(self._records.open)
            self._restore_report(None)
            raise trigger_failed(error, self._situation()) from None

    def _open_if_possible(self, open_: Callable[[], SubmissionRecord]) -> bool:
        """Open the record where the generation is paid for, and return whether it was: the task goes on without."""
        try:
            self._record = open_()
        except SeedanceError as error:
            self._log.warning("The record of the submission could not be opened: %s", error.what)
            return False
        return True

    def _open_again(self, ledger: str) -> bool:
        return self._open_if_possible(lambda: self._records.open_again(ledger))

    def _restore_report(self, report: Any) -> None:
        """Restore the report of the leg before; what it lacks comes from the record."""
        self.report = self._publisher.restore(report)
        if self.report.id is None:
            recorded = read_if_possible(self._record, self._log)
            if recorded is not None and recorded.prediction_id is not None:
                self.report = self.report.with_recorded(recorded.prediction_id, recorded.submitted_at)
            self._add_spending()

    def _add_spending(self) -> None:
        """Add what the task instance has submitted, over all its tries."""
        recorded = self._record.latest
        # Without a record nobody knows what earlier tries submitted.
        if recorded is not None and (self._record.is_kept or self._try_number == 1):
            self.report = self.report.with_spending(recorded.submissions, recorded.total_cost_usd)

    def _deliver(self, prediction: Prediction, poller: Poller) -> Deliver:
        """Publish the outputs of a complete prediction."""
        self.progress.waiting_for = prediction.id
        self.report = self.report.with_result(prediction, time.time())
        self._publisher.publish_result(self.report)
        self._mark_delivered(prediction)
        self.progress.waiting_for = None
        check_nsfw(prediction, log=self._log, fail_on_nsfw=self._options.wait.fail_on_nsfw)
        self._publisher.publish_success(self.report, polls=poller.polls)
        return Deliver(list(prediction.outputs))

    def _mark_delivered(self, prediction: Prediction) -> None:
        mark_delivered_if_possible(self._record, prediction.id, self._max_tries, prediction.outputs, self._log)

    def _errors(self) -> AbstractContextManager[None]:
        """Turn errors into Airflow's exceptions, with advice for this task, and publish them."""
        return as_airflow_errors(
            self._advise, final=GENERATION_ENDED if self._options.prediction_id else (), on_error=self._on_error
        )

    def _on_error(self, error: SeedanceError) -> None:
        mark_failed_if_possible(self._record, error, self._log)
        self._add_spending()
        self.report = self.report.with_error(error, time.time())
        self._publisher.publish_error(self.report, error)

    def _advise(self, error: SeedanceError) -> str | None:
        return advise(error, self._situation())

    def _situation(self) -> Situation:
        recorded = self._record.latest or read_if_possible(self._record, self._log)
        return Situation(
            adopted_id=self._options.prediction_id,
            known_id=self.report.id or (recorded.prediction_id if recorded else None),
            recorded=recorded,
            is_kept=self._record.is_kept,
            where=self._record.where,
            advice_on_clear=self._record.advice_on_clear,
            owner="" if self._record.is_own else self._record.owner,
            fingerprint=self._fingerprint,
            try_number=self._try_number,
            options=self._options,
        )
