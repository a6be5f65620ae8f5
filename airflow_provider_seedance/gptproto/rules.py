"""
The rules of the catalogue: which arguments the service refuses, or may refuse, because of the model.

Each :class:`Finding` has a source, and the source sets its level. What GPTProto's page excludes is refused. What only
upstream (ByteDance) is known to refuse, and what no list confirms, is sent with a warning: it is not known whether
GPTProto passes it on. The rules of media are in :mod:`~airflow_provider_seedance.gptproto.media_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airflow_provider_seedance.gptproto.catalogue import (
    ADAPTIVE_RATIO,
    ASPECT_RATIOS,
    DURATIONS,
    LISTED_RESOLUTIONS,
    MODEL_DURATION,
    SEED_MAXIMUM,
    SEED_MINIMUM,
    Mode,
    Model,
)
from airflow_provider_seedance.gptproto.prices import billed_flags
from airflow_provider_seedance.gptproto.values import is_text, problem, quote_value
from airflow_provider_seedance.gptproto.whole_numbers import is_whole_number


class Source(StrEnum):
    """Where a rule of the catalogue comes from."""

    PAGE = "GPTProto's page"
    LISTS = "GPTProto's lists of models and prices"
    UPSTREAM = "ByteDance"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What the catalogue has against a request.

    :param message: The argument, its value, and what is known about it.
    :param source: Where the rule comes from.
    """

    message: str
    source: Source

    @property
    def is_refusal(self) -> bool:
        """Whether the service is certain to refuse the request."""
        return self.source is Source.PAGE


def refused(name: str, value: object, allowed: str) -> Finding:
    """Return the finding for a value that the page excludes."""
    return Finding(problem(name, value, allowed), Source.PAGE)


def doubtful(name: str, value: object, why: str, source: Source = Source.UPSTREAM) -> Finding:
    """Return the finding for a value that is sent although the service may refuse or ignore it."""
    return Finding(f"{name}: {quote_value(value)} may be refused or ignored: {why}", source)


def unknown_model(model: str) -> Finding:
    """Return the finding for a model that is not in the catalogue."""
    why = "is not in this provider's catalogue, docs/models.md; its arguments are sent unchecked"
    return Finding(f"model {model!r} {why}", Source.LISTS)


def parameter_findings(known: Model, mode: Mode, arguments: Mapping[str, Any]) -> Iterator[Finding]:
    """
    Yield what the catalogue has against arguments that are no media.

    :param known: The model.
    :param mode: The mode.
    :param arguments: The arguments by name; ``None`` if not given. Those of a wrong type are skipped.
    """
    yield from _model(known, mode, arguments["model"])
    if is_text(arguments["prompt"]) and known.reads_prompt_flags:
        for flag in billed_flags(arguments["prompt"]):
            yield Finding(
                f"prompt: Seedance {known.name} obeys the flag {flag}, which overrides the arguments and can raise the "
                "price; use the arguments duration and resolution",
                Source.UPSTREAM,
            )
    if is_whole_number(arguments["duration"]):
        yield from _duration(known, arguments["duration"])
    if is_text(arguments["aspect_ratio"]):
        yield from _aspect_ratio(known, mode, arguments["aspect_ratio"])
    if is_text(arguments["resolution"]):
        yield from _resolution(known, arguments["resolution"])
    seed = arguments["seed"]
    if is_whole_number(seed) and not SEED_MINIMUM <= seed <= SEED_MAXIMUM:
        yield refused("seed", seed, f"{SEED_MINIMUM} to {SEED_MAXIMUM}")
    if arguments["generate_audio"] is True and not known.generate_audio:
        yield doubtful("generate_audio", True, f"Seedance {known.name} generates no sound")
    if arguments["camera_fixed"] is True and known.refuses_camera_fixed:
        why = f"GPTProto's page lists it for every model, but ByteDance refuses it for Seedance {known.name}"
        yield doubtful("camera_fixed", True, why)


def _model(known: Model, mode: Mode, model: str) -> Iterator[Finding]:
    if known.retired:
        yield doubtful("model", model, known.retired, Source.LISTS)
    if mode not in known.modes:
        offered = ", ".join(sorted(known.modes))
        if mode is Mode.REFERENCE_TO_VIDEO:
            yield refused("model", model, f"one that offers {mode.value}; this one offers {offered}")
        else:
            yield doubtful("model", model, f"Seedance {known.name} offers {offered}")


def _duration(known: Model, duration: int) -> Iterator[Finding]:
    shortest, longest = known.durations
    if shortest <= duration <= longest:
        return
    allowed = f"{shortest} to {longest} seconds for Seedance {known.name}"
    if duration == MODEL_DURATION and known.chooses_duration:
        why = "only ByteDance documents it; the model chooses the length, and so the price"
        yield doubtful("duration", duration, why)
    elif DURATIONS[0] <= duration <= DURATIONS[1]:
        yield doubtful("duration", duration, f"ByteDance documents {allowed}")
    else:
        yield refused("duration", duration, allowed)


def _aspect_ratio(known: Model, mode: Mode, aspect_ratio: str) -> Iterator[Finding]:
    if aspect_ratio == ADAPTIVE_RATIO:
        yield doubtful("aspect_ratio", aspect_ratio, "only ByteDance documents it")
    elif aspect_ratio not in ASPECT_RATIOS:
        yield refused("aspect_ratio", aspect_ratio, ", ".join(ASPECT_RATIOS))
    elif mode is Mode.IMAGE_TO_VIDEO and known.follows_image:
        why = f"ByteDance takes only {ADAPTIVE_RATIO!r} for image-to-video with Seedance {known.name}"
        yield doubtful("aspect_ratio", aspect_ratio, why)


def _resolution(known: Model, resolution: str) -> Iterator[Finding]:
    if resolution in known.resolutions:
        return
    offered = f"{', '.join(known.resolutions)} for Seedance {known.name}"
    if resolution in LISTED_RESOLUTIONS and resolution not in known.excluded_resolutions:
        yield doubtful("resolution", resolution, f"GPTProto lists {offered}", Source.LISTS)
    else:
        yield refused("resolution", resolution, offered)
