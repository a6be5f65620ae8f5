"""
Which stored files may be served: those below the folders of ``[seedance] media_roots``. Pure: nothing is opened.

A path is compared by protocol, bucket and whole parts, never as text. What several libraries could read in different
ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_seedance.storage import LOCAL, OBJECT_STORES

#: ``scheme://connection@bucket/path``, or an absolute path.
_LOCATION = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/@]*@)?(?P<bucket>[^/@:]*))?(?P<path>(?:/.*)?)")
#: Control characters, halves of surrogate pairs, other separators, a query or fragment, encoded characters, and chained
#: file systems of fsspec.
_AMBIGUOUS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\?#]|%(?:2e|2f|5c|00|25)|::", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Location:
    """
    A file or folder.

    :param store: ``s3``, ``gs``, ``abfs``, or empty on this machine.
    :param bucket: The bucket; empty on this machine.
    :param parts: The names between the slashes.
    """

    store: str
    bucket: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Root:
    """
    A folder whose files may be served.

    :param uri: As it is configured, with the connection that opens it.
    """

    uri: str
    location: Location

    def parts_of(self, path: str) -> tuple[str, ...] | None:
        """Return the names between the root and a file; ``None`` if the file is not below the root."""
        found, root = read_location(path), self.location
        if found is None or (found.store, found.bucket) != (root.store, root.bucket):
            return None
        depth = len(root.parts)
        return found.parts[depth:] or None if found.parts[:depth] == root.parts else None


def read_location(path: str) -> Location | None:
    """Return where a path or URI is; ``None`` if it is not absolute, not of a known store, or not clear."""
    found = None if _AMBIGUOUS.search(path) else _LOCATION.fullmatch(path)
    if found is None:
        return None
    scheme, bucket = found["scheme"] or "", found["bucket"] or ""
    store = "" if scheme in LOCAL else OBJECT_STORES.get(scheme)
    parts = tuple(found["path"].split("/")[1:])
    if store is None or bool(store) != bool(bucket) or any(part in ("", ".", "..") for part in parts):
        return None
    return Location(store, bucket, parts)


def read_roots(setting: str) -> list[Root]:
    """
    Return the roots of a list that commas or line ends separate.

    :raises ValueError: When one of them is no root: not clear, or all files of this machine.
    """
    roots = []
    for uri in filter(None, (each.strip() for each in re.split(r"[,\n]", setting))):
        location = read_location(uri.rstrip("/"))
        if location is None or not (location.bucket or location.parts):
            raise ValueError(f"{uri!r} is no folder of files, such as s3://aws_default@bucket/videos or /srv/videos")
        roots.append(Root(uri, location))
    return roots


def root_of(path: str | None, roots: Iterable[Root]) -> tuple[Root, tuple[str, ...]] | None:
    """Return the root of a file, and the names between them; ``None`` if the file is not below a root."""
    for root in roots:
        parts = None if path is None else root.parts_of(path)
        if parts is not None:
            return root, parts
    return None
