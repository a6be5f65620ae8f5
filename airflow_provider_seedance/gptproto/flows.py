"""
The API protocol without I/O (sans-I/O): what is sent for each call, and what the responses mean.

Each method of :class:`ApiFlows` is a generator. It yields what to do next, an :class:`HttpRequest` or a :class:`Sleep`,
and receives the outcome, an :class:`HttpResponse` or a :class:`NoResponse`. The synchronous and the asynchronous client
run the same generators, so they cannot drift apart.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from airflow_provider_seedance.gptproto.backoff import retry_delay
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ContentPolicyError,
    InvalidRequestError,
    LostAnswerError,
    NotConnectedError,
    PredictionNotFoundError,
    RateLimitError,
    RedirectError,
    SeedanceError,
    ServiceError,
    UnconfirmedSubmissionError,
    UnreadableAnswerError,
)
from airflow_provider_seedance.gptproto.polling import Decision, GiveUp, PollAgain, Poller
from airflow_provider_seedance.gptproto.predictions import (
    Prediction,
    PredictionStatus,
    is_prediction_id,
    read_code,
    read_prediction,
)
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.gptproto.responses import (
    read_error_detail,
    read_retry_after,
    response_error,
    shorten,
)
from airflow_provider_seedance.gptproto.settings import ClientSettings

T = TypeVar("T")

#: Seconds between the attempts to ask for a recorded prediction, and the longest that the service's wish extends one.
CONFIRM_DELAYS = (1.0, 3.0, 6.0)
MAXIMUM_CONFIRM_DELAY = 30.0
#: Redirects that say the request was not looked at. After any other it may have been carried out.
_MOVED = (301, 307, 308)
_KEY_REFUSED = (401, 403)


class Log(Protocol):
    """What is used of a logger: Python's own and Airflow's differ in everything else."""

    def info(self, message: str, /, *values: Any) -> Any:
        """Log what a person would want to know."""

    def warning(self, message: str, /, *values: Any) -> Any:
        """Log what a person should look at."""


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """
    What became of the free check of the key.

    :param accepted: Whether the service accepted the key.
    :param message: What was found, for the person who set up the connection.
    """

    accepted: bool
    message: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """
    A request to be sent once.

    :param method: ``GET`` or ``POST``.
    :param url: The whole address.
    :param headers: All headers that matter; the key is among them, so there is no repr of it.
    :param content: The body.
    :param due_at: The earlier, the more urgent it is among requests that have to wait for their turn.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    due_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Sleep:
    """
    A pause.

    :param seconds: How long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """
    An answer that arrived whole.

    :param status: HTTP status.
    :param headers: Headers, to be looked up in lower case.
    :param text: The decoded body.
    """

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class NoResponse:
    """
    A request that got no answer.

    :param reason: What happened.
    :param was_sent: Whether the service may have got it; false only where that is certain not to be.
    """

    reason: str
    was_sent: bool


Outcome = HttpResponse | NoResponse | None
Flow = Generator[HttpRequest | Sleep, Outcome, T]


class ApiFlows:
    """
    All that can be said to the service.

    :param settings: Where the service is and the key.
    :param user_agent: What the service is told of the client.
    :param clock: The wall clock, in seconds since the epoch.
    :param log: Where news of a wait go.
    """

    def __init__(self, settings: ClientSettings, *, user_agent: str, clock: Callable[[], float], log: Log) -> None:
        self.settings = settings
        self.clock = clock
        self.log = log
        self.random = random.SystemRandom()
        self._key = _spellings(settings.api_key)
        self.headers = {
            "Accept": "application/json",
            # Answers are short, and one in a coding that cannot be read here would be lost, with what was paid for.
            "Accept-Encoding": "identity",
            "Authorization": settings.authorization,
            "User-Agent": user_agent,
        }

    def submit(
        self, request: GenerationRequest, before_send: Callable[[], None], after_refusal: Callable[[], None]
    ) -> Flow[Prediction]:
        """Send a submission until it is accepted, refused, or may have been accepted."""
        request.check()
        url = f"{self.settings.base_url}/api/v3/{self.settings.vendor}/{request.model}/{request.mode.value}"
        body = json.dumps(request.payload(), ensure_ascii=False, allow_nan=False).encode()
        headers = {**self.headers, "Content-Type": "application/json"}
        started = self.clock()
        sends = 0
        while True:
            before_send()
            outcome = yield HttpRequest("POST", url, headers, body)
            sends += 1
            try:
                return self._read_prediction(outcome, prediction_id=None)
            except UnconfirmedSubmissionError:
                raise
            except SeedanceError as error:
                after_refusal()
                elapsed = self.clock() - started
                pause = retry_delay(error, sends=sends, elapsed=elapsed, source=self.random)
                if pause is None:
                    raise
                self.log.warning("The submission was not accepted: %s. Next try in %.1f s", error.what, pause)
            yield Sleep(pause)

    def get_prediction(self, prediction_id: str, *, due_at: float = 0.0) -> Flow[Prediction]:
        """Ask for a prediction once; see :class:`HttpRequest` for ``due_at``."""
        if not is_prediction_id(prediction_id):
            shown = shorten(repr(prediction_id))
            raise InvalidRequestError.from_problems([f"prediction_id: {shown} is no prediction's id"])
        url = f"{self.settings.base_url}/api/v3/predictions/{quote(prediction_id, safe='')}/result"
        outcome = yield HttpRequest("GET", url, self.headers, due_at=due_at)
        return self._read_prediction(outcome, prediction_id=prediction_id)

    def get_confirmed(self, prediction_id: str) -> Flow[Prediction | None]:
        """
        Ask for a prediction until the answer can be believed; ``None`` when the service repeatedly does not know it.

        One failure, and one success without outputs, can be a passing fault.
        """
        seen: list[Prediction | SeedanceError] = []
        for pause in (*CONFIRM_DELAYS, None):
            try:
                prediction = yield from self.get_prediction(prediction_id)
            except (ContentPolicyError, InvalidRequestError):
                raise
            except SeedanceError as error:
                seen.append(error)
                wish = error.retry_after or 0.0
            else:
                if prediction.is_complete or prediction.status is not PredictionStatus.SUCCEEDED:
                    return prediction
                seen.append(prediction)
                wish = 0.0
            if pause is not None:
                yield Sleep(min(max(pause, wish), MAXIMUM_CONFIRM_DELAY))
        believed = [each for each in seen if not isinstance(each, PredictionNotFoundError)]
        if not believed:
            return None
        if isinstance(believed[-1], SeedanceError):
            raise believed[-1]
        return believed[-1]

    def poll(self, wait: Poller) -> Flow[Decision]:
        """Ask for the prediction that is waited for once, and decide what that means."""
        try:
            prediction = yield from self.get_prediction(wait.prediction_id, due_at=wait.due_at)
        except SeedanceError as error:
            return wait.on_error(error, self.clock())
        return wait.on_prediction(prediction, self.clock())

    def wait(self, wait: Poller) -> Flow[Prediction]:
        """
        Wait until a prediction is finished, given that it was just seen in progress.

        There is a line in the log at each change, and none for a look that brings nothing new.
        """
        decision: Decision = wait.first_poll(self.clock())
        while isinstance(decision, PollAgain):
            if decision.status_change:
                line = "Prediction %s %s, %.0f s after its submission; next look in %.1f s"
                self.log.info(line, wait.prediction_id, decision.status_change, self._elapsed(wait), decision.seconds)
            yield Sleep(decision.seconds)
            decision = yield from self.poll(wait)
        if isinstance(decision, GiveUp):
            raise decision.error
        status, line = decision.prediction.reported_status, "Prediction %s is %s, %.0f s after its submission"
        self.log.info(line, wait.prediction_id, status, self._elapsed(wait))
        return decision.prediction

    def _elapsed(self, wait: Poller) -> float:
        return max(self.clock() - wait.submitted_at, 0.0)

    def check_key(self) -> Flow[KeyCheck]:
        """Ask for the list of models, which costs nothing and needs a key."""
        url = f"{self.settings.base_url}/v1/models"
        outcome = yield HttpRequest("GET", url, self.headers)
        where = self.settings.base_url
        if not isinstance(outcome, HttpResponse):
            return KeyCheck(False, f"{where} cannot be reached: {self._reason(outcome)}")
        body = self._read_body(outcome)
        code = read_code(body) if outcome.status == 200 else outcome.status
        if code in _KEY_REFUSED:
            return KeyCheck(False, f"{where} answers, but refuses the API key ({code})")
        is_foreign = not isinstance(body, dict) or (code == 200 and not isinstance(body.get("data"), list))
        if is_foreign and code < 500 and code != 429:
            return KeyCheck(False, f"{where} answers {code}, but not as GPTProto does; check the base URL")
        if code != 200:
            return KeyCheck(False, f"{where} answers {code}; the API key could not be verified")
        return KeyCheck(True, f"{where} accepts the API key")

    def _read_prediction(self, outcome: Outcome, *, prediction_id: str | None) -> Prediction:
        """Return the prediction in an outcome, or raise what the outcome means."""
        if not isinstance(outcome, HttpResponse):
            raise self._no_answer_error(outcome, prediction_id)
        body = self._read_body(outcome)
        code = read_code(body) if outcome.is_success else outcome.status
        prediction = read_prediction(body, prediction_id=prediction_id)
        if code == 200:
            if prediction is not None:
                return prediction
            what = f"GPTProto answered {outcome.status} without a prediction that could be read"
            unreadable = UnreadableAnswerError(what, prediction_id=prediction_id, charge=_charge(prediction_id))
            raise unreadable if prediction_id else _unconfirmed(unreadable)
        if outcome.status == 404 and prediction_id is not None and not isinstance(body, dict):
            # A gateway's page does not mean that a paid prediction is gone.
            what = f"{self.settings.base_url} answered 404, but not as GPTProto does"
            raise UnreadableAnswerError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED)
        # The page's code 503 means content policy, and its real HTTP status is 400.
        error = response_error(
            400 if outcome.is_success and code == 503 else code,
            read_error_detail(body),
            prediction_id=prediction_id,
            retry_after=read_retry_after(outcome.headers, datetime.fromtimestamp(self.clock(), UTC)),
        )
        named = prediction.id if prediction is not None else None
        if prediction_id is None and _may_have_been_accepted(error, outcome.status, named):
            raise _unconfirmed(error, named)
        raise error

    def _no_answer_error(self, outcome: NoResponse | None, prediction_id: str | None) -> SeedanceError:
        charge = _charge(prediction_id)
        if outcome is not None and not outcome.was_sent:
            what = f"No connection to {self.settings.base_url} could be made: {self._reason(outcome)}"
            return NotConnectedError(what, prediction_id=prediction_id, charge=charge)
        what = f"The answer was lost: {self._reason(outcome)}"
        lost = LostAnswerError(what, prediction_id=prediction_id, charge=charge)
        return lost if prediction_id else _unconfirmed(lost)

    def _reason(self, outcome: NoResponse | None) -> str:
        return shorten(self._without_key(outcome.reason)) if outcome else "no outcome"

    def _read_body(self, answer: HttpResponse) -> Any:
        """Return the decoded body. A service that repeats the key in its answer must not bring it into a log."""
        try:
            return self._without_key(json.loads(answer.text))
        except (ValueError, RecursionError):
            return self._without_key(answer.text)

    def _without_key(self, value: Any) -> Any:
        """Return text, or every text in decoded JSON, with the key blotted out."""
        if isinstance(value, str):
            return self._key.sub("***", value)
        if isinstance(value, list):
            return [self._without_key(item) for item in value]
        if isinstance(value, dict):
            return {name: self._without_key(item) for name, item in value.items()}
        return value


def _spellings(key: str) -> re.Pattern[str]:
    """
    Return what finds a key, also where its characters are escaped as in JSON: a broken answer is quoted undecoded.

    Up to seven backslashes stand before a character that JSON within JSON within JSON escapes.
    """
    return re.compile(r"\\{0,7}".join(rf"(?:{re.escape(each)}|u(?i:{ord(each):04x}))" for each in key))


def _charge(prediction_id: str | None) -> Charge:
    return Charge.NONE if prediction_id is None else Charge.ACCEPTED


def _may_have_been_accepted(error: SeedanceError, status: int, named: str | None) -> bool:
    if isinstance(error, RedirectError):
        return status not in _MOVED
    # A refusal by its HTTP status stands, whatever else it says; 429 is one that would be sent again.
    is_doubtful = status < 300 or isinstance(error, RateLimitError)
    return isinstance(error, ServiceError) or (named is not None and is_doubtful)


def _unconfirmed(cause: SeedanceError, prediction_id: str | None = None) -> UnconfirmedSubmissionError:
    what = f"It is not known whether the submission was accepted. {cause.what}"
    # Whoever submitted keeps the id that the answer named: it can be asked for.
    advice = "The answer named the prediction. Clear the task to go on with it." if prediction_id else None
    error = UnconfirmedSubmissionError(what, prediction_id=prediction_id, charge=Charge.POSSIBLE, advice=advice)
    error.__cause__ = cause
    return error
