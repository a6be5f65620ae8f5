"""
The names of the objects in a ledger. What a sum needs is in the name, so that it takes list calls and no reads.

- ``generations/<generation>/<number>.json``: an entry, one for each submission of a generation, numbered from 1.
- ``reservations/<month>/<day>T<hour>/<milliseconds>-<price>-<generation>-<number>-<token>``: what a submission may
  cost, in millionths of a USD, by the UTC hour in which it was reserved. The object is empty.
- ``totals/<month>/<day>T<hour>-<price>-<count>``: the sum of an hour that is over, and how many submissions without a
  highest price it leaves out. The object is empty.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal

GENERATIONS = "generations"
RESERVATIONS = "reservations"
TOTALS = "totals"
#: What a folder of reservations, and a total, cover.
HOUR = timedelta(hours=1)
_MICROS = Decimal(1_000_000)
#: Written in place of the price of a generation that has no highest price.
_UNKNOWN = "unknown"
_RESERVATION = re.compile(
    r"(?P<at>\d{1,14})-(?P<price>\d{1,18}|unknown)-(?P<generation>[0-9a-f]{32})-(?P<number>\d+)"
    r"(?:-(?P<token>[0-9a-f]+))?"
)
_TOTAL = re.compile(r"(?P<hour>\d\dT\d\d)-(?P<price>\d+)-(?P<count>\d+)")
_ENTRY = re.compile(r"(?P<number>\d+)\.json")


def generation_of_key(idempotency_key: str) -> str:
    """Return the id of the generation with an idempotency key: the same in every task and run of the account."""
    return _digest(["idempotency_key", idempotency_key])


def generation_of_task(*identity: str | int) -> str:
    """
    Return the id of a task instance's own generation.

    :param identity: DAG, run, task, map index, and Airflow 3.4's region, if it is in one.
    """
    return _digest(["task_instance", *identity])


def _digest(parts: list[str | int]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def entries_folder(generation: str) -> str:
    """Return the folder with the entries of a generation."""
    return f"{GENERATIONS}/{generation}"


def entry_name(generation: str, number: int) -> str:
    """Return the name of an entry."""
    return f"{entries_folder(generation)}/{number:06d}.json"


def entry_number(name: str) -> int | None:
    """Return the number of the entry with this name; ``None`` for another object."""
    found = _ENTRY.fullmatch(name.rpartition("/")[2])
    return int(found["number"]) if found else None


def month_of(moment: datetime) -> str:
    """Return the UTC month of a time, as in names."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def hour_of(moment: datetime) -> str:
    """Return the UTC day and hour of a time, as in names."""
    return moment.astimezone(UTC).strftime("%dT%H")


def start_of_hour(moment: datetime) -> datetime:
    """Return the start of the UTC hour of a time."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_from(month: str, hour: str) -> datetime | None:
    """Return the start of the hour with these names; ``None`` for other names."""
    try:
        start = datetime.strptime(f"{month}-{hour}", "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    return start if (month_of(start), hour_of(start)) == (month, hour) else None


def months_between(start: datetime, end: datetime) -> Iterator[str]:
    """Iterate over the UTC months that a period touches, as in names."""
    month = start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month < end:
        yield month_of(month)
        month = (month + timedelta(days=31)).replace(day=1)


def reservations_folder(hour: datetime) -> str:
    """Return the folder with the reservations of the UTC hour of a time."""
    return f"{RESERVATIONS}/{month_of(hour)}/{hour_of(hour)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """
    What a submission may cost, as it counts for the budget.

    :param at: When it was reserved, in milliseconds since the epoch.
    :param usd: The highest price; ``None`` if there is none.
    :param generation: The id of the generation.
    :param number: The number of its entry.
    :param token: Random hexadecimal digits: of two tries that reserve the same submission in the same millisecond, the
        one that withdraws its reservation must not withdraw that of the other one.
    """

    at: int
    usd: Decimal | None
    generation: str
    number: int
    token: str = ""

    @property
    def moment(self) -> datetime:
        """When it was reserved."""
        return datetime.fromtimestamp(self.at / 1000, UTC)

    @property
    def name(self) -> str:
        """The name of its object."""
        price = _UNKNOWN if self.usd is None else str(micros(self.usd))
        token = f"-{self.token}" if self.token else ""
        return f"{reservations_folder(self.moment)}/{self.at}-{price}-{self.generation}-{self.number}{token}"

    @property
    def entry_name(self) -> str:
        """The name of the entry of its submission."""
        return entry_name(self.generation, self.number)

    @classmethod
    def from_name(cls, name: str) -> Reservation | None:
        """Return the reservation with this name; ``None`` for another object."""
        found = _RESERVATION.fullmatch(name.rpartition("/")[2])
        if found is None:
            return None
        usd = None if found["price"] == _UNKNOWN else from_micros(found["price"])
        return cls(
            at=int(found["at"]),
            usd=usd,
            generation=found["generation"],
            number=int(found["number"]),
            token=found["token"] or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """
    The sum of the reservations of an hour that is over.

    :param hour: The start of the hour.
    :param usd: The sum of the highest prices.
    :param unpriced: The number of submissions without a highest price, which the sum leaves out.
    """

    hour: datetime
    usd: Decimal
    unpriced: int

    @property
    def name(self) -> str:
        """The name of its object."""
        return f"{TOTALS}/{month_of(self.hour)}/{hour_of(self.hour)}-{micros(self.usd)}-{self.unpriced}"

    @classmethod
    def from_name(cls, month: str, name: str) -> Total | None:
        """Return the total with this name in the folder of a month; ``None`` for another object."""
        found = _TOTAL.fullmatch(name)
        hour = hour_from(month, found["hour"]) if found else None
        if found is None or hour is None:
            return None
        return cls(hour=hour, usd=from_micros(found["price"]), unpriced=int(found["count"]))


def micros(usd: Decimal) -> int:
    """Return millionths of a USD, rounded up, so that a sum is never too low."""
    return int((usd * _MICROS).to_integral_value(ROUND_CEILING))


def from_micros(amount: str | int) -> Decimal:
    """Return the USD of millionths."""
    return Decimal(amount) / _MICROS
