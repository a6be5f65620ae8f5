"""What an error says beyond its cause: the prediction and the charge of earlier tries, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ConnectionSettingsError,
    ContentPolicyError,
    DeliveredVideoLostError,
    InvalidRequestError,
    SeedanceError,
    SubmissionLimitError,
    TriggerFailedError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError, UnreadableEntryError
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.records.limit import SubmissionLimit
from airflow_provider_seedance.tasks.records.submission import Submission

_WAITS_FOR_THE_SAME = (
    "The generation goes on at the service. A retry or a clear of this task, with the same arguments, waits for the "
    "same prediction and pays nothing."
)
#: For a task that never submits.
_ONLY_WAITS_AGAIN = (
    "The generation goes on at the service. This task never submits: a retry or a clear only waits again and pays "
    "nothing."
)
_LIMIT_WITHOUT_RECORD = (
    "Nothing more was sent. A clear grants no submission without a record; raise max_submissions to pay again."
)
#: Without a record nobody knows.
_EARLIER_TRIES = "This try charged nothing. Earlier tries may have submitted: their logs name the predictions."
#: Errors after which nobody knows what the record says.
_UNREAD = (LedgerUnavailableError, UnreadableEntryError)
_ENDED_BEFORE = (
    "This try submitted nothing yet. Check the triggerer's log. A retry or a clear of this task starts again."
)
_OF_ANOTHER_TASK = (
    "{owner} submitted this generation, and this task has the same idempotency key. To pay for a new one, clear that "
    'task, with on_clear="regenerate" if its video was delivered, or use another key.'
)
_RETRY_WITHOUT_RECORD = (
    "No record of the submission is kept here: a retry submits, and pays for, a new generation. "
    "To go on with this one, set prediction_id to its id."
)
_UNCONFIRMED = (
    "It is not sent again: the service cannot look it up, and a second submission might be charged as well. "
    "Look for the generation in the GPTProto dashboard. If it is there, run the task with prediction_id set to its "
    "id. If not, delete the record {where} and clear the task. To accept the risk in every run, set "
    'on_unconfirmed_submission="resubmit".'
)
_UNCONFIRMED_WITHOUT_RECORD = (
    "It is not sent again, because a second submission might be charged as well. Search for the generation in the "
    "GPTProto dashboard. If it is there, run the task with prediction_id set to its id; if not, clear the task."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """
    What a task knows when an error ends its try.

    :param adopted_id: The prediction of a task that never submits; empty in one that does.
    :param known_id: The prediction that this or an earlier try submitted.
    :param recorded: The record; ``None`` without one.
    :param is_kept: Whether the task keeps a record.
    :param where: Where a person finds the record.
    :param advice_on_clear: What a person has to do in a clear so that the record survives it; empty if nothing.
    :param owner: The other task that submitted the generation; empty if this one did.
    :param fingerprint: The fingerprint of this try's request; ``None`` if it is not known, as during a wait.
    :param try_number: The number of this try.
    :param options: The options of a task that submits; ``None`` for one that never does.
    """

    adopted_id: str = ""
    known_id: str | None = None
    recorded: Submission | None = None
    is_kept: bool = False
    where: str = ""
    advice_on_clear: str = ""
    owner: str = ""
    fingerprint: str | None = None
    try_number: int = 1
    options: GenerationOptions | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a retry certainly waits for the known prediction."""
        if self.adopted_id or self.fingerprint is None or self.recorded is None:
            return True
        return self.fingerprint == self.recorded.fingerprint and not self.recorded.delivered

    @property
    def prediction_id(self) -> str | None:
        """The prediction that the task waits for."""
        return self.adopted_id or self.known_id

    @property
    def is_at_limit(self) -> bool:
        """Whether ``max_submissions`` lets no retry submit."""
        if self.options is None:
            return False
        limit = SubmissionLimit.of(self.options)
        if self.is_kept:
            return self.recorded is not None and limit.is_reached(self.recorded)
        return limit.is_reached_after(self.try_number)

    @property
    def continuation(self) -> str:
        """How to go on with that prediction."""
        if self.adopted_id:
            return _ONLY_WAITS_AGAIN
        return f"{_WAITS_FOR_THE_SAME} {self.advice_on_clear}".strip() if self.is_kept else _RETRY_WITHOUT_RECORD


