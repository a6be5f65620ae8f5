"""
Media from files: found, checked by their size, read once, and turned into data URIs.

A file goes into the request only if its content is recognised as an image, a video or a sound, so that a path to
anything else on the machine sends nothing. What cannot be sent is marked in the request instead of being raised, and
:meth:`GenerationRequest.check` tells it together with all else that is wrong.
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
from typing import Any, Protocol, TypeVar

from airflow_provider_seedance.gptproto.catalogue import MAXIMUM_REQUEST_BYTES
from airflow_provider_seedance.gptproto.errors import StorageError
from airflow_provider_seedance.gptproto.media.media import (
    MediaKind,
    UnusableFile,
    UploadedMedia,
    is_path,
    is_uploaded,
    media_problem,
    size_problem,
    unwrap_media,
)
from airflow_provider_seedance.gptproto.media.sniff import RECOGNISED, media_type
from airflow_provider_seedance.gptproto.requests import GenerationRequest

R = TypeVar("R", bound=GenerationRequest)

_WEB_ADDRESS = re.compile(r"\s*https?://", re.IGNORECASE)
#: That a name leads to no file, in the ways that only the operating system tells apart.
_NOT_FOUND = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_READ_AGAIN = "Nothing was sent. A retry of this task reads it again."


class MediaFile(Protocol):
    """A file that was found."""

    @property
    def size(self) -> int:
        """Its size in bytes."""

    def read(self) -> bytes:
        """Return its content, and at most one byte more than its size."""


#: Finds the file that a path names. Raises ``OSError`` where there is none, ``ValueError`` where there can be none.
Find = Callable[[Any], MediaFile]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """
    A file of this machine.

    :param path: Where it is.
    :param size: Its size in bytes.
    """

    path: Path
    size: int

    def read(self) -> bytes:
        """Return its content, and at most one byte more than its size."""
        with self.path.open("rb") as file:
            return file.read(self.size + 1)


def find_local_file(path: str | os.PathLike[str]) -> LocalFile:
    """
    Return the file of this machine that a path names.

    :param path: The path; a relative one is taken from the working directory.
    :raises OSError: When there is none.
    :raises ValueError: When it is no regular file: reading a device or a pipe may take for ever.
    """
    if "://" in str(path):
        raise ValueError("only files of this machine can be read here")
    found = Path(path).stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no regular file")
    return LocalFile(Path(path), found.st_size)


def with_media_files(request: R, find: Find = find_local_file) -> R:
    """
    Return a request with the content of files in place of their paths, as data URIs.

    Files above the limits are not read. Whoever chooses the paths chooses which images, videos and sounds of this
    machine are sent to the service.

    :param request: Some of its media may be paths; the others stay as they are.
    :param find: How a file is found.
    :raises StorageError: When a file that is there could not be read.
    """
    return request.with_media(_Reader(find, declared_upload=getattr(request, "is_upload_media", None) is True).replace)


class _Reader:
    """
    Reads the files of one request.

    :param find: How a file is found.
    :param declared_upload: Whether the author said that the media are uploaded; then short text may be base64.
    """

    def __init__(self, find: Find, *, declared_upload: bool) -> None:
        self._find = find
        self._declared_upload = declared_upload
        self._room = MAXIMUM_REQUEST_BYTES

    def replace(self, value: Any, kind: MediaKind) -> Any:
        """Return what is sent for a medium: a file's content, or the value as it is if it is no path."""
        medium = self._read(value, kind) if _may_be_path(value) else value
        text = unwrap_media(medium)
        self._room -= len(text) if isinstance(text, str) else 0
        return medium

    def _read(self, value: Any, kind: MediaKind) -> Any:
        try:
            file = self._find(value)
            problem = self._size_problem(file.size, kind)
            if problem is not None:
                return UnusableFile(str(value), problem)
            content = file.read()
        except PermissionError:
            return UnusableFile(str(value), "names a file that this worker may not read")
        except IsADirectoryError:
            return UnusableFile(str(value), "names a directory")
        except OSError as error:
            if not isinstance(error, FileNotFoundError) and error.errno not in _NOT_FOUND:
                raise StorageError(f"{value} could not be read ({error})", advice=_READ_AGAIN) from error
            if media_problem(value, kind=kind, declared_upload=self._declared_upload) is None:
                return value
            return UnusableFile(str(value), "is no URL, no data URI, and names no file that this worker can find")
        except (ImportError, TypeError, ValueError) as error:
            return UnusableFile(str(value), f"names nothing that can be read ({error})")
        if len(content) != file.size:
            raise StorageError(f"{value} changed while it was read", advice=_READ_AGAIN)
        found = media_type(content)
        if found is None:
            return UnusableFile(str(value), f"holds nothing that is recognised as {RECOGNISED[kind]}")
        return UploadedMedia(f"data:{found};base64,{base64.b64encode(content).decode()}", source=str(value))

    def _size_problem(self, size: int, kind: MediaKind) -> str | None:
        problem = size_problem(size, kind)
        # Base64 takes four characters for three bytes.
        if problem is None and size * 4 / 3 > self._room:
            limit = f"above what is left of {MAXIMUM_REQUEST_BYTES:,} for one request, where it takes a third more"
            return f"names a file of {size:,} bytes, {limit}"
        return problem


def _may_be_path(value: object) -> bool:
    """Say whether a medium may be a path; spoilt addresses and base64 in lines are none."""
    if not isinstance(value, str):
        return is_path(value)
    return bool(value.strip()) and "\n" not in value and not is_uploaded(value) and not _WEB_ADDRESS.match(value)
