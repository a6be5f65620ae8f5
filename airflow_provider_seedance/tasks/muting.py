"""The generation without audio that replaces one whose audio was refused (``on_audio_refusal="mute"``)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from airflow_provider_seedance.gptproto.catalogue import find_model
from airflow_provider_seedance.gptproto.errors import AudioPolicyError, Charge
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.records.limit import SubmissionLimit
from airflow_provider_seedance.tasks.records.submission import Submission, given_fingerprint
from airflow_provider_seedance.tasks.report import GenerationReport


@dataclass(frozen=True, slots=True)
class Muting:
    """
    A submission without audio, in place of one whose audio was refused.

    :param original: The request with audio.
    :param refused: Why it was refused.
    :param before: The submission in the record when it was refused; ``None`` without one.
    """

    original: GenerationRequest
    refused: AudioPolicyError
    before: Submission | None

    @property
    def reason(self) -> str:
        """Why the task submits again, for the log and for errors of limits."""
        subject = f"of prediction {self.refused.prediction_id} " if self.refused.prediction_id else ""
        return f'the audio {subject}was refused, and on_audio_refusal is "mute". {self.refused.what}'

    def is_overtaken(self, recorded: Submission | None) -> bool:
        """Return whether another task or try has submitted since, the same generation or another one."""
        if recorded is None or recorded.is_refused:
            return False
        if self.refused.prediction_id is not None:
            return recorded.prediction_id != self.refused.prediction_id
        # The refused submission was not accepted, so the record is the one before it.
        return self.before is None or recorded.submitted_at != self.before.submitted_at


def muted(request: GenerationRequest, options: GenerationOptions) -> GenerationRequest | None:
    """Return the request without audio; ``None`` if it has none, or if the task does not mute."""
    model = find_model(request.model) if isinstance(request.model, str) else None
    has_audio = request.generate_audio is not False and (model is None or model.generate_audio)
    if options.on_audio_refusal != "mute" or not has_audio:
        return None
    return dataclasses.replace(request, generate_audio=False)


def as_recorded(
    request: GenerationRequest, recorded: Submission | None, options: GenerationOptions
) -> GenerationRequest:
    """Return the request without audio if that is what an earlier try submitted, else the request as it is."""
    without_audio = muted(request, options)
    if recorded is None or not recorded.is_muted or without_audio is None:
        return request
    is_recorded = recorded.given == given_fingerprint(without_audio, options.connection_id)
    return without_audio if is_recorded else request


def replacement(
    request: GenerationRequest,
    refused: AudioPolicyError,
    *,
    recorded: Submission | None,
    is_kept: bool,
    report: GenerationReport,
    options: GenerationOptions,
) -> GenerationRequest | None:
    """
    Return the request without audio that replaces a refused one; ``None`` if nothing must be submitted.

    :param recorded: The record; ``None`` without one.
    :param is_kept: Whether the task keeps a record.
    :param report: What is known of the refused generation.
    """
    # Without a record, only the report can tell that the refused generation already had no audio.
    is_known = is_kept or report.id is not None or refused.charge is Charge.NONE
    if options.prediction_id or not is_known or report.parameters.get("generate_audio") is False:
        return None
    if recorded is not None and recorded.prediction_id == refused.prediction_id and recorded.given:
        # The function of @task.seedance is called again after a deferral, and may return another request.
        given = given_fingerprint(request, options.connection_id)
        return muted(request, options) if given == recorded.given else None
    return muted(request, options)


def unrecorded(
    refused: AudioPolicyError,
    try_number: int,
    options: GenerationOptions,
    *,
    total_cost_usd: float | None,
    now: float,
) -> Submission:
    """Return what a record would hold of a refused generation: all earlier tries count for ``max_submissions``."""
    return Submission(
        fingerprint="",
        submitted_at=now,
        prediction_id=refused.prediction_id,
        submissions=1 + SubmissionLimit.of(options).possible(try_number - 1),
        total_cost_usd=total_cost_usd,
    )
