"""
Small objects in object storage, or files: create one exclusively, replace, read, list and delete.

Exclusive creation decides which of two tasks submits. S3, Google Cloud Storage and Azure offer it as a condition of the
upload (``If-None-Match: *``, ``ifGenerationMatch=0``, ``overwrite=False``), and a file system as a hard link. All of
them show an object to every reader as soon as it is created; NFS does not, so a folder on NFS is no ledger.
"""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.errors import (
    ConnectionSettingsError,
    InvalidTransferError,
    SeedanceError,
    StorageError,
)
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError
from airflow_provider_seedance.storage import LOCAL, OBJECT_STORES, missing_package, storage_path

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

#: Characters of a library's error that are shown.
_SHOWN = 300


class Store(ABC):
    """
    The objects below a folder. Names are relative to it, with ``/`` between their parts.

    Every method raises :class:`LedgerUnavailableError` when the store fails.

    :param uri: The folder as the connection names it.
    """

    #: Whether :meth:`create` is exclusive. If it is not, two that create at the same moment may both succeed.
    is_exclusive = True

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def create(self, name: str, data: bytes) -> bool:
        """Create an object, and return whether it was created: ``False`` if there is one with other content."""
        with self._errors(name):
            try:
                self._create(name, data)
            except Exception as error:
                # The response may be lost after the object was created. A library that repeats the upload then finds
                # its own object.
                if self.read(name) == data:
                    return True
                if isinstance(error, FileExistsError):
                    return False
                raise
            return True

    def replace(self, name: str, data: bytes) -> None:
        """Create or replace an object."""
        with self._errors(name):
            self._replace(name, data)

    def read(self, name: str) -> bytes | None:
        """Return the content of an object, or ``None`` without one."""
        with self._errors(name):
            try:
                return self._read(name)
            except FileNotFoundError:
                return None

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the contents of objects, as of :meth:`read`, several at once where the store can."""
        return [self.read(name) for name in names]

    def names(self, folder: str) -> list[str]:
        """Return the last parts of the names in a folder, of objects and of folders, sorted."""
        with self._errors(folder):
            try:
                return sorted(self._names(folder))
            except FileNotFoundError:
                return []

    def delete(self, name: str) -> None:
        """Delete an object. It is no error if it does not exist."""
        with self._errors(name), suppress(FileNotFoundError):
            self._delete(name)

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Turn errors of the file system and of a store's library into one error that names the object."""
        try:
            yield
        except SeedanceError:
            raise
        except Exception as error:  # each library has errors of its own
            text = " ".join(str(error).split())[:_SHOWN].rstrip(".")
            what = f"The ledger failed at {self.uri}/{name} ({type(error).__name__}: {text})"
            raise LedgerUnavailableError(what) from error

    @abstractmethod
    def _create(self, name: str, data: bytes) -> None:
        """Create an object, or raise ``FileExistsError``."""

    @abstractmethod
    def _replace(self, name: str, data: bytes) -> None: ...

    @abstractmethod
    def _read(self, name: str) -> bytes: ...

    @abstractmethod
    def _names(self, folder: str) -> Iterable[str]: ...

    @abstractmethod
    def _delete(self, name: str) -> None: ...


class ObjectStore(Store):
    """
    Objects in a bucket.

    :param uri: The folder as the connection names it.
    :param path: The same, with the credentials of its Airflow connection.
    """

    def __init__(self, uri: str, path: ObjectStoragePath) -> None:
        super().__init__(uri)
        self._fs: Any = path.fs
        # fsspec keeps listings, which lack what others have written since. Without a keeper there is no race, either.
        self._fs.dircache.use_listings_cache = False
        self._fs.invalidate_cache()
        self._root = path.path.rstrip("/")
        self._is_on_s3 = OBJECT_STORES.get(path.protocol) == "s3"
        self.is_exclusive = path.protocol in OBJECT_STORES

    def _create(self, name: str, data: bytes) -> None:
        self._fs.pipe_file(self._path(name), data, mode="create")

    def _replace(self, name: str, data: bytes) -> None:
        self._fs.pipe_file(self._path(name), data)

    def _read(self, name: str) -> bytes:
        return bytes(self._fs.cat_file(self._path(name)))

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the contents of objects, several at once."""
        with self._errors(f"{names[0]} and others" if names else ""):
            found = self._fs.cat([self._path(name) for name in names], on_error="return") if names else {}
            contents = [found[self._path(name)] for name in names]
            for content in contents:
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    raise content
            return [None if isinstance(content, Exception) else bytes(content) for content in contents]

    def _names(self, folder: str) -> Iterable[str]:
        path = self._path(folder)
        paths = self._listed_on_s3(path) if self._is_on_s3 else self._fs.ls(path, detail=False)
        return [path.rstrip("/").rpartition("/")[2] for path in paths]

    def _listed_on_s3(self, path: str) -> Iterator[str]:
        """List a folder with one request a page. ``ls`` of s3fs also lists all of the parent of an empty folder."""
        bucket, key, _ = self._fs.split_path(path)
        folder = {"Bucket": bucket, "Prefix": f"{key.strip('/')}/".lstrip("/"), "Delimiter": "/", **self._fs.req_kw}
        page: dict[str, Any] = {"NextContinuationToken": None}
        while "NextContinuationToken" in page:
            token = page["NextContinuationToken"]
            page = self._fs.call_s3("list_objects_v2", **folder, **({"ContinuationToken": token} if token else {}))
            yield from (each["Prefix"] for each in page.get("CommonPrefixes", []))
            # The folder itself is an object if a console created it.
            yield from (each["Key"] for each in page.get("Contents", []) if each["Key"] != folder["Prefix"])

    def _delete(self, name: str) -> None:
        self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


class LocalStore(Store):
    """
    Files below a folder of this machine, for one worker, or for workers that share its file system.

    :param uri: The folder as the connection names it.
    :param root: The folder.
    """

    def __init__(self, uri: str, root: Path) -> None:
        super().__init__(uri)
        self._root = root

    def _create(self, name: str, data: bytes) -> None:
        with self._written(name, data) as temporary:
            # A link appears whole, and fails if the name is taken.
            os.link(temporary, self._root / name)

    def _replace(self, name: str, data: bytes) -> None:
        with self._written(name, data) as temporary:
            temporary.replace(self._root / name)

    def _read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def _names(self, folder: str) -> Iterable[str]:
        with os.scandir(self._root / folder) as found:
            return [each.name for each in found if not each.name.startswith(".")]

    def _delete(self, name: str) -> None:
        (self._root / name).unlink()

    @contextmanager
    def _written(self, name: str, data: bytes) -> Iterator[Path]:
        """Write a temporary file beside the name, and remove it at the end if it was not renamed."""
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{secrets.token_hex(8)}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def open_store(uri: str) -> Store:
    """
    Return the store of a ledger.

    :param uri: The folder, such as ``s3://aws_default@bucket/seedance`` or ``file:///var/seedance``.
    :raises ConnectionSettingsError: When it is no absolute path, or Airflow cannot open such a store here.
    :raises LedgerUnavailableError: When the store fails.
    """
    try:
        path = storage_path(uri, None, name="ledger in the connection's extra")
    except InvalidTransferError as error:
        raise ConnectionSettingsError(error.what, advice=missing_package(uri)) from error
    except StorageError as error:
        raise LedgerUnavailableError(error.what) from error
    return LocalStore(uri, Path(path.path)) if path.protocol in LOCAL else ObjectStore(uri, path)
