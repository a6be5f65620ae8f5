"""
Media inside a request: what counts as uploaded, what is wrong with it, and how it is kept out of sight.

The API takes media as http(s) addresses or uploaded, as base64 text or data URIs (page, ``is_upload_media``). Uploaded
media are megabytes of text that belong in the request and nowhere else: :func:`conceal` wraps them in
:class:`UploadedMedia`, whose text form is a short description, so that rendered templates, logs and reprs stay small.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from airflow_provider_seedance.gptproto.catalogue import MAXIMUM_IMAGE_BYTES

MediaKind = Literal["image", "video", "audio"]

_DATA_URI = re.compile(
    r"data:(?P<kind>[\w.+-]+)/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,(?P<data>.*)", re.IGNORECASE | re.DOTALL
)
_MEDIA_TYPE = re.compile(r"data:[\w.+-]{1,64}/[\w.+-]{1,64}(?=[;,])", re.IGNORECASE)
#: Also of a data URI that is malformed, but not of a sentence that begins with "data:".
_DATA_URI_START = re.compile(r"\s*data:[^\s,]*(?:,|\Z)", re.IGNORECASE)
#: Longer than any word of a prompt: text of this many base64 characters without a space is media.
_BARE_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{512,}={0,2}")

ALLOWED_MEDIA = "an http(s) URL or a base64 data URI (data:<type>;base64,...)"


@dataclass(frozen=True, slots=True, repr=False)
class UploadedMedia:
    """
    A data URI or base64 text that shows itself only as a short description.

    :param text: The media as it is sent.
    """

    text: str

    def __str__(self) -> str:
        media_type = _MEDIA_TYPE.match(self.text)
        return f"<{media_type[0] if media_type else 'uploaded media'}, {len(self.text):,} characters>"

    __repr__ = __str__

    def serialize(self) -> str:
        """Return the description: this is what Airflow stores of a rendered template field."""
        return str(self)


def is_uploaded(value: object) -> bool:
    """Say whether a value is uploaded media: a data URI, or base64 text too long to be anything else."""
    if isinstance(value, UploadedMedia):
        return True
    return isinstance(value, str) and bool(_DATA_URI_START.match(value) or _BARE_BASE64.fullmatch(value))


def conceal(value: Any) -> Any:
    """Return a value with all uploaded media in it, also inside lists, tuples and dicts, wrapped out of sight."""
    if isinstance(value, str):
        return UploadedMedia(value) if is_uploaded(value) else value
    if isinstance(value, (list, tuple)):
        return [conceal(item) for item in value]
    if isinstance(value, Mapping):
        return {key: conceal(item) for key, item in value.items()}
    return value


def reveal(value: Any) -> Any:
    """Return a value with the uploaded media that :func:`conceal` wrapped as plain text again."""
    if isinstance(value, UploadedMedia):
        return value.text
    if isinstance(value, (list, tuple)):
        return [reveal(item) for item in value]
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    return value


def media_problem(value: object, *, kind: MediaKind, declared_upload: bool) -> str | None:
    """
    Return why a value cannot be sent as media, or ``None``.

    :param value: An address, a data URI or base64 text.
    :param kind: What the media must be.
    :param declared_upload: Whether the author said that the media are uploaded, which allows short base64 text.
    """
    text = reveal(value)
    if not isinstance(text, str) or not text.strip():
        return "is empty or not text"
    if text.split(maxsplit=1) != [text]:
        return "has spaces or line breaks in it"
    if _is_web_address(text):
        return None
    if text[:5].lower() == "data:":
        data_uri = _DATA_URI.fullmatch(text)
        if data_uri is None:
            return "is not a base64 data URI"
        if data_uri["kind"].lower() != kind:
            return f"is of type {data_uri['kind']}, not {kind}"
        return _base64_problem(data_uri["data"], kind)
    return _base64_problem(text, kind) if declared_upload or is_uploaded(text) else "is neither"


def _base64_problem(data: str, kind: MediaKind) -> str | None:
    try:
        size = len(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return "holds text that is not base64"
    if size == 0:
        return "holds no data"
    if kind == "image" and size > MAXIMUM_IMAGE_BYTES:
        return f"holds an image of {size:,} bytes, above the limit of {MAXIMUM_IMAGE_BYTES:,}"
    return None


def _is_web_address(text: str) -> bool:
    # urlsplit drops line breaks and control characters silently; what is sent would still hold them.
    if not text.isprintable():
        return False
    try:
        address = urlsplit(text)
        _ = address.port
    except ValueError:
        return False
    return address.scheme in ("http", "https") and bool(address.hostname)
