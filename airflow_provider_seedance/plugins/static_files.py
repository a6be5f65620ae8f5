"""Static files as an ASGI application without a web framework, so that the import is cheap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src http: https:; "
        "img-src http: https:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class StaticFile(NamedTuple):
    """A file with the values of its response headers."""

    content: bytes
    content_type: str
    etag: str


class StaticFiles:
    """
    Serves the HTML, CSS, JavaScript and SVG files of one folder; a page without ``.html``.

    The first request reads all files into a dictionary by name, so no path of a request reaches the file system.
    Browsers revalidate each file by its ETag, the hash of the content. Modification times are no substitute: each
    version of a package may have the same ones.

    :param folder: The folder. Files in its subfolders are not served.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        status, headers, content = self._respond(scope)
        await send(
            {
                "type": "http.response.start",
                "status": int(status),
                "headers": [(name.encode(), value.encode()) for name, value in (_HEADERS | headers).items()],
            }
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    @cached_property
    def _files(self) -> dict[str, StaticFile]:
        return {
            path.stem if path.suffix == ".html" else path.name: _read(path)
            for path in self._folder.iterdir()
            if path.suffix in _CONTENT_TYPES
        }

    def _respond(self, scope: Message) -> tuple[HTTPStatus, dict[str, str], bytes]:
        if scope["method"] not in ("GET", "HEAD"):
            return _error_response(HTTPStatus.METHOD_NOT_ALLOWED, allow="GET, HEAD")
        file = self._files.get(name_of(scope))
        if file is None:
            return _error_response(HTTPStatus.NOT_FOUND)
        if is_known(file.etag, dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1")):
            return HTTPStatus.NOT_MODIFIED, {"etag": file.etag}, b""
        headers = {"content-type": file.content_type, "content-length": str(len(file.content)), "etag": file.etag}
        return HTTPStatus.OK, headers, file.content


def name_of(scope: Message) -> str:
    """Return the path of a request below the URL at which Airflow serves the plugin."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.removeprefix("/")


def is_known(etag: str, if_none_match: str) -> bool:
    """
    Return whether the browser has a file already.

    :param etag: The file's ETag. A proxy that compresses makes it weak.
    :param if_none_match: The value of the request's header; empty without one.
    """
    return etag in {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(content, _CONTENT_TYPES[path.suffix], f'"{sha256(content).hexdigest()[:32]}"')


def _error_response(status: HTTPStatus, **headers: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
    content = status.phrase.encode()
    return status, {"content-type": "text/plain", "content-length": str(len(content)), **headers}, content
