"""From the errors of a file system or of a store's library to errors that say what was paid and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    DestinationTakenError,
    InvalidTransferError,
    SeedanceError,
    StorageError,
)
from airflow_provider_seedance.storage import OBJECT_STORES

#: Characters of a library's error that are shown.
_SHOWN = 500
_NO_PERMISSION = (
    "Permit the worker's user, or the storage connection, to write there. A retry of this task then downloads and "
    "stores it again and pays nothing."
)
#: S3 answers 403 instead of 404 if the credentials do not permit to list the bucket.
_NO_S3_PERMISSION = (
    "Permit the storage connection s3:ListBucket on the bucket, without which S3 does not say that a file is missing, "
    "and s3:GetObject, s3:PutObject and s3:AbortMultipartUpload on its objects. A retry of this task then downloads "
    "and stores it again and pays nothing."
)
_NO_SPACE = "Free space at the destination. A retry of this task then downloads and stores it again and pays nothing."


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
        advice = _NO_S3_PERMISSION if OBJECT_STORES.get(target.protocol) == "s3" else _NO_PERMISSION
        return StorageError(what, charge=Charge.ACCEPTED, advice=advice)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(what, charge=Charge.ACCEPTED, advice=_NO_SPACE)
    return StorageError(what, charge=Charge.ACCEPTED)
