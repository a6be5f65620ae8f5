"""The generation without audio that replaces one whose audio was refused (``on_audio_refusal="mute"``)."""

from __future__ import annotations

import dataclasses

from airflow_provider_seedance.gptproto.catalogue import find_model
from airflow_provider_seedance.gptproto.errors import AudioPolicyError
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.record import Submission, given_fingerprint


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
    without_audio = muted(request, options) if recorded is not None else None
    if recorded is None or without_audio is None or not recorded.given:
        return request
    is_muted = recorded.given == given_fingerprint(without_audio, options.connection_id)
    return without_audio if is_muted else request


def mute_reason(refused: AudioPolicyError) -> str:
    """Return why the task submits again, for the log and for errors of limits."""
    subject = f"of prediction {refused.prediction_id} " if refused.prediction_id else ""
    return f'the audio {subject}was refused, and on_audio_refusal is "mute". {refused.what}'
