"""What ``airflow seedance spend`` shows: the ledger of a connection, added up for some days."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.budgets import midnight
from airflow_provider_seedance.ledger.entries import Entry
from airflow_provider_seedance.ledger.errors import UnreadableEntryError
from airflow_provider_seedance.ledger.reservations import reservations_between
from airflow_provider_seedance.ledger.spending import By, Spending, read_entries, spending_by
from airflow_provider_seedance.ledger.store import open_store

#: No submission is earlier or later, and these days exist in every time zone.
_EARLIEST, _LATEST = date(2000, 1, 1), date(9000, 1, 1)


class PeriodError(ValueError):
    """The first day is after the last one."""


@dataclass(frozen=True, slots=True)
class Statement:
    """
    What some days cost.

    :param groups: The submissions by day, DAG, model or connection.
    :param notes: Sentences about the whole.
    :param unreadable: A sentence about each entry that cannot be read, and so is in no sum.
    """

    groups: list[Spending]
    notes: list[str]
    unreadable: list[str]


def spent_between(
    settings: LedgerSettings,
    first: date | None,
    last: date | None,
    by: By,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Statement:
    """
    Return what the submissions of some days cost. The days are those of the budgets' time zone.

    :param first: The first day; ``None`` for the first of the month of the last one.
    :param last: The last day; ``None`` for today.
    :param on_progress: Called with the number of entries that were read.
    :raises PeriodError: When the first day is after the last one.
    :raises SeedanceError: When the ledger cannot be read.
    """
    zone = ZoneInfo(settings.budget_timezone)
    last = last or datetime.fromtimestamp(time.time(), zone).date()
    first = first or last.replace(day=1)
    if first > last:
        raise PeriodError(f"The first day, {first}, is after the last one, {last}")
    start, end = max(first, _EARLIEST), min(last, _LATEST) + timedelta(days=1)
    store = open_store(settings.uri)
    reservations = list(reservations_between(store, midnight(start, zone), midnight(end, zone)))
    names = {each.name for each in reservations}
    found = dict(read_entries(store, sorted({each.entry_name for each in reservations}), on_progress=on_progress))
    entries = {name: each for name, each in found.items() if isinstance(each, Entry)}
    # An entry with the name of a deleted one may be of another period.
    groups = spending_by((each for each in entries.values() if each.reservation in names), by, zone)
    estimate = sum((each.estimate for each in groups), Decimal(0))
    notes = [
        f"{first} to {last} ({settings.budget_timezone}): {sum(each.submissions for each in groups)} submissions, "
        f"{estimate} USD at list price"
    ]
    counted = {each.reservation for each in entries.values()}
    unread = found.keys() - entries.keys()
    lost = [
        each.usd or Decimal(0) for each in reservations if each.name not in counted and each.entry_name not in unread
    ]
    if lost:
        notes.append(
            f"{len(lost)} reservations have no entry, as of tasks that died before they submitted, or of entries that "
            f"were deleted: the budgets count {sum(lost, Decimal(0))} USD more"
        )
    errors = [each for each in found.values() if isinstance(each, UnreadableEntryError)]
    return Statement(groups, notes, [f"{error.what}: it is in no sum" for error in errors])
