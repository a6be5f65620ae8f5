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
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

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
from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.gptproto.polling import Decision, Wait
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings

C = TypeVar("C")
T = TypeVar("T")

USER_AGENT = f"airflow-provider-seedance/{__version__} httpx/{httpx.__version__}"
#: Seconds to wait for a connection; shorter than for an answer, because nothing is lost when it fails.
CONNECT_TIMEOUT = 10.0
#: Failures before the request left: the service cannot have got it.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
#: All that httpx raises instead of an answer. It reads where a redirect leads although it does not follow it, and
#: raises the last two where it cannot.
_FAILURES = (httpx.RequestError, httpx.InvalidURL, ValueError)

logger = logging.getLogger(__name__)


@functools.lru_cache(maxsize=8)
def tls_context(verify: bool | str) -> ssl.SSLContext:
    """
    Return the TLS context for a ``verify`` setting, made once for a process.

    Reading the CA bundle blocks for tens of milliseconds: an event loop lets a thread call this first.

    :raises ConnectionSettingsError: When it is a path, and no CA bundle is there.
    """
    if isinstance(verify, bool):
        return httpx.create_ssl_context(verify=verify)
    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ValueError) as error:
        what = f"verify in the connection's extra, {verify!r}, is no CA bundle that can be read ({error})"
        raise ConnectionSettingsError(what) from error


def _open(kind: Callable[..., C], settings: ClientSettings, transport: object) -> C:
    """
    Return one of httpx's clients; both take the same arguments.

    :raises ConnectionSettingsError: When they are such that nothing could be sent. It repeats no address, because one
        may hold a password.
    """
    try:
        # What the system's resolver does with a host; it would fail there after a submission was recorded as sent.
        httpx.URL(settings.base_url).raw_host.decode().encode("idna")
    except (httpx.InvalidURL, ValueError):
        raise ConnectionSettingsError("The connection's host is no address that can be used") from None
    try:
        return kind(
            follow_redirects=False,
            proxy=settings.proxy,
            timeout=httpx.Timeout(settings.timeout, connect=min(CONNECT_TIMEOUT, settings.timeout)),
            transport=transport,
            verify=tls_context(settings.verify),
        )
    except ImportError as error:
        raise ConnectionSettingsError(f"The proxy cannot be used: {error}") from error
    except (httpx.InvalidURL, ValueError):
        what = "The proxy in the connection's extra, or in the environment, is no address that can be used"
        raise ConnectionSettingsError(what) from None


def _request(step: Send, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    # Made here and not by the client, which would add its own headers and cookies. Below httpx 0.28 a request made so
    # is sent without the client's timeout, and may wait for ever.
    extensions = {"timeout": http.timeout.as_dict()}
    return httpx.Request(step.method, step.url, headers=step.headers, content=step.content, extensions=extensions)


def _answer(response: httpx.Response) -> Answer:
    # JSON is UTF-8. What the answer says of its charset is not trusted: httpx fails on some of its values.
    text = response.content.decode("utf-8-sig", errors="replace")
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, text)


def _no_answer(error: Exception) -> NoAnswer:
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
        self._http = _open(httpx.Client, settings, transport)
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
                outcome = _answer(self._http.send(_request(step, self._http)))
            except _FAILURES as error:
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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        log: Log = logger,
    ) -> None:
        self._http = _open(httpx.AsyncClient, settings, transport)
        self._conversations = Conversations(settings, user_agent=USER_AGENT, clock=clock, log=log)
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

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
                await self._sleep(step.seconds)
                continue
            try:
                outcome = _answer(await self._http.send(_request(step, self._http)))
            except _FAILURES as error:
                outcome = _no_answer(error)
