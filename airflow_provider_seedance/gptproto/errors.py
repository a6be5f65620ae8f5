"""
What can go wrong, one class per cause.

Every error says what happened, to which prediction, whether money was spent and what to do now; its class says who is
at fault and whether trying again can help. Which answer of the service means which error is in
:mod:`~airflow_provider_seedance.gptproto.responses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal

Fault = Literal["author", "account", "service", "network"]


class Charge(StrEnum):
    """Whether a generation was paid for, in the words that errors use."""

    NONE = "Nothing was charged."
    POSSIBLE = "A generation may have been started and charged."
    ACCEPTED = "The generation was accepted and is billed whatever becomes of this task."
    FAILED = "The service decides whether it bills a generation that failed; its dashboard tells."


class SeedanceError(Exception):
    """
    Base of all errors of this provider.

    :param what: What happened, in one sentence without the full stop.
    :param prediction_id: The prediction it happened to, if there is one.
    :param charge: Whether money was spent.
    :param advice: What to do now; without it the advice of the class.
    :param retry_after: Seconds that the service asked to wait before the next request.
    """

    #: Whether trying again later can help.
    retryable: ClassVar[bool] = False
    #: Who can do something about it.
    at_fault: ClassVar[Fault] = "service"
    default_advice: ClassVar[str] = ""

    def __init__(
        self,
        what: str,
        *,
        prediction_id: str | None = None,
        charge: Charge = Charge.NONE,
        advice: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.prediction_id = prediction_id
        self.charge = charge
        self.advice = self.default_advice if advice is None else advice
        self.retry_after = retry_after

    def __str__(self) -> str:
        subject = f" (prediction {self.prediction_id})" if self.prediction_id else ""
        return " ".join(part for part in (f"{self.what}{subject}.", self.charge.value, self.advice) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON scalars, for :func:`restore`."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "prediction_id": self.prediction_id,
            "charge": self.charge.name,
            "advice": self.advice,
            "retry_after": self.retry_after,
        }


class InvalidRequestError(SeedanceError):
    """Arguments that the service is certain to refuse; raised before anything is sent."""

    at_fault = "author"
    default_advice = "Nothing was sent. Correct the arguments and run the task again."

    @classmethod
    def from_problems(cls, problems: list[str]) -> InvalidRequestError:
        """Return one error with one line for each problem."""
        count = "1 argument" if len(problems) == 1 else f"{len(problems)} arguments"
        lines = "".join(f"\n  - {problem}" for problem in problems)
        return cls(f"Seedance refuses {count}:{lines}\n")

    def __str__(self) -> str:
        return f"{self.what}{self.charge.value} {self.advice}"


class ConnectionSettingsError(SeedanceError):
    """The Airflow connection cannot be used as it is."""

    at_fault = "account"
    default_advice = "Correct the Airflow connection and run the task again."


class CostLimitError(SeedanceError):
    """The generation would cost more than the task may spend; raised before anything is sent."""

    at_fault = "author"
    default_advice = (
        "Nothing was sent. Ask for a shorter video, a lower resolution or a cheaper model, or raise max_cost."
    )


class BadRequestError(SeedanceError):
    """The service refused the request as invalid (400, or another 4xx)."""

    at_fault = "author"
    default_advice = "Correct what the service names; the same request will be refused again."


class ContentPolicyError(SeedanceError):
    """The content was refused for safety: code 503 in the body of an HTTP 400, or a prediction that failed so."""

    at_fault = "author"
    default_advice = "Change the prompt or the media; the same content will be refused again."


class AuthenticationError(SeedanceError):
    """The API key is missing or invalid (401)."""

    at_fault = "account"
    default_advice = "Put a valid API key into the connection's password field, then run the task again."


class PermissionDeniedError(SeedanceError):
    """The API key may not do this (403)."""

    at_fault = "account"
    default_advice = "Ask for access to this model for the API key, then run the task again."


class InsufficientBalanceError(SeedanceError):
    """The account's balance is too low (403 that speaks of the balance, or 402)."""

    at_fault = "account"
    default_advice = "Top up the GPTProto account, then run the task again."


class PredictionNotFoundError(SeedanceError):
    """The service does not know the prediction (404)."""

    at_fault = "author"
    default_advice = "Check the id and that the connection belongs to the account that submitted it; ids live 7 days."


class RedirectError(SeedanceError):
    """The service answered with a redirect, which is never followed because the key would travel with it."""

    at_fault = "account"
    default_advice = "Put the address that answers without a redirect into the connection's host field."


class RateLimitError(SeedanceError):
    """Too many requests, or no capacity upstream (429)."""

    retryable = True
    default_advice = "Try again later, or send fewer requests at a time (a pool limits them)."


class ServiceError(SeedanceError):
    """The service or a gateway before it failed (5xx, or such a code in the body of a 200)."""

    retryable = True
    default_advice = "Try again later."


class UnreadableAnswerError(SeedanceError):
    """An answer that is not the documented JSON: a success that cannot be read, or a gateway's page."""

    retryable = True
    default_advice = "Try again later; check that the connection's host is GPTProto's API."


class NotConnectedError(SeedanceError):
    """No connection to the service was made, so it cannot have got the request."""

    retryable = True
    at_fault = "network"
    default_advice = "Check the connection's host, the proxy and the network, then run the task again."


class LostAnswerError(SeedanceError):
    """The request was sent, its answer did not arrive: a timeout or a dropped connection."""

    retryable = True
    at_fault = "network"
    default_advice = "Try again later."


