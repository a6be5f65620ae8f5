"""
Media in a request: the detection of uploads, the checks of media, and the wrapper that hides the content.

The API takes media as http(s) URLs or as uploads: base64 text or data URIs (page, ``is_upload_media``). An upload is
megabytes of text that only the request needs. :func:`wrap_media` wraps it in :class:`UploadedMedia`, whose string form
is a short description, so that rendered templates, logs and reprs stay small. Files become uploads in
:mod:`~airflow_provider_seedance.gptproto.media.files`.

Every leg of a task wraps media, so this module imports the content sniffing only to check an upload.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from airflow_provider_seedance.gptproto.given import is_sequence

MediaKind = Literal["image", "video", "audio"]

#: Media types of films whose length can be read.
_FILMS = ("video/mp4", "video/quicktime")

_DATA_URI = re.compile(
    r"data:(?P<kind>[\w.+-]+)/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,(?P<data>.*)", re.IGNORECASE | re.DOTALL
)
_MEDIA_TYPE = re.compile(r"data:[\w.+-]{1,64}/[\w.+-]{1,64}(?=[;,])", re.IGNORECASE)
#: The part of an upload that is decoded to find its type and sides; a multiple of four, so that it is base64 by itself.
_START_CHARACTERS = 1024 * 1024
#: The id of a file in upstream's asset library; it is not known whether GPTProto accepts it.
_ASSET = re.compile(r"asset://\S+", re.IGNORECASE)
#: Matches a malformed data URI as well, but not a sentence that begins with "data:".
_DATA_URI_START = re.compile(r"\s*data:[^\s,]*(?:,|\Z)", re.IGNORECASE)
#: A data URI in the text of a list.
_QUOTED_DATA_URI = re.compile(r"[\"']\s*data:[^\s,]{0,100},", re.IGNORECASE)
#: Base64 text of this length without a space is media: no word of a prompt is that long.
_BARE_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{512,}={0,2}")

ALLOWED_MEDIA = "an http(s) URL, a base64 data URI (data:<type>;base64,...), or the path or URI of a file"


@dataclass(frozen=True, slots=True, repr=False)
class UploadedMedia:
    """
    A data URI or base64 text whose string form is a short description.

    :param text: The content as it is sent.
    :param source: The file it was read from; ``None`` if it was given as text.
    """

    text: str
    source: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        declared = _MEDIA_TYPE.match(self.text)
        origin = f", from {self.source}" if self.source else ""
        return f"<{declared[0] if declared else 'uploaded media'}, {len(self.text):,} characters{origin}>"

    __repr__ = __str__

    def serialize(self) -> str:
        """Return the description, which Airflow stores as the rendered template field."""
        return str(self)


@dataclass(frozen=True, slots=True, repr=False)
class UnusableFile:
    """
    A file that cannot be sent. It takes the medium's place, so that one error lists all problems of a request.

    :param path: The path or URI, as given.
    :param problem: The reason.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return repr(self.path)


class StoragePath(Protocol):
    """A path in object storage; it is not an ``os.PathLike``."""

    def read_bytes(self) -> bytes:
        """Return the content of the file."""


#: A value of a media field. Paths must be read before the request is sent.
Medium = str | os.PathLike[str] | StoragePath | UploadedMedia | UnusableFile


class NamedMedium(NamedTuple):
    """
    A medium of a request.

    :param name: Its name in messages, ``image`` or ``images[0]``.
    :param kind: The kind that its field takes.
    :param value: The value, perhaps invalid.
    """

    name: str
    kind: MediaKind
    value: Any

    @property
    def is_listed(self) -> bool:
        """Whether its field takes a list."""
        return self.name.endswith("]")


class UploadedContent(NamedTuple):
    """
    What is known of the content of an upload.

    :param media_type: The type of the content, or else the declared one; empty if unknown.
    :param size: Its size in bytes.
    :param sides: Width and height of an image in pixels; ``None`` if unknown.
    :param seconds: Length of a film in seconds; ``None`` if unknown.
    """

    media_type: str
    size: int
    sides: tuple[int, int] | None
    seconds: float | None = None

    @property
    def ratio(self) -> float | None:
        """Width divided by height, or ``None`` if they are unknown."""
        return self.sides[0] / self.sides[1] if self.sides and all(self.sides) else None


