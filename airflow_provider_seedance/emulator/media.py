"""What the service says about images, clips and sounds in a request: addresses, data URIs and base64."""

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
    One acceptable image, clip or sound.

    :param uploaded: Whether its bytes are in the request, as data URI or base64.
    :param shown: What the ledger shows: the address, or length and checksum of uploaded bytes.
    """

    uploaded: bool
    shown: Any


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port  # what is no port is refused where it is read
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
    Return a medium, or in one sentence what is wrong with it.

    :param name: Parameter the value stands in, for the sentence.
    :param value: What was sent.
    :param kind: What the parameter takes.
    """
    if not isinstance(value, str) or not value:
        return f"{name}: a non-empty string is allowed, an http(s) address or base64 data"
    if _is_url(value):
        return Medium(uploaded=False, shown=value)
    header = _DATA_URI.match(value)
    if header and header["type"].lower() != kind:
        return f"{name}: a data URI of {header['type'].lower()} data where {kind} data is allowed"
    content = _decode(value[header.end() :] if header else value)
    if content is None:
        return f"{name}: neither an http(s) address nor decodable base64 or a data URI of it"
    if kind == "image" and len(content) > MAXIMUM_IMAGE_BYTES:
        return f"{name}: an image of {len(content)} bytes; at most {MAXIMUM_IMAGE_BYTES} are allowed"
    return Medium(uploaded=True, shown={"length": len(content), "sha256": hashlib.sha256(content).hexdigest()})
