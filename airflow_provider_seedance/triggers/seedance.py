"""The trigger of deferred tasks: it polls in the triggerer, so that no worker slot is occupied."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_seedance.gptproto.durations import ObservedDurations
from airflow_provider_seedance.gptproto.errors import AuthenticationError, PermissionDeniedError, SeedanceError
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.tasks.events import poller_fields, to_event
from airflow_provider_seedance.tasks.progress import still_running
from airflow_provider_seedance.triggers.settings_cache import LIFETIME, LIFETIME_AFTER_REFUSAL, settings_in_time

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider_seedance.gptproto.predictions import Prediction
    from airflow_provider_seedance.gptproto.settings import ClientSettings

#: The deferral's own timeout is this much later than the deadline, for a trigger that does not fire.
DEFERRAL_MARGIN = timedelta(minutes=10)
#: The observed durations of each connection, which its triggers on an event loop share.
_durations: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, ObservedDurations]] = WeakKeyDictionary()


class SeedancePredictionTrigger(BaseTrigger):
    """
    Wait for a prediction and fire once: when it is finished, has failed, or the deadline has passed.

    Times are seconds since the epoch, so that a wait goes on unchanged in another triggerer.

    :param prediction_id: The prediction to wait for.
    :param seedance_conn_id: The Airflow connection.
    :param submitted_at: The time of the submission.
    :param deadline: The end of the wait.
    :param expected_seconds: The usual duration of such a generation: the first guess, which the triggerer corrects by
        the durations that it observed.
    :param poll_interval: Exact seconds between polls; ``None`` adapts to the expected time.
    :param polls: The number of polls before.
    :param kind: The kind of the generation, for the observed durations; empty if unknown.
    :param ledger: Where the ledger has the generation, for the event; empty without a ledger.
    """

    #: Seconds from the start of the trigger to its event, at least. An event that arrives before the scheduler has
    #: recorded the end of the deferring leg costs the task a try; Airflow 3.3.2 lost 7 of 16 tasks that way.
    MINIMUM_SECONDS: ClassVar[float] = 5.0

    def __init__(
        self,
        *,
        prediction_id: str,
        seedance_conn_id: str,
        submitted_at: float,
        deadline: float,
        expected_seconds: float,
        poll_interval: float | None = None,
        polls: int = 0,
        kind: str = "",
        ledger: str = "",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.prediction_id = prediction_id
        self.seedance_conn_id = seedance_conn_id
        self.submitted_at = submitted_at
        self.deadline = deadline
        self.expected_seconds = expected_seconds
        self.poll_interval = poll_interval
        self.polls = polls
        self.kind = kind
        self.ledger = ledger

    @classmethod
    def for_poller(cls, poller: Poller, seedance_conn_id: str, ledger: str = "") -> SeedancePredictionTrigger:
        """Return the trigger that continues a wait."""
        return cls(seedance_conn_id=seedance_conn_id, ledger=ledger, **poller_fields(poller))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments, for the metadata database."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        ledger = {"ledger": self.ledger} if self.ledger else {}
        return path, {"seedance_conn_id": self.seedance_conn_id, **poller_fields(self), **ledger}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """
        Yield one event: the poller's fields, and the finished prediction, or the error that ended the wait.

        It sleeps before its first poll, because the operator has just polled. No event comes at once, whatever the poll
        interval, the deadline and the connection are.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        durations = _durations.setdefault(loop, defaultdict(ObservedDurations))[self.seedance_conn_id]
        poller = Poller(**poller_fields(self), durations=durations)
        result = await self._wait(poller)
        early = started + self.MINIMUM_SECONDS - loop.time()
        if early > 0:
            await asyncio.sleep(early)
        yield TriggerEvent(to_event(poller, result, self.ledger))  # type: ignore[no-untyped-call]  # Airflow's

    async def _wait(self, poller: Poller) -> Prediction | SeedanceError:
        """Wait, and return the finished prediction, or the error that ended the wait without videos."""
        hook = SeedanceHook(self.seedance_conn_id)
        try:
            settings = await self._read_settings(hook, LIFETIME)
            while True:
                try:
                    async with hook.get_async_client(settings, log=self.log) as client:
                        return await client.wait(poller)
                except (AuthenticationError, PermissionDeniedError):
                    tried = settings
                    # The key may have been rotated since the connection was read. A refused key is a 401 or a 403.
                    settings = await self._read_settings(hook, LIFETIME_AFTER_REFUSAL)
                    if settings == tried:
                        raise
        except SeedanceError as error:
            return error

    async def _read_settings(self, hook: SeedanceHook, lifetime: float) -> ClientSettings:
        not_before = asyncio.get_running_loop().time() - lifetime
        return await settings_in_time(hook, not_before=not_before, deadline=self.deadline, log=self.log)

    async def on_kill(self) -> None:
        """
        Log that the generation goes on when the deferred task is cleared or marked (Airflow 3.3 and later).

        Airflow 3.3.2 also calls this when it moves the trigger to another triggerer.
        """
        self.log.warning(
            "Airflow stopped this trigger. If the trigger moved to another triggerer, the wait goes on; otherwise: %s",
            still_running(self.prediction_id),
        )


def defer_poller(
    operator: BaseOperator,
    poller: Poller,
    seedance_conn_id: str,
    ledger: str = "",
    report: dict[str, Any] | None = None,
) -> NoReturn:
    """
    Free the worker, and continue a wait in the triggerer.

    :param operator: Its ``execute_complete`` receives the trigger's event.
    :param poller: The wait. Its prediction was in progress at the last poll.
    :param seedance_conn_id: The Airflow connection.
    :param ledger: Where the ledger has the generation; empty without a ledger.
    :param report: Handed on to the next leg, which then need not read it from XCom.
    """
    remaining = timedelta(seconds=max(poller.deadline - time.time(), 0.0))
    operator.log.info("Waiting in the triggerer for prediction %s", poller.prediction_id)
    operator.defer(
        trigger=SeedancePredictionTrigger.for_poller(poller, seedance_conn_id, ledger),
        method_name="execute_complete",
        kwargs=None if report is None else {"report": report},
        timeout=remaining + DEFERRAL_MARGIN,
    )
