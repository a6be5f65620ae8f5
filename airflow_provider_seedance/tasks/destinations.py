"""Where files go: from a path or URI to a store that can be used, and from a store's own errors to the error tree."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, ObjectStoragePath

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ConnectionNotFoundError,
    DestinationTakenError,
    InvalidTransferError,
    SeedanceError,
    StorageError,
)

#: The schemes of object stores, and their kinds.
OBJECT_STORES = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "abfs",
    "abfss": "abfs",
    "adl": "abfs",
    "az": "abfs",
}
#: The package of each kind that has its filesystem, with its library.
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
}
#: The path in a local destination, which may have a scheme and a connection.
_LOCAL_PATH = re.compile(r"(?:(?:file|local):(?://(?:[^/@]*@)?)?)?(?P<path>.*)", re.DOTALL)
#: Characters of a library's error that are shown.
_SHOWN = 500
_NO_PERMISSION = (
    "Permit the worker's user, or the storage connection, to write there. A retry of this task then downloads and "
    "stores it again and pays nothing."
)
_NO_SPACE = "Free space at the destination. A retry of this task then downloads and stores it again and pays nothing."


def storage_path(path: str | ObjectStoragePath, conn_id: str | None) -> ObjectStoragePath:
    """
    Return a path whose store can be used.

    :param path: A path or URI. It may name its connection before an ``@``.
    :param conn_id: The store's Airflow connection.
    :raises InvalidTransferError: When it is no absolute path, or no installed provider supports its store.
    :raises ConnectionNotFoundError: When Airflow does not find the store's connection.
    :raises StorageError: When the store cannot be opened.
    """
    shown = f"destination: {str(path)!r}"
    try:
        found = path if isinstance(path, ObjectStoragePath) else ObjectStoragePath(path, conn_id=conn_id)
        _ = found.fs
    except AirflowNotFoundException as error:
        raise ConnectionNotFoundError(f"{shown} needs a connection that Airflow did not find ({error})") from None
    except (ImportError, TypeError, ValueError) as error:
        raise InvalidTransferError(f"{shown} cannot be used ({error})", advice=missing_package(path)) from error
    except Exception as error:  # any error of a provider, or of Airflow's API
        # The text of the error is left out, because it may contain a password of the connection.
        raise StorageError(f"{shown} could not be opened ({type(error).__name__})") from error
    if found.protocol in ("", "file", "local"):
        local = _LOCAL_PATH.fullmatch(str(path).strip())
        if local is not None and not local["path"].startswith("/"):
            raise InvalidTransferError(
                f"{shown} is a relative path, and a task runs in a directory that its worker chooses; allowed: an "
                "absolute path, or a URI such as s3://bucket/videos"
            )
    return found


def missing_package(path: object) -> str | None:
    """Return the advice for a path of an object store that Airflow does not open; ``None`` for another path."""
    scheme = urlsplit(str(path)).scheme
    kind = OBJECT_STORES.get(scheme)
    if kind is None:
        return None
    return f"{scheme}:// needs {_PACKAGES[kind]} on every worker. Install it there, or correct the path."


@contextmanager
def store_errors(target: ObjectStoragePath) -> Iterator[None]:
    """Turn errors of the file system and of a store's library into errors that say what was paid and what to do."""
    try:
        yield
    except SeedanceError:
        raise
    except Exception as error:  # each library has errors of its own
        raise _from_library(target, error) from error


def _from_library(target: ObjectStoragePath, error: Exception) -> SeedanceError:
    text = " ".join(str(error).split())[:_SHOWN].rstrip(".")
    what = f"{target} could not be stored ({type(error).__name__}: {text})"
    number = getattr(error, "errno", None)
    if number == errno.ENAMETOOLONG:
        return InvalidTransferError(what, charge=Charge.ACCEPTED)
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        advice = "A file has the name of a folder in this path. Choose another destination, or remove that file."
        return DestinationTakenError(what, charge=Charge.ACCEPTED, advice=advice)
    if isinstance(error, PermissionError) or number == errno.EROFS:
        return StorageError(what, charge=Charge.ACCEPTED, advice=_NO_PERMISSION)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(what, charge=Charge.ACCEPTED, advice=_NO_SPACE)
    return StorageError(what, charge=Charge.ACCEPTED)
