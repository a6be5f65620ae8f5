"""
The usual time of a generation, from submission to result.

It only schedules the polls: an error costs a few polls or a short delay.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_seedance.gptproto.catalogue import DEFAULT_DURATION, DEFAULT_RESOLUTION, find_model

#: Usual generation time of a 5 s video at 720p, in seconds (observed: 55-90 s). Also used for unknown models.
USUAL_SECONDS = 75.0
#: Rough multiples of USUAL_SECONDS: more pixels take longer, but no figures are published.
_RESOLUTION_FACTORS: Mapping[str, float] = {"480p": 0.7, "720p": 1.0, "1080p": 1.8}
#: Upper limit of the estimate, as a multiple of USUAL_SECONDS: 300 s is the longest time that is sometimes observed.
_LONGEST_FACTOR = 4.0


def expected_seconds(
    model: str | None = None, resolution: str | None = None, duration: int = DEFAULT_DURATION
) -> float:
    """
    Return the usual time from submission to result, in seconds.

    :param model: Model id; ``None`` and unlisted ids use the usual time.
    :param resolution: Resolution of the request; ``None`` means :data:`DEFAULT_RESOLUTION`.
    :param duration: Length of the video in seconds.
    """
    known = find_model(model) if model else None
    factor = known.usual_time if known else 1.0
    factor *= _RESOLUTION_FACTORS.get(resolution or DEFAULT_RESOLUTION, 1.0)
    # A part of the time does not depend on the length: twice the length takes less than twice the time.
    factor *= 0.5 + 0.1 * duration
    return USUAL_SECONDS * min(factor, _LONGEST_FACTOR)