def is_path(value: object) -> bool:
    """Return whether a value is a path object, local or in object storage."""
    return isinstance(value, os.PathLike) or hasattr(value, "read_bytes")


def is_uploaded(value: object) -> bool:
    """Return whether a value is an upload: a data URI, or long base64 text."""
    if isinstance(value, UploadedMedia):
        return True
    return isinstance(value, str) and bool(_DATA_URI_START.match(value) or _BARE_BASE64.fullmatch(value))


def _lists_uploads(text: str) -> bool:
    """Return whether text is a list of uploads that a template rendered."""
    return text.lstrip().startswith("[") and _QUOTED_DATA_URI.search(text) is not None


def wrap_media(value: Any) -> Any:
    """Return a value with all uploads in it wrapped, also inside dicts and sequences, which become lists."""
    if isinstance(value, str):
        return UploadedMedia(value) if is_uploaded(value) or _lists_uploads(value) else value
    if is_sequence(value):
        return [wrap_media(item) for item in value]
    if isinstance(value, Mapping):
        return {key: wrap_media(item) for key, item in value.items()}
    return value


def unwrap_media(value: Any) -> Any:
    """Return a value with all wrapped uploads as plain text; the inverse of :func:`wrap_media`."""
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

    :param value: A URL, a data URI or base64 text.
    :param kind: The kind that the field takes.
    :param declared_upload: Whether ``is_upload_media`` is true, which allows short base64 text.
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
    if is_linked(text):
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


def size_problem(size: int) -> str | None:
    """Return why media of this size, in bytes, cannot be sent, or ``None``."""
    return "holds no data" if size == 0 else None


def read_upload(value: object) -> UploadedContent | None:
    """Return what valid base64 text or a data URI says of itself, or ``None`` for other media."""
    from airflow_provider_seedance.gptproto.media.film import film_seconds
    from airflow_provider_seedance.gptproto.media.sniff import image_size, media_type

    text = unwrap_media(value)
    if not isinstance(text, str) or is_linked(text):
        return None
    data_uri = _DATA_URI.fullmatch(text)
    data = data_uri["data"] if data_uri else text
    try:
        start = base64.b64decode(data[:_START_CHARACTERS], validate=True)
    except (binascii.Error, ValueError):
        return None
    declared = _MEDIA_TYPE.match(text)
    named = declared[0].partition(":")[2].lower() if declared else ""
    size = len(data) // 4 * 3 - data[-2:].count("=")
    found = media_type(start) or named
    # The header of a film may stand at its end.
    seconds = film_seconds(base64.b64decode(data)) if found in _FILMS else None
    return UploadedContent(found, size, image_size(start), seconds)


def _base64_problem(data: str, kind: MediaKind) -> str | None:
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return "holds text that is not base64"
    return size_problem(len(content)) or _content_problem(content, kind)


def _content_problem(content: bytes, kind: MediaKind) -> str | None:
    """Return the problem of content in a known format; content in an unknown format passes."""
    from airflow_provider_seedance.gptproto.media.sniff import media_type

    found = media_type(content)
    if found is not None and not found.startswith(f"{kind}/"):
        return f"holds {found}, not {kind}"
    return None


def is_linked(value: object) -> bool:
    """Return whether a value is the address of a medium: an http(s) URL or an asset id."""
    return isinstance(value, str) and (is_web_address(value) or is_asset(value))


def is_asset(value: object) -> bool:
    """Return whether a value is the id of a file in upstream's asset library, ``asset://...``."""
    return isinstance(value, str) and value.isprintable() and _ASSET.fullmatch(value) is not None


def is_web_address(text: str) -> bool:
    """Return whether text is an http(s) URL."""
    # urlsplit silently drops line breaks and control characters, which would be sent.
    if not text.isprintable():
        return False
    try:
        address = urlsplit(text)
        _ = address.port
    except ValueError:
        return False
    return address.scheme in ("http", "https") and bool(address.hostname)
