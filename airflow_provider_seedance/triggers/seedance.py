"""The asynchronous wait: what runs in the triggerer while no worker is held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_seedance.gptproto.errors import AuthenticationError, SeedanceError, restore
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.triggers.settings_cache import LIFETIME, LIFETIME_AFTER_REFUSAL, shared_settings

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider_seedance.gptproto.settings import ClientSettings

#: How long after a wait's own deadline Airflow ends the deferral, should the trigger not have done it.
_DEFERRAL_MARGIN = timedelta(minutes=10)
#: What a trigger and its event say of a wait; scalars only, and neither key nor prompt nor media.
_POLLER_FIELDS = ("prediction_id", "submitted_at", "deadline", "expected_seconds", "poll_interval", "polls")


class SeedancePredictionTrigger(BaseTrigger):
    """
    Wait for a prediction and fire once: when it is finished, has failed, or the deadline has passed.

    Times are seconds since the epoch, so that a wait goes on unchanged in another triggerer.

    :param prediction_id: What is waited for.
    :param seedance_conn_id: The Airflow connection.
    :param submitted_at: When the prediction was submitted.
    :param deadline: When to give up.
    :param expected_seconds: How long such a generation usually takes.
    :param poll_interval: Seconds between polls, exactly; ``None`` adapts to the expected time.
    :param polls: How often it was looked at before.
    """

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
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.prediction_id = prediction_id
        self.seedance_conn_id = seedance_conn_id
        self.submitted_at = submitted_at
        self.deadline = deadline
        self.expected_seconds = expected_seconds
        self.poll_interval = poll_interval
        self.polls = polls

    @classmethod
    def for_poller(cls, wait: Poller, seedance_conn_id: str) -> SeedancePredictionTrigger:
        """Return the trigger that goes on with a wait."""
        return cls(seedance_conn_id=seedance_conn_id, **_poller_fields(wait))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments, for the metadata database."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"seedance_conn_id": self.seedance_conn_id, **_poller_fields(self)}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """
        Yield one event: the wait's fields, and the error if it ended without videos.

        It pauses before it polls, because the operator has just looked, and because an event that comes at once can
        overtake the scheduler's own note that the task was deferred.
        """
        wait = Poller(**_poller_fields(self))
        failure = await self._wait_and_return_failure(wait)
        ended = {"wait": _poller_fields(wait), "failure": failure.to_dict() if failure else None}
        yield TriggerEvent(ended)  # type: ignore[no-untyped-call]  # Airflow's

    async def _wait_and_return_failure(self, wait: Poller) -> SeedanceError | None:
        hook = SeedanceHook(self.seedance_conn_id)
        clock = asyncio.get_running_loop().time
        failure: SeedanceError | None = None
        used: ClientSettings | None = None
        try:
            settings = await shared_settings(hook, not_before=clock() - LIFETIME)
            while settings != used:
                used = settings
                try:
                    async with hook.get_async_client(settings) as client:
                        await client.wait(wait)
                except AuthenticationError as error:
                    failure = error
                    # The key may have been rotated since the connection was looked up.
                    settings = await shared_settings(hook, not_before=clock() - LIFETIME_AFTER_REFUSAL)
                else:
                    return None
        except SeedanceError as error:
            return error
        return failure

    async def on_kill(self) -> None:
        """
        Say what becomes of the generation when the deferred task is cleared or marked (Airflow 3.3 and later).

        Airflow 3.3.2 calls this also where it moves the trigger to another triggerer.
        """
        self.log.warning(
            "Airflow ended this wait here. Where it moved it to another triggerer, it goes on there; otherwise: %s",
            still_running(self.prediction_id),
        )


def defer_poller(operator: BaseOperator, wait: Poller, seedance_conn_id: str) -> NoReturn:
    """
    Free the worker, and go on with a wait in the triggerer.

    :param operator: Its ``execute_complete`` is called with the trigger's event.
    :param wait: A wait whose prediction was just seen in progress.
    :param seedance_conn_id: The Airflow connection.
    """
    remaining = timedelta(seconds=max(wait.deadline - time.time(), 0.0))
    operator.log.info("Waiting for prediction %s in the triggerer", wait.prediction_id)
    operator.defer(
        trigger=SeedancePredictionTrigger.for_poller(wait, seedance_conn_id),
        method_name="execute_complete",
        timeout=remaining + _DEFERRAL_MARGIN,
    )


def read_event(event: Any) -> Poller:
    """
    Return the wait that an event ends, and raise what it failed with.

    :param event: The payload of the trigger's event.
    :raises SeedanceError: What ended the wait without videos.
    :raises ValueError: When it is no event of this trigger; an unknown event is never a success.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("wait"), Mapping) or "failure" not in event:
        raise ValueError(
            f"This is no event of SeedancePredictionTrigger: {event!r}. The generation is not touched by that; "
            "where submissions are recorded, a retry of this task waits for the same prediction."
        )
    if event["failure"] is not None:
        raise restore(event["failure"])
    return Poller(**{name: event["wait"][name] for name in _POLLER_FIELDS})


def _poller_fields(source: SeedancePredictionTrigger | Poller) -> dict[str, Any]:
    return {name: getattr(source, name) for name in _POLLER_FIELDS}


def still_running(prediction_id: str) -> str:
    """Return what to tell about a generation whose task was stopped."""
    return (
        f"Prediction {prediction_id} goes on at GPTProto and is billed: a generation cannot be cancelled. "
        f'To pick it up, run a task with prediction_id="{prediction_id}"; where submissions are recorded, '
        "a clear of this task does it, too."
    )
