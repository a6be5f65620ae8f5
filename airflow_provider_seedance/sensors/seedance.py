"""
The sensor: wait for a prediction that another task or program submitted.

The work is in :mod:`~airflow_provider_seedance.tasks.sensing`, which is imported when a task runs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.given import given_text
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.links.seedance import SeedanceVideoLink
from airflow_provider_seedance.tasks.options import WaitOptions, named_task
from airflow_provider_seedance.tasks.rendering import AuthorsTemplates
from airflow_provider_seedance.triggers.deferral import DeferrableTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_seedance.tasks.sensing import Sensing

#: Seconds between polls on a worker; ByteDance advises against shorter intervals.
_POKE_INTERVAL = 10.0


class SeedancePredictionSensor(DeferrableTask, AuthorsTemplates, BaseSensorOperator):
    """
    Wait for a prediction that another task or program submitted, and return the URLs of its videos.

    It never submits, so a retry or a clear costs nothing. It pushes ``prediction`` and ``video_url`` to XCom, as the
    operators do. All arguments of Airflow's sensors are valid; ``mode`` and the like apply to a wait on a worker.

    :param prediction_id: The prediction to wait for. (templated)
    :param seedance_conn_id: The Airflow connection. (templated)
    :param deferrable: Whether to wait in the triggerer, without holding a worker.
    :param poke_interval: Seconds between polls. ``None`` means 10 on a worker; in the triggerer the interval adapts to
        the expected time of a generation.
    :param timeout: Longest wait in seconds; then the task fails and is not retried, as with every sensor. A shorter
        ``execution_timeout`` bounds the wait in the triggerer as well.
    :param fail_on_nsfw: Whether a flagged output fails the task.
    """

    template_fields: Sequence[str] = ("prediction_id", "seedance_conn_id")
    operator_extra_links = (SeedanceVideoLink(),)
    ui_color = "#e8e1f5"

    def __init__(
        self,
        *,
        prediction_id: str | XComArg,
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
        self.has_adaptive_interval = poke_interval is None
        self.fail_on_nsfw = fail_on_nsfw
        self._last_sensing: Sensing | None = None
        self._deadline: float | None = None
        with named_task(self.task_id):
            self._options()

    @cached_property
    def hook(self) -> SeedanceHook:
        """The hook of this task's connection."""
        return SeedanceHook(self.seedance_conn_id)

    @property
    def video_url(self) -> str:
        """The first output, for the extra link; empty before this try finds one."""
        return self._last_sensing.report.video_url if self._last_sensing else ""

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll once; a temporary error is repeated a few times."""
        outcome = self._sensing(context).poke(deadline=self._deadline)
        return PokeReturnValue(is_done=outcome is not None, xcom_value=outcome.outputs if outcome else None)

    def execute(self, context: Context) -> Any:
        """Poll; while the prediction is in progress, wait on the worker or in the triggerer."""
        self._deadline = self._end_of_wait(context)
        if not self.deferrable:
            return self._execute_on_worker(context)
        sensing = self._sensing(context)
        with self._skip_instead_of_failing():
            outcome = sensing.poke(deadline=self._deadline)
        return self.finish(outcome or sensing.wait())

    def _end_of_wait(self, context: Context) -> float:
        """Return the deadline of this try in seconds since the epoch; ``execution_timeout`` starts with each poke."""
        now = time.time()
        is_rescheduled = self.reschedule and not self.deferrable
        first = context["ti"].get_first_reschedule_date(context) if is_rescheduled else None
        limit = math.inf if self.execution_timeout is None else self.execution_timeout.total_seconds()
        return min((now if first is None else first.timestamp()) + self.timeout, now + limit)

    def _execute_on_worker(self, context: Context) -> Any:
        """Run Airflow's sensor; its timeout names neither the prediction nor its status nor the bill."""
        try:
            return super().execute(context)
        except (AirflowSensorTimeout, AirflowSkipException) as error:
            if isinstance(error.__cause__, AirflowException):
                raise type(error)(str(error.__cause__)) from error.__cause__
            if self._last_sensing is None or isinstance(error.__cause__, SeedanceError):
                raise
            with self._skip_instead_of_failing():
                self._last_sensing.time_out(error)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral; a skip says why, where Airflow's text says only which argument caused it."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSkipException as skipped:
            if isinstance(skipped.__cause__, AirflowSkipException):
                raise skipped.__cause__ from None
            raise

    def execute_complete(self, context: Context, event: Any = None) -> list[str] | str:
        """Go on after the trigger fired, with the finished prediction or the error in its event."""
        with self._skip_instead_of_failing():
            return self.finish(self._sensing(context).resume(event))

    def fail_wait(self, error: AirflowException, context: Context) -> NoReturn:
        """Name the prediction and the bill in the error for a wait that Airflow ended."""
        with self._skip_instead_of_failing():
            self._sensing(context).fail(error)

    @contextmanager
    def _skip_instead_of_failing(self) -> Iterator[None]:
        """Skip as Airflow's sensors do: ``soft_fail`` after a final error, ``never_fail`` after any error."""
        try:
            yield
        except AirflowSkipException:
            raise
        except (AirflowException, SeedanceError) as error:
            if self.never_fail or (self.soft_fail and isinstance(error, AirflowException)):
                raise AirflowSkipException(str(error)) from error
            raise

    def _options(self) -> WaitOptions:
        return WaitOptions(
            timeout=self.timeout,
            poll_interval=None if self.has_adaptive_interval else self.poke_interval,
            deferrable=self.deferrable,
            fail_on_nsfw=self.fail_on_nsfw,
            execution_timeout=self.execution_timeout,
        )

    def _sensing(self, context: Context) -> Sensing:
        from airflow_provider_seedance.tasks.sensing import Sensing

        self._last_sensing = Sensing(
            given_text(self.prediction_id),
            self._options(),
            context,
            get_settings=self.hook.get_settings,
            connect=self.hook.get_client,
            log=self.log,
        )
        return self._last_sensing
