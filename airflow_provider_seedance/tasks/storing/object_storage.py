"""
Atomic storage of a video or of a small file: the target holds the complete file or does not change.

File systems: the file is written under a temporary name in the same folder, and renamed when it is complete. Object
stores: a rename would be a copy and a deletion, with permissions of their own, and an object appears only when its
upload is completed. So it is uploaded under its final name, and a failed upload is never completed; a lifecycle rule of
the bucket can remove the parts that a killed process leaves. In both cases the size that the store reports is checked.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_seedance.gptproto.errors import Charge, DestinationTakenError, StorageError
from airflow_provider_seedance.gptproto.http.download import Download
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.media.completeness import Completeness
from airflow_provider_seedance.storage import OBJECT_STORES
from airflow_provider_seedance.tasks.storing.destinations import store_errors

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

#: Bytes of a block: the smallest part size of S3, and a multiple of the block size that Google Cloud Storage requires.
#: fsspec's default of 50 MB for S3 and Azure would keep several such blocks in memory.
BLOCK = 5 * 1024 * 1024
#: Options of each kind of object store for a media type, so that browsers play the file instead of saving it.
_MEDIA_TYPE: dict[str, Callable[[str], dict[str, Any]]] = {
    "s3": lambda media_type: {"ContentType": media_type},
    "gs": lambda media_type: {"content_type": media_type},
    "abfs": lambda media_type: {"content_settings": {"content_type": media_type}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoContent:
    """
    What is known of a stored video from reading it once.

    :param size: Its size in bytes.
    :param sha256: Its SHA-256 in hex.
    :param movie: Its box ``moov``, for :mod:`~airflow_provider_seedance.gptproto.media.film`.
    """

    size: int
    sha256: str
    movie: bytes


def store(download: Download, target: ObjectStoragePath, *, overwrite: bool, log: Log) -> VideoContent:
    """
    Store a download, unless the target already has the same content.

    :param download: The download, inside its ``with`` block.
    :param target: Path of the new file.
    :param overwrite: Whether a file with different content is replaced.
    :param log: Receives the result.
    :raises DestinationTakenError: When the target has different content and ``overwrite`` is false.
    :raises StorageError: When the store fails, or the stored size differs from the downloaded size.
    :raises SeedanceError: When the download fails.
    """
    with store_errors(target):
        return _store(download, target, overwrite=overwrite, log=log)


def store_beside(
    content: bytes,
    target: ObjectStoragePath,
    *,
    media_type: str,
    overwrite: bool,
    is_own: Callable[[bytes], bool] = lambda _: False,
) -> None:
    """
    Store a small file that belongs to a video, unless the target already has the same content.

    :param content: The content.
    :param target: Path of the new file.
    :param media_type: Its media type.
    :param overwrite: Whether a file with different content is replaced.
    :param is_own: Whether content of the target, of which it gets the first megabytes, is replaced anyway.
    :raises DestinationTakenError: When the target has different content that is not replaced.
    :raises StorageError: When the store fails.
    """
    with store_errors(target):
        if _size(target) is not None:
            fs: Any = target.fs
            with fs.open(target.path, "rb", block_size=BLOCK) as file:
                existing = file.read(BLOCK)
            if existing == content:
                return
            if not (overwrite or is_own(existing)):
                raise _taken(target)
        with _Upload(target, media_type) as upload:
            upload.write(content)
            upload.finish(len(content))


def _store(download: Download, target: ObjectStoragePath, *, overwrite: bool, log: Log) -> VideoContent:
    existing_size = _size(target)
    may_be_same = existing_size is not None and download.size in (None, existing_size)
    is_taken = existing_size is not None and not overwrite
    if is_taken and not may_be_same:
        raise _taken(target)
    md5, existing = _read(target) if may_be_same else (None, None)
    if existing is not None and md5 == download.md5:
        log.info("Download skipped: %s already has the same content", target)
        return existing
    with _Upload(target, "video/mp4") as upload:
        for piece in download:
            upload.write(piece)
        content = VideoContent(size=download.position, sha256=download.sha256, movie=download.movie)
        if content == existing:
            log.info("Upload discarded: %s already has the same content", target)
            return content
        if is_taken:
            raise _taken(target)
        upload.finish(content.size)
    log.info("Stored %s: %.1f MB, SHA-256 %s", target, content.size / 1e6, content.sha256)
    return content


class _Upload:
    """
    An upload: a context manager that discards the file unless :meth:`finish` was called.

    :param target: Path of the new file.
    :param media_type: Its media type.
    """

    def __init__(self, target: ObjectStoragePath, media_type: str) -> None:
        self._fs: Any = target.fs
        self._path = target.path
        self._is_written = False
        self._is_finished = False
        kind = OBJECT_STORES.get(target.protocol)
        self._is_object_store = kind is not None
        if kind is not None:
            self._name = self._path
            options = _MEDIA_TYPE[kind](media_type)
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
        """Append bytes."""
        self._file.write(piece)

    def finish(self, size: int) -> None:
        """Complete the upload, check its size, and publish the file under its path."""
        self._file.close()
        self._is_written = True
        self._fs.invalidate_cache()
        stored = self._fs.info(self._name)["size"]
        if stored != size:
            what = f"{self._path} is incomplete: {size:,} bytes were written, but the store reports {stored:,}"
            raise StorageError(what, charge=Charge.ACCEPTED)
        if not self._is_object_store:
            self._fs.mv(self._name, self._path)
        self._is_finished = True

    def _discard(self) -> None:
        if self._is_object_store and not self._is_written:
            # Abort the multipart upload; close() would publish it. The finalizer calls close(), too.
            self._file.discard()
            self._file.closed = True
            return
        self._file.close()
        self._fs.rm_file(self._name)

    def _remove_leftovers(self, target: ObjectStoragePath) -> None:
        """Remove files of killed tries. A try that still runs fails at its rename."""
        self._fs.invalidate_cache()
        for path in target.parent.iterdir():
            if path.name.startswith(f".{target.name}.") and path.name.endswith(".part"):
                path.unlink()


def _size(target: ObjectStoragePath) -> int | None:
    """Return the size of the existing file, or ``None``."""
    fs: Any = target.fs
    fs.invalidate_cache()
    try:
        info = fs.info(target.path)
    except FileNotFoundError:
        return None
    if info["type"] == "directory":
        raise DestinationTakenError(f"{target} is a folder", charge=Charge.ACCEPTED)
    return int(info["size"])


def _read(target: ObjectStoragePath) -> tuple[str, VideoContent] | tuple[None, None]:
    """Return the MD5 (many servers use it as ETag) and the content of the existing video; ``None`` if incomplete."""
    md5, sha256, completeness, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), Completeness(), 0
    fs: Any = target.fs
    with fs.open(target.path, "rb", block_size=BLOCK) as file:
        while piece := file.read(64 * 1024):
            md5.update(piece)
            sha256.update(piece)
            completeness.feed(piece)
            size += len(piece)
    if completeness.problem is not None:
        return None, None
    return md5.hexdigest(), VideoContent(size=size, sha256=sha256.hexdigest(), movie=completeness.movie)


def _taken(target: ObjectStoragePath) -> DestinationTakenError:
    return DestinationTakenError(f"The existing file {target} has other content", charge=Charge.ACCEPTED)
