"""
A download on its way into object storage: whole under its name, or not at all.

Where the store can rename, the file grows under a temporary name beside its place and is renamed when it is whole. In
an object store a rename would be a copy and a deletion, with rights of their own; there an object appears only when its
upload is completed, so it goes to its name at once, and an upload that breaks off is never completed: what a killed one
leaves behind is for the bucket's lifecycle rules. In both the size is verified as the store reports it.
"""

from __future__ import annotations

import hashlib
import secrets
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_seedance.gptproto.errors import Charge, DestinationTakenError, StorageError
from airflow_provider_seedance.gptproto.flows import Log
from airflow_provider_seedance.gptproto.http.download import Download

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

#: Bytes of a block: the least that S3 takes for a part, and a multiple of what Google's store asks for. fsspec's own
#: blocks of 50 MB for S3 and Azure would be held in memory, several at a time.
BLOCK = 5 * 1024 * 1024
#: How each object store is told what the file is, so that browsers play it instead of saving it.
_MEDIA_TYPE: dict[str, dict[str, Any]] = {
    "s3": {"ContentType": "video/mp4"},
    "gs": {"content_type": "video/mp4"},
    "abfs": {"content_settings": {"content_type": "video/mp4"}},
}
#: Protocols of stores in which an object appears when its upload is completed.
_OBJECT_STORES = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "abfs",
    "abfss": "abfs",
    "adl": "abfs",
    "az": "abfs",
}


def store(download: Download, target: ObjectStoragePath, *, overwrite: bool, log: Log) -> bool:
    """
    Store a download, unless the same file is there already, and return whether it was written.

    :param download: One that was entered.
    :param target: Where to.
    :param overwrite: Whether another file there is replaced.
    :param log: Where it is told what was done.
    :raises DestinationTakenError: When another file is there and is to stay.
    :raises StorageError: When the store does not hold what it was handed.
    :raises SeedanceError: When the download fails. Errors of the store's own library pass as they are.
    """
    there = _find(target)
    may_be_same = there is not None and download.size in (None, there)
    is_taken = there is not None and not overwrite
    if is_taken and not may_be_same:
        raise _taken(target)
    md5, sha256 = _digests(target) if may_be_same else (None, None)
    if md5 is not None and md5 == download.md5:
        log.info("%s holds the same file already: nothing was downloaded", target)
        return False
    with _Upload(target) as upload:
        for piece in download:
            upload.write(piece)
        if sha256 == download.sha256:
            log.info("%s holds the same file already: it was left as it is", target)
            return False
        if is_taken:
            raise _taken(target)
        upload.finish(download.position)
    log.info("Stored %s: %.1f MB, SHA-256 %s", target, download.position / 1e6, download.sha256)
    return True


class _Upload:
    """
    A file on its way to its place; a context manager that leaves nothing behind unless it was finished.

    :param target: Its place.
    """

    def __init__(self, target: ObjectStoragePath) -> None:
        self._fs: Any = target.fs
        self._place = target.path
        self._is_written = False
        self._is_finished = False
        kind = _OBJECT_STORES.get(target.protocol)
        self._appears_whole = kind is not None
        if kind is not None:
            self._name = self._place
            options = _MEDIA_TYPE[kind]
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers(target)
            self._name = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part").path
            options = {}
        self._file: Any = self._fs.open(self._name, "wb", block_size=BLOCK, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_finished:
            self._discard()

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self._file.write(piece)

    def finish(self, size: int) -> None:
        """Let the file appear in its place, if the store has all of it."""
        self._file.close()
        self._is_written = True
        self._fs.invalidate_cache()
        stored = self._fs.info(self._name)["size"]
        if stored != size:
            what = f"{self._place} was handed {size:,} bytes, and the store reports {stored:,}"
            raise StorageError(what, charge=Charge.ACCEPTED)
        if not self._appears_whole:
            self._fs.mv(self._name, self._place)
        self._is_finished = True

    def _discard(self) -> None:
        if self._appears_whole and not self._is_written:
            # What has the name now is not of this try. Closing the file, which its finalizer would do as well,
            # would complete the upload.
            self._file.discard()
            self._file.closed = True
            return
        self._file.close()
        self._fs.rm_file(self._name)

    def _remove_leftovers(self, target: ObjectStoragePath) -> None:
        """Remove what tries left behind that were killed; one that still runs fails when it renames."""
        self._fs.invalidate_cache()
        for path in target.parent.iterdir():
            if path.name.startswith(f".{target.name}.") and path.name.endswith(".part"):
                path.unlink()


def _find(target: ObjectStoragePath) -> int | None:
    """Return the size of the file that is there, or ``None``."""
    fs: Any = target.fs
    fs.invalidate_cache()
    try:
        info = fs.info(target.path)
    except FileNotFoundError:
        return None
    if info["type"] == "directory":
        raise DestinationTakenError(f"{target} is a folder", charge=Charge.ACCEPTED)
    return int(info["size"])


def _digests(target: ObjectStoragePath) -> tuple[str, str]:
    """Return MD5, which stores name files by, and SHA-256 of the file that is there."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    fs: Any = target.fs
    with fs.open(target.path, "rb", block_size=BLOCK) as file:
        while piece := file.read(64 * 1024):
            md5.update(piece)
            sha256.update(piece)
    return md5.hexdigest(), sha256.hexdigest()


def _taken(target: ObjectStoragePath) -> DestinationTakenError:
    return DestinationTakenError(f"{target} holds another file", charge=Charge.ACCEPTED)
