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
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_seedance.gptproto.catalogue import MAXIMUM_IMAGE_BYTES

_DATA_URI = re.compile(
    r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64,(?P<data>.*)", re.IGNORECASE | re.DOTALL
)
_DATA_URI_HEAD_LENGTH = 200
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
        head = self.text[:_DATA_URI_HEAD_LENGTH].partition(",")[0] if self.text.startswith("data:") else "base64"
        return f"<{head}, {len(self.text):,} characters>"

    __repr__ = __str__

    def serialize(self) -> str:
        """Return the description: this is what Airflow stores of a rendered template field."""
        return str(self)


def is_uploaded(value: object) -> bool:
    """Say whether a value is uploaded media: a data URI, or base64 text too long to be anything else."""
    if isinstance(value, UploadedMedia):
        return True
    return isinstance(value, str) and (value[:5].lower() == "data:" or _BARE_BASE64.fullmatch(value) is not None)


def conceal(value: Any) -> Any:
    """Return a value with all uploaded media in it, also inside lists, tuples and dicts, wrapped out of sight."""
    if isinstance(value, str):
        return UploadedMedia(value) if is_uploaded(value) else value
    if isinstance(value, (list, tuple)):
        return [conceal(item) for item in value]
    if isinstance(value, dict):
        return {key: conceal(item) for key, item in value.items()}
    return value


def reveal(value: Any) -> Any:
    """Return a value with the uploaded media that :func:`conceal` wrapped as plain text again."""
    if isinstance(value, UploadedMedia):
        return value.text
    if isinstance(value, (list, tuple)):
        return [reveal(item) for item in value]
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    return value


def media_problem(value: object, *, declared_upload: bool, image: bool) -> str | None:
    """
    Return why a value cannot be sent as media, or ``None``.

    :param value: An address, a data URI or base64 text.
    :param declared_upload: Whether the author said that the media are uploaded, which allows bare base64 text.
    :param image: Whether the limit for one image holds.
    """
    text = reveal(value)
    if not isinstance(text, str) or not text.strip():
        return "is empty or not text"
    if not is_uploaded(text) and not declared_upload:
        return None if _is_web_address(text) else "is neither"
    if _is_web_address(text):
        return None
    if text[:5].lower() != "data:":
        data = text
    elif matched := _DATA_URI.fullmatch(text):
        data = matched["data"]
    else:
        return "is not a base64 data URI"
    try:
        size = len(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return "holds text that is not base64"
    if size == 0:
        return "holds no data"
    if image and size > MAXIMUM_IMAGE_BYTES:
        return f"holds an image of {size:,} bytes, above the limit of {MAXIMUM_IMAGE_BYTES:,}"
    return None


def _is_web_address(text: str) -> bool:
    try:
        address = urlsplit(text.strip())
    except ValueError:
        return False
    return address.scheme.lower() in ("http", "https") and bool(address.hostname)