def advise(error: SeedanceError, situation: Situation) -> str | None:
    """
    Return advice that replaces the error's own, or ``None``.

    An error from before a request knows neither prediction nor charge of earlier tries: they are added to it.
    """
    if isinstance(error, ConnectionSettingsError) and situation.prediction_id is not None and situation.is_waiting:
        error.prediction_id, error.charge = situation.prediction_id, Charge.ACCEPTED
        return f"{error.advice} {situation.continuation}"
    recorded = situation.recorded
    if situation.adopted_id:
        return _advise_on_adopted(error, recorded)
    if situation.owner and isinstance(error, (ContentPolicyError, DeliveredVideoLostError)):
        return _OF_ANOTHER_TASK.format(owner=situation.owner)
    if isinstance(error, _UNREAD) and recorded is None and situation.try_number > 1:
        error.charge = Charge.POSSIBLE
        return f"{error.advice} {_EARLIER_TRIES}"
    if error.charge is Charge.NONE and recorded is not None and recorded.submissions:
        error.charge = Charge.POSSIBLE if recorded.prediction_id is None else Charge.EARLIER
        return _advise_on_earlier(error, recorded.prediction_id)
    if isinstance(error, GENERATION_ENDED) and situation.is_at_limit:
        more = "clear the task or raise max_submissions" if situation.is_kept else "raise max_submissions"
        return f"max_submissions is reached. To pay for another generation, {more}."
    if situation.is_kept:
        return _UNCONFIRMED.format(where=situation.where) if _is_final_unconfirmed(error) else None
    if isinstance(error, SubmissionLimitError):
        return _LIMIT_WITHOUT_RECORD
    if error.charge is Charge.NONE and situation.try_number > 1:
        error.charge = Charge.POSSIBLE
        return f"{error.advice} {_EARLIER_TRIES}"
    if _is_final_unconfirmed(error):
        return _UNCONFIRMED_WITHOUT_RECORD
    if error.prediction_id and error.retryable and not isinstance(error, GENERATION_ENDED):
        return _RETRY_WITHOUT_RECORD
    return None


def _is_final_unconfirmed(error: SeedanceError) -> bool:
    return isinstance(error, UnconfirmedSubmissionError) and not error.retryable


def trigger_failed(error: Exception, situation: Situation) -> TriggerFailedError:
    """
    Return the error for a wait in the triggerer that Airflow ended.

    :param error: Airflow's error, which names neither the prediction nor the charge.
    """
    # A sensor's own error replaces the one that names the reason.
    what = f"The wait in the triggerer ended with an error of Airflow ({error.__cause__ or error})"
    if situation.prediction_id is None:
        charge = Charge.NONE if situation.recorded is None else Charge.POSSIBLE
        return TriggerFailedError(what, charge=charge, advice=_ENDED_BEFORE)
    advice = f"Check the triggerer's log and its connections. {situation.continuation}"
    return TriggerFailedError(what, prediction_id=situation.prediction_id, charge=Charge.ACCEPTED, advice=advice)


def name_paid(error: SeedanceError, prediction_id: str) -> None:
    """
    Add prediction and bill to an error about a video that was paid for, where the error does not know them.

    An error of the arguments does not name the prediction: its id may be the secret that is refused.

    :param prediction_id: The prediction; empty if only a link to the video is known.
    """
    if not isinstance(error, InvalidRequestError):
        error.prediction_id = error.prediction_id or prediction_id or None
    if error.charge is Charge.NONE:
        error.charge = Charge.ACCEPTED


def advise_caller(error: SeedanceError) -> str | None:
    """
    Return advice for a caller of the hook, or ``None``. The hook keeps no record, so a retry of its task pays again.

    :param error: The error of a submission or of a wait.
    """
    wait = f'To go on with it, call wait_for_prediction("{error.prediction_id}").'
    if isinstance(error, UnconfirmedSubmissionError):
        if error.prediction_id is None:
            wait = "If it is there, call wait_for_prediction with its id."
        return (
            "SeedanceHook keeps no record: a retry of the task that called it submits and pays again. Search for the "
            f"generation in the GPTProto dashboard before you run the task again. {wait}"
        )
    if isinstance(error, GENERATION_ENDED):
        return "A new call of submit pays for a new generation."
    if error.prediction_id is not None and error.retryable:
        return f"{wait} A retry of a task that submits submits and pays again, because SeedanceHook keeps no record."
    return None


def _advise_on_adopted(error: SeedanceError, own: Submission | None) -> str | None:
    if error.charge is Charge.NONE and own is not None and own.submissions:
        error.charge = Charge.EARLIER
        return f"{error.advice} The prediction that this task submitted is {own.prediction_id or 'unconfirmed'}."
    if not isinstance(error, GENERATION_ENDED):
        return None
    if own is None or own.prediction_id in (None, error.prediction_id):
        return "Remove prediction_id to submit a new generation."
    return f"Remove prediction_id to go on with the prediction that this task submitted, {own.prediction_id}."


def _advise_on_earlier(error: SeedanceError, prediction_id: str | None) -> str:
    if prediction_id is None:
        return f"{error.advice} This try charged nothing, but an earlier submission is unconfirmed."
    if isinstance(error, InvalidRequestError):
        return (
            f"An earlier try submitted prediction {prediction_id}. To go on with it, unless it failed, set "
            "prediction_id to its id; to submit another one, correct the arguments."
        )
    return f"{error.advice} An earlier try submitted prediction {prediction_id}."
