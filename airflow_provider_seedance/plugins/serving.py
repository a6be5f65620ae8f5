"""Serves a stored file: by a link that the store signs, or else as a stream with ``Range``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO

from airflow.providers.common.compat.sdk import ObjectStoragePath
from fastapi import Response
from fastapi.responses import RedirectResponse, StreamingResponse

from airflow_provider_seedance.plugins.ranges import UnsatisfiableRangeError, requested_part
from airflow_provider_seedance.plugins.roots import Root
from airflow_provider_seedance.plugins.static_files import is_known
from airflow_provider_seedance.storage import OBJECT_STORES, storage_path

#: Seconds for which a link may be used without asking Airflow again.
_LIFETIME = 600
#: Bytes that are read at once.
_PIECE = 256 * 1024
#: The arguments of each library's ``sign`` for the headers of the response: never those of an uploaded web page.
_SIGNED_HEADERS = {
    "s3": ("ResponseContentType", "ResponseContentDisposition"),
    "gs": ("response_type", "response_disposition"),
    "abfs": ("content_type", "content_disposition"),
}


@dataclass(frozen=True, slots=True)
class _OpenFile:
    file: IO[bytes]
    size: int
    etag: str


def serve(root: Root, parts: Sequence[str], content_type: str, method: str, headers: Mapping[str, str]) -> Response:
    """
    Respond with a file below a root.

    :param parts: The names between the root and the file.
    :param headers: The headers of the request.
    :raises FileNotFoundError: When there is no regular file, or its path leads through a symbolic link.
    :raises Exception: Any error of the store's library.
    """
    folder = storage_path(root.uri, None, name="media_roots")
    if not root.location.store:
        return _stream(_open_local(folder.path, parts), content_type, method, headers)
    path = "/".join((folder.path.rstrip("/"), *parts))
    # A link is signed for one method.
    link = None if method == "HEAD" else _signed_link(folder, path, content_type)
    if link is not None:
        return RedirectResponse(link, HTTPStatus.TEMPORARY_REDIRECT, {"cache-control": "no-store"})
    return _stream(_open_object(folder, path), content_type, method, headers)


def _open_local(folder: str, parts: Sequence[str]) -> _OpenFile:
    """Open a file part by part without following links, so that no check can be outrun by a change."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    current = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            parent, current = current, os.open(part, flags | os.O_DIRECTORY, dir_fd=current)
            os.close(parent)
        # Opening a pipe would wait for a writer.
        opened = os.open(parts[-1], flags | os.O_NONBLOCK, dir_fd=current)
    except OSError as error:
        raise FileNotFoundError(error.errno, "No such file below the root") from None
    finally:
        os.close(current)
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode):
        os.close(opened)
        raise FileNotFoundError("No regular file")
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'
    return _OpenFile(os.fdopen(opened, "rb"), status.st_size, etag)


def _open_object(folder: ObjectStoragePath, path: str) -> _OpenFile:
    info = folder.fs.info(path)
    if info["type"] != "file":
        raise FileNotFoundError("No object")
    file = folder.fs.open(path, "rb", block_size=_PIECE, cache_type="readahead")
    return _OpenFile(file, info["size"], f'"{folder.fs.ukey(path)[:32]}"')


def _signed_link(folder: ObjectStoragePath, path: str, content_type: str) -> str | None:
    """Return a link, or ``None`` where the store or its credentials cannot sign one."""
    names = _SIGNED_HEADERS[OBJECT_STORES[folder.protocol]]
    with suppress(Exception):  # each library has errors of its own for credentials without a key
        link = str(
            folder.fs.sign(path, expiration=_LIFETIME, **dict(zip(names, (content_type, "inline"), strict=True)))
        )
        return link if link.startswith(("https://", "http://")) else None
    return None


def _stream(opened: _OpenFile, content_type: str, method: str, headers: Mapping[str, str]) -> Response:
    answer = {
        "accept-ranges": "bytes",
        # The same address has another file after the task was cleared, or is forbidden after a right was withdrawn.
        "cache-control": "private, no-cache",
        # Airflow 3.1 compresses every other response, and a part that is compressed is of no use.
        "content-encoding": "identity",
        "etag": opened.etag,
    }
    if is_known(opened.etag, headers.get("if-none-match", "")):
        opened.file.close()
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=answer)
    try:
        part = requested_part(opened.size, opened.etag, headers.get("range"), headers.get("if-range"))
    except UnsatisfiableRangeError:
        opened.file.close()
        answer["content-range"] = f"bytes */{opened.size}"
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=answer)
    status = HTTPStatus.OK
    if part is not None:
        answer["content-range"] = f"bytes {part.start}-{part.stop - 1}/{opened.size}"
        status = HTTPStatus.PARTIAL_CONTENT
    part = range(opened.size) if part is None else part
    answer |= {"content-length": str(len(part)), "content-type": content_type}
    if method == "HEAD":
        opened.file.close()
        return Response(status_code=status, headers=answer)
    return StreamingResponse(file_pieces(opened.file, part), status, answer)


def file_pieces(file: IO[bytes], part: range) -> Iterator[bytes]:
    """Yield the bytes of a part, and close the file."""
    with file:
        file.seek(part.start)
        left = len(part)
        while left and (piece := file.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece
