"""The plugin's ASGI application: static files for everyone, and endpoints with Airflow's own access rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow_provider_seedance.plugins.static_files import Message, Receive, Send, StaticFiles, name_of

_Application = Callable[[Message, Receive, Send], Awaitable[None]]
#: For each response of an endpoint, whatever its type: no content of it is ever run as a page.
_HEADERS = {
    b"content-security-policy": b"default-src 'none'; sandbox",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}


class SeedanceApp:
    """
    Serves the static files of a folder, and the endpoints below ``api/`` and ``stored``.

    The first request to an endpoint imports them: every component of Airflow imports the plugin.

    :param folder: The folder of the static files.
    """

    def __init__(self, folder: Path) -> None:
        self._static = StaticFiles(folder)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        is_endpoint = scope["type"] == "http" and (name_of(scope) == "stored" or name_of(scope).startswith("api/"))
        if is_endpoint:
            await self._endpoints(scope, receive, _with_headers(send))
        else:
            await self._static(scope, receive, send)

    @cached_property
    def _endpoints(self) -> _Application:
        from airflow_provider_seedance.plugins.routes import make_endpoints

        return make_endpoints()


def _with_headers(send: Send) -> Send:
    """Add the headers of :data:`_HEADERS` to a response, an error of the framework included."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[Any] = list(message["headers"])
            names = {name.lower() for name, _ in headers}
            added = {name: value for name, value in _HEADERS.items() if name not in names}
            if b"cache-control" not in names:
                added[b"cache-control"] = b"no-store"
            message = {**message, "headers": [*headers, *added.items()]}
        await send(message)

    return send_with_headers
