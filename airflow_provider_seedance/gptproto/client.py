"""
The HTTP client, synchronous and asynchronous: the only module that imports httpx.

The two differ only in how they carry out a step; what is said is in
:mod:`~airflow_provider_seedance.gptproto.conversations`. Redirects are never followed, so the key stays with the
connection's own origin.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from airflow_provider_seedance import __version__
from airflow_provider_seedance.gptproto.conversations import (
    Answer,
    Conversations,
    KeyCheck,
    Log,
    NoAnswer,
    Outcome,
    Pause,
    Send,
    Steps,
)
from airflow_provider_seedance.gptproto.polling import Decision, Wait
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings

T = TypeVar("T")

USER_AGENT = f"airflow-provider-seedance/{__version__} httpx/{httpx.__version__}"
#: Seconds to wait for a connection; shorter than for an answer, because nothing is lost when it fails.
CONNECT_TIMEOUT = 10.0
#: Failures before the request left: the service cannot have got it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

logger = logging.getLogger(__name__)


@functools.lru_cache(maxsize=8)
def tls_context(verify: bool | str) -> ssl.SSLContext:
    """
    Return the TLS context for a ``verify`` setting, made once for a process.

    Reading the CA bundle blocks for tens of milliseconds: an event loop lets a thread call this first.
    """
    if isinstance(verify, str):
        return ssl.create_default_context(cafile=verify)
    return httpx.create_ssl_context(verify=verify)


def _options(settings: ClientSettings) -> dict[str, Any]:
    """Return the arguments that both of httpx's clients take."""
    return {
        "follow_redirects": False,
        "proxy": settings.proxy,
        "timeout": httpx.Timeout(settings.timeout, connect=min(CONNECT_TIMEOUT, settings.timeout)),
        "verify": tls_context(settings.verify),
    }


def _request(step: Send) -> httpx.Request:
    return httpx.Request(step.method, step.url, headers=step.headers, content=step.content)


def _answer(response: httpx.Response) -> Answer:
    return Answer(
        response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.text
    )


def _no_answer(error: httpx.RequestError) -> NoAnswer:
    reason = f"{type(error).__name__} {error}".strip()
    return NoAnswer(reason, was_sent=not isinstance(error, _NEVER_SENT))


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
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        log: Log = logger,
    ) -> None:
        self._http = httpx.Client(transport=transport, **_options(settings))
        self._conversations = Conversations(settings, user_agent=USER_AGENT, clock=clock, log=log)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

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

    def recall(self, prediction_id: str) -> Prediction | None:
        """
        Return what the service says of a prediction that was submitted before, or ``None`` when it does not know it.

        A failure, and a success without outputs, is asked again a few times over some seconds, because to give up a
        paid prediction takes more than one answer.

        :raises SeedanceError: When it could not be asked.
        """
        return self._run(self._conversations.recall(prediction_id))

    def look(self, wait: Wait) -> Decision:
        """Ask for the prediction that is waited for once, and return what that means for the wait."""
        return self._run(self._conversations.look(wait))

    def wait(self, wait: Wait) -> Prediction:
        """
        Wait until a prediction that was just seen in progress is finished, and return it.

        :raises SeedanceError: When the wait ends without videos, for the reasons of :class:`Wait`.
        """
        return self._run(self._conversations.wait(wait))

    def check_key(self) -> KeyCheck:
        """Return whether the service accepts the key; free of charge, and never an exception."""
        return self._run(self._conversations.check_key())

    def _run(self, steps: Steps[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as finished:
                result: T = finished.value
                return result
            if isinstance(step, Pause):
                outcome = None
                self._sleep(step.seconds)
                continue
            try:
                outcome = _answer(self._http.send(_request(step)))
            except httpx.RequestError as error:
                outcome = _no_answer(error)


class AsyncGPTProtoClient:
    """
    The asynchronous client, for the triggerer. An asynchronous context manager.

    Call :func:`tls_context` in a thread before making one on an event loop. Parameters and methods as in
    :class:`GPTProtoClient`.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        log: Log = logger,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **_options(settings))
        self._conversations = Conversations(settings, user_agent=USER_AGENT, clock=clock, log=log)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def submit(self, request: GenerationRequest) -> Prediction:
        """Submit a generation; see :meth:`GPTProtoClient.submit`."""
        return await self._run(self._conversations.submit(request, _do_nothing, _do_nothing))

    async def get_prediction(self, prediction_id: str) -> Prediction:
        """Return what the service now says of a prediction; see :meth:`GPTProtoClient.get_prediction`."""
        return await self._run(self._conversations.get_prediction(prediction_id))

    async def recall(self, prediction_id: str) -> Prediction | None:
        """Return a recorded prediction, or ``None``; see :meth:`GPTProtoClient.recall`."""
        return await self._run(self._conversations.recall(prediction_id))

    async def look(self, wait: Wait) -> Decision:
        """Look once; see :meth:`GPTProtoClient.look`."""
        return await self._run(self._conversations.look(wait))

    async def wait(self, wait: Wait) -> Prediction:
        """Wait until a prediction is finished; see :meth:`GPTProtoClient.wait`."""
        return await self._run(self._conversations.wait(wait))

    async def check_key(self) -> KeyCheck:
        """Return whether the service accepts the key; see :meth:`GPTProtoClient.check_key`."""
        return await self._run(self._conversations.check_key())

    async def _run(self, steps: Steps[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as finished:
                result: T = finished.value
                return result
            if isinstance(step, Pause):
                outcome = None
                await asyncio.sleep(step.seconds)
                continue
            try:
                outcome = _answer(await self._http.send(_request(step)))
            except httpx.RequestError as error:
                outcome = _no_answer(error)
