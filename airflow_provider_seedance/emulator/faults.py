"""
Fault injection: the fields of a fault, and the plan of pending faults.

A fault is a JSON object. These fields select the requests that it applies to:

``endpoint``
    ``submit``, ``result``, ``models`` or ``output``; required.
``prediction_id``
    Only requests for this prediction.
``times``
    Number of requests that the fault applies to; default 1; ``null`` until it is removed.
``after``
    Number of matching requests to skip, counted from the time of the POST; default 0.
``probability``, ``seed``
    Probability for each matching request; the seed makes the sequence repeatable.

These fields set the effect; they can be combined, e.g. a delayed error with an HTML body:

``latency``
    Delay of the response in seconds. The emulator executes the request before the delay.
``status``, ``retry_after``
    HTTP status of the response, and its ``Retry-After`` header.
``body``
    Body of the response: ``html``, ``not-json``, ``empty``, a JSON object or a JSON list; the default status is 200.
    In JSON, ``{id}`` is the id of the prediction.
``drop``
    Close the connection without a response, ``before`` or ``after`` the request is executed. Can be combined with
    ``latency`` only.
``truncate``
    Send half of the body, then close the connection; ``cached``: send half of the body with the length of that half,
    like a cache that kept a cut file.
``answer``
    The name of a shape (:mod:`airflow_provider_seedance.emulator.shapes`), ``redirect`` (to the URL ``location``;
    default status 307), or ``foreign-urls`` (``data.urls.get`` has the origin ``location``).
``book``
    Book the submission although ``status``, ``body``, ``redirect`` or a shape replaces its response; default ``false``.

Some shapes apply only to a response with a certain status, e.g. ``empty-outputs`` to ``succeeded``. A shape changes one
response and not the prediction, so a later response can differ. For a permanent result, use a marker in the prompt. If
several faults match a request, the first in the plan applies.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from airflow_provider_seedance.emulator.shapes import SHAPES, Shape

Endpoint = Literal["submit", "result", "models", "output"]

_ENDPOINTS = ("submit", "result", "models", "output")
_BODIES = ("html", "not-json", "empty")
_ANSWERS = ("redirect", "foreign-urls", *SHAPES)
_EFFECTS = ("latency", "status", "body", "drop", "truncate", "answer")
#: Values without an effect; an empty body is not among them.
_NO_EFFECT = (None, False, 0)


class FaultError(ValueError):
    """Raised for an invalid fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; the module docstring describes the fields."""

    endpoint: Endpoint
    prediction_id: str | None = None
    times: int | None = 1
    after: int = 0
    probability: float | None = None
    seed: int | None = None
    latency: float = 0.0
    status: int | None = None
    retry_after: str | None = None
    body: str | Mapping[str, Any] | list[Any] | None = None
    drop: Literal["before", "after"] | None = None
    truncate: bool | Literal["cached"] = False
    answer: str | None = None
    location: str = ""
    book: bool = False

    @property
    def shape(self) -> Shape | None:
        """The shape that ``answer`` names."""
        return SHAPES.get(self.answer or "")

    @property
    def replaces_response(self) -> bool:
        """Whether the fault replaces the whole response of the service."""
        is_replaced = self.answer == "redirect" or (self.shape is not None and self.shape.replaces)
        return self.status is not None or self.body is not None or is_replaced

    @property
    def executes_request(self) -> bool:
        """Whether the emulator executes the request."""
        if self.drop is not None:
            return self.drop == "after"
        return self.book or not self.replaces_response or (self.shape is not None and self.shape.books)

    def label(self) -> str:
        """Return a short description of the effects, for the record of requests."""
        effects = {name: getattr(self, name) for name in _EFFECTS}
        return ", ".join(
            name if isinstance(value, bool | Mapping | list) else f"{name} {value}"
            for name, value in effects.items()
            if value not in _NO_EFFECT
        )


_NAMES = tuple(each.name for each in fields(Fault))


def read_fault(value: object) -> Fault:
    """
    Parse one fault.

    :raises FaultError: The fault is invalid; the message contains the allowed values.
    """
    if not isinstance(value, dict):
        raise FaultError("a fault must be a JSON object")
    unknown = [name for name in value if name not in _NAMES]
    if unknown:
        raise FaultError(f"{', '.join(unknown)}: unknown; allowed: {', '.join(_NAMES)}")
    _check_choice(value, "endpoint", _ENDPOINTS, required=True)
    _check_choice(value, "drop", ("before", "after"))
    _check_choice(value, "answer", _ANSWERS)
    _check_string(value, "prediction_id")
    _check_string(value, "location")
    if not isinstance(value.get("book", False), bool):
        raise FaultError("book: must be true or false")
    if value.get("truncate", False) not in (True, False, "cached"):
        raise FaultError("truncate: must be true, false or cached")
    if value.get("times", 1) is not None:
        _check_integer(value, "times", 1)
    _check_integer(value, "after", 0)
    _check_integer(value, "seed", None)
    _check_integer(value, "status", 200, 599)
    _check_number(value, "latency", math.inf)
    _check_number(value, "probability", 1.0)
    if isinstance(value.get("body"), str):
        _check_choice(value, "body", _BODIES)
    elif value.get("body") is not None and not isinstance(value["body"], dict | list):
        raise FaultError(f"body: must be a JSON object, a JSON list or one of {', '.join(_BODIES)}")
    _check_combination(value)
    values: dict[str, Any] = {name: item for name, item in value.items() if item is not None or name == "times"}
    if "retry_after" in values:
        values["retry_after"] = str(values["retry_after"])
    return Fault(**values)


def _check_combination(value: Mapping[str, Any]) -> None:
    endpoint, answer = value["endpoint"], value.get("answer")
    if all(value.get(name) in _NO_EFFECT for name in _EFFECTS):
        raise FaultError(f"the fault has no effect; one of {', '.join(_EFFECTS)} is required")
    retry_after = value.get("retry_after")
    if retry_after is not None:
        if isinstance(retry_after, bool) or not isinstance(retry_after, str | int | float):
            raise FaultError("retry_after: must be seconds or an HTTP date")
        if value.get("status") is None:
            raise FaultError("retry_after: requires a status")
    shape = SHAPES.get(answer or "")
    if answer == "foreign-urls" and endpoint not in ("submit", "result"):
        raise FaultError(f"answer: {answer} is allowed for submit and result only")
    if shape is not None and not shape.answers(endpoint):
        allowed = "submit and result" if shape.on == "both" else shape.on
        raise FaultError(f"answer: {answer} is allowed for {allowed} only")
    if answer in ("redirect", "foreign-urls") and not value.get("location"):
        raise FaultError(f"location: required for {answer}")
    if answer == "redirect" and value.get("status", 307) not in (301, 302, 303, 307, 308):
        raise FaultError("status: must be 301, 302, 303, 307 or 308 for redirect")
    if answer not in (None, "redirect") and (value.get("status") is not None or value.get("body") is not None):
        raise FaultError(f"answer: {answer} cannot be combined with status or body")
    excluded = [name for name in _EFFECTS if name not in ("latency", "drop") and value.get(name) not in _NO_EFFECT]
    if value.get("drop") is not None and excluded:
        raise FaultError(f"drop: cannot be combined with {', '.join(excluded)}")
    if value.get("book") and endpoint != "submit":
        raise FaultError("book: allowed for submit only")


def _check_choice(value: Mapping[str, Any], name: str, allowed: tuple[str, ...], *, required: bool = False) -> None:
    item = value.get(name)
    if (item is None and required) or (item is not None and (not isinstance(item, str) or item not in allowed)):
        raise FaultError(f"{name}: {'required; ' if required else ''}must be one of {', '.join(allowed)}")


def _check_string(value: Mapping[str, Any], name: str) -> None:
    if not isinstance(value.get(name, ""), str | None):
        raise FaultError(f"{name}: must be a string")


def _check_integer(value: Mapping[str, Any], name: str, lowest: int | None, highest: int | None = None) -> None:
    item = value.get(name)
    if item is None:
        return
    if isinstance(item, bool) or not isinstance(item, int):
        raise FaultError(f"{name}: must be an integer")
    if (lowest is not None and item < lowest) or (highest is not None and item > highest):
        raise FaultError(f"{name}: {item} is not allowed; minimum: {lowest}, maximum: {highest or 'none'}")


def _check_number(value: Mapping[str, Any], name: str, highest: float) -> None:
    item = value.get(name, 0.0)
    if item is None:
        return
    if isinstance(item, bool) or not isinstance(item, int | float) or not 0 <= item <= highest:
        raise FaultError(f"{name}: must be a number from 0 to {highest}")


@dataclass(slots=True)
class _Pending:
    fault: Fault
    seen: int = 0
    struck: int = 0
    rng: random.Random = field(default_factory=random.Random)

    @property
    def exhausted(self) -> bool:
        return self.fault.times is not None and self.struck >= self.fault.times

    def matches(self, endpoint: Endpoint, prediction_id: str | None, status: str | None) -> bool:
        fault = self.fault
        if fault.endpoint != endpoint or fault.prediction_id not in (None, prediction_id):
            return False
        return fault.shape is None or endpoint == "submit" or fault.shape.fits(status)

    def applies(self) -> bool:
        self.seen += 1
        if self.seen <= self.fault.after:
            return False
        probability = self.fault.probability
        return probability is None or self.rng.random() < probability


class FaultPlan:
    """The pending faults."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def add(self, faults: list[Fault]) -> None:
        """Append faults."""
        # Not a security decision: a predictable generator is fine.
        self._pending += [_Pending(fault, rng=random.Random(fault.seed)) for fault in faults]  # noqa: S311

    def clear(self) -> None:
        """Remove all faults."""
        self._pending.clear()

    def take(self, endpoint: Endpoint, prediction_id: str | None, status: str | None) -> Fault | None:
        """
        Return the fault that applies to a request, or ``None``.

        :param endpoint: Endpoint of the request.
        :param prediction_id: Prediction of the request, if any.
        :param status: Status of the prediction.
        """
        # ``after`` counts every matching request, even if another fault applies to it.
        matching = [each for each in self._pending if each.matches(endpoint, prediction_id, status)]
        applicable = [each for each in matching if each.applies()]
        if not applicable:
            return None
        chosen = applicable[0]
        chosen.struck += 1
        if chosen.exhausted:
            self._pending.remove(chosen)
        return chosen.fault

    def to_json(self) -> list[dict[str, Any]]:
        """Return the pending faults as JSON; ``seen`` counts matching requests, ``struck`` those it applied to."""
        return [
            {
                **{name: getattr(each.fault, name) for name in _NAMES},
                "seen": each.seen,
                "struck": each.struck,
            }
            for each in self._pending
        ]
