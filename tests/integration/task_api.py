"""Airflow's API for tasks in this process, which ``dag.test()`` sends a dozen requests for each task."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import httpx
from airflow.sdk.execution_time import supervisor
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi.dependencies import utils

from tests.versions import HAS_STORE, IS_3_4


class PortalTransport(httpx.BaseTransport):
    """
    Carries requests to an ASGI application in another thread and back.

    Airflow's own transport changes the thread a dozen times for each request, and starts a worker thread for it.

    :param app: The application.
    :param portal: The thread with its event loop.
    """

    def __init__(self, app: Any, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._send, request)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())


@contextmanager
def shared_task_api() -> Iterator[None]:
    """Let ``dag.test()`` use one API for all tasks during a ``with`` block; the first task creates it."""
    create = supervisor.in_process_api_server
    if not HAS_STORE or IS_3_4:
        # Only the API of Airflow 3.3 runs alone, and with the library of the transport.
        with mock.patch.object(supervisor, "in_process_api_server", functools.cache(create)):
            yield
        return
    with ExitStack() as stack:

        @functools.cache
        def create_once() -> Any:
            api: Any = create()
            portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(portal.wrap_async_context_manager(api.app.router.lifespan_context(api.app)))
            api.transport = PortalTransport(api.app, portal)
            stack.enter_context(mock.patch.object(utils, "get_dependant", _cached(utils.get_dependant)))
            return api

        with mock.patch.object(supervisor, "in_process_api_server", create_once):
            yield


def _cached(get_dependant: Callable[..., Any]) -> Callable[..., Any]:
    """
    Return FastAPI's function that reads the parameters of a dependency, with a cache.

    In an application with an override, as Airflow has here, FastAPI reads all of them anew for each request.
    """

    @functools.lru_cache(maxsize=1000)
    def cached(arguments: tuple[tuple[str, Any], ...]) -> Any:
        return get_dependant(**{name: list(v) if isinstance(v, tuple) else v for name, v in arguments})

    def get(**arguments: Any) -> Any:
        if getattr(arguments.get("call"), "__name__", "") == "<lambda>":
            # Each task overrides a dependency with a new one.
            return get_dependant(**arguments)
        # Scopes are lists, which cannot be keys.
        return cached(tuple((name, tuple(v) if isinstance(v, list) else v) for name, v in arguments.items()))

    return get
