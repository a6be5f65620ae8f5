"""
Faults on demand: how one is described, and which request it strikes.

A fault is a JSON object. Whom it strikes:

``endpoint``
    ``submit``, ``result``, ``models`` or ``output``; required.
``prediction_id``
    Only requests about this prediction.
``times``
    How often it strikes, 1 unless told; ``null`` for as long as it is not cleared.
``after``
    How many matching requests pass first, counted from when the fault was posted; none unless told.
``probability``, ``seed``
    Strikes a matching request with this probability; the seed makes the sequence repeatable.

What it does (several go together, e.g. a late error with a page of HTML):

``latency``
    Seconds before the answer goes out. What the request asks for is done before that.
``status``, ``retry_after``
    This HTTP status instead of an answer, with this ``Retry-After``.
``body``
    ``html``, ``not-json``, ``empty`` or a JSON object in place of the body; the status is 200 unless told.
``drop``
    The connection is closed without an answer: ``before`` or ``after`` the request has done its work. Of the other
    effects only ``latency`` goes with it.
``truncate``
    The answer is cut in the middle of its body.
``answer``
    A variant of the envelope: ``code-500``, ``list-data``, ``camel-case``, ``unknown-status``, ``empty-outputs``,
    ``nsfw``, ``expired``, ``failed``, ``string-error``, ``urls-list``, ``redirect`` (307 unless ``status`` says
    otherwise, to ``location`` as it stands), ``foreign-urls`` (``data.urls.get`` on the origin ``location``).
``book``
    Whether a submission is booked although ``status``, ``body``, ``code-500`` or ``redirect`` hides that; not unless
    told.

``empty-outputs`` and ``nsfw`` wait for an answer that says ``succeeded``. A variant concerns the answers it strikes:
the prediction itself goes its way, so a later answer may say otherwise. For an ending that stays, put a marker in the
prompt. Of several faults that match, the first in the plan strikes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from airflow_provider_seedance.emulator.answers import VARIANTS

Endpoint = Literal["submit", "result", "models", "output"]

_ENDPOINTS = ("submit", "result", "models", "output")
_BODIES = ("html", "not-json", "empty")
_ANSWERS = (*VARIANTS, "redirect")
_AFTER_SUCCESS = ("empty-outputs", "nsfw")
_EFFECTS = ("latency", "status", "body", "drop", "truncate", "answer")
#: An effect with one of these values has none; an empty body has.
_NOTHING = (None, False, 0)


class FaultError(ValueError):
    """Raised for a fault that is not described properly."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; the fields are the names of the module's description."""

    endpoint: Endpoint
    prediction_id: str | None = None
    times: int | None = 1
    after: int = 0
    probability: float | None = None
    seed: int | None = None
    latency: float = 0.0
    status: int | None = None
    retry_after: str | None = None
    body: str | Mapping[str, Any] | None = None
    drop: Literal["before", "after"] | None = None
    truncate: bool = False
    answer: str | None = None
    location: str = ""
    book: bool = False

    @property
    def replaces(self) -> bool:
        """Whether an answer of its own stands in place of the service's."""
        return self.status is not None or self.body is not None or self.answer in ("code-500", "redirect")

    @property
    def works(self) -> bool:
        """Whether the request does its work in spite of the fault."""
        if self.drop is not None:
            return self.drop == "after"
        return self.book or not self.replaces

    def label(self) -> str:
        """Return the effects in a few words, for the log of requests."""
        effects = {name: getattr(self, name) for name in _EFFECTS}
        return ", ".join(
            name if isinstance(value, bool | Mapping) else f"{name} {value}"
            for name, value in effects.items()
            if value not in _NOTHING
        )


_NAMES = tuple(each.name for each in fields(Fault))


def read_fault(value: object) -> Fault:
    """
    Read one fault.

    :raises FaultError: Something about it is wrong; the message says what is allowed.
    """
    if not isinstance(value, dict):
        raise FaultError("a fault is a JSON object")
    unknown = [name for name in value if name not in _NAMES]
    if unknown:
        raise FaultError(f"{', '.join(unknown)}: unknown; a fault has {', '.join(_NAMES)}")
    _one_of(value, "endpoint", _ENDPOINTS, required=True)
    _one_of(value, "drop", ("before", "after"))
    _one_of(value, "answer", _ANSWERS)
    _text(value, "prediction_id")
    _text(value, "location")
    for name in ("truncate", "book"):
        if not isinstance(value.get(name, False), bool):
            raise FaultError(f"{name}: true and false are allowed")
    if value.get("times", 1) is not None:
        _whole(value, "times", 1)
    _whole(value, "after", 0)
    _whole(value, "seed", None)
    _whole(value, "status", 200, 599)
    _number(value, "latency", math.inf)
    _number(value, "probability", 1.0)
    if isinstance(value.get("body"), str):
        _one_of(value, "body", _BODIES)
    elif value.get("body") is not None and not isinstance(value["body"], dict):
        raise FaultError(f"body: a JSON object is allowed, or one of {', '.join(_BODIES)}")
    _check_combination(value)
    values: dict[str, Any] = {name: item for name, item in value.items() if item is not None or name == "times"}
    if "retry_after" in values:
        values["retry_after"] = str(values["retry_after"])
    return Fault(**values)


