"""What a try that may submit starts from: the record, and the request with its files, checked."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.requests import CheckedRequest, GenerationRequest
from airflow_provider_seedance.tasks.muting import Muting, muted
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.records.submission import Submission, given_fingerprint


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    What a try that may submit starts from.

    :param recorded: The record of earlier tries.
    :param given: The fingerprint of the request as given, with files by their names.
    :param given_without_audio: The same of the request that the task submits if its audio is refused; empty if none.
    :param is_muted: Whether the request lacks the audio of the task's arguments.
    :param muting: Why it lacks it, if this try learned that the audio was refused.
    :param fingerprint: The fingerprint of the request with the content of the files.
    :param checked: The request; or why it cannot be made again, if the record is of the same request as given.
    """

    recorded: Submission | None
    given: str
    given_without_audio: str
    is_muted: bool
    muting: Muting | None
    fingerprint: str
    checked: CheckedRequest | Exception

    def has_audio(self, options: GenerationOptions) -> bool:
        """Return whether the task would submit the request without audio after its audio was refused."""
        return not isinstance(self.checked, Exception) and muted(self.checked.request, options) is not None


def check(request: GenerationRequest, options: GenerationOptions) -> CheckedRequest:
    """
    Read the local media of a request, and check it.

    :raises InvalidRequestError: When the service is certain to refuse it.
    :raises Exception: When a file cannot be read.
    """
    if any(request.media()):
        from airflow_provider_seedance.tasks.media import with_local_media

        request = with_local_media(request)
    return request.check(options.validation)


def prepare(
    request: GenerationRequest,
    recorded: Submission | None,
    options: GenerationOptions,
    *,
    is_muted: bool,
    muting: Muting | None = None,
    log: Log,
) -> Prepared:
    """
    Read the local media of a request, and check it. The parameters are those of :class:`Prepared`.

    :raises InvalidRequestError: When the service is certain to refuse it.
    :raises Exception: When a file cannot be read, unless the record is of the same request.
    """
    given = given_fingerprint(request, options.connection_id)
    without_audio = muted(request, options)
    given_without_audio = "" if without_audio is None else given_fingerprint(without_audio, options.connection_id)
    try:
        checked = check(request, options)
    except Exception as error:  # also any error of a store's library
        if recorded is None or recorded.prediction_id is None or not given or recorded.given != given:
            raise
        log.warning("The request cannot be made again; going on with the recorded generation. %s", error)
        return Prepared(recorded, given, given_without_audio, is_muted, muting, recorded.fingerprint, error)
    fingerprint = checked.fingerprint(options.connection_id)
    return Prepared(recorded, given, given_without_audio, is_muted, muting, fingerprint, checked)
