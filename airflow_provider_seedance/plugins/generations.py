"""The generations of the videos page: from XCom ``prediction`` and the task's state to what is listed and added up."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from airflow_provider_seedance.gptproto.nesting import MAXIMUM_DEPTH, TOO_DEEP, within_depth

#: The states of a task instance that only a user changes.
FINISHED = ("success", "failed", "upstream_failed", "skipped", "removed")
#: What an XCom backend leaves in the database: the URL of the value. Custom schemes also have underscores.
_REFERENCE = re.compile(r"[a-z][\w+.-]*://", re.IGNORECASE)
#: The fields of every value that this provider writes.
_FIELDS = frozenset({"id", "status", "outputs"})
#: The names of its operators and decorators, as Airflow shows them.
_OPERATOR = re.compile(r"[\W_]*(task\.)?seedance", re.IGNORECASE)
#: USD. No submission costs as much, so a higher number is no price.
_HIGHEST_PRICE = 1_000_000
#: The region of a task that is neither mapped nor in a loop.
_NO_REGION = UUID(int=0)


class Outcome(StrEnum):
    """
    How a generation ended, in a word.

    ``timed_out`` is a task that ended before its generation did: after its timeout, or after an error during the wait.
    """

    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    #: By a task that does not wait for it.
    SUBMITTED = "submitted"


class TaskKey(NamedTuple):
    """
    A task instance.

    :param map_index: The index in the region.
    :param region_id: Airflow 3.4's id of the loop, or of the expansion of a mapped task: in a loop, each iteration
        expands the task anew, with the same indexes. ``None`` if it is not known, and below 3.4.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    region_id: UUID | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values, without a region that identifies nothing."""
        fields = self._asdict()
        if self.region_id in (None, _NO_REGION):
            del fields["region_id"]
            return fields
        return {**fields, "region_id": str(self.region_id)}


class Facts(NamedTuple):
    """
    What the sums need of a generation.

    :param usd: What the task instance paid at list price; ``None`` if unknown, or if another task paid.
    :param is_unpriced: Whether the task instance paid a price that is unknown.
    """

    pushed_at: datetime
    key: TaskKey
    model: str | None
    usd: Decimal | None
    is_unpriced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """
    A task instance with an XCom ``prediction``.

    :param pushed_at: When the XCom was written last.
    :param state: The task's state; ``None`` while it has none.
    :param operator: The operator's display name.
    :param label: The name of a mapped instance; ``None`` if it is not mapped.
    :param value: The value of the XCom as :func:`read_json` returns it.
    """

    key: TaskKey
    pushed_at: datetime
    state: str | None
    try_number: int
    operator: str | None
    label: str | None
    value: Any

    @property
    def is_reference(self) -> bool:
        """Whether an XCom backend stored the value outside the database."""
        return isinstance(self.value, str) and _REFERENCE.match(self.value) is not None

    @property
    def is_foreign(self) -> bool:
        """Whether a task of another kind wrote a value of its own under the same key."""
        is_readable = self.is_reference or self.prediction.keys() >= _FIELDS
        return not is_readable and _OPERATOR.match(self.operator or "") is None

    @property
    def prediction(self) -> Mapping[str, Any]:
        """The value if it is readable; empty otherwise."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def prediction_id(self) -> str | None:
        """The id at the service."""
        return _text(self.prediction.get("id"))

    @property
    def model(self) -> str | None:
        """The model's id."""
        return _text(self.prediction.get("model"))

    @property
    def prompt(self) -> str:
        """The prompt; empty if it is unknown."""
        parameters = self.prediction.get("parameters")
        return _text(parameters.get("prompt")) or "" if isinstance(parameters, dict) else ""

    @property
    def outputs(self) -> list[str]:
        """The URLs of the videos."""
        outputs = self.prediction.get("outputs")
        return [each for each in outputs if isinstance(each, str)] if isinstance(outputs, list) else []

    @property
    def error(self) -> str | None:
        """The error message."""
        return _text(self.prediction.get("error"))

    @property
    def created_at(self) -> datetime | None:
        """When it was submitted by this task, or else created by the service; ``None`` if it is unknown."""
        return self._time("submitted_at") or self._time("created_at")

    @property
    def waiting_since(self) -> datetime:
        """When the wait began, as far as it is known."""
        return self.created_at or self.pushed_at

    @property
    def outcome(self) -> Outcome:
        """How it ended. The status of the service counts, else the state of the task."""
        is_finished = self.state in FINISHED
        status = self.prediction.get("status")
        if status in ("failed", "expired"):
            return Outcome.FAILED
        if status == "succeeded" and (self.outputs or self.state == "success"):
            return Outcome.SUCCEEDED
        # A task in this state has submitted nothing yet, and runs again without using a retry.
        if not is_finished and (self.error is None or self.state == "up_for_reschedule"):
            return Outcome.WAITING
        if self.state == "success":
            return Outcome.SUBMITTED if self.prediction_id else Outcome.SUCCEEDED
        return Outcome.TIMED_OUT if self.prediction_id and status != "succeeded" else Outcome.FAILED

    @property
    def usd(self) -> Decimal | None:
        """What the task instance paid at list price, over all its tries; ``None`` if unknown, or if another paid."""
        submissions = self.prediction.get("submissions")
        total = _price(self.prediction.get("total_cost_usd"))
        if total is not None or isinstance(submissions, int):
            return total
        if self.prediction_id is None:
            # Nothing was submitted. From the second try on, it may also be that no record is kept.
            return Decimal(0) if self.prediction and self.try_number <= 1 else None
        return None if self._is_adopted else _price(self.prediction.get("estimated_cost_usd"))

    @property
    def facts(self) -> Facts:
        """What the sums need."""
        usd = self.usd
        return Facts(self.pushed_at, self.key, self.model, usd, usd is None and not self._is_adopted)

    @property
    def _is_adopted(self) -> bool:
        """Whether another task or program submitted it, and so paid for it."""
        prediction = self.prediction
        return self.prediction_id is not None and all(
            prediction.get(name) is None for name in ("submitted_at", "submissions", "total_cost_usd")
        )

    def _time(self, name: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(self.prediction.get(name) or "")
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """
    Which generations are shown; ``None`` for all.

    :param since: The first day of the last write to XCom, in the reader's time zone.
    :param until: The last day.
    :param text: A part of the prompt, in upper or lower case.
    """

    dag_id: str | None = None
    model: str | None = None
    outcome: Outcome | None = None
    since: date | None = None
    until: date | None = None
    text: str | None = None

    def period(self, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
        """Return the first moment, and the first one after the end."""
        return _midnight(self.since, zone), _midnight(self.until, zone, days=1)

    def match(self, generation: Generation) -> bool:
        """Return whether model, prompt and outcome match; DAG and days are the query's."""
        return self.match_request(generation) and self.outcome in (None, generation.outcome)

    def match_entry(self, facts: Facts) -> bool:
        """Return whether DAG and model match."""
        return self.dag_id in (None, facts.key.dag_id) and self.model in (None, facts.model)

    def match_request(self, generation: Generation) -> bool:
        """Return whether model and prompt match."""
        if self.model is not None and generation.model != self.model:
            return False
        return self.text is None or self.text.casefold() in generation.prompt.casefold()


def read_json(text: str | None) -> Any:
    """
    Return the value of an XCom, in a form that is valid JSON; ``None`` if it cannot be read.

    Airflow stores a value as JSON, or as JSON in a JSON text.
    """
    value = _decoded(text)
    if isinstance(value, str):
        inner = _decoded(value)
        return value if inner is None else inner
    return value


def _decoded(text: str | None) -> Any:
    try:
        value = _DECODER.decode(text or "null")
    except (ValueError, RecursionError):
        return None
    # Most values are too short for that, and the check takes longer than the decoding.
    may_be_deep = text is not None and text.count("[") + text.count("{") > MAXIMUM_DEPTH
    return None if may_be_deep and within_depth(value) is TOO_DEEP else value


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


# Other values for what JavaScript does not read: NaN and infinite numbers.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)


def sums(generations: Sequence[Facts], zone: tzinfo) -> dict[str, Any]:
    """Return number and prices of generations, in all and by day, DAG and model."""
    return {
        "count": len(generations),
        "usd": _usd_of(generations),
        "unknown": sum(each.is_unpriced for each in generations),
        "by_day": _grouped(generations, "day", lambda each: each.pushed_at.astimezone(zone).date().isoformat()),
        "by_dag": _grouped(generations, "dag_id", lambda each: each.key.dag_id),
        "by_model": _grouped(generations, "model", lambda each: each.model),
    }


def _grouped(generations: Iterable[Facts], name: str, group_of: Callable[[Facts], str | None]) -> list[dict[str, Any]]:
    groups: dict[str | None, list[Facts]] = {}
    for each in generations:
        groups.setdefault(group_of(each), []).append(each)
    return [
        {name: group, "usd": _usd_of(groups[group]), "count": len(groups[group])}
        for group in sorted(groups, key=lambda group: group or "")
    ]


def _usd_of(generations: Iterable[Facts]) -> float:
    return float(sum((each.usd for each in generations if each.usd is not None), Decimal(0)))


def _price(value: object) -> Decimal | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _HIGHEST_PRICE:
        return None
    # A float by its shortest text, so that sums are exact.
    return Decimal(str(value))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _midnight(day: date | None, zone: tzinfo, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(day + timedelta(days=days), time(), zone).astimezone(UTC)
    except OverflowError:  # at the end of the calendar, which limits nothing
        return None
