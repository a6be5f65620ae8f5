"""The options of tasks that are not parameters of the API: frozen values, checked when the DAG is parsed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

from airflow_provider_seedance.gptproto.modes import Validation
from airflow_provider_seedance.gptproto.redaction import redacted

OnClear = Literal["reuse", "regenerate"]
OnUnconfirmedSubmission = Literal["fail", "resubmit"]
OnLostPrediction = Literal["fail", "resubmit"]
OnAudioRefusal = Literal["fail", "mute"]
OnBudgetExceeded = Literal["fail", "wait"]

#: Ten years, in seconds: a deadline much later overflows a ``datetime``.
_MAXIMUM_SECONDS = 10 * 365 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOptions:
    """
    The options of a wait. Times are seconds; a ``timedelta`` is converted.

    :param timeout: The longest wait, from the submission.
    :param poll_interval: The exact time between polls; ``None`` adapts to the expected time of the generation.
    :param deferrable: Whether the task waits in the triggerer.
    :param fail_on_nsfw: Whether an output that is flagged as not safe for work fails the task.
    :param execution_timeout: The task's ``execution_timeout``; it limits the wait if it is shorter than ``timeout``.
    :raises ValueError: With the argument, its value and the allowed values.
    """

    timeout: timedelta | float
    poll_interval: timedelta | float | None = None
    deferrable: bool = False
    fail_on_nsfw: bool = False
    execution_timeout: timedelta | None = None

    def __post_init__(self) -> None:
        _check_booleans(self, "deferrable", "fail_on_nsfw")
        if not _is_positive(self.timeout):
            raise ValueError(
                f"timeout: {redacted(self.timeout)} is not allowed; allowed: seconds above 0, or a timedelta"
            )
        if self.poll_interval is not None and not _is_positive(self.poll_interval):
            allowed = "seconds above 0, or None"
            raise ValueError(f"poll_interval: {redacted(self.poll_interval)} is not allowed; allowed: {allowed}")

    @property
    def budget_seconds(self) -> float:
        """
        The longest wait in seconds.

        Airflow does not apply ``execution_timeout`` to the time in the triggerer, so it counts here.
        """
        budget = _seconds(self.timeout)
        return budget if self.execution_timeout is None else min(budget, self.execution_timeout.total_seconds())

    @property
    def poll_interval_seconds(self) -> float | None:
        """The exact time between polls in seconds, or ``None``."""
        return None if self.poll_interval is None else _seconds(self.poll_interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """
    The options of a task that generates.

    :param connection_id: The Airflow connection.
    :param wait: The options of its wait.
    :param prediction_id: The prediction to wait for instead of submitting; empty to submit.
    :param wait_for_completion: Whether the task waits for the videos.
    :param durable: Whether the task keeps the record of the submission.
    :param idempotency_key: What makes a generation the same one across tries, tasks and runs, in the account's ledger;
        ``None``: the task instance.
    :param on_unconfirmed_submission: Whether a submission with an unknown outcome fails the task or is sent again.
    :param on_lost_prediction: Whether a recorded prediction that the service does not know fails the task or is
        submitted again.
    :param on_audio_refusal: Whether a refusal of the generated audio fails the task or submits once more without audio.
    :param on_budget_exceeded: Whether a submission above the budget of the connection fails the task, or waits in the
        triggerer until the budget resets.
    :param on_clear: Whether clearing a task with a delivered video reuses or regenerates it.
    :param validation: Whether the refusals of the catalogue fail the task, or are only logged.
    :param max_cost: The most that one generation may cost, in USD; ``None`` for any price.
    :param max_submissions: How often a task instance may submit in all; ``None`` for no limit.
    :raises ValueError: With the argument, its value and the allowed values.
    """

    connection_id: str
    wait: WaitOptions
    prediction_id: str = ""
    wait_for_completion: bool = True
    durable: bool = True
    idempotency_key: str | None = None
    on_unconfirmed_submission: OnUnconfirmedSubmission = "fail"
    on_lost_prediction: OnLostPrediction = "fail"
    on_audio_refusal: OnAudioRefusal = "fail"
    on_budget_exceeded: OnBudgetExceeded = "fail"
    on_clear: OnClear = "reuse"
    validation: Validation = "strict"
    max_cost: float | None = None
    max_submissions: int | None = None

    def __post_init__(self) -> None:
        _check_booleans(self, "wait_for_completion", "durable")
        _check_choice("on_unconfirmed_submission", self.on_unconfirmed_submission, OnUnconfirmedSubmission)
        _check_choice("on_lost_prediction", self.on_lost_prediction, OnLostPrediction)
        _check_choice("on_audio_refusal", self.on_audio_refusal, OnAudioRefusal)
        _check_choice("on_budget_exceeded", self.on_budget_exceeded, OnBudgetExceeded)
        _check_choice("on_clear", self.on_clear, OnClear)
        _check_choice("validation", self.validation, Validation)
        if self.idempotency_key is not None and not self.durable:
            raise ValueError("idempotency_key: is not allowed with durable=False, which keeps no record")
        is_number = isinstance(self.max_cost, (int, float)) and not isinstance(self.max_cost, bool)
        if self.max_cost is not None and not (is_number and 0 <= self.max_cost < math.inf):
            raise ValueError(f"max_cost: {redacted(self.max_cost)} is not allowed; allowed: USD, 0 or more, or None")
        if self.max_submissions is not None and not (type(self.max_submissions) is int and self.max_submissions > 0):
            allowed = "a whole number, 1 or more, or None"
            raise ValueError(f"max_submissions: {redacted(self.max_submissions)} is not allowed; allowed: {allowed}")


def check_options(arguments: Mapping[str, Any]) -> None:
    """
    Check the options among the arguments of a task that generates.

    :param arguments: Arguments by name; those that are no options are ignored.
    :raises ValueError: With the argument, its value and the allowed values.
    """
    waits = ("timeout", "poll_interval", "deferrable", "fail_on_nsfw")
    wait = {name: arguments[name] for name in waits if name in arguments}
    names = {field.name for field in dataclasses.fields(GenerationOptions)} - {
        "wait",
        "prediction_id",
        "idempotency_key",
    }
    options = {name: arguments[name] for name in names & set(arguments)}
    GenerationOptions(connection_id="", wait=WaitOptions(**{"timeout": 1, **wait}), **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """
    The options of a task that copies videos to object storage.

    :param overwrite: Whether another file with the same name is replaced.
    :param max_bytes: The largest file to download.
    :param allow_private_addresses: Whether links may lead to private addresses.
    :param sidecar: Whether a JSON file that describes the video is stored beside it.
    :param poster: Whether an image of the first frame is stored beside it.
    :raises ValueError: With the argument, its value and the allowed values.
    """

    overwrite: bool
    max_bytes: int
    allow_private_addresses: bool
    sidecar: bool = False
    poster: bool = False

    def __post_init__(self) -> None:
        _check_booleans(self, "overwrite", "allow_private_addresses", "sidecar", "poster")
        if not isinstance(self.max_bytes, int) or isinstance(self.max_bytes, bool) or self.max_bytes <= 0:
            raise ValueError(
                f"max_bytes: {redacted(self.max_bytes)} is not allowed; allowed: a number of bytes above 0"
            )


@contextmanager
def named_task(task_id: str) -> Iterator[None]:
    """Name the task in the error of an option."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Task {task_id!r}: {error}") from None


def _check_booleans(options: object, *names: str) -> None:
    """Refuse values that only count as true or false: the text "false" and the output of another task are true."""
    for name in names:
        value = getattr(options, name)
        if value is not True and value is not False:
            raise ValueError(f"{name}: {redacted(value)} is not allowed; allowed: True, False")


def _check_choice(name: str, value: object, choice: Any) -> None:
    allowed = get_args(choice)
    if value not in allowed:
        raise ValueError(f"{name}: {redacted(value)} is not allowed; allowed: {', '.join(allowed)}")


def _seconds(time_span: timedelta | float) -> float:
    return time_span.total_seconds() if isinstance(time_span, timedelta) else time_span


def _is_positive(time_span: object) -> bool:
    if isinstance(time_span, timedelta):
        return time_span > timedelta(0)
    return isinstance(time_span, (int, float)) and not isinstance(time_span, bool) and 0 < time_span < _MAXIMUM_SECONDS