class UnconfirmedSubmissionError(SeedanceError):
    """A submission whose answer was lost: nobody can tell whether it was accepted."""

    at_fault = "network"
    default_advice = (
        "It is not sent again, because the service cannot be asked for it and might be paid twice. "
        "Look for the generation in the GPTProto dashboard. If it is there, run the task with prediction_id set to its "
        "id; if not, delete the record in the task instance's Task State Store tab and clear the task. "
        'on_unconfirmed_submission="resubmit" accepts the risk for every run.'
    )


class RepeatableSubmissionError(UnconfirmedSubmissionError):
    """A submission whose answer was lost, where the author accepts that it may be paid twice."""

    retryable = True
    default_advice = "A retry of this task submits again, as its on_unconfirmed_submission says."


class UnreadableRecordError(SeedanceError):
    """What the task state store holds is no record of a submission, so nobody can tell what was paid for."""

    at_fault = "author"
    default_advice = (
        "This try submitted nothing. Correct the record in the task instance's Task State Store tab, or delete it "
        "there to start afresh."
    )


class GenerationFailedError(SeedanceError):
    """The prediction ended without a video."""

    retryable = True
    default_advice = "A retry of this task submits, and pays for, a new generation."


class GenerationExpiredError(SeedanceError):
    """The prediction expired before it finished."""

    retryable = True
    default_advice = "A retry of this task submits, and pays for, a new generation."


class MissingOutputsError(SeedanceError):
    """The prediction succeeded, but its outputs stayed empty."""

    retryable = True
    default_advice = (
        "A retry of this task asks for the same prediction again; if it stays empty, ask GPTProto's support."
    )


class NsfwContentError(SeedanceError):
    """The service flagged an output as not safe for work, and the task was told to fail then."""

    at_fault = "author"
    default_advice = "Change the prompt or the media; the outputs stay available under the prediction id."


class WaitTimeoutError(SeedanceError):
    """The prediction did not finish within the task's budget."""

    retryable = True
    default_advice = "It goes on at the service. A retry of this task waits for the same prediction and pays nothing."


class InvalidTransferError(SeedanceError):
    """Arguments of a download that cannot be used; raised before anything is fetched."""

    at_fault = "author"
    default_advice = "Nothing was downloaded. Correct the arguments and run the task again."


class ForbiddenLinkError(SeedanceError):
    """A link, or where it redirects to, that a worker must not follow: not http(s), or to a private address."""

    at_fault = "author"
    default_advice = "If the link is to be trusted, allow it with allow_private_addresses=True and run the task again."


class DeadLinkError(SeedanceError):
    """The link to an output is refused or leads nowhere, and the service names no other that works."""

    default_advice = (
        "Links live about a day. The video was paid for, and the service does not hand it out any more: clear the task "
        'that made it with on_clear="regenerate" to pay for a new one, and download that within the day.'
    )


class FileTooLargeError(SeedanceError):
    """The file behind a link is larger than the author allows."""

    at_fault = "author"
    default_advice = "If it is to be that large, raise max_bytes and run the task again before the link dies."


class NotAVideoError(SeedanceError):
    """What is behind a link is no video: another type, or content that does not begin as an MP4 file does."""

    retryable = True
    default_advice = "A retry downloads it again; if it stays so, look at what the link leads to."


class DownloadFailedError(SeedanceError):
    """A file did not arrive whole, although it was asked for several times."""

    retryable = True
    at_fault = "network"
    default_advice = "A retry of this task downloads it again. The link lives about a day."


class DestinationTakenError(SeedanceError):
    """Another file has the name under which the download was to be stored."""

    at_fault = "author"
    default_advice = "It was left as it is. Choose another name, or replace it with overwrite=True."


class StorageError(SeedanceError):
    """The store does not hold what was handed to it."""

    retryable = True
    at_fault = "network"
    default_advice = "A retry of this task downloads and stores it again."


_CLASSES: Mapping[str, type[SeedanceError]] = {
    cls.__name__: cls
    for cls in (
        SeedanceError,
        InvalidRequestError,
        ConnectionSettingsError,
        CostLimitError,
        BadRequestError,
        ContentPolicyError,
        AuthenticationError,
        PermissionDeniedError,
        InsufficientBalanceError,
        PredictionNotFoundError,
        RedirectError,
        RateLimitError,
        ServiceError,
        UnreadableAnswerError,
        NotConnectedError,
        LostAnswerError,
        UnconfirmedSubmissionError,
        RepeatableSubmissionError,
        UnreadableRecordError,
        GenerationFailedError,
        GenerationExpiredError,
        MissingOutputsError,
        NsfwContentError,
        WaitTimeoutError,
        InvalidTransferError,
        ForbiddenLinkError,
        DeadLinkError,
        FileTooLargeError,
        NotAVideoError,
        DownloadFailedError,
        DestinationTakenError,
        StorageError,
    )
}


def restore(error: Mapping[str, Any]) -> SeedanceError:
    """
    Return the error that :meth:`SeedanceError.to_dict` described.

    :param error: The dict; a class of another version of this provider becomes a plain :class:`SeedanceError`.
    """
    return _CLASSES.get(str(error.get("error")), SeedanceError)(
        str(error.get("what") or "The wait ended with an unknown error"),
        prediction_id=error.get("prediction_id"),
        charge=Charge.__members__.get(str(error.get("charge")), Charge.POSSIBLE),
        advice=error.get("advice"),
        retry_after=error.get("retry_after"),
    )
