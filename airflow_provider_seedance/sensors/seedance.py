"""Wait for a prediction that something else submitted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_seedance.failures import airflow_failures
from airflow_provider_seedance.gptproto.catalogue import expected_seconds
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    GenerationExpiredError,
    GenerationFailedError,
    PredictionNotFoundError,
    SeedanceError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.polling import Wait, failure
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.outputs import accept, hand_over
from airflow_provider_seedance.triggers.seedance import defer_wait, read_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Seconds between looks on a worker; ByteDance advises against asking more often.
_POKE_INTERVAL = 10.0


class SeedancePredictionSensor(BaseSensorOperator):
    """
    Wait for a prediction that something else submitted, and return the addresses of its videos.

    It never submits, so it can be retried and cleared at no cost. Pushed to XCom are ``prediction`` and ``video_url``,
    as by the operators. A sensor's own arguments hold; those on the rhythm, ``mode`` say, where it waits on a worker.

    :param prediction_id: What to wait for. (templated)
    :param seedance_conn_id: The Airflow connection. (templated)
    :param deferrable: Whether to wait in the triggerer, without holding a worker.
    :param poke_interval: Seconds between looks. ``None`` means 10 on a worker, and in the triggerer a rhythm that
        adapts to the usual time of a generation.
    :param timeout: Seconds to wait at most; then the task fails and is not retried, as with every sensor.
    :param fail_on_nsfw: Whether a flagged output fails the task.
    """

    template_fields: Sequence[str] = ("prediction_id", "seedance_conn_id")
    ui_color = "#e8e1f5"

    def __init__(
        self,
        *,
        prediction_id: str,
        seedance_conn_id: str = SeedanceHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: timedelta | float | None = None,
        timeout: timedelta | float = 3600.0,
        fail_on_nsfw: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            poke_interval=_POKE_INTERVAL if poke_interval is None else poke_interval, timeout=timeout, **kwargs
        )
        self.prediction_id = prediction_id
        self.seedance_conn_id = seedance_conn_id
        self.deferrable = deferrable
        self.adapts = poke_interval is None
        self.fail_on_nsfw = fail_on_nsfw

    @cached_property
    def hook(self) -> SeedanceHook:
        """The hook of this task's connection."""
        return SeedanceHook(self.seedance_conn_id)

    @property
    def _stripped_id(self) -> str:
        """The id without the space around it that a template may leave; empty where one rendered nothing."""
        return str(self.prediction_id or "").strip()

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; what may be a passing fault is asked again a few times."""
        prediction_id = self._stripped_id
        with _sensor_failures(), self.hook.get_conn() as client:
            try:
                prediction = client.recall(prediction_id)
            except SeedanceError as error:
                if not error.retryable:
                    raise
                self.log.warning("Prediction %s could not be asked: %s", prediction_id, error.what)
                return PokeReturnValue(is_done=False)
            if prediction is None:
                what = "GPTProto does not know the prediction that is waited for"
                raise PredictionNotFoundError(what, prediction_id=prediction_id, charge=Charge.POSSIBLE)
            if prediction.is_complete:
                hand_over(context, prediction, log=self.log)
                outputs = accept(prediction, log=self.log, fail_on_nsfw=self.fail_on_nsfw)
                return PokeReturnValue(is_done=True, xcom_value=outputs)
            if prediction.status.is_final:
                raise failure(prediction)
            self.log.info("Prediction %s is %s", prediction.id, prediction.reported_status)
            return PokeReturnValue(is_done=False)

    def execute(self, context: Context) -> Any:
        """Look, and while the prediction is in progress wait: on the worker, or in the triggerer."""
        if not self.deferrable:
            return super().execute(context)
        try:
            done = self.poke(context)
        except (AirflowException, SeedanceError) as error:
            # As a sensor that pokes: soft_fail is for what ends it, never_fail for everything.
            if self.never_fail or (self.soft_fail and isinstance(error, AirflowException)):
                raise AirflowSkipException(str(error)) from error
            raise
        now = time.time()
        wait = Wait(
            prediction_id=self._stripped_id,
            submitted_at=now,
            deadline=now + self.timeout,
            expected_seconds=expected_seconds(),
            poll_interval=None if self.adapts else self.poke_interval,
        )
        return done.xcom_value if done else defer_wait(self, wait, self.seedance_conn_id)

    def execute_complete(self, context: Context, event: Any = None) -> list[str]:
        """Go on after the trigger fired: fetch the finished prediction on the worker."""
        with _sensor_failures():
            wait = read_event(event)
        done = self.poke(context)
        if not done:
            defer_wait(self, wait, self.seedance_conn_id)
        return cast(list[str], done.xcom_value)


#: A retry of a task that only waits brings no new generation.
_ENDED = (GenerationFailedError, GenerationExpiredError)


def _advise(error: SeedanceError) -> str | None:
    if isinstance(error, _ENDED):
        return "Waiting again does not help. Clear the task that submitted it, which pays for a new generation."
    return None


@contextmanager
def _sensor_failures() -> Iterator[None]:
    """Turn errors into Airflow's terms for a task that only waits."""
    try:
        with airflow_failures(_advise, final=_ENDED):
            yield
    except WaitTimeoutError as error:
        raise AirflowSensorTimeout(str(error)) from error
