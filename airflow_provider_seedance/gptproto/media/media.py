"""
Media inside a request: what counts as uploaded, what is wrong with it, and how it is kept out of sight.

The API takes media as http(s) addresses or uploaded, as base64 text or data URIs (page, ``is_upload_media``). Uploaded
media are megabytes of text that belong in the request and nowhere else: :func:`wrap_media` wraps them in
:class:`UploadedMedia`, whose text form is a short description, so that rendered templates, logs and reprs stay small.
Files become uploaded media in :mod:`~airflow_provider_seedance.gptproto.media.files`.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from airflow_provider_seedance.gptproto.catalogue import (
    MAXIMUM_IMAGE_BYTES,
    MAXIMUM_IMAGE_SIDE,
    MINIMUM_IMAGE_SIDE,
)
from airflow_provider_seedance.gptproto.media.sniff import image_size, media_type

MediaKind = Literal["image", "video", "audio"]

_DATA_URI = re.compile(
    r"data:(?P<kind>[\w.+-]+)/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,(?P<data>.*)", re.IGNORECASE | re.DOTALL
)
_MEDIA_TYPE = re.compile(r"data:[\w.+-]{1,64}/[\w.+-]{1,64}(?=[;,])", re.IGNORECASE)
#: Also of a data URI that is malformed, but not of a sentence that begins with "data:".
_DATA_URI_START = re.compile(r"\s*data:[^\s,]*(?:,|\Z)", re.IGNORECASE)
#: Longer than any word of a prompt: text of this many base64 characters without a space is media.
_BARE_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{512,}={0,2}")

ALLOWED_MEDIA = "an http(s) URL, a base64 data URI (data:<type>;base64,...), or the path or URI of a file"


@dataclass(frozen=True, slots=True, repr=False)
class UploadedMedia:
    """
    A data URI or base64 text that shows itself only as a short description.

    :param text: The media as it is sent.
    :param source: The file that it was read from; ``None`` where it was given as it is.
    """

    text: str
    source: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        declared = _MEDIA_TYPE.match(self.text)
        origin = f", from {self.source}" if self.source else ""
        return f"<{declared[0] if declared else 'uploaded media'}, {len(self.text):,} characters{origin}>"

    __repr__ = __str__

    def serialize(self) -> str:
        """Return the description: this is what Airflow stores of a rendered template field."""
        return str(self)


@dataclass(frozen=True, slots=True, repr=False)
class UnusableFile:
    """
    A file that cannot be sent; it stands in a request so that this is told together with all else that is wrong.

    :param path: The path or URI, as it was given.
    :param problem: What is wrong with it.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return repr(self.path)


class StoragePath(Protocol):
    """A path of object storage, which is not what Python calls path-like."""

    def read_bytes(self) -> bytes:
        """Return the content of the file."""


#: What a request's fields for media hold. Paths are to be read before it is sent.
Medium = str | os.PathLike[str] | StoragePath | UploadedMedia | UnusableFile


def is_path(value: object) -> bool:
    """Say whether a value is a path object, of this machine or of object storage."""
    return isinstance(value, os.PathLike) or hasattr(value, "read_bytes")


def is_uploaded(value: object) -> bool:
    """Say whether a value is uploaded media: a data URI, or base64 text too long to be anything else."""
    if isinstance(value, UploadedMedia):
        return True
    return isinstance(value, str) and bool(_DATA_URI_START.match(value) or _BARE_BASE64.fullmatch(value))


def wrap_media(value: Any) -> Any:
    """Return a value with all uploaded media in it, also inside lists, tuples and dicts, wrapped out of sight."""
    if isinstance(value, str):
        return UploadedMedia(value) if is_uploaded(value) else value
    if isinstance(value, (list, tuple)):
        return [wrap_media(item) for item in value]
    if isinstance(value, Mapping):
        return {key: wrap_media(item) for key, item in value.items()}
    return value


def unwrap_media(value: Any) -> Any:
    """Return a value with the uploaded media that :func:`wrap_media` wrapped as plain text again."""
    if isinstance(value, UploadedMedia):
        return value.text
    if isinstance(value, (list, tuple)):
        return [unwrap_media(item) for item in value]
    if isinstance(value, Mapping):
        return {key: unwrap_media(item) for key, item in value.items()}
    return value


def media_problem(value: object, *, kind: MediaKind, declared_upload: bool) -> str | None:
    """
    Return why a value cannot be sent as media, or ``None``.

    :param value: An address, a data URI or base64 text.
    :param kind: What the media must be.
    :param declared_upload: Whether the author said that the media are uploaded, which allows short base64 text.
    """
    if isinstance(value, UnusableFile):
        return value.problem
    if is_path(value):
        return "is a path, whose file was not read"
    text = unwrap_media(value)
    if not isinstance(text, str) or not text.strip():
        return "is empty or not text"
    if text.split(maxsplit=1) != [text]:
        return "has spaces or line breaks in it"
    if is_web_address(text):
        return None
    if text[:5].lower() == "data:":
        data_uri = _DATA_URI.fullmatch(text)
        if data_uri is None:
            return "is not a base64 data URI"
        if data_uri["kind"].lower() != kind:
            return f"is of type {data_uri['kind']}, not {kind}"
        return _base64_problem(data_uri["data"], kind)
    if declared_upload or is_uploaded(text):
        return _base64_problem(text, kind)
    return "is neither URL nor data URI, and no file was read"


def size_problem(size: int, kind: MediaKind) -> str | None:
    """Return why media of so many bytes cannot be sent, or ``None``; the content need not be known yet."""
    if size == 0:
        return "holds no data"
    if kind == "image" and size > MAXIMUM_IMAGE_BYTES:
        return f"holds an image of {size:,} bytes, above the limit of {MAXIMUM_IMAGE_BYTES:,}"
    return None


def _base64_problem(data: str, kind: MediaKind) -> str | None:
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return "holds text that is not base64"
    return size_problem(len(content), kind) or _content_problem(content, kind)


def _content_problem(content: bytes, kind: MediaKind) -> str | None:
    """Return what is wrong with content that is recognised; the service may take other formats than those."""
    found = media_type(content)
    if found is not None and not found.startswith(f"{kind}/"):
        return f"holds {found}, not {kind}"
    sides = image_size(content)
    if sides is not None and not all(MINIMUM_IMAGE_SIDE <= side <= MAXIMUM_IMAGE_SIDE for side in sides):
        width, height = sides
        allowed = f"each side has to have {MINIMUM_IMAGE_SIDE} to {MAXIMUM_IMAGE_SIDE:,}"
        return f"holds an image of {width} x {height} pixels; {allowed}"
    return None


def is_web_address(text: str) -> bool:
    """Say whether text is an address from which media can be fetched."""
    # urlsplit drops line breaks and control characters silently; what is sent would still hold them.
    if not text.isprintable():
        return False
    try:
        address = urlsplit(text)
        _ = address.port
    except ValueError:
        return False
    return address.scheme in ("http", "https") and bool(address.hostname)
