"""
Wait for a prediction that something else submitted.

What looks at it is in :mod:`~airflow_provider_seedance.tasks.sensing`, which is imported where a task runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.links.seedance import SeedanceVideoLink

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_seedance.tasks.sensing import Watch

#: Seconds between polls on a worker; ByteDance advises against asking more often.
_POKE_INTERVAL = 10.0


class SeedancePredictionSensor(BaseSensorOperator):
    """
    Wait for a prediction that something else submitted, and return the addresses of its videos.

    It never submits, so it can be retried and cleared at no cost. Pushed to XCom are ``prediction`` and ``video_url``,
    as by the operators. A sensor's own arguments hold; those on the rhythm, ``mode`` say, where it waits on a worker.

    :param prediction_id: What to wait for. (templated)
    :param seedance_conn_id: The Airflow connection. (templated)
    :param deferrable: Whether to wait in the triggerer, without holding a worker.
    :param poke_interval: Seconds between polls. ``None`` means 10 on a worker, and in the triggerer a rhythm that
        adapts to the usual time of a generation.
    :param timeout: Seconds to wait at most; then the task fails and is not retried, as with every sensor.
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
        self.adapts = poke_interval is None
        self.fail_on_nsfw = fail_on_nsfw

    @cached_property
    def hook(self) -> SeedanceHook:
        """The hook of this task's connection."""
        return SeedanceHook(self.seedance_conn_id)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; what may be a passing fault is asked again a few times."""
        return self._watch(context).poll()

    def execute(self, context: Context) -> Any:
        """Look, and while the prediction is in progress wait: on the worker, or in the triggerer."""
        if not self.deferrable:
            return super().execute(context)
        with self._never_failing():
            looked = self.poke(context)
        return looked.xcom_value if looked else self._watch(context).defer()

    def execute_complete(self, context: Context, event: Any = None) -> list[str]:
        """Go on after the trigger fired: fetch the finished prediction on the worker."""
        with self._never_failing():
            return cast(list[str], self._watch(context).resume(event).xcom_value)

    @contextmanager
    def _never_failing(self) -> Iterator[None]:
        """Skip as a sensor that pokes does: ``soft_fail`` is for what ends it, ``never_fail`` for everything."""
        try:
            yield
        except AirflowSkipException:
            raise
        except (AirflowException, SeedanceError) as error:
            if self.never_fail or (self.soft_fail and isinstance(error, AirflowException)):
                raise AirflowSkipException(str(error)) from error
            raise

    def _watch(self, context: Context) -> Watch:
        from airflow_provider_seedance.tasks.sensing import Watch

        return Watch(self, context)
