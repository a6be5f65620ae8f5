"""Where files and the ledger are kept: from a path or URI to a store that can be used."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, ObjectStoragePath

from airflow_provider_seedance.gptproto.errors import ConnectionNotFoundError, InvalidTransferError, StorageError

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
#: The protocols of paths on this machine.
LOCAL = ("", "file", "local")
#: The package of each kind that has its filesystem, with its library.
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
}
#: The path in a local destination, which may have a scheme and a connection.
_LOCAL_PATH = re.compile(r"(?:(?:file|local):(?://(?:[^/@]*@)?)?)?(?P<path>.*)", re.DOTALL)


def storage_path(path: str | ObjectStoragePath, conn_id: str | None, *, name: str = "destination") -> ObjectStoragePath:
    """
    Return a path whose store can be used.

    :param path: A path or URI. It may name its connection before an ``@``.
    :param conn_id: The store's Airflow connection.
    :param name: The argument or setting that holds the path, for errors.
    :raises InvalidTransferError: When it is no absolute path, no installed provider supports its store, or fsspec opens
        another path: for ``file:////x`` one below the working directory, for ``file:///x::y`` only ``/x``.
    :raises ConnectionNotFoundError: When Airflow does not find the store's connection.
    :raises StorageError: When the store cannot be opened.
    """
    shown = f"{name}: {str(path)!r}"
    # Airflow 3.1 ignores the connection in a URI if it is given None.
    given = {} if conn_id is None else {"conn_id": conn_id}
    try:
        found = path if isinstance(path, ObjectStoragePath) else ObjectStoragePath(path, **given)
        _ = found.fs
    except AirflowNotFoundException as error:
        raise ConnectionNotFoundError(f"{shown} needs a connection that Airflow did not find ({error})") from None
    except (ImportError, TypeError, ValueError) as error:
        raise InvalidTransferError(f"{shown} cannot be used ({error})", advice=missing_package(path)) from error
    except Exception as error:  # any error of a provider, or of Airflow's API
        # The text of the error is left out, because it may contain a password of the connection.
        raise StorageError(f"{shown} could not be opened ({type(error).__name__})") from error
    if found.protocol in LOCAL:
        local = _LOCAL_PATH.fullmatch(str(path).strip())
        if local is not None and not local["path"].startswith("/"):
            raise InvalidTransferError(
                f"{shown} is a relative path, and a task runs in a directory that its worker chooses; allowed: an "
                "absolute path, or a URI such as s3://bucket/videos"
            )
        if local is not None and _merged(local["path"]) != _merged(found.path):
            raise InvalidTransferError(
                f"{shown} is opened as {found.path!r}; allowed: one slash before an absolute path, and no '::' in it"
            )
    return found


def _merged(path: str) -> str:
    """Return a path without the slashes that do not change which file it names; some versions of fsspec drop them."""
    return re.sub("/+", "/", path).rstrip("/")


def missing_package(path: object) -> str | None:
    """Return the advice for a path of an object store that Airflow does not open; ``None`` for another path."""
    scheme = urlsplit(str(path)).scheme
    kind = OBJECT_STORES.get(scheme)
    if kind is None:
        return None
    return f"{scheme}:// needs {_PACKAGES[kind]} on every worker. Install it there, or correct the path."
