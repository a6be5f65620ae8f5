"""What looks like an API key, for messages about values whose connection is not known, as when a DAG file is parsed."""

from __future__ import annotations

import re

#: What looks like an API key, of GPTProto or of another service.
KEY_LIKE = re.compile(r"\bsk-[\w-]{8,}")


def redacted(value: object) -> str:
    """Return a value for a message, without what looks like an API key."""
    return without_keys(repr(value))


def without_keys(text: str) -> str:
    """Return a message without what looks like an API key."""
    return KEY_LIKE.sub("***", text)
