"""Checks of the media in a request: URLs, data URIs and base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from airflow_provider_seedance.gptproto.catalogue import MAXIMUM_IMAGE_BYTES

Kind = Literal["image", "video", "audio"]

_DATA_URI = re.compile(r"data:(?P<type>[a-z]+)/[a-z0-9.+-]+(?:;[a-z0-9=._-]+)*;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Medium:
    """
    One valid image, video or audio.

    :param uploaded: Whether the request contains its bytes, as data URI or base64.
    :param entry: Its entry in the ledger: the URL, or length and checksum of uploaded bytes.
    """

    uploaded: bool
    entry: Any


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def read_medium(name: str, value: object, kind: Kind) -> Medium | str:
    """
    Return a medium, or the error message for an invalid value.

    :param name: Name of the parameter, for the message.
    :param value: The value in the request.
    :param kind: Kind of medium that the parameter accepts.
    """
    if not isinstance(value, str) or not value:
        return f"{name}: must be a non-empty string: an http(s) URL or base64 data"
    if _is_url(value):
        return Medium(uploaded=False, entry=value)
    header = _DATA_URI.match(value)
    if header and header["type"].lower() != kind:
        return f"{name}: the data URI contains {header['type'].lower()} data; allowed: {kind} data"
    content = _decode(value[header.end() :] if header else value)
    if content is None:
        return f"{name}: must be an http(s) URL, valid base64 or a base64 data URI"
    if kind == "image" and len(content) > MAXIMUM_IMAGE_BYTES:
        return f"{name}: the image has {len(content)} bytes; at most {MAXIMUM_IMAGE_BYTES} are allowed"
    return Medium(uploaded=True, entry={"length": len(content), "sha256": hashlib.sha256(content).hexdigest()})
