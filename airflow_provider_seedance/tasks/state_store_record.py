"""The record of a submission in the task state store of Airflow 3.3, under one key of each task instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from airflow_provider_seedance.gptproto.errors import Charge, UnreadableRecordError
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.tasks.record import STORE_KEY, Submission
from airflow_provider_seedance.tasks.record_store import SubmissionRecord
from airflow_provider_seedance.tasks.state_store import check_state_store

#: Distinguishes a missing record from one whose object in object storage is lost, which reads as ``None``.
_NO_RECORD: Any = object()
#: The field that a record has instead of all others if the ledger keeps it.
_LEDGER = "ledger"
_MOVED_ADVICE = (
    "This try submitted nothing. Name that ledger in the connection again, and clear the task; or delete the record "
    "under Storage > Task State Store to submit, and pay for, a new generation."
)


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

    def check_place(self, log: Log) -> None:
        """
        Check that the store keeps the record in the database.

        :raises UnsafeStateStoreError: When it does not.
        """
        check_state_store(log)

    def read(self) -> Submission | None:
        """
        Return the recorded submission, or ``None`` without one, or if the ledger has it.

        :raises UnreadableRecordError: When the record is invalid, or in a ledger that the connection does not name.
        """
        record = self._store.get(STORE_KEY, _NO_RECORD)
        if isinstance(record, Mapping) and _LEDGER in record:
            self.noted = str(record[_LEDGER])
            self._check_ledger(self.noted)
            record = _NO_RECORD
        self.latest = None if record is _NO_RECORD else Submission.from_dict(record)
        return self.latest

    def _check_ledger(self, pointer: str) -> None:
        if not (self.ledger and pointer.startswith(f"{self.ledger}/")):
            what = f"The record of an earlier try is in the ledger at {pointer}, which the connection does not name now"
            raise UnreadableRecordError(what, charge=Charge.POSSIBLE, advice=_MOVED_ADVICE)

    def note_ledger(self, pointer: str) -> None:
        """Write where the ledger has the record."""
        self._set({_LEDGER: pointer})

    def write(self, submission: Submission) -> None:
        """Record a submission."""
        self._set(submission.to_dict())
        self.latest = submission

    def _set(self, value: dict[str, Any]) -> None:
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its stub leaves it out

        self._store.set(STORE_KEY, value, retention=NEVER_EXPIRE)
