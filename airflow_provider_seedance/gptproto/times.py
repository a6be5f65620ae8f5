"""
The usual time of a generation, from submission to result.

It only schedules the polls: an error costs a few polls or a short delay. In the triggerer it is the first guess, which
:mod:`~airflow_provider_seedance.gptproto.durations` corrects for each kind of generation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_seedance.gptproto.catalogue import DEFAULT_DURATION, DEFAULT_RESOLUTION, find_model

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.requests import GenerationRequest

#: Usual generation time of a 5 s video at 720p without media, in seconds (observed: 55-90 s). Also for unknown models.
USUAL_SECONDS = 75.0
#: Multiples by resolution: for clips of 10 s another client expects 70-80 s at 480p, 85-100 s at 720p and 115-150 s at
#: 1080p. No figure is published for 4k: the factor is one more step of the same size.
_RESOLUTION_FACTORS: Mapping[str, float] = {"480p": 0.8, "720p": 1.0, "1080p": 1.45, "4k": 2.1}
#: Multiples for no, one, and more media: on 2.5, two frames with sound took 2.4 times as long, 30 references 2.6 times.
#: No figure is published for one medium.
_MEDIA_FACTORS = (1.0, 1.5, 2.4)
_MEDIA_CLASSES = ("no media", "one medium", "several media")
#: Upper limit of the estimate, as a multiple of USUAL_SECONDS: 300 s is the longest time that is sometimes observed.
_LONGEST_FACTOR = 4.0
#: Longest videos of the classes of durations, in seconds.
_DURATION_CLASSES = (5, 10, 15)
#: Length of a kind, at most: the ids of unlisted models can be long.
_MAXIMUM_KIND = 100


@dataclass(frozen=True, slots=True)
class UsualTime:
    """
    The usual time of a generation.

    :param seconds: From submission to result.
    :param kind: Model, resolution, class of durations, and media: generations of one kind take about as many times
        their usual time. Empty if the request is unknown.
    """

    seconds: float
    kind: str = ""


def usual_time(request: GenerationRequest) -> UsualTime:
    """Return the usual time of the generation that a request starts."""
    duration = DEFAULT_DURATION if request.duration is None else request.duration
    media = sum(1 for _ in request.media())
    known = find_model(request.model)
    model = known.name if known else request.model
    length = next((f"at most {longest} s" for longest in _DURATION_CLASSES if duration <= longest), "longer")
    kind = f"{model}, {request.resolution or DEFAULT_RESOLUTION}, {length}, {_MEDIA_CLASSES[min(media, 2)]}"
    return UsualTime(expected_seconds(request.model, request.resolution, duration, media), kind[:_MAXIMUM_KIND])


def expected_seconds(
    model: str | None = None, resolution: str | None = None, duration: int = DEFAULT_DURATION, media: int = 0
) -> float:
    """
    Return the usual time from submission to result, in seconds.

    :param model: Model id; ``None`` and unlisted ids use the usual time.
    :param resolution: Resolution of the request; ``None`` means :data:`DEFAULT_RESOLUTION`.
    :param duration: Length of the video in seconds; below 1 the model chooses it, and the default counts.
    :param media: Number of images, clips and sounds in the request.
    """
    known = find_model(model) if model else None
    factor = known.usual_time if known else 1.0
    factor *= _RESOLUTION_FACTORS.get(resolution or DEFAULT_RESOLUTION, 1.0)
    factor *= _MEDIA_FACTORS[min(media, 2)]
    # Most of the time does not depend on the length: 10 s take about a quarter longer than 5 s.
    factor *= 0.75 + 0.05 * (duration if duration >= 1 else DEFAULT_DURATION)
    return USUAL_SECONDS * min(factor, _LONGEST_FACTOR)
