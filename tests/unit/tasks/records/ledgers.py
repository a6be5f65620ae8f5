"""A ledger in memory whose calls can fail, and what a record in it needs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.ledger.entries import Owner
from airflow_provider_seedance.ledger.store import Store
from airflow_provider_seedance.tasks.records.ledger_record import LedgerRecord
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.submission import Submission
from tests.unit.gptproto.conftest import SETTINGS

URI = "s3://bucket/seedance"
GENERATION = "0123456789abcdef" * 2
CHECKED = TextToVideo(prompt="A paper boat").check()
INTENT = Submission(fingerprint="boat", submitted_at=1_800_000_000.0, max_tries=0)
ACCEPTED = replace(INTENT, prediction_id="abc")
OWNER = Owner(dag_id="ads", run_id="monday", task_id="make")
OTHER = replace(OWNER, run_id="tuesday")


class MemoryStore(Store):
    """
    Objects in memory.

    :ivar fail: Called with the name of each call and its object; it raises the error of the store.
    :ivar is_applied: Whether a write that fails is applied nevertheless.
    """

    def __init__(self) -> None:
        super().__init__(URI)
        self.objects: dict[str, bytes] = {}
        self.fail: Callable[[str, str], None] = lambda call, name: None
        self.is_applied = False

    def entry(self, number: int = 1) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.objects[entry_name(number)])
        return found

    @property
    def reservations(self) -> list[str]:
        return [name for name in self.objects if name.startswith("reservations/")]

    def _create(self, name: str, data: bytes) -> None:
        if self.is_exclusive and name in self.objects:
            raise FileExistsError(name)
        self._replace(name, data, call="create")

    def _replace(self, name: str, data: bytes, call: str = "replace") -> None:
        try:
            self.fail(call, name)
        except OSError:
            if self.is_applied:
                self.objects[name] = data
            raise
        self.objects[name] = data

    def _read(self, name: str) -> bytes:
        self.fail("read", name)
        if name not in self.objects:
            raise FileNotFoundError(name)
        return self.objects[name]

    def _names(self, folder: str) -> Iterable[str]:
        self.fail("names", folder)
        below = [name.removeprefix(f"{folder}/") for name in self.objects if name.startswith(f"{folder}/")]
        return {name.partition("/")[0] for name in below}

    def _delete(self, name: str) -> None:
        self.fail("delete", name)
        self.objects.pop(name, None)


def entry_name(number: int = 1) -> str:
    return f"generations/{GENERATION}/{number:06}.json"


def record(
    store: Store,
    owner: Owner = OWNER,
    *,
    max_tries: int = 0,
    key: str = "",
    earlier: SubmissionRecord | None = None,
    timeout: float = 60.0,
) -> LedgerRecord:
    """Return the record of a try that is about to submit."""
    settings = replace(SETTINGS, timeout=timeout, ledger=LedgerSettings(uri=URI))
    made = LedgerRecord(
        store,
        GENERATION,
        owner,
        max_tries=max_tries,
        # Without retries.
        cleared_after=max_tries,
        idempotency_key=key,
        connection_id="seedance_default",
        get_settings=lambda: settings,
        earlier=earlier or SubmissionRecord(),
        log=logging.getLogger(__name__),
    )
    made.describe(CHECKED)
    return made
