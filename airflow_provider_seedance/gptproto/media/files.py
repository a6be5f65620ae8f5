"""
Media from files: find a file, check its size, read it once, and make a data URI of it.

A file is sent only if its content is an image, a video or audio, so a path to any other file sends nothing. A file that
cannot be sent raises no error here: it becomes an :class:`UnusableFile` in the request, and
:meth:`GenerationRequest.check` reports it together with all other problems.
"""

from __future__ import annotations

import base64
import errno
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from airflow_provider_seedance.gptproto.catalogue import MAXIMUM_REQUEST_BYTES
from airflow_provider_seedance.gptproto.errors import StorageError
from airflow_provider_seedance.gptproto.media.media import (
    MediaKind,
    UnusableFile,
    UploadedMedia,
    is_path,
    media_problem,
    size_problem,
    unwrap_media,
)
from airflow_provider_seedance.gptproto.media.sniff import RECOGNISED, media_type

_ADDRESS = re.compile(r"\s*(?:https?|asset)://", re.IGNORECASE)
#: Error numbers for a path without a file.
_NOT_FOUND = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_READ_AGAIN = "Nothing was sent. A retry of this task reads it again."


class HasMedia(Protocol):
    """A request."""

    def with_media(self, replace: Callable[[Any, MediaKind], Any]) -> Self:
        """Return the request with each medium replaced."""


R = TypeVar("R", bound=HasMedia)


class MediaFile(Protocol):
    """An existing file."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    def read(self) -> bytes:
        """Return the content: at most ``size`` + 1 bytes, so that a growing file is detected."""


#: Returns the file at a path. Raises ``OSError`` if it does not exist, ``ValueError`` if the path is invalid.
Find = Callable[[Any], MediaFile]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """
    A file of this machine.

    :param path: Its path.
    :param size: Its size in bytes.
    """

    path: Path
    size: int

    def read(self) -> bytes:
        """Return the content: at most ``size`` + 1 bytes."""
        with self.path.open("rb") as file:
            return file.read(self.size + 1)


def find_local_file(path: str | os.PathLike[str]) -> LocalFile:
    """
    Return the file of this machine at a path.

    :param path: The path; a relative path starts at the working directory.
    :raises OSError: When the file does not exist.
    :raises ValueError: When it is not a regular file: reading a device or a pipe may never end.
    """
    if "://" in str(path):
        raise ValueError("only files of this machine can be read here")
    found = Path(path).stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a regular file")
    return LocalFile(Path(path), found.st_size)


def with_media_files(request: R, find: Find = find_local_file) -> R:
    """
    Return a request in which data URIs replace the paths of files.

    Files above the limits are not read. The paths decide which images, videos and audio files of this machine are sent
    to the service.

    :param request: The request. Media that are no paths stay unchanged.
    :param find: Returns the file at a path.
    :raises StorageError: When an existing file cannot be read.
    """
    return request.with_media(_Reader(find, declared_upload=getattr(request, "is_upload_media", None) is True).replace)


class _Reader:
    """
    Reads the files of one request.

    :param find: Returns the file at a path.
    :param declared_upload: The request's ``is_upload_media``: then short text may be base64.
    """

    def __init__(self, find: Find, *, declared_upload: bool) -> None:
        self._find = find
        self._declared_upload = declared_upload
        self._remaining_bytes = MAXIMUM_REQUEST_BYTES

    def replace(self, value: Any, kind: MediaKind) -> Any:
        """Return the media to send: the content of a file, or the unchanged value if it is no path."""
        media = self._read(value, kind) if _may_be_path(value) else value
        text = unwrap_media(media)
        self._remaining_bytes -= len(text) if isinstance(text, str) else 0
        return media

    def _read(self, value: Any, kind: MediaKind) -> Any:
        try:
            file = self._find(value)
            problem = self._size_problem(file.size)
            if problem is not None:
                return UnusableFile(str(value), problem)
            content = file.read()
        except PermissionError:
            return UnusableFile(str(value), "names a file that this worker is not allowed to read")
        except IsADirectoryError:
            return UnusableFile(str(value), "names a directory")
        except OSError as error:
            if not isinstance(error, FileNotFoundError) and error.errno not in _NOT_FOUND:
                raise StorageError(f"{value} could not be read ({error})", advice=_READ_AGAIN) from error
            if media_problem(value, kind=kind, declared_upload=self._declared_upload) is None:
                return value
            return UnusableFile(str(value), "is neither URL nor data URI, and this worker finds no such file")
        except (ImportError, TypeError, ValueError) as error:
            return UnusableFile(str(value), f"cannot be read as a file ({error})")
        if len(content) != file.size:
            raise StorageError(f"{value} changed while it was read", advice=_READ_AGAIN)
        found = media_type(content)
        if found is None:
            return UnusableFile(str(value), f"names a file whose content is not {RECOGNISED[kind]}")
        return UploadedMedia(f"data:{found};base64,{base64.b64encode(content).decode()}", source=str(value))

    def _size_problem(self, size: int) -> str | None:
        problem = size_problem(size)
        # Base64 takes four characters for three bytes.
        if problem is None and size * 4 / 3 > self._remaining_bytes:
            limit = f"in base64 (a third more) all media together can have {MAXIMUM_REQUEST_BYTES:,}"
            return f"names a file of {size:,} bytes; {limit}"
        return problem


def _may_be_path(value: object) -> bool:
    """Return whether media may be a path; uploads (wrapped), addresses, and text with line breaks, are none."""
    if not isinstance(value, str):
        return is_path(value)
    return bool(value.strip()) and "\n" not in value and not _ADDRESS.match(value)
