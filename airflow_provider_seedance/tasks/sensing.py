"""The polls of a task that waits for a prediction which something else submitted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, PokeReturnValue

from airflow_provider_seedance.gptproto.catalogue import expected_seconds
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    PredictionNotFoundError,
    SeedanceError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.polling import Poller, failure
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED, as_airflow_errors
from airflow_provider_seedance.tasks.report import Report, accept
from airflow_provider_seedance.triggers.seedance import defer_poller, read_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor


class Watch:
    """
    Looks at a prediction, and never submits.

    :param task: The sensor, whose templates are rendered.
    :param context: The task's context.
    """

    def __init__(self, task: SeedancePredictionSensor, context: Context) -> None:
        self._task = task
        # Without the space around it that a template may leave; empty where one rendered nothing.
        self._prediction_id = str(task.prediction_id or "").strip()
        self._report = Report(context, log=task.log)

    def poll(self, polls: int | None = None) -> PokeReturnValue:
        """
        Look once; what may be a passing fault is asked again a few times.

        :param polls: How often it was looked at so far; ``None`` where nobody counts.
        """
        log = self._task.log
        with self._failures(), self._task.hook.get_conn() as client:
            try:
                prediction = client.get_confirmed(self._prediction_id)
            except SeedanceError as error:
                if not error.retryable:
                    raise
                log.warning("Prediction %s could not be asked: %s", self._prediction_id, error.what)
                return PokeReturnValue(is_done=False)
            if prediction is None:
                what = "GPTProto does not know the prediction that is waited for"
                raise PredictionNotFoundError(what, prediction_id=self._prediction_id, charge=Charge.POSSIBLE)
            if prediction.is_complete:
                self._report.finished(prediction)
                outputs = accept(prediction, log=log, fail_on_nsfw=self._task.fail_on_nsfw)
                self._report.succeeded(polls=polls)
                return PokeReturnValue(is_done=True, xcom_value=outputs)
            if prediction.status.is_final:
                raise failure(prediction)
            log.info("Prediction %s is %s", prediction.id, prediction.reported_status)
            return PokeReturnValue(is_done=False)

    def defer(self) -> NoReturn:
        """Go on in the triggerer."""
        now = time.time()
        wait = Poller(
            prediction_id=self._prediction_id,
            submitted_at=now,
            deadline=now + self._task.timeout,
            expected_seconds=expected_seconds(),
            poll_interval=None if self._task.adapts else self._task.poke_interval,
        )
        defer_poller(self._task, wait, self._task.seedance_conn_id)

    def resume(self, event: Any) -> PokeReturnValue:
        """Go on after the trigger fired: fetch the finished prediction on the worker."""
        self._report.resumed()
        with self._failures():
            wait = read_event(event)
        looked = self.poll(polls=wait.polls + 1)
        if not looked:
            with self._failures():
                _check_deadline(wait)
            defer_poller(self._task, wait, self._task.seedance_conn_id)
        return looked

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn errors into Airflow's terms for a task that only waits."""
        try:
            with as_airflow_errors(_advise, final=GENERATION_ENDED, tell=self._report.failed):
                yield
        except WaitTimeoutError as error:
            raise AirflowSensorTimeout(str(error)) from error


def _check_deadline(wait: Poller) -> None:
    """Raise where there is no time left for the triggerer, which may see what the worker cannot ask for."""
    if time.time() >= wait.deadline:
        what = f"The prediction could not be fetched in {wait.deadline - wait.submitted_at:.0f} s"
        raise WaitTimeoutError(what, prediction_id=wait.prediction_id, charge=Charge.ACCEPTED)


def _advise(error: SeedanceError) -> str | None:
    if isinstance(error, GENERATION_ENDED):
        return "Waiting again does not help. Clear the task that submitted it, which pays for a new generation."
    return None
