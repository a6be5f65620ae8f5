"""One poke of a task that only waits for a prediction: it polls, publishes, and never submits."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    SeedanceError,
    TriggerFailedError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.failures import failure
from airflow_provider_seedance.gptproto.leaks import refuse_secrets_of
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.gptproto.times import expected_seconds
from airflow_provider_seedance.tasks.advice import Situation, advise, trigger_failed
from airflow_provider_seedance.tasks.events import read_event
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED, as_airflow_errors
from airflow_provider_seedance.tasks.options import WaitOptions
from airflow_provider_seedance.tasks.outcomes import Deliver, KeepWaiting
from airflow_provider_seedance.tasks.report import GenerationReport, Publisher, check_nsfw

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class Sensing:
    """
    The pokes of one try.

    :param prediction_id: The prediction to wait for.
    :param options: The options of the task.
    :param context: The task's context.
    :param get_settings: Reads the settings of the connection.
    :param connect: Opens a client with them.
    :param log: The task's log.
    """

    def __init__(
        self,
        prediction_id: str,
        options: WaitOptions,
        context: Context,
        *,
        get_settings: Callable[[], ClientSettings],
        connect: Callable[[ClientSettings], GPTProtoClient],
        log: Log,
    ) -> None:
        self._prediction_id = prediction_id
        self._options = options
        self._get_settings = functools.cache(get_settings)
        self._connect_with = connect
        self._log = log
        self._publisher = Publisher(context, log=log)
        #: What was published, or will be.
        self.report = GenerationReport()
        #: The result of the last poll, for the timeout.
        self._last = "the last poll failed"

    def poke(self, *, deadline: float | None = None) -> Deliver | None:
        """
        Get the prediction once; return ``None`` while it is in progress. A temporary error is repeated a few times.

        :param deadline: The end of the wait; ``None`` if it is unknown. A failure that is not confirmed by then is not
            believed.
        """
        with self._errors(), self._connect() as client:
            try:
                prediction = client.get_confirmed(self._prediction_id, deadline=deadline)
            except SeedanceError as error:
                if not error.retryable:
                    raise
                self._log.warning("Poll failed: %s (prediction %s)", error.what, self._prediction_id)
                self._last = f"the last poll failed: {error.what}"
                return None
            if prediction.is_complete:
                return self._deliver(prediction, None)
            if prediction.status.is_final:
                raise failure(prediction)
            # Of each poke: a sensor that is rescheduled is new, and Airflow has deleted its XComs.
            self.report = self.report.with_progress(prediction, time.time())
            self._publisher.publish_progress(self.report)
            self._last = f"it was {prediction.reported_status} at the last poll"
            self._log.info("Status %s: prediction %s", prediction.reported_status, prediction.id)
            return None

    def _connect(self) -> GPTProtoClient:
        # Before any error can name the prediction.
        refuse_secrets_of(self._get_settings, {"prediction_id": self._prediction_id})
        return self._connect_with(self._get_settings())

    def _deliver(self, prediction: Prediction, polls: int | None) -> Deliver:
        """
        Publish the outputs of a complete prediction.

        :param polls: The number of polls; ``None`` if it is unknown.
        """
        self.report = self.report.with_result(prediction, time.time())
        self._publisher.publish_result(self.report)
        check_nsfw(prediction, log=self._log, fail_on_nsfw=self._options.fail_on_nsfw)
        self._publisher.publish_success(self.report, polls=polls)
        return Deliver(list(prediction.outputs))

    def wait(self) -> KeepWaiting:
        """Return a wait that starts now, for the triggerer."""
        now = time.time()
        return KeepWaiting(
            Poller(
                prediction_id=self._prediction_id,
                submitted_at=now,
                deadline=now + self._options.budget_seconds,
                expected_seconds=expected_seconds(),
                poll_interval=self._options.poll_interval_seconds,
            )
        )

    def resume(self, event: Any) -> Deliver:
        """Go on after the trigger fired, with the prediction in its event: the service is not called again."""
        self.report = self._publisher.restore()
        with self._errors():
            poller, result = read_event(event)
            if isinstance(result, SeedanceError):
                raise result
            return self._deliver(result, poller.polls)

    def time_out(self, error: Exception) -> NoReturn:
        """
        Raise a timeout that names the prediction, its status and the charge.

        :param error: The timeout of Airflow's sensor.
        """
        with self._errors():
            what = f"{str(error).rstrip('.')}; {self._last}"
            raise WaitTimeoutError(what, prediction_id=self._prediction_id, charge=Charge.ACCEPTED)
        raise AssertionError("unreachable")

    def fail(self, error: Exception) -> NoReturn:
        """
        Raise an error that names the prediction after Airflow ended the wait in the triggerer.

        A skip and a sensor's timeout stay what they are.

        :param error: Airflow's error, which names neither the prediction nor the charge.
        """
        self.report = self._publisher.restore()
        try:
            with self._errors():
                raise trigger_failed(error, Situation(adopted_id=self._prediction_id))
        except TriggerFailedError as named:
            if isinstance(error, (AirflowSensorTimeout, AirflowSkipException)):
                raise type(error)(str(named)) from None
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors into Airflow's exceptions, with advice for a task that only waits."""
        try:
            with as_airflow_errors(self._advise, final=GENERATION_ENDED, on_error=self._on_error):
                yield
        except WaitTimeoutError as error:
            raise AirflowSensorTimeout(str(error)) from None

    def _advise(self, error: SeedanceError) -> str | None:
        if isinstance(error, GENERATION_ENDED):
            return "Waiting again does not help. Clear the task that submitted it, which pays for a new generation."
        return advise(error, Situation(adopted_id=self._prediction_id))

    def _on_error(self, error: SeedanceError) -> None:
        self.report = self.report.with_error(error, time.time())
        self._publisher.publish_error(self.report, error)
