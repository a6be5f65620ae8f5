"""
The two-phase record of a paid submission, which survives retries, crashes, deferral and clearing (idempotency).

It is kept in the task state store of Airflow 3.3, under one key of each task instance. Before the submission is sent,
the record holds an intent; after it was accepted, the id of the prediction; after the outputs were published, the flag
``delivered``. :func:`decide` derives the next try's action from the record. It uses neither Airflow nor the service.
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

#: The key in the task state store. If it is missing, the next try submits.
STORE_KEY = "seedance_submission"
#: Distinguishes a missing record from one whose object in object storage is lost, which reads as ``None``.
_NO_RECORD: Any = object()
#: The types of a record's fields.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "fingerprint": (str,),
    "submitted_at": (int, float),
    "max_tries": (int, type(None)),
    "prediction_id": (str, type(None)),
    "delivered": (bool,),
    "is_resubmission": (bool,),
    "is_refused": (bool,),
}
#: Fields that a record of an older version lacks.
_DEFAULTS: Mapping[str, Any] = {"max_tries": None, "is_resubmission": False, "is_refused": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """
    The record of one submission.

    :param fingerprint: The idempotency key of the request; see :meth:`CheckedRequest.fingerprint`.
    :param submitted_at: The time right before it was sent, in seconds since the epoch.
    :param max_tries: ``max_tries`` of the task instance at submission; at delivery once delivered. Only a clear of this
        task instance changes it. ``None`` in a record of an older version, which counts as not cleared.
    :param prediction_id: The prediction's id; ``None`` until the service returned one.
    :param delivered: Whether its outputs were published.
    :param is_resubmission: Whether it repeats a submission with an unknown outcome; it is repeated once at most.
    :param is_refused: Whether the service refused it: there is nothing to go on with.
    """

    fingerprint: str
    submitted_at: float
    max_tries: int | None = None
    prediction_id: str | None = None
    delivered: bool = False
    is_resubmission: bool = False
    is_refused: bool = False

    def is_cleared(self, max_tries: int | None) -> bool:
        """
        Return whether the task instance was cleared since.

        :param max_tries: ``max_tries`` of the task instance now. A clear sets it to the tries so far plus ``retries``.
            A plain retry, and a clear of another task of the run, leave it unchanged.
        """
        return self.max_tries is not None and max_tries != self.max_tries

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: Any) -> Submission:
        """
        Return the submission in a record.

        :raises UnreadableRecordError: When the record is invalid. It does not count as a missing record.
        """
        if not _is_readable(record):
            what = f"The record {STORE_KEY!r} in the task state store cannot be read: {shorten(repr(record))}"
            raise UnreadableRecordError(what, charge=Charge.POSSIBLE)
        return cls(**{name: record.get(name, _DEFAULTS.get(name)) for name in _TYPES})


def _is_readable(record: Any) -> bool:
    if not isinstance(record, Mapping) or any(
        type(record.get(name, _DEFAULTS.get(name))) not in types for name, types in _TYPES.items()
    ):
        return False
    return record.get("prediction_id") is None or is_prediction_id(record["prediction_id"])


@dataclass(frozen=True, slots=True)
class SubmitFresh:
    """
    Submit a new generation.

    :param is_resubmission: Whether it repeats a submission with an unknown outcome.
    :param reason: Why the record is not used, for the log; ``None`` without a record.
    """

    reason: str | None = None
    is_resubmission: bool = False


@dataclass(frozen=True, slots=True)
class Reattach:
    """
    Go on with the prediction that an earlier try submitted.

    :param submission: The record, whose ``prediction_id`` is set.
    """

    submission: Submission


def decide(
    recorded: Submission | None,
    *,
    fingerprint: str,
    max_tries: int | None,
    on_clear: OnClear,
    on_unconfirmed_submission: OnUnconfirmedSubmission,
) -> SubmitFresh | Reattach:
    """
    Return the action of a new try, given the record of an earlier one.

    :param recorded: The record; ``None`` without one.
    :param fingerprint: The idempotency key of this try's request.
    :param max_tries: ``max_tries`` of the task instance.
    :param on_clear: Whether a manual clear of a delivered video reuses or regenerates it.
    :param on_unconfirmed_submission: Whether a submission with an unknown outcome fails the task or is sent again.
    :raises UnconfirmedSubmissionError: When an earlier try may have submitted, and the policy is to fail.
    """
    if recorded is None or recorded.is_refused:
        return SubmitFresh()
    cleared = recorded.is_cleared(max_tries)
    if recorded.fingerprint != fingerprint:
        earlier = f"prediction {recorded.prediction_id}" if recorded.prediction_id else "a submission without an id"
        return SubmitFresh(f"the record, {earlier}, is for other arguments")
    if recorded.prediction_id is None:
        if on_unconfirmed_submission == "resubmit" and not (recorded.is_resubmission and not cleared):
            return SubmitFresh(
                'an earlier try may have submitted it, and on_unconfirmed_submission is "resubmit"',
                is_resubmission=True,
            )
        what = (
            "An earlier try was interrupted between sending the submission and recording the response; "
            "if the service returned an id, it is in the log of that try"
        )
        raise UnconfirmedSubmissionError(what, charge=Charge.POSSIBLE)
    if recorded.delivered and cleared and on_clear == "regenerate":
        return SubmitFresh(f'prediction {recorded.prediction_id} was delivered, and on_clear is "regenerate"')
    return Reattach(recorded)


class StateStore(Protocol):
    """The methods of Airflow's task state store that are used."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Set a key to a JSON value."""


class SubmissionRecord:
    """
    The record of a task instance.

    :param store: ``context["task_state_store"]``; ``None`` (Airflow below 3.3) keeps no record.
    """

    def __init__(self, store: StateStore | None) -> None:
        self._store = store

    @property
    def is_kept(self) -> bool:
        """Whether there is a store."""
        return self._store is not None

    def read(self) -> Submission | None:
        """
        Return the recorded submission, or ``None`` without one.

        :raises UnreadableRecordError: When the record cannot be read. Errors of the store pass unchanged.
        """
        record = self._store.get(STORE_KEY, _NO_RECORD) if self._store is not None else _NO_RECORD
        return None if record is _NO_RECORD else Submission.from_dict(record)

    def write(self, submission: Submission) -> None:
        """Record a submission, for as long as its DAG run exists."""
        if self._store is not None:
            from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # its stub leaves it out

            self._store.set(STORE_KEY, submission.to_dict(), retention=NEVER_EXPIRE)

    def restore(self, earlier: Submission | None, intent: Submission) -> None:
        """
        Restore the earlier record after a submission that provably was not accepted.

        Without an earlier record the intent is marked as refused, not deleted: a delayed delete request of a dead try
        could remove the record of a newer one.
        """
        self.write(dataclasses.replace(intent, is_refused=True) if earlier is None else earlier)

    def mark_delivered(self, prediction_id: str, max_tries: int | None) -> None:
        """
        Record that the outputs of a prediction were published. No effect if the record has another prediction.

        :param prediction_id: The prediction.
        :param max_tries: ``max_tries`` of the task instance: only a later clear can regenerate.
        """
        recorded = self.read()
        if recorded is not None and recorded.prediction_id == prediction_id:
            self.write(dataclasses.replace(recorded, delivered=True, max_tries=max_tries))
