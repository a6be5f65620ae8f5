"""
Map an unsuccessful HTTP response (status, headers, body) to one class of the error tree.

The codes come from the table "Common Error Codes" of GPTProto's page; the body formats come from real responses.
This module uses no HTTP library: a response is passed as plain values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    InsufficientBalanceError,
    PermissionDeniedError,
    PredictionNotFoundError,
    RateLimitError,
    RedirectError,
    SeedanceError,
    ServiceError,
)

#: Maximum length of server text quoted in an error, in characters.
_MAXIMUM_QUOTE = 500
#: Substrings of upstream codes and messages that mean refused content.
_POLICY_MARKS = ("sensitivecontentdetected", "riskdetection", "content policy", "policyviolation", "safety concern")
#: Uploaded media quoted by a server: a data URI, or base64 text longer than any word.
_MEDIA = re.compile(r"data:[\w.+-]+/[\w.+-]+[^\s,]*,[^\s\"'<>]*|[A-Za-z0-9+/_-]{200,}={0,2}", re.IGNORECASE)
_AUDIO_POLICY_MARK = "outputaudiosensitivecontentdetected"
_BALANCE_MARKS = ("balance", "quota", "credit", "arrears", "overdue", "top up", "recharge")
#: Charge when reading a known prediction fails; default ACCEPTED.
_CHARGES: Mapping[type[SeedanceError], Charge] = {
    ContentPolicyError: Charge.FAILED,
    PredictionNotFoundError: Charge.POSSIBLE,
}


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """
    The message and codes of an error body.

    :param message: The message, on one line, shortened; empty if the body has none.
    :param codes: All values of ``code`` and ``type`` in the body, as text.
    """

    message: str
    codes: frozenset[str] = frozenset()

    @property
    def is_policy(self) -> bool:
        """Whether the message or an upstream code means refused content."""
        return any(mark in text for mark in _POLICY_MARKS for text in (self.message.lower(), *self._folded_codes))

    @property
    def is_audio_policy(self) -> bool:
        """Whether the generated audio was refused."""
        return any(_AUDIO_POLICY_MARK in text for text in (self.message.lower(), *self._folded_codes))

    @property
    def is_balance(self) -> bool:
        """Whether the message is about the account's balance."""
        return any(mark in self.message.lower() for mark in _BALANCE_MARKS)

    @property
    def _folded_codes(self) -> tuple[str, ...]:
        return tuple(code.lower() for code in self.codes)


def read_error_detail(body: object) -> ErrorDetail:
    """
    Return the message and codes of an error body in any known format.

    :param body: Decoded JSON, or other text, such as a proxy's HTML. Known formats: ``{"error": {"message", "type",
        "code"}}``, ``{"code", "message", "type"}``, ``{"error": "text"}``, a string, ``None``.
    """
    if not isinstance(body, Mapping):
        return ErrorDetail(shorten(body) if isinstance(body, str) else "")
    inner = body.get("error")
    sources = [inner, body] if isinstance(inner, Mapping) else [body]
    message = next((source["message"] for source in sources if isinstance(source.get("message"), str)), "")
    if isinstance(inner, str) and inner:
        message = inner
    codes = frozenset(
        str(source[key]) for source in sources for key in ("code", "type") if isinstance(source.get(key), (str, int))
    )
    return ErrorDetail(shorten(message), codes)


def shorten(text: str) -> str:
    """Return server text for a message: one line, shortened, without media and unprintable characters."""
    line = " ".join(_MEDIA.sub("<media>", text).split())
    line = line if len(line) <= _MAXIMUM_QUOTE else f"{line[:_MAXIMUM_QUOTE]}..."
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """
    Return the ``Retry-After`` of a response in seconds, or ``None`` if it is missing or invalid.

    :param headers: The response's headers; names in lower case. ``retry-after-ms`` is in milliseconds, ``retry-after``
        in seconds or an HTTP date (RFC 9110, section 10.2.3).
    :param now: The current time; an HTTP date is converted to seconds from now.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value) * scale
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, OverflowError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def response_error(
    status: int,
    detail: ErrorDetail,
    *,
    prediction_id: str | None,
    retry_after: float | None = None,
) -> SeedanceError:
    """
    Return the error for an unsuccessful response.

    :param status: HTTP status, or the ``code`` in the body of an HTTP 200, which has the same meaning.
    :param detail: The message and codes of the body.
    :param prediction_id: The requested prediction; ``None`` for a submission, which then was not accepted.
    :param retry_after: The service's ``Retry-After``, in seconds.
    """
    what = f"GPTProto answered {status}" + (f": {detail.message}" if detail.message else "")
    cls = _error_class(status, detail, known_prediction=prediction_id is not None)
    charge = Charge.NONE if prediction_id is None else _CHARGES.get(cls, Charge.ACCEPTED)
    return cls(what.rstrip("."), prediction_id=prediction_id, charge=charge, retry_after=retry_after)


def _error_class(status: int, detail: ErrorDetail, *, known_prediction: bool) -> type[SeedanceError]:
    if status == 401:
        return AuthenticationError
    if status in (402, 403):
        return InsufficientBalanceError if status == 402 or detail.is_balance else PermissionDeniedError
    if status == 404 and known_prediction:
        return PredictionNotFoundError
    if status == 429:
        return RateLimitError
    if status >= 500 or status < 300 or status in (408, 425):
        return ServiceError
    if status < 400:
        return RedirectError
    if "503" in detail.codes or detail.is_policy:
        return ContentPolicyError
    return BadRequestError
