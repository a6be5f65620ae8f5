"""
The exceptions of this provider: one class per cause.

The text of an error states what happened, the prediction id, whether money was spent, and what to do next. The class
states who is at fault and whether a retry can help. :mod:`~airflow_provider_seedance.gptproto.responses` maps HTTP
responses to these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_seedance.gptproto.base_error import Charge as Charge
from airflow_provider_seedance.gptproto.base_error import SeedanceError as SeedanceError


class InvalidRequestError(SeedanceError):
    """The service is certain to refuse the arguments; raised before anything is sent."""

    at_fault = "author"
    default_advice = "Nothing was sent. Correct the arguments and run the task again."

    @classmethod
    def from_problems(cls, problems: list[str]) -> InvalidRequestError:
        """Return one error that lists all problems, one per line."""
        count = "1 argument" if len(problems) == 1 else f"{len(problems)} arguments"
        lines = "".join(f"\n  - {problem}" for problem in problems)
        return cls(f"Seedance refuses {count}:{lines}\n")

    def __str__(self) -> str:
        return f"{self.what}{self.charge.value} {self.advice}"


class ConnectionSettingsError(SeedanceError):
    """The Airflow connection has missing or invalid settings."""

    at_fault = "account"
    default_advice = "Correct the Airflow connection and run the task again."


class ConnectionUnavailableError(ConnectionSettingsError):
    """Airflow did not return the connection: its API or a secrets backend failed."""

    # Airflow raises AirflowNotFoundException after a failure of its own API as well, so a retry can help.
    retryable = True
    default_advice = (
        "If it does not exist, create it under Admin > Connections. If it exists, Airflow's API or secrets backend "
        "failed: try again later."
    )


class ConnectionNotFoundError(ConnectionUnavailableError):
    """Airflow did not find the connection. It reports a failure of its own API in the same way."""


class CostLimitError(SeedanceError):
    """The generation would cost more than the task may spend; raised before anything is sent."""

    at_fault = "author"
    default_advice = (
        "Nothing was sent. Choose a shorter video, a lower resolution or a cheaper model, or raise max_cost."
    )


class SubmissionLimitError(SeedanceError):
    """The task instance has submitted as often as ``max_submissions`` allows; raised before anything is sent."""

    at_fault = "author"
    default_advice = "Nothing was sent. To pay for another generation, clear the task or raise max_submissions."


class BadRequestError(SeedanceError):
    """The service refused the request as invalid: 400, another 4xx, or a failed prediction whose words say so."""

    at_fault = "author"
    default_advice = "Correct what the service reports. It will refuse the same request again."


class ContentPolicyError(SeedanceError):
    """The content was refused for safety: code 503 in the body of an HTTP 400, or a failed prediction."""

    at_fault = "author"
    default_advice = (
        "Change the prompt or the media. The check of generated videos is partly chance: the same request may pass "
        "another time, but each accepted submission is billed."
    )


class AudioPolicyError(ContentPolicyError):
    """The generated audio was refused for safety, not the prompt or the picture."""

    default_advice = (
        "The audio was refused, which generate_audio=false avoids. On an operator, set generate_audio=False, or "
        'on_audio_refusal="mute" to submit once more without audio; or change the prompt.'
    )


class AuthenticationError(SeedanceError):
    """The API key is missing or invalid (401)."""

    at_fault = "account"
    default_advice = "Put a valid API key into the connection's password field, then run the task again."


class PermissionDeniedError(SeedanceError):
    """The API key has no permission for this request (403)."""

    at_fault = "account"
    default_advice = "Request access to this model for the API key, then run the task again."


class InsufficientBalanceError(SeedanceError):
    """The balance of the account is too low (402, or a 403, 429 or failed prediction whose words say so)."""

    at_fault = "account"
    default_advice = "Top up the GPTProto account, then run the task again."


class PredictionNotFoundError(SeedanceError):
    """The service has no prediction with this id (404)."""

    at_fault = "author"
    default_advice = (
        "Check the id, and that the connection uses the account that submitted it. Ids expire after 7 days."
    )


class RedirectError(SeedanceError):
    """The response is a redirect. It is never followed, because the API key would be sent to the new address."""

    at_fault = "account"
    default_advice = "Set the connection's host field to an address that does not redirect."


class RateLimitError(SeedanceError):
    """Too many requests, or no capacity upstream (429)."""

    retryable = True
    default_advice = "Try again later, or send fewer requests at a time (an Airflow pool limits them)."


class ServiceError(SeedanceError):
    """The service or a gateway in front of it failed (5xx, or a 5xx code in the body of a 200)."""

    retryable = True
    default_advice = "Try again later."


class UnreadableResponseError(SeedanceError):
    """The response is not the documented JSON: an unreadable success, or an HTML page of a gateway."""

    retryable = True
    default_advice = "Try again later, and check that the connection's host is GPTProto's API."


class NotConnectedError(SeedanceError):
    """No connection to the service was made, so the service did not receive the request."""

    retryable = True
    at_fault = "network"
    default_advice = "Check the connection's host, the proxy and the network, then run the task again."


class LostResponseError(SeedanceError):
    """The request was sent, but no response arrived: a timeout or a dropped connection."""

    retryable = True
    at_fault = "network"
    default_advice = "Try again later."


class UnconfirmedSubmissionError(SeedanceError):
    """The response to a submission was lost, so it is unknown whether the service accepted it."""

    at_fault = "network"
    default_advice = (
        "It is not sent again: the service cannot look it up, and a second submission might be charged as well. "
        "Look for the generation in the GPTProto dashboard. If it is there, run the task with prediction_id set to its "
        "id."
    )


class RepeatableSubmissionError(UnconfirmedSubmissionError):
    """The response to a submission was lost, and the author accepts that a retry may pay twice."""

    retryable = True
    default_advice = "A retry of this task submits again, because on_unconfirmed_submission allows it."


class UnrecordedSubmissionError(SeedanceError):
    """A submission that was accepted, but whose id could not be recorded."""

    at_fault = "network"
    default_advice = (
        "A retry would not find it, so the task ends. To go on with it, run the task with prediction_id set to its id."
    )


class UnreadableRecordError(SeedanceError):
    """The submission record in the task state store is invalid, so earlier charges are unknown."""

    at_fault = "author"
    default_advice = (
        "This try submitted nothing. Correct the record under Storage > Task State Store of the task instance, or "
        "delete it to start again."
    )


class UnsafeStateStoreError(SeedanceError):
    """Airflow is configured to keep the record of a submission in object storage; raised before anything is sent."""

    at_fault = "account"
    default_advice = (
        "Nothing was sent. Set [common.io] state_store_objectstorage_threshold to 8192 or more on all workers, so that "
        "the record stays in the database. Then run the task again."
    )


class GenerationFailedError(SeedanceError):
    """The prediction ended without a video."""

    retryable = True
    default_advice = "A retry of this task submits, and pays for, a new generation."


class DeliveredVideoLostError(SeedanceError):
    """A delivered video that the service no longer has, under ``on_clear="reuse"``, which never pays again."""

    at_fault = "author"
    default_advice = (
        "Nothing was submitted. Use the stored copy if there is one. To pay for a new video, set "
        'on_clear="regenerate" and clear the task.'
    )


class GenerationExpiredError(SeedanceError):
    """The prediction expired before it finished."""

    retryable = True
    default_advice = "A retry of this task submits, and pays for, a new generation."


class MissingOutputsError(SeedanceError):
    """The prediction succeeded, but its list of outputs stayed empty."""

    retryable = True
    default_advice = "A retry of this task reads the same prediction again. If it stays empty, ask GPTProto's support."


class NsfwContentError(SeedanceError):
    """The service flagged an output as not safe for work, and ``fail_on_nsfw`` is set."""

    at_fault = "author"
    default_advice = "Change the prompt or the media. The outputs stay available under the prediction id."


class WaitTimeoutError(SeedanceError):
    """The prediction did not finish within the task's ``timeout``."""

    retryable = True
    default_advice = "It continues at the service. A retry of this task waits for the same prediction and pays nothing."


