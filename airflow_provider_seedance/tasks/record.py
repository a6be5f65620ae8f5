"""
The record of a paid submission, which survives retries, crashes, deferral and clearing.

It is kept in the task state store of Airflow 3.3, under one key per task instance: an intent before the submission is
sent, the prediction's id right after it was accepted, ``delivered`` when its result was handed on. What a record means
for the next try is decided by :func:`decide`, which knows neither Airflow nor the service.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_seedance.gptproto.errors import Charge, UnconfirmedSubmissionError, UnreadableRecordError
from airflow_provider_seedance.gptproto.predictions import is_prediction_id
from airflow_provider_seedance.gptproto.responses import shorten
from airflow_provider_seedance.tasks.options import OnClear, OnUnconfirmedSubmission

#: The key in the task state store; deleting it there makes the task start afresh.
STORE_KEY = "seedance_submission"
#: What the fields of a record can hold.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "fingerprint": (str,),
    "submitted_at": (int, float),
    "clear_number": (int,),
    "prediction_id": (str, type(None)),
    "delivered": (bool,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """
    One submission as it is recorded.

    :param fingerprint: What was asked for; see :meth:`GenerationRequest.fingerprint`.
    :param submitted_at: When it was about to be sent, in seconds since the epoch.
    :param clear_number: How often the DAG run had been cleared by then, or, once it is delivered, by its delivery.
    :param prediction_id: The id the service gave; ``None`` as long as none was received.
    :param delivered: Whether a task handed its result on.
    """

    fingerprint: str
    submitted_at: float
    clear_number: int = 0
    prediction_id: str | None = None
    delivered: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: Any) -> Submission:
        """
        Return the submission that a record describes.

        :raises UnreadableRecordError: It must not be taken for "nothing recorded".
        """
        if not _is_readable(record):
            what = f"The record {STORE_KEY!r} in the task state store cannot be read: {shorten(repr(record))}"
            raise UnreadableRecordError(what, charge=Charge.POSSIBLE)
        return cls(**{name: record.get(name) for name in _TYPES})


def _is_readable(record: Any) -> bool:
    if not isinstance(record, Mapping) or any(type(record.get(name)) not in types for name, types in _TYPES.items()):
        return False
    return record.get("prediction_id") is None or is_prediction_id(record["prediction_id"])


@dataclass(frozen=True, slots=True)
class SubmitFresh:
    """
    Submit.

    :param reason: Why a record is passed over, for the log; ``None`` where there is none.
    """

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reattach:
    """
    Ask for what was submitted before.

    :param submission: The record, whose ``prediction_id`` is set.
    """

    submission: Submission


def decide(
    recorded: Submission | None,
    *,
    fingerprint: str,
    clear_number: int,
    on_clear: OnClear,
    on_unconfirmed_submission: OnUnconfirmedSubmission,
) -> SubmitFresh | Reattach:
    """
    Return what a new try does, given what an earlier one recorded.

    :param recorded: The record, if there is one.
    :param fingerprint: What this try asks for.
    :param clear_number: How often the DAG run has been cleared by now.
    :param on_clear: Whether a manual clear of a delivered video reuses or regenerates it.
    :param on_unconfirmed_submission: Whether a submission without a known outcome fails the task or is sent again.
    :raises UnconfirmedSubmissionError: When an earlier try may have submitted, and the policy is to fail.
    """
    if recorded is None:
        return SubmitFresh()
    if recorded.fingerprint != fingerprint:
        earlier = f"prediction {recorded.prediction_id}" if recorded.prediction_id else "a submission without an id"
        return SubmitFresh(f"what is recorded, {earlier}, was for other arguments")
    if recorded.prediction_id is None:
        if on_unconfirmed_submission == "resubmit":
            return SubmitFresh("an earlier try may have submitted it; resubmitting, as on_unconfirmed_submission says")
        what = (
            "An earlier try was interrupted between sending the submission and recording its answer; "
            "if it got an id, its log says so"
        )
        raise UnconfirmedSubmissionError(what, charge=Charge.POSSIBLE)
    cleared = clear_number > recorded.clear_number
    if recorded.delivered and cleared and on_clear == "regenerate":
        return SubmitFresh(f"prediction {recorded.prediction_id} was delivered; regenerating after a clear")
    return Reattach(recorded)


class StateStore(Protocol):
    """What is used of Airflow's task state store."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Set a key to a JSON value."""

    def delete(self, key: str) -> None:
        """Delete a key."""


class SubmissionRecord:
    """
    The one record of a task instance.

    :param store: ``context["task_state_store"]``; ``None`` keeps no record, as below Airflow 3.3.
    """

    def __init__(self, store: StateStore | None) -> None:
        self._store = store

    @property
    def is_kept(self) -> bool:
        """Whether there is a store to keep it in."""
        return self._store is not None

    def read(self) -> Submission | None:
        """
        Return what is recorded, or ``None`` when nothing is.

        :raises UnreadableRecordError: When it is no record; errors of the store itself pass as they are.
        """
        record = self._store.get(STORE_KEY) if self._store is not None else None
        return None if record is None else Submission.from_dict(record)

    def write(self, submission: Submission) -> None:
        """Record a submission, as long as its DAG run lives."""
        if self._store is not None:
            from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its stub leaves it out

            self._store.set(STORE_KEY, submission.to_dict(), retention=NEVER_EXPIRE)

    def restore(self, submission: Submission | None) -> None:
        """Go back to what was recorded before a submission that provably was not accepted."""
        if submission is not None:
            self.write(submission)
        elif self._store is not None:
            self._store.delete(STORE_KEY)

    def mark_delivered(self, prediction_id: str, clear_number: int) -> None:
        """
        Note that the result of a prediction was handed on, if it is the one recorded.

        :param prediction_id: Whose result.
        :param clear_number: How often the DAG run had been cleared by then: only a later clear asks for another one.
        """
        recorded = self.read()
        if recorded is not None and recorded.prediction_id == prediction_id:
            self.write(dataclasses.replace(recorded, delivered=True, clear_number=clear_number))
