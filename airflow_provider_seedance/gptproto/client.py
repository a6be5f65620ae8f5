"""
The client of the API, synchronous and asynchronous.

Both run the same generators of :mod:`~airflow_provider_seedance.gptproto.flows` and differ only in their I/O, which is
in :mod:`~airflow_provider_seedance.gptproto.http.transport`. Redirects are never followed, so the key stays with the
connection's own origin.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from types import TracebackType
from typing import Self, TypeVar

from airflow_provider_seedance.gptproto.flows import ApiFlows, Flow, KeyCheck, Outcome, Sleep
from airflow_provider_seedance.gptproto.http.transport import (
    USER_AGENT,
    AsyncBaseTransport,
    BaseTransport,
    ConnectionPool,
    Transport,
    shared_pool,
)
from airflow_provider_seedance.gptproto.leaks import arguments_of, refuse_secrets
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.polling import Decision, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import CheckedRequest, GenerationRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings

T = TypeVar("T")

logger = logging.getLogger(__name__)


class GPTProtoClient:
    """
    The synchronous client, for workers. A context manager.

    :param settings: The connection's settings.
    :param transport: Replaces the network, for tests.
    :param clock: The wall clock, in seconds since the epoch.
    :param sleep: Pauses for so many seconds.
    :param log: Receives the status changes of a wait.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        transport: BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        log: Log = logger,
    ) -> None:
        #: The connection's settings.
        self.settings = settings
        self._transport = Transport(settings, transport)
        self._flows = ApiFlows(settings, user_agent=USER_AGENT, clock=clock, log=log)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def submit(self, request: GenerationRequest | CheckedRequest) -> Prediction:
        """
        Submit a generation, which costs money, and return the new prediction.

        It is sent exactly once. Only after some errors it can be sent again without the risk to pay twice; see
        :func:`~airflow_provider_seedance.gptproto.backoff.retry_delay`.

        :param request: What to generate.
        :raises InvalidRequestError: Before anything is sent.
        :raises UnconfirmedSubmissionError: When it is unknown whether the service accepted it.
        :raises SeedanceError: When the service refused it; then nothing was charged.
        """
        return self._run(self._flows.submit(_checked(request, self.settings)))

    def get_prediction(self, prediction_id: str) -> Prediction:
        """
        Return the current state of a prediction.

        :raises SeedanceError: When the request failed; the generation goes on.
        """
        return self._run(self._flows.get_prediction(prediction_id))

    def get_confirmed(self, prediction_id: str, *, deadline: float | None = None) -> Prediction:
        """
        Return the current state of a prediction, and repeat the request after an unusual response.

        An error, and a success without outputs, are repeated a few times over some seconds: one response is not enough
        to give up a prediction that was paid for.

        :param deadline: The end of the wait that this belongs to, in seconds since the epoch: no request starts later.
        :raises PredictionNotFoundError: When the service has no such prediction.
        :raises WaitTimeoutError: When the response could not be confirmed by the deadline.
        :raises SeedanceError: When all requests failed.
        """
        return self._run(self._flows.get_confirmed(prediction_id, deadline=deadline))

    def poll(self, poller: Poller) -> Decision:
        """Get the poller's prediction once, and return the poller's decision."""
        return self._run(self._flows.poll(poller))

    def wait(self, poller: Poller, *, on_change: Callable[[Prediction], None] | None = None) -> Prediction:
        """
        Poll until a prediction is finished, and return it. It sleeps before the first poll.

        :param on_change: Called with the prediction when its status has changed and it is still in progress.
        :raises SeedanceError: When it ends without videos, for the reasons of :class:`Poller`.
        """
        return self._run(self._flows.wait(poller, on_change))

    def check_key(self) -> KeyCheck:
        """Return whether the service accepts the API key; free of charge, never raises."""
        return self._run(self._flows.check_key())

    def _run(self, flow: Flow[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as finished:
                result: T = finished.value
                return result
            if isinstance(step, Sleep):
                outcome = None
                self._sleep(step.seconds)
                continue
            outcome = self._transport.send(step)


class AsyncGPTProtoClient:
    """
    The asynchronous client, for the triggerer. An asynchronous context manager.

    All clients with the same settings on an event loop share one connection pool. Parameters and methods as in
    :class:`GPTProtoClient`.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        transport: AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        log: Log = logger,
    ) -> None:
        self.settings = settings
        self._replacement = transport
        self._opened: AbstractAsyncContextManager[ConnectionPool] | None = None
        self._pool: ConnectionPool | None = None
        self._flows = ApiFlows(settings, user_agent=USER_AGENT, clock=clock, log=log)
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        if self._opened is not None:
            raise RuntimeError("The client is open already")
        opened: AbstractAsyncContextManager[ConnectionPool]
        if self._replacement is None:
            opened = shared_pool(self.settings)
        else:
            opened = aclosing(ConnectionPool(self.settings, self._replacement))
        self._pool = await opened.__aenter__()
        self._opened = opened
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the shared pool; the last client closes its connections."""
        opened, self._opened, self._pool = self._opened, None, None
        if opened is not None:
            await opened.__aexit__(None, None, None)

    async def submit(self, request: GenerationRequest | CheckedRequest) -> Prediction:
        """Submit a generation, which costs money; see :meth:`GPTProtoClient.submit`."""
        return await self._run(self._flows.submit(_checked(request, self.settings)))

    async def get_prediction(self, prediction_id: str) -> Prediction:
        """Return the current state of a prediction; see :meth:`GPTProtoClient.get_prediction`."""
        return await self._run(self._flows.get_prediction(prediction_id))

    async def get_confirmed(self, prediction_id: str, *, deadline: float | None = None) -> Prediction:
        """Return the confirmed state of a prediction; see :meth:`GPTProtoClient.get_confirmed`."""
        return await self._run(self._flows.get_confirmed(prediction_id, deadline=deadline))

    async def poll(self, poller: Poller) -> Decision:
        """Poll once; see :meth:`GPTProtoClient.poll`."""
        return await self._run(self._flows.poll(poller))

    async def wait(self, poller: Poller, *, on_change: Callable[[Prediction], None] | None = None) -> Prediction:
        """Poll until a prediction is finished; see :meth:`GPTProtoClient.wait`."""
        return await self._run(self._flows.wait(poller, on_change))

    async def check_key(self) -> KeyCheck:
        """Return whether the service accepts the key; see :meth:`GPTProtoClient.check_key`."""
        return await self._run(self._flows.check_key())

    async def _run(self, flow: Flow[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as finished:
                result: T = finished.value
                return result
            if isinstance(step, Sleep):
                outcome = None
                await self._sleep(step.seconds)
                continue
            if self._pool is None:
                raise RuntimeError("Use an asynchronous client in an `async with` block")
            outcome = await self._pool.send(step)


def _checked(request: GenerationRequest | CheckedRequest, settings: ClientSettings) -> CheckedRequest:
    if isinstance(request, CheckedRequest):
        return request
    # Before the check, whose problems quote the arguments.
    refuse_secrets(arguments_of(request), settings)
    return request.check()
