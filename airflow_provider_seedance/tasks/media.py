"""
Media from files: paths on the worker, and URIs of Airflow's object storage.

Only :func:`with_local_media` reads files. A task calls it right before a submission: not when the DAG is parsed, and
not when a deferred task resumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException, ObjectStoragePath

from airflow_provider_seedance.gptproto.media.files import MediaFile, find_local_file, with_media_files
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.storage import missing_package

R = TypeVar("R", bound=GenerationRequest)


def with_local_media(request: R) -> R:
    """
    Return a request in which data URIs replace paths and URIs of files.

    Security: a person who can set a media argument of a task, or a value that its template renders, can send the
    service any image, video or audio file that the worker can read, with the rights of the storage connection in the
    path. Other content, directories, devices and pipes are refused.

    :param request: The request. Its media may be paths, URIs or ``ObjectStoragePath``; other media stay unchanged.
    :raises StorageError: When an existing file cannot be read. Errors of the store's library are raised unchanged.
    """
    return with_media_files(request, _find)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """
    A file in object storage.

    :param path: Its path.
    :param size: Its size in bytes.
    """

    path: ObjectStoragePath
    size: int

    def read(self) -> bytes:
        """Return the content: at most ``size`` + 1 bytes, so that a growing file is detected."""
        path: Any = self.path
        # ObjectStoragePath.open() records the file in Airflow's lineage.
        with path.open("rb") as file:
            content: bytes = file.read(self.size + 1)
        return content


def _find(value: Any) -> MediaFile:
    """
    Return the file at a path or URI.

    :raises OSError: When the file does not exist.
    :raises ValueError: When the path is invalid.
    """
    if isinstance(value, str) and "://" in value:
        value = ObjectStoragePath(value)
    if not isinstance(value, ObjectStoragePath):
        return find_local_file(value)
    try:
        store: Any = value.fs
    except AirflowNotFoundException as error:
        raise ValueError(str(error)) from error
    except (ImportError, ValueError) as error:
        raise ValueError(". ".join(filter(None, (str(error), missing_package(value))))) from error
    # The cached listing of this process may be out of date.
    store.invalidate_cache()
    found = store.info(value.path)
    if found["type"] == "directory":
        raise IsADirectoryError(str(value))
    if found["type"] != "file":
        raise ValueError("it is not a regular file")
    if found["size"] is None:
        raise ValueError("the store does not report its size")
    return StoredFile(value, found["size"])