def _check_combination(value: Mapping[str, Any]) -> None:
    endpoint, answer = value["endpoint"], value.get("answer")
    if all(value.get(name) in _NOTHING for name in _EFFECTS):
        raise FaultError(f"nothing happens; one of {', '.join(_EFFECTS)} is required")
    retry_after = value.get("retry_after")
    if retry_after is not None:
        if isinstance(retry_after, bool) or not isinstance(retry_after, str | int | float):
            raise FaultError("retry_after: seconds or an HTTP date is allowed")
        if value.get("status") is None:
            raise FaultError("retry_after: needs a status")
    if answer is not None and answer != "redirect" and endpoint not in ("submit", "result"):
        raise FaultError(f"answer: {answer} is for submit and result only")
    if answer in _AFTER_SUCCESS and endpoint != "result":
        raise FaultError(f"answer: {answer} is for result only")
    if answer in ("redirect", "foreign-urls") and not value.get("location"):
        raise FaultError(f"location: required for {answer}")
    if answer == "redirect" and value.get("status", 307) not in (301, 302, 303, 307, 308):
        raise FaultError("status: 301, 302, 303, 307 and 308 are allowed for redirect")
    if answer not in (None, "redirect") and (value.get("status") is not None or value.get("body") is not None):
        raise FaultError(f"answer: {answer} goes with neither status nor body")
    hidden = [name for name in _EFFECTS if name not in ("latency", "drop") and value.get(name) not in _NOTHING]
    if value.get("drop") is not None and hidden:
        raise FaultError(f"drop: without an answer there is no {', '.join(hidden)}")
    if value.get("book") and endpoint != "submit":
        raise FaultError("book: for submit only")


def _one_of(value: Mapping[str, Any], name: str, allowed: tuple[str, ...], *, required: bool = False) -> None:
    item = value.get(name)
    if (item is None and required) or (item is not None and (not isinstance(item, str) or item not in allowed)):
        raise FaultError(f"{name}: one of {', '.join(allowed)} is {'required' if required else 'allowed'}")


def _text(value: Mapping[str, Any], name: str) -> None:
    if not isinstance(value.get(name, ""), str | None):
        raise FaultError(f"{name}: a string is allowed")


def _whole(value: Mapping[str, Any], name: str, lowest: int | None, highest: int | None = None) -> None:
    item = value.get(name)
    if item is None:
        return
    if isinstance(item, bool) or not isinstance(item, int):
        raise FaultError(f"{name}: an integer is allowed")
    if (lowest is not None and item < lowest) or (highest is not None and item > highest):
        raise FaultError(f"{name}: {item} is not allowed; the lowest is {lowest}, the highest {highest or 'any'}")


def _number(value: Mapping[str, Any], name: str, highest: float) -> None:
    item = value.get(name, 0.0)
    if item is None:
        return
    if isinstance(item, bool) or not isinstance(item, int | float) or not 0 <= item <= highest:
        raise FaultError(f"{name}: a number of at least 0{'' if highest == math.inf else f' and at most {highest}'}")


@dataclass(slots=True)
class _Pending:
    fault: Fault
    seen: int = 0
    struck: int = 0
    chance: random.Random = field(default_factory=random.Random)

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.struck >= self.fault.times

    def matches(self, endpoint: Endpoint, prediction_id: str | None, *, succeeded: bool) -> bool:
        fault = self.fault
        if fault.endpoint != endpoint or fault.prediction_id not in (None, prediction_id):
            return False
        return succeeded or fault.answer not in _AFTER_SUCCESS

    def strikes(self) -> bool:
        self.seen += 1
        if self.seen <= self.fault.after:
            return False
        probability = self.fault.probability
        return probability is None or self.chance.random() < probability


class FaultPlan:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def add(self, faults: list[Fault]) -> None:
        """Append faults."""
        # Chance decides on faults here and on nothing that must not be guessed.
        self._pending += [_Pending(fault, chance=random.Random(fault.seed)) for fault in faults]  # noqa: S311

    def clear(self) -> None:
        """Drop all faults."""
        self._pending.clear()

    def take(self, endpoint: Endpoint, prediction_id: str | None, *, succeeded: bool) -> Fault | None:
        """
        Return the fault that strikes a request, if one does.

        :param endpoint: What is asked.
        :param prediction_id: Which prediction it is about.
        :param succeeded: Whether the answer would say ``succeeded``.
        """
        # Every fault counts the requests that match it, also those that another one strikes.
        matching = [each for each in self._pending if each.matches(endpoint, prediction_id, succeeded=succeeded)]
        striking = [each for each in matching if each.strikes()]
        if not striking:
            return None
        chosen = striking[0]
        chosen.struck += 1
        if chosen.spent:
            self._pending.remove(chosen)
        return chosen.fault

    def shown(self) -> list[dict[str, Any]]:
        """Return what remains as JSON, with how many requests each fault has seen and struck."""
        return [
            {
                **{name: getattr(each.fault, name) for name in _NAMES},
                "seen": each.seen,
                "struck": each.struck,
            }
            for each in self._pending
        ]
