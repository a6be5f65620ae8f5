"""
The client of the API, synchronous and asynchronous.

The two differ only in how they carry out a step; what is said is in
:mod:`~airflow_provider_seedance.gptproto.flows`, and how requests travel in
:mod:`~airflow_provider_seedance.gptproto.http.transport`. Redirects are never followed, so the key stays with the
connection's own origin.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

from airflow_provider_seedance.gptproto.flows import ApiFlows, Flow, KeyCheck, Log, Outcome, Sleep
from airflow_provider_seedance.gptproto.http.transport import (
    USER_AGENT,
    AsyncBaseTransport,
    BaseTransport,
    ConnectionPool,
    Transport,
    shared_pool,
)
from airflow_provider_seedance.gptproto.polling import Decision, Poller
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings

T = TypeVar("T")

logger = logging.getLogger(__name__)


def _do_nothing() -> None:
    """Stand in for a callback that nobody asked for."""


class GPTProtoClient:
    """
    The synchronous client, for workers. A context manager.

    :param settings: Where the service is and the key.
    :param transport: Another way to carry requests, for tests.
    :param clock: The wall clock, in seconds since the epoch.
    :param sleep: How to pause, in seconds.
    :param log: Where news of a wait go.
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
        self._transport = Transport(settings, transport)
        self._conversations = ApiFlows(settings, user_agent=USER_AGENT, clock=clock, log=log)
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

    def submit(
        self,
        request: GenerationRequest,
        *,
        before_send: Callable[[], None] = _do_nothing,
        after_refusal: Callable[[], None] = _do_nothing,
    ) -> Prediction:
        """
        Submit a generation, which costs money, and return the prediction as first reported.

        It is sent again only when it provably was not accepted: no connection was made, or the answer was 429.

        :param request: What to generate.
        :param before_send: Called each time just before the submission is sent.
        :param after_refusal: Called each time it provably was not accepted.
        :raises InvalidRequestError: Before anything is sent.
        :raises UnconfirmedSubmissionError: When nobody can tell whether it was accepted.
        :raises SeedanceError: When it was refused; nothing was charged then.
        """
        return self._run(self._conversations.submit(request, before_send, after_refusal))

    def get_prediction(self, prediction_id: str) -> Prediction:
        """
        Return what the service now says of a prediction.

        :raises SeedanceError: When it could not be asked; the generation is not touched by that.
        """
        return self._run(self._conversations.get_prediction(prediction_id))

    def get_confirmed(self, prediction_id: str) -> Prediction | None:
        """
        Return what the service says of a prediction that was submitted before, or ``None`` when it does not know it.

        A failure, and a success without outputs, is asked again a few times over some seconds, because to give up a
        paid prediction takes more than one answer.

        :raises SeedanceError: When it could not be asked.
        """
        return self._run(self._conversations.get_confirmed(prediction_id))

    def poll(self, wait: Poller) -> Decision:
        """Ask for the prediction that is waited for once, and return what that means for the wait."""
        return self._run(self._conversations.poll(wait))

    def wait(self, wait: Poller) -> Prediction:
        """
        Wait until a prediction that was just seen in progress is finished, and return it.

        :raises SeedanceError: When the wait ends without videos, for the reasons of :class:`Poller`.
        """
        return self._run(self._conversations.wait(wait))

    def check_key(self) -> KeyCheck:
        """Return whether the service accepts the key; free of charge, and never an exception."""
        return self._run(self._conversations.check_key())

    def _run(self, steps: Flow[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
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
    The asynchronous client, for the triggerer. To be used in an ``async with`` block.

    All clients of the same settings on an event loop share what is costly. Parameters and methods as in
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
        self._pool: ConnectionPool | None = None
        self._exits = AsyncExitStack()
        self._conversations = ApiFlows(settings, user_agent=USER_AGENT, clock=clock, log=log)
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        if self._replacement is None:
            self._pool = await self._exits.enter_async_context(shared_pool(self.settings))
        else:
            self._pool = ConnectionPool(self.settings, self._replacement)
            self._exits.push_async_callback(self._pool.aclose)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the shared transport; its connections are closed when nobody uses them."""
        self._pool = None
        await self._exits.aclose()

    async def submit(
        self,
        request: GenerationRequest,
        *,
        before_send: Callable[[], None] = _do_nothing,
        after_refusal: Callable[[], None] = _do_nothing,
    ) -> Prediction:
        """Submit a generation, which costs money; see :meth:`GPTProtoClient.submit`."""
        return await self._run(self._conversations.submit(request, before_send, after_refusal))

    async def get_prediction(self, prediction_id: str) -> Prediction:
        """Return what the service now says of a prediction; see :meth:`GPTProtoClient.get_prediction`."""
        return await self._run(self._conversations.get_prediction(prediction_id))

    async def get_confirmed(self, prediction_id: str) -> Prediction | None:
        """Return a recorded prediction, or ``None``; see :meth:`GPTProtoClient.get_confirmed`."""
        return await self._run(self._conversations.get_confirmed(prediction_id))

    async def poll(self, wait: Poller) -> Decision:
        """Look once; see :meth:`GPTProtoClient.look`."""
        return await self._run(self._conversations.poll(wait))

    async def wait(self, wait: Poller) -> Prediction:
        """Wait until a prediction is finished; see :meth:`GPTProtoClient.wait`."""
        return await self._run(self._conversations.wait(wait))

    async def check_key(self) -> KeyCheck:
        """Return whether the service accepts the key; see :meth:`GPTProtoClient.check_key`."""
        return await self._run(self._conversations.check_key())

    async def _run(self, steps: Flow[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as finished:
                result: T = finished.value
                return result
            if isinstance(step, Sleep):
                outcome = None
                await self._sleep(step.seconds)
                continue
            if self._pool is None:
                raise RuntimeError("An asynchronous client is to be used in an `async with` block")
            outcome = await self._pool.send(step)
