"""
Map an HTTP response (status, headers, body) to a prediction, or to one class of the error tree.

The codes come from the table "Common Error Codes" of GPTProto's page; the body formats come from real responses.
This module uses no HTTP library: a response is passed as plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from airflow_provider_seedance.gptproto.bodies import ErrorDetail, is_page, quote_body, read_error_detail, shorten
from airflow_provider_seedance.gptproto.errors import (
    AudioPolicyError,
    AuthenticationError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    InsufficientBalanceError,
    LostResponseError,
    PermissionDeniedError,
    PredictionNotFoundError,
    RateLimitError,
    RedirectError,
    SeedanceError,
    ServiceError,
    UnconfirmedSubmissionError,
    UnreadableResponseError,
)
from airflow_provider_seedance.gptproto.ids import find_ids, id_in_beginning, is_about, names_id, submitted_id
from airflow_provider_seedance.gptproto.predictions import Prediction, read_code, read_prediction
from airflow_provider_seedance.gptproto.verdicts import Verdict, mentions_progress, mentions_wallet

__all__ = ["ErrorDetail", "read_error_detail", "read_response", "read_retry_after", "response_error", "shorten"]

#: Seconds that a wait respects of a ``Retry-After``, however long it is: waits have deadlines, and links expire.
MAXIMUM_RETRY_AFTER = 300.0
#: Redirects before the request is processed. After any other redirect it may have been processed.
_MOVED = (301, 307, 308)
#: Statuses after which a submission may have been accepted: the answer was given up, not the request.
_OPEN = (408, 409, 424, 425, 460, 499)
#: A gateway's pages with these statuses say nothing about the key or a prediction.
_PAGES = (302, 303, 307, 401, 403, 404, 407, 451)
#: Charge when reading a known prediction fails; default ACCEPTED.
_CHARGES: Mapping[type[SeedanceError], Charge] = {
    AudioPolicyError: Charge.FAILED,
    ContentPolicyError: Charge.FAILED,
    PredictionNotFoundError: Charge.POSSIBLE,
}


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


def read_response(
    status: int,
    body: object,
    *,
    prediction_id: str | None,
    retry_after: float | None = None,
    quote: Callable[[object], str] = quote_body,
    is_cut: bool = False,
) -> Prediction | SeedanceError:
    """
    Return the prediction in an answer, or the error that the answer means.

    :param status: HTTP status.
    :param body: Decoded JSON, or other text, without the API key.
    :param prediction_id: The requested prediction; ``None`` for a submission.
    :param retry_after: The service's ``Retry-After``, in seconds.
    :param quote: Returns the body as text for a message.
    :param is_cut: Whether the body is too large, and only its beginning was read: it has no verdict.
    """
    if is_cut:
        what = f"The response of GPTProto ({status}) is too large; it begins with {quote(body)}"
        charge = Charge.NONE if prediction_id is None else Charge.ACCEPTED
        cut = UnreadableResponseError(what, prediction_id=prediction_id, charge=charge, retry_after=retry_after)
        return cut if prediction_id else _submission_error(cut, status, status, body, None, "")
    is_success = 200 <= status < 300
    is_refused = isinstance(body, Mapping) and body.get("success") in (False, "false")
    code = read_code(body) if is_success else status
    prediction = read_prediction(body, prediction_id=prediction_id)
    if prediction is not None and is_success and code == 200 and not is_refused:
        return prediction
    is_over = prediction is not None and (prediction.has_failed or prediction.is_complete)
    if prediction is not None and is_over and prediction_id and names_id(body, prediction_id):
        # An error envelope around a prediction that ended.
        return prediction
    detail = read_error_detail(body)
    quoted = f": {text}" if (text := quote(body)) else ""
    error = _page_error(status, body, prediction_id, quoted)
    if error is None and is_success and code == 200 and detail.verdict is None:
        has_other_id = prediction_id is not None and not is_about(body, prediction_id)
        problem = f"is not about prediction {prediction_id}" if has_other_id else "has no readable prediction"
        what = f"The response of GPTProto ({status}) {problem}{quoted}"
        charge = Charge.NONE if prediction_id is None else Charge.ACCEPTED
        error = UnreadableResponseError(what, prediction_id=prediction_id, charge=charge)
    if error is None:
        in_body = (-1 if code == 200 else code) if is_success else None
        if body and not detail.shown(status, in_body):
            detail = replace(detail, message=quoted.removeprefix(": "), full_text=detail.full_text or "")
        error = response_error(status, detail, prediction_id=prediction_id, retry_after=retry_after, code=in_body)
    return error if prediction_id else _submission_error(error, status, code, body, detail.verdict, quoted)


def lost_submission(lost: LostResponseError, status: int, body: object) -> SeedanceError:
    """
    Return the error of a submission whose response broke off: an accepted one has its id at the beginning.

    :param lost: Why it broke off.
    :param status: HTTP status.
    :param body: What arrived of the body, as in :func:`read_response`.
    """
    code = read_code(body) if 200 <= status < 300 else status
    return _submission_error(lost, status, code, body, None, "")


def _page_error(status: int, body: object, prediction_id: str | None, quoted: str) -> SeedanceError | None:
    """Return the error for a page of a gateway, which is no answer of the service."""
    is_answer = isinstance(body, Mapping | list) or 200 <= status < 300
    # To a poll the service itself refuses in JSON.
    is_page_status = status in _PAGES or (
        prediction_id is not None and 400 <= status < 500 and status not in (429, *_OPEN)
    )
    if is_answer or not is_page_status:
        return None
    what = f"A gateway before GPTProto answered {status}, not in GPTProto's format{quoted}"
    if prediction_id is not None:
        return UnreadableResponseError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED)
    if status in (302, 303, 307) or not is_page(body):
        return None
    advice = "Check the proxy, the firewall and the connection's host, then run the task again."
    return BadRequestError(what, advice=advice)


def _submission_error(
    error: SeedanceError, status: int, code: int, body: object, verdict: Verdict | None, quoted: str
) -> SeedanceError:
    """Return the error of a submission, which names every id in the body."""
    is_refusal = 400 <= status < 500 and status not in _OPEN
    is_lost_success = isinstance(error, LostResponseError) and 200 <= status < 300 and code == 200
    own = submitted_id(body, is_success=is_lost_success)
    if isinstance(body, str) and not is_refusal:
        own = own or id_in_beginning(body)
    # A refusal that names a prediction is not repeated: it may be the refusal of a gateway after the submission.
    is_doubtful = not is_refusal or 429 in (status, code) or error.retryable
    if isinstance(error, RedirectError):
        is_open = status not in _MOVED
    else:
        is_lost = isinstance(error, LostResponseError)
        is_lost = is_lost or (isinstance(error, ServiceError | UnreadableResponseError) and not is_refusal)
        # Whatever the words of a 5xx say, the request may have been processed.
        is_open = status in _OPEN or status >= 500 or is_lost or (own is not None and is_doubtful)
        is_open = is_open or (verdict is Verdict.LOST and isinstance(error, ServiceError))
    known = unconfirmed(error, own) if is_open else error
    if is_open and status < 300 and quoted not in known.what:
        # The id may stand in it under a name that nobody knows.
        known.what += quoted
    others = [f"{name} {each}" for name, each in find_ids(body) if each not in str(known)]
    if not others:
        return known
    what = f"{known.what}; ids in the response: {', '.join(others)}"
    return type(known)(
        what,
        prediction_id=known.prediction_id,
        charge=known.charge,
        advice=known.advice,
        retry_after=known.retry_after,
    )


def unconfirmed(cause: SeedanceError, prediction_id: str | None = None) -> UnconfirmedSubmissionError:
    """Return the error for a submission that may have been accepted."""
    what = f"It is unknown whether the submission was accepted. {cause.what}"
    # The caller can get the prediction by the id in the response.
    advice = "The response has the prediction's id. Clear the task to go on with it." if prediction_id else None
    return UnconfirmedSubmissionError(what, prediction_id=prediction_id, charge=Charge.POSSIBLE, advice=advice)


def response_error(
    status: int,
    detail: ErrorDetail,
    *,
    prediction_id: str | None,
    retry_after: float | None = None,
    code: int | None = None,
) -> SeedanceError:
    """
    Return the error for an unsuccessful response.

    :param status: HTTP status.
    :param detail: The message and codes of the body.
    :param prediction_id: The requested prediction; ``None`` for a submission, which then was not accepted.
    :param retry_after: The service's ``Retry-After``, in seconds.
    :param code: The ``code`` in the body of an HTTP 2xx, which has the meaning of a status; -1 without one.
    """
    shown = detail.shown(status, code)
    answered = f"{status} with code {code}" if code is not None and code > 0 else str(status)
    what = f"GPTProto answered {answered}" + (": the request is too large" if status == 413 else "")
    cls = _error_class(status, code, detail, known_prediction=prediction_id is not None)
    charge = Charge.NONE if prediction_id is None else _CHARGES.get(cls, Charge.ACCEPTED)
    advice = "Send smaller media, or links in place of uploads. Nothing was generated." if status == 413 else None
    what = (what + (f": {shown}" if shown else "")).rstrip(".")
    return cls(what, prediction_id=prediction_id, charge=charge, advice=advice, retry_after=retry_after)


def _error_class(status: int, code: int | None, detail: ErrorDetail, *, known_prediction: bool) -> type[SeedanceError]:
    number, verdict = (status if code is None else code), detail.verdict
    # A real 501-599 is a gateway's own; its words are not the service's.
    if (code is None and 500 < status < 600) or number in _OPEN:
        return ServiceError
    if 300 <= number < 400:
        return RedirectError
    is_wallet = number == 402 or (number == 403 and mentions_wallet(detail.text))
    if verdict is Verdict.BALANCE or (is_wallet and verdict is None):
        return InsufficientBalanceError
    if number == 429:
        return RateLimitError
    if verdict is Verdict.SOUND:
        return AudioPolicyError
    if verdict is Verdict.CONTENT:
        return ContentPolicyError
    by_status = {401: AuthenticationError, 402: InsufficientBalanceError, 403: PermissionDeniedError}
    if number in by_status:
        return by_status[number]
    if known_prediction and mentions_progress(detail.message or detail.text):
        # Some services refuse to return the result of a generation that is not over.
        return ServiceError
    if number == 404 and known_prediction:
        return PredictionNotFoundError
    if verdict is Verdict.ARGUMENTS:
        return BadRequestError
    if number < 300 or number >= 500 or verdict in (Verdict.CAPACITY, Verdict.CHECK_FAILED, Verdict.LOST):
        return ServiceError
    # The page describes the bare code 503 of a submission; to a poll a gateway answers so as well.
    if known_prediction and detail.is_uncertain_policy:
        return ServiceError
    return ContentPolicyError if detail.is_policy else BadRequestError
