"""
The two-phase record of a paid submission, which survives retries, crashes, deferral and clearing (idempotency).

Before the submission is sent, the record holds an intent; after it was accepted, the id of the prediction; after the
outputs were published, the flag ``delivered``. :func:`decide` derives the next try's action from the record. It uses
neither Airflow nor the service. The modules ``state_store_record`` and ``ledger_record`` beside this one keep the
record in the task state store of Airflow 3.3 and in the account's ledger.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    UnconfirmedSubmissionError,
    UnreadableRecordError,
)
from airflow_provider_seedance.gptproto.predictions import is_prediction_id
from airflow_provider_seedance.gptproto.responses import shorten
from airflow_provider_seedance.tasks.options import OnClear, OnUnconfirmedSubmission

if TYPE_CHECKING:
    from airflow_provider_seedance.gptproto.requests import GenerationRequest

#: The key in the task state store. If it is missing, the next try submits.
STORE_KEY = "seedance_submission"
#: The types of a record's fields.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "fingerprint": (str,),
    "submitted_at": (int, float),
    "max_tries": (int, type(None)),
    "prediction_id": (str, type(None)),
    "delivered": (bool,),
    "is_resubmission": (bool,),
    "is_refused": (bool,),
    "given": (str,),
    "submissions": (int,),
    "total_cost_usd": (int, float, type(None)),
    "clears": (int,),
    "is_muted": (bool,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """
    The record of one submission.

    :param fingerprint: The idempotency key of the request; see :meth:`CheckedRequest.fingerprint`.
    :param submitted_at: The time right before it was sent, in seconds since the epoch.
    :param max_tries: ``max_tries`` of the task instance at submission; at delivery once delivered. Only a clear of this
        task instance changes it. ``None``, as for the submission of another task instance, counts as not cleared.
    :param prediction_id: The prediction's id; ``None`` until the service returned one.
    :param delivered: Whether its outputs were published.
    :param is_resubmission: Whether it repeats a submission with an unknown outcome; it is repeated once at most.
    :param is_refused: Whether the service refused it: there is nothing to go on with.
    :param given: The fingerprint of the request as given, with files by their names; empty for values that are no
        JSON, and then it matches no request.
    :param submissions: The submissions of the task instance that were, or may have been, accepted, with this one.
    :param total_cost_usd: The sum of their estimated prices; ``None`` if one is unknown.
    :param clears: The counted clears of the task instance.
    :param is_muted: Whether it repeats a generation without the audio that was refused.
    """

    fingerprint: str
    submitted_at: float
    max_tries: int | None = None
    prediction_id: str | None = None
    delivered: bool = False
    is_resubmission: bool = False
    is_refused: bool = False
    given: str = ""
    submissions: int = 1
    total_cost_usd: float | None = None
    clears: int = 0
    is_muted: bool = False

    def is_cleared(self, max_tries: int | None) -> bool:
        """
        Return whether the task instance was cleared since.

        :param max_tries: ``max_tries`` of the task instance now. A clear sets it to the tries so far plus ``retries``.
            A plain retry, and a clear of another task of the run, leave it unchanged.
        """
        return self.max_tries is not None and max_tries != self.max_tries

    def seen_by(self, max_tries: int | None) -> Submission:
        """Return the record for a try with ``max_tries``: a clear since is counted, once."""
        if not self.is_cleared(max_tries):
            return self
        return dataclasses.replace(self, max_tries=max_tries, clears=self.clears + 1)

    def is_of(self, fingerprint: str, given_without_audio: str) -> bool:
        """
        Return whether this is the submission of a request, with its audio or without it.

        :param fingerprint: The fingerprint of the request.
        :param given_without_audio: That of the request without audio, as given; empty if audio stays.
        """
        if self.fingerprint == fingerprint:
            return True
        return self.is_muted and bool(given_without_audio) and self.given == given_without_audio

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
        return cls(**{name: record[name] for name in _TYPES})


def _is_readable(record: Any) -> bool:
    if not isinstance(record, Mapping) or not record.keys() >= _TYPES.keys():
        return False
    if any(type(record[name]) not in types for name, types in _TYPES.items()):
        return False
    return record["prediction_id"] is None or is_prediction_id(record["prediction_id"])


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


def given_fingerprint(request: GenerationRequest, connection_id: str) -> str:
    """
    Return the SHA-256 of connection, mode, model and the payload as given: a file by its name, not its content.

    It identifies the request where its files cannot be read. Empty for values that are no JSON.

    :param connection_id: The Airflow connection that submits.
    """
    try:
        parts = [connection_id, request.mode.value, request.model, request.payload()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
    except (RecursionError, TypeError, ValueError):
        return ""


def intend(
    recorded: Submission | None,
    *,
    fingerprint: str,
    given: str,
    cost_usd: float | None,
    max_tries: int | None,
    is_resubmission: bool,
    now: float,
    is_muted: bool = False,
) -> Submission:
    """
    Return the intent of a new submission, which counts those of the record.

    :param recorded: The record; ``None`` without one.
    :param cost_usd: The estimated price; ``None`` if unknown.
    :param now: In seconds since the epoch. The other parameters are fields of :class:`Submission`.
    """
    earlier_cost = 0.0 if recorded is None else recorded.total_cost_usd
    return Submission(
        fingerprint=fingerprint,
        submitted_at=now,
        max_tries=max_tries,
        is_resubmission=is_resubmission,
        given=given,
        submissions=1 + (0 if recorded is None else recorded.submissions),
        total_cost_usd=None if earlier_cost is None or cost_usd is None else round(earlier_cost + cost_usd, 6),
        clears=0 if recorded is None else recorded.seen_by(max_tries).clears,
        is_muted=is_muted,
    )
