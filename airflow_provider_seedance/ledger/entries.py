"""The entries of the ledger: one small JSON object for each submission, created before the money is spent."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from airflow_provider_seedance.gptproto.errors import Charge
from airflow_provider_seedance.gptproto.nesting import TOO_DEEP, within_depth
from airflow_provider_seedance.ledger.errors import UnreadableEntryError
from airflow_provider_seedance.ledger.layout import entries_folder, entry_name, entry_number
from airflow_provider_seedance.ledger.store import Store

#: The version of the JSON.
VERSION = 1
_type_hints = functools.cache(get_type_hints)


class State(StrEnum):
    """How far a submission has come."""

    #: It is being sent, or it is unknown whether the service accepted it.
    RESERVED = "reserved"
    SUBMITTED = "submitted"
    #: The service did not accept it, or it was not sent.
    REFUSED = "refused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """
    The task instance that submits.

    :param region_id: Airflow 3.4's id of the iteration of a loop, or of the expansion of a mapped task, in which the
        map index counts; empty if it is in none, and below 3.4.
    :param try_number: The number of its latest try that wrote the entry.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    region_id: str = ""
    try_number: int = 1

    @property
    def identity(self) -> tuple[str | int, ...]:
        """What all tries of the task instance share."""
        region = (self.region_id,) if self.region_id else ()
        return self.dag_id, self.run_id, self.task_id, self.map_index, *region

    def __str__(self) -> str:
        mapped = f" [{self.map_index}]" if self.map_index >= 0 else ""
        return f"task {self.task_id}{mapped} of DAG {self.dag_id}, run {self.run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """
    What is generated, and its price in USD.

    :param connection_id: The Airflow connection.
    :param parameters: The given values under the API's names; uploads are only described.
    :param estimate_usd: The list price; ``None`` if there is none.
    :param highest_usd: The most that the service can bill; ``None`` if there is no limit.
    """

    connection_id: str
    mode: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    estimate_usd: float | None = None
    highest_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One submission of a generation.

    :param generation: The id of the generation: one for each idempotency key, or for each task instance.
    :param number: The number of the submission among those of the generation, from 1.
    :param idempotency_key: The key; empty for a task instance's own generation.
    :param owner: Who submits.
    :param purchase: What is submitted.
    :param state: How far it has come.
    :param prediction_id: The service's id, once it is known.
    :param outputs: The URLs of the videos, which live about a day.
    :param error: Why it was refused or failed.
    :param reserved_at: When it was reserved, ISO 8601.
    :param answer_by: When its response is there at the latest, ISO 8601: until then it may still be on its way.
    :param updated_at: When it changed last, ISO 8601.
    :param reservation: The name of the reservation that counts for the budget; empty once it is withdrawn.
    :param record: What the next try goes on with: a
        :class:`~airflow_provider_seedance.tasks.records.submission.Submission`.
    """

    generation: str
    number: int
    idempotency_key: str = ""
    owner: Owner
    purchase: Purchase
    state: State
    prediction_id: str | None = None
    outputs: tuple[str, ...] = ()
    error: str | None = None
    reserved_at: str
    answer_by: str
    updated_at: str
    reservation: str = ""
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of its object."""
        return entry_name(self.generation, self.number)

    @property
    def answer_time(self) -> timedelta:
        """How long its response can take."""
        return _moment(self.answer_by) - _moment(self.reserved_at)

    def is_in_flight(self, now: datetime) -> bool:
        """Return whether its response may still arrive."""
        return self.state is State.RESERVED and now < _moment(self.answer_by)

    def __str__(self) -> str:
        subject = f"prediction {self.prediction_id}" if self.prediction_id else "a submission without an id"
        return f"{subject} ({self.state}, {self.purchase.model}) of {self.owner}"

    def to_json(self) -> bytes:
        """Return the entry as JSON."""
        return json.dumps({"version": VERSION, **dataclasses.asdict(self)}, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Entry:
        """
        Return the entry in a JSON object. Fields of a later version are ignored.

        :param where: The URI of the object, which ends with the name of the entry.
        :raises UnreadableEntryError: When it is no entry, or the entry of another name.
        """
        try:
            fields = json.loads(data)
            owner, purchase = _known(Owner, fields["owner"]), _known(Purchase, fields["purchase"])
            outputs, state = _tuple(fields["outputs"]), State(fields["state"])
            entry: Entry = _known(
                cls, {**fields, "owner": owner, "purchase": purchase, "outputs": outputs, "state": state}
            )
            _check(entry, where)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            what = f"The entry {where} of the ledger cannot be read ({type(error).__name__}: {error})"
            raise UnreadableEntryError(what, charge=Charge.POSSIBLE) from None
        return entry


def _check(entry: Entry, where: str) -> None:
    """Check what no type says."""
    for text in (entry.reserved_at, entry.answer_by, entry.updated_at):
        _moment(text)
    if not where.endswith(f"/{entry.name}"):
        raise ValueError(f"it is the entry {entry.name}")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    # In the first and the last year, another time zone may have no such time.
    if moment.tzinfo is None or not MINYEAR < moment.year < MAXYEAR:
        raise ValueError(f"{text!r} is no time with a time zone")
    return moment


def _known(kind: Any, fields: Mapping[str, Any]) -> Any:
    """Return a value of a dataclass from the fields that it has, each of its type."""
    hints = _type_hints(kind)
    known = {name: value for name, value in fields.items() if name in hints}
    for name, value in known.items():
        if not _is_of(hints[name], value):
            raise TypeError(f"{name} is {reprlib.repr(value)}")
    return kind(**known)


def _is_of(hint: Any, value: Any) -> bool:
    """Return whether a value is of the type of a field. A float is a price."""
    if isinstance(hint, UnionType):
        return any(_is_of(each, value) for each in get_args(hint))
    if hint is float:
        return type(value) in (int, float) and 0 <= value < math.inf
    if get_origin(hint) is Mapping:
        return isinstance(value, Mapping) and TOO_DEEP not in map(within_depth, value.values())
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    return isinstance(value, hint) and not isinstance(value, bool)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def latest_entry(store: Store, generation: str) -> tuple[int, Entry | None]:
    """
    Return the last submission of a generation that was not refused, ``None`` without one, and the last number.

    :raises LedgerUnavailableError: When the store fails.
    :raises UnreadableEntryError: When an entry is invalid, or is listed and cannot be read.
    """
    names = store.names(entries_folder(generation))
    numbers = sorted((number for name in names if (number := entry_number(name))), reverse=True)
    for number in numbers:
        name = entry_name(generation, number)
        entry = read_entry(store, name)
        if entry is None:
            # Without its entry, a submission would be paid for again.
            what = f"The entry {store.uri}/{name} of the ledger is listed, but no such entry can be read"
            raise UnreadableEntryError(what, charge=Charge.POSSIBLE)
        if entry.state is not State.REFUSED:
            return numbers[0], entry
    return max(numbers, default=0), None


def read_entry(store: Store, name: str) -> Entry | None:
    """Return the entry with a name; ``None`` if it does not exist. Errors as of :func:`latest_entry`."""
    data = store.read(name)
    return None if data is None else Entry.from_json(data, f"{store.uri}/{name}")
