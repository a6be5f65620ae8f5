"""The submissions in the ledgers of ``[seedance] ledger_conn_ids``, for exact sums, in a limited time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_seedance.gptproto.ledger_settings import check_extra, read_ledger_settings
from airflow_provider_seedance.ledger.entries import Entry, State
from airflow_provider_seedance.ledger.errors import UnreadableEntryError
from airflow_provider_seedance.ledger.reservations import reservations_between
from airflow_provider_seedance.ledger.spending import read_entries
from airflow_provider_seedance.ledger.store import open_store
from airflow_provider_seedance.plugins.generations import Facts, TaskKey

THREAD = "seedance-ledger"
#: Entries of a ledger that are kept: about 50 MB.
_LARGEST_CACHE = 100_000
#: No submission is earlier or later.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
#: The states of a submission that was accepted. Its price does not change any more.
_ACCEPTED = (State.SUBMITTED, State.SUCCEEDED, State.FAILED)


class LedgerReader:
    """
    Reads ledgers, each in a thread of its own, and keeps the submissions that were accepted.

    A thread that takes too long goes on, so that a later request finds what it has read.
    """

    def __init__(self) -> None:
        self._running: dict[str, Future[list[Facts]]] = {}
        self._lock = threading.Lock()
        #: By ledger and name of the reservation. Only the one thread of a ledger uses its part.
        self._kept: dict[str, dict[str, Facts]] = {}

    def read(
        self, conn_ids: Iterable[str], since: datetime | None, before: datetime | None, timeout: float
    ) -> list[Facts]:
        """
        Return the submissions of a period that were, or may have been, accepted.

        :param timeout: Seconds for each ledger.
        :raises Exception: Any error of a connection or a store; ``TimeoutError`` if one takes too long.
        """
        uris = dict.fromkeys(filter(None, map(_ledger_uri, conn_ids)))
        start, end = max(since or _EARLIEST, _EARLIEST), min(before or _LATEST, _LATEST)
        found = [self._start(uri, start, end, timeout) for uri in uris]
        return [facts for future in found for facts in future.result(timeout)]

    def _start(self, uri: str, since: datetime, before: datetime, timeout: float) -> Future[list[Facts]]:
        # One thread for each ledger. The running one may read another period, but what it reads is kept.
        wait(filter(None, [self._running.get(uri)]), timeout)
        with self._lock:
            running = self._running.get(uri)
            if running is not None and not running.done():
                raise TimeoutError
            future = self._running[uri] = Future()
        # A daemon, because a store that hangs must not keep the API server from stopping.
        work = (future, lambda: list(self._read(uri, since, before)))
        threading.Thread(target=_run, args=work, name=THREAD, daemon=True).start()
        return future

    def _read(self, uri: str, since: datetime, before: datetime) -> Iterator[Facts]:
        store = open_store(uri)
        reservations = {each.name: each.entry_name for each in reservations_between(store, since, before)}
        memory = self._kept.setdefault(uri, {})
        kept = {name: memory[name] for name in reservations if name in memory}
        yield from kept.values()
        missing = sorted({entry_name for name, entry_name in reservations.items() if name not in kept})
        if len(memory) >= _LARGEST_CACHE:
            # What is asked for now is likely to be asked for again.
            memory = self._kept[uri] = kept
        for _, entry in read_entries(store, missing):
            if isinstance(entry, UnreadableEntryError):
                raise entry
            # An entry with the name of a deleted one may be of another period.
            if entry.state is State.REFUSED or entry.reservation not in reservations:
                continue
            facts = _facts(entry)
            if entry.state in _ACCEPTED and len(memory) < _LARGEST_CACHE:
                memory[entry.reservation] = facts
            yield facts


def _run(future: Future[list[Facts]], function: Callable[[], list[Facts]]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)


def _ledger_uri(conn_id: str) -> str | None:
    connection = BaseHook.get_connection(conn_id)
    check_extra(connection.extra)
    settings = read_ledger_settings(connection.extra_dejson)
    return None if settings is None else settings.uri


def _facts(entry: Entry) -> Facts:
    owner, estimate = entry.owner, entry.purchase.estimate_usd
    return Facts(
        pushed_at=datetime.fromisoformat(entry.reserved_at),
        key=TaskKey(owner.dag_id, owner.run_id, owner.task_id, owner.map_index, _region(owner.region_id)),
        model=entry.purchase.model,
        # A float by its shortest text, so that sums are exact.
        usd=None if estimate is None else Decimal(str(estimate)),
        is_unpriced=estimate is None,
    )


def _region(region_id: str) -> UUID | None:
    return UUID(region_id) if region_id else None
