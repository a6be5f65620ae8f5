"""
Media from files where a task runs: paths on the worker, and what Airflow's object storage reaches.

Nothing is read before :func:`with_local_media` is called, which is right before a submission: not when the DAG is
parsed, nor when a deferred task resumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException, ObjectStoragePath

from airflow_provider_seedance.gptproto.media.files import MediaFile, find_local_file, with_media_files
from airflow_provider_seedance.gptproto.requests import GenerationRequest

R = TypeVar("R", bound=GenerationRequest)


def with_local_media(request: R) -> R:
    """
    Return a request with the content of files in place of their paths, as data URIs.

    Whoever can set a media argument of a task, or what its template renders, can send the service any image, video or
    sound that the worker can read, with the rights of whatever storage connection the path names. Other content is
    refused, and so are directories, devices and pipes.

    :param request: Some of its media may be paths, URIs or ``ObjectStoragePath``; the others stay as they are.
    :raises StorageError: When a file that is there could not be read. Other errors of the store's own library pass as
        they are.
    """
    return with_media_files(request, _find)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """
    A file in object storage.

    :param path: Where it is.
    :param size: Its size in bytes.
    """

    path: ObjectStoragePath
    size: int

    def read(self) -> bytes:
        """Return its content, and at most one byte more than its size."""
        path: Any = self.path
        # Through the path's own open, which tells Airflow's lineage of it.
        with path.open("rb") as file:
            content: bytes = file.read(self.size + 1)
        return content


def _find(value: Any) -> MediaFile:
    """
    Return the file that a path or URI names.

    :raises OSError: When there is none.
    :raises ValueError: When there can be none.
    """
    if isinstance(value, str) and "://" in value:
        value = ObjectStoragePath(value)
    if not isinstance(value, ObjectStoragePath):
        return find_local_file(value)
    try:
        store: Any = value.fs
    except AirflowNotFoundException as error:
        raise ValueError(str(error)) from error
    # What this process saw of the store before may be out of date.
    store.invalidate_cache()
    found = store.info(value.path)
    if found["type"] == "directory":
        raise IsADirectoryError(str(value))
    if found["type"] != "file":
        raise ValueError("it is no regular file")
    if found["size"] is None:
        raise ValueError("its store does not tell its size")
    return StoredFile(value, found["size"])
