"""The record of a submission in the task state store of Airflow 3.3, under one key of each task instance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.tasks.records.record import Note, SubmissionRecord, moved
from airflow_provider_seedance.tasks.records.state_store import advice_on_clear, check_state_store
from airflow_provider_seedance.tasks.records.submission import STORE_KEY, Submission

#: Distinguishes a missing record from one whose object in object storage is lost, which reads as ``None``.
_NO_RECORD: Any = object()
#: The field that a note has, and no record.
_LEDGER = "ledger"
#: The field of a note with the record from before the connection had a ledger.
_BEFORE = "before"


class StateStore(Protocol):
    """The methods of Airflow's task state store that are used."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Set a key to a JSON value."""


class StateStoreRecord(SubmissionRecord):
    """
    The record in the task state store, which exists as long as the DAG run.

    :param store: ``context["task_state_store"]``.
    """

    is_kept = True

    def __init__(self, store: StateStore) -> None:
        super().__init__()
        self._store = store

    @property
    def advice_on_clear(self) -> str:
        """What a person has to do in a clear so that the record survives it; empty if nothing."""
        return advice_on_clear()

    def check_place(self, log: Log) -> None:
        """
        Check that the store keeps the record in the database.

        :raises UnsafeStateStoreError: When it does not.
        """
        check_state_store(log)

    def read(self) -> Submission | None:
        """
        Return the recorded submission, or ``None`` without one. A note does not hide what was recorded before it.

        :raises UnreadableRecordError: When the record is invalid, or in a ledger while the connection names none.
        """
        value = self._store.get(STORE_KEY, _NO_RECORD)
        self.noted = None
        if isinstance(value, Mapping) and _LEDGER in value:
            ledger, generation = (str(value.get(name)) for name in (_LEDGER, "generation"))
            self.noted = Note(ledger, generation, value.get("max_tries"))
            value = value.get(_BEFORE, _NO_RECORD)
        self.latest = None if value is _NO_RECORD else Submission.from_dict(value)
        if self.noted is not None and not self.ledger:
            raise moved(self.noted, self.latest)
        return self.latest

    def note(self, note: Note) -> None:
        """Write where the ledger has the record, beside what was recorded before."""
        self._set(note, self.latest)
        self.noted = note

    def write(self, submission: Submission) -> None:
        """Record a submission."""
        self._set(self.noted, submission)
        self.latest = submission

    def _set(self, note: Note | None, submission: Submission | None) -> None:
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its stub leaves it out

        value = {} if submission is None else submission.to_dict()
        if note is not None:
            value = dataclasses.asdict(note) | ({_BEFORE: value} if value else {})
        self._store.set(STORE_KEY, value, retention=NEVER_EXPIRE)