class TriggerFailedError(SeedanceError):
    """Airflow ended the wait in the triggerer: the trigger crashed, timed out, or found no connection."""

    retryable = True
    at_fault = "account"
    default_advice = (
        "The generation goes on at the service. Check the triggerer's log and its connections. A retry of this task "
        "waits for the same prediction and pays nothing."
    )


class InvalidTransferError(SeedanceError):
    """The arguments of a download are invalid; raised before anything is downloaded."""

    at_fault = "author"
    default_advice = "Nothing was downloaded. Correct the arguments and run the task again."


class ForbiddenLinkError(SeedanceError):
    """A worker must not follow the link or its redirect: not http(s), or a private address (SSRF guard)."""

    at_fault = "author"
    default_advice = "If you trust the link, set allow_private_addresses=True and run the task again."


class DeadLinkError(SeedanceError):
    """The link to an output does not work any more, and the service gave no working link in its place."""

    retryable = True
    default_advice = (
        "Links live about a day, but the service returns a prediction for 7 days. A retry with prediction_id requests "
        "a new link and pays nothing. Do not generate the video again before that."
    )


class FileTooLargeError(SeedanceError):
    """The file at a link is larger than ``max_bytes``."""

    at_fault = "author"
    default_advice = "If this size is expected, raise max_bytes and run the task again before the link expires."


class NotAVideoError(SeedanceError):
    """The content behind a link is not an MP4 or QuickTime file, whatever its declared type."""

    retryable = True
    default_advice = "A retry of this task downloads it again. If the error persists, open the link and check the file."


class DownloadFailedError(SeedanceError):
    """A download stayed incomplete after several attempts."""

    retryable = True
    at_fault = "network"
    default_advice = (
        "A retry of this task downloads it again and pays nothing. Links live about a day; with prediction_id the task "
        "requests a new one, for 7 days."
    )


class DestinationTakenError(SeedanceError):
    """Another file exists at the destination of the download."""

    at_fault = "author"
    default_advice = "The existing file is unchanged. Choose another name, or replace it with overwrite=True."


class StorageError(SeedanceError):
    """The object storage failed to save or return a file."""

    retryable = True
    at_fault = "network"
    default_advice = "A retry of this task downloads and stores it again and pays nothing."


_CLASSES: Mapping[str, type[SeedanceError]] = {
    name: value for name, value in globals().items() if isinstance(value, type) and issubclass(value, SeedanceError)
}


def restore(error: Mapping[str, Any]) -> SeedanceError:
    """
    Return the error that :meth:`SeedanceError.to_dict` serialized.

    :param error: The dict; an unknown class, as of another version, becomes a plain :class:`SeedanceError`.
    """
    return _CLASSES.get(str(error.get("error")), SeedanceError)(
        str(error.get("what") or "The wait ended with an unknown error"),
        prediction_id=error.get("prediction_id"),
        charge=Charge.__members__.get(str(error.get("charge")), Charge.POSSIBLE),
        advice=error.get("advice"),
        retry_after=error.get("retry_after"),
    )
