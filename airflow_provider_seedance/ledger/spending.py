"""What the submissions of a period cost, by day, DAG, model or connection: the entries of the ledger, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Literal

from airflow_provider_seedance.ledger.entries import Entry, State
from airflow_provider_seedance.ledger.errors import UnreadableEntryError
from airflow_provider_seedance.ledger.store import Store

By = Literal["day", "dag", "model", "connection"]
#: Entries that are read at once.
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """
    The submissions with one day, DAG, model or connection. Prices are USD at list price.

    :param group: The day, ...
    :param submissions: Those that were, or may have been, accepted.
    :param videos: Those that are known to have succeeded.
    :param failed: Those that are known to have failed; the service decides whether it bills them.
    :param unconfirmed: Those of which it is unknown whether they were accepted.
    :param estimate: The sum of the list prices.
    :param highest: The sum of the highest prices, which the budgets count.
    :param unpriced: Those without a list price, which are in no sum.
    """

    group: str
    submissions: int = 0
    videos: int = 0
    failed: int = 0
    unconfirmed: int = 0
    estimate: Decimal = Decimal(0)
    highest: Decimal = Decimal(0)
    unpriced: int = 0

    def with_entry(self, entry: Entry) -> Spending:
        """Add an entry."""
        price = entry.purchase
        return Spending(
            group=self.group,
            submissions=self.submissions + 1,
            videos=self.videos + (entry.state is State.SUCCEEDED),
            failed=self.failed + (entry.state is State.FAILED),
            unconfirmed=self.unconfirmed + (entry.state is State.RESERVED),
            estimate=self.estimate + _decimal(price.estimate_usd),
            highest=self.highest + _decimal(price.highest_usd),
            unpriced=self.unpriced + (price.estimate_usd is None),
        )


def read_entries(
    store: Store, names: Sequence[str], *, on_progress: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[str, Entry | UnreadableEntryError]]:
    """
    Yield these names with their entries, or with the error of an invalid one. An entry that was deleted is left out.

    :param on_progress: Called with the number of entries that were read.
    :raises LedgerUnavailableError: When the store fails.
    """
    for start in range(0, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        for name, data in zip(batch, store.read_all(batch), strict=True):
            if data is not None:
                yield name, _entry_or_error(data, f"{store.uri}/{name}")
        on_progress(len(batch))


def _entry_or_error(data: bytes, where: str) -> Entry | UnreadableEntryError:
    try:
        return Entry.from_json(data, where)
    except UnreadableEntryError as error:
        return error


def spending_by(entries: Iterable[Entry], by: By, zone: tzinfo) -> list[Spending]:
    """
    Return what entries cost, sorted by group. Refused submissions are left out.

    :param by: What the entries of a group share.
    :param zone: The time zone of the days.
    """
    groups: dict[str, Spending] = {}
    for entry in entries:
        if entry.state is not State.REFUSED:
            group = _group(entry, by, zone)
            groups[group] = groups.get(group, Spending(group=group)).with_entry(entry)
    return [groups[group] for group in sorted(groups)]


def _group(entry: Entry, by: By, zone: tzinfo) -> str:
    if by == "day":
        return datetime.fromisoformat(entry.reserved_at).astimezone(zone).date().isoformat()
    if by == "dag":
        return entry.owner.dag_id
    return entry.purchase.model if by == "model" else entry.purchase.connection_id


def _decimal(usd: float | None) -> Decimal:
    # A float by its shortest text, so that sums are exact.
    return Decimal(0) if usd is None else Decimal(str(usd))
