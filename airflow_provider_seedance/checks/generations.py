"""
What is certain about one generation before it runs: its refusals, its warnings and its price.

Some of its arguments may not be known yet. A price that depends on them has no estimate, and only ``max_cost`` bounds
it, because a task does not submit a generation that can cost more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_seedance.gptproto.catalogue import Mode, Validation, find_model
from airflow_provider_seedance.gptproto.prices import Price
from airflow_provider_seedance.gptproto.requests import CheckedRequest, GenerationRequest
from airflow_provider_seedance.gptproto.rules import unknown_model
from airflow_provider_seedance.gptproto.times import usual_time
from airflow_provider_seedance.tasks.constants import known_request

#: The parameters that decide the list price.
_PRICED = ("model", "duration", "resolution")
_FREE = Price(estimate=Decimal(0), highest=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationCheck:
    """
    What is certain about a generation.

    :param mode: The mode; ``None`` if it is not known.
    :param parameters: The parameters that are known and given.
    :param refusals: Why it is certain to be refused: argument, value and allowed values.
    :param warnings: A sentence for each value that the service may refuse or ignore.
    :param unknown: The names of the arguments that are known when the task runs.
    :param price: Its price in USD; zero if nothing is submitted.
    :param frame_size: Width and height in pixels; ``None`` if they are not known.
    :param expected_seconds: The usual time from submission to result; ``None`` if it is not known.
    """

    mode: Mode | None
    parameters: Mapping[str, Any]
    price: Price
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    frame_size: tuple[int, int] | None = None
    expected_seconds: float | None = None


def check_generation(
    mode: Mode, known: Mapping[str, Any], *, validation: Validation = "strict", max_cost: float | None = None
) -> GenerationCheck:
    """
    Check a generation by the rules of a task that runs.

    :param mode: The mode.
    :param known: The parameters that are known, ``None`` if not given. Media count as known if they are links.
    :param validation: Whether the refusals of the catalogue are only warnings.
    :param max_cost: The most that it may cost, in USD.
    """
    partial = known_request(mode, known)
    # is_upload_media follows from the media.
    request, unknown = partial.request, tuple(name for name in partial.unknown if name != "is_upload_media")
    parameters = {"model": request.model, **request.description()}
    parameters = {name: value for name, value in parameters.items() if name not in unknown}
    refusals = _refusals(request, validation)
    if refusals:
        return GenerationCheck(mode=mode, parameters=parameters, price=_FREE, refusals=refusals, unknown=unknown)
    checked = request.check(validation)
    price, refusals = _bounded(_known_price(checked, unknown), max_cost, is_known=not _open(request, unknown))
    size_is_known = {"model", "resolution", "aspect_ratio"}.isdisjoint(unknown)
    return GenerationCheck(
        mode=mode,
        parameters=parameters,
        price=_FREE if refusals else price,
        refusals=refusals,
        warnings=_warnings(checked, unknown),
        unknown=unknown,
        frame_size=checked.frame_size if size_is_known else None,
        expected_seconds=_usual_seconds(request, unknown),
    )


def waiting_generation(prediction_id: str) -> GenerationCheck:
    """Return the check of a task that waits for an earlier prediction: it submits nothing."""
    return GenerationCheck(mode=None, parameters={"prediction_id": prediction_id}, price=_FREE)


def refused_generation(*refusals: str) -> GenerationCheck:
    """Return the check of a generation that is refused before its parameters are checked."""
    return GenerationCheck(mode=None, parameters={}, price=_FREE, refusals=refusals)


def unknown_generation(why: str, *, max_cost: float | None = None) -> GenerationCheck:
    """
    Return the check of a generation of which no argument is certain.

    :param why: What decides on its arguments, e.g. ``the function's return value``.
    :param max_cost: The most that it may cost, in USD.
    """
    price, _ = _bounded(Price(estimate=None, highest=None, unbounded_by=(why,)), max_cost, is_known=False)
    return GenerationCheck(mode=None, parameters={}, price=price, unknown=(why,))


def _refusals(request: GenerationRequest, validation: Validation) -> tuple[str, ...]:
    excused = [finding.message for finding in request.findings()] if validation == "warn" else []
    return tuple(problem for problem in request.problems() if problem not in excused)


def _warnings(checked: CheckedRequest, unknown: tuple[str, ...]) -> tuple[str, ...]:
    # The placeholder of a model is in no catalogue.
    placeholder = unknown_model(checked.request.model).message if "model" in unknown else None
    return tuple(warning for warning in checked.warnings if warning != placeholder)


def _open(request: GenerationRequest, unknown: tuple[str, ...]) -> list[str]:
    """Return the unknown parameters that can raise the bill."""
    deciding = [*_PRICED, "videos", "extra_parameters"]
    known = None if "model" in unknown else find_model(request.model)
    if known is None or known.reads_prompt_flags:
        deciding.append("prompt")
    return [name for name in deciding if name in unknown]


def _known_price(checked: CheckedRequest, unknown: tuple[str, ...]) -> Price:
    """Return the price without what the placeholders of unknown parameters add to it."""
    undecided = _open(checked.request, unknown)
    if not undecided:
        return checked.price
    is_listed = not set(_PRICED) & set(undecided)
    reasons = (*checked.price.unbounded_by, *undecided) if is_listed else tuple(undecided)
    return Price(estimate=checked.price.estimate if is_listed else None, highest=None, unbounded_by=reasons)


def _bounded(price: Price, max_cost: float | None, *, is_known: bool) -> tuple[Price, tuple[str, ...]]:
    """Return the price of a generation that is submitted only within ``max_cost``, and why it is not."""
    if price.is_within(max_cost):
        return price, ()
    limit = Decimal(str(max_cost))
    if not is_known and (price.estimate is None or price.estimate <= limit):
        return Price(estimate=price.estimate, highest=limit, raised_by=price.unbounded_by), ()
    return price, (f"max_cost: {limit} USD is less than the price can be: {price}",)


def _usual_seconds(request: GenerationRequest, unknown: tuple[str, ...]) -> float | None:
    if set(_PRICED) & set(unknown):
        return None
    return usual_time(request).seconds
