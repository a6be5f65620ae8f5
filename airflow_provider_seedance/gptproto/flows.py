"""
The API protocol without I/O (sans-I/O): the requests of each call, and the meaning of the responses.

Each method of :class:`ApiFlows` is a generator. It yields the next step, an :class:`HttpRequest` or a :class:`Sleep`,
and receives the outcome, an :class:`HttpResponse` or a :class:`NoResponse`. The synchronous and the asynchronous client
run the same generators, so both behave the same.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from airflow_provider_seedance.gptproto.bodies import beginning, is_page, quote_body, shorten
from airflow_provider_seedance.gptproto.certificates import ca_advice
from airflow_provider_seedance.gptproto.confirmation import confirmed, not_confirmed
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    LostResponseError,
    NotConnectedError,
    SeedanceError,
)
from airflow_provider_seedance.gptproto.ids import check_id
from airflow_provider_seedance.gptproto.leaks import refuse_secrets
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.polling import Decision, GiveUp, PollAgain, Poller
from airflow_provider_seedance.gptproto.predictions import (
    Prediction,
    read_code,
)
from airflow_provider_seedance.gptproto.requests import CheckedRequest
from airflow_provider_seedance.gptproto.responses import lost_submission, read_response, read_retry_after, unconfirmed
from airflow_provider_seedance.gptproto.settings import ClientSettings

T = TypeVar("T")

#: Seconds between the attempts to confirm a response, and the longest delay that ``Retry-After`` can cause there.
CONFIRM_DELAYS = (1.0, 3.0, 6.0, 10.0)
MAXIMUM_CONFIRM_DELAY = 30.0
#: Seconds after the deadline of a wait in which its last poll has to come back.
LAST_POLL_SECONDS = 4.0
#: Characters of an answer that each of a thousand waits may remember. An answer that echoes an upload is longer.
_LONGEST_REMEMBERED = 4096
_KEY_REFUSED = (401, 403)
#: OpenSSL's names for an answer that is not TLS. The service of a connection without a scheme may be plain HTTP.
_NOT_TLS = re.compile("WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD.LAYER.FAILURE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """
    The result of the free check of the API key.

    :param accepted: Whether the service accepted the key.
    :param message: The result in one sentence, for the person who set up the connection.
    """

    accepted: bool
    message: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """
    A request to send once.

    :param method: ``GET`` or ``POST``.
    :param url: The whole URL.
    :param headers: All headers. The API key is among them, so the repr leaves them out.
    :param content: The body.
    :param yields: Seconds by which it yields to later requests in the queue.
    :param remaining: Seconds until the deadline of its wait, or ``None``. From then on it goes before other requests,
        and :data:`LAST_POLL_SECONDS` later it is given up.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    yields: float = 0.0
    remaining: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """
    A pause.

    :param seconds: Its length.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """
    A response.

    :param status: HTTP status.
    :param headers: Headers, with names in lower case.
    :param text: The decoded body.
    :param is_cut: Whether the body is too large, and ``text`` only its beginning.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    is_cut: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class NoResponse:
    """
    A request without a complete response.

    :param reason: The error, as text.
    :param was_sent: Whether the service may have received the request; false only if it certainly has not.
    :param received: What arrived of a response that broke off.
    """

    reason: str
    was_sent: bool
    received: HttpResponse | None = None


Outcome = HttpResponse | NoResponse | None
Flow = Generator[HttpRequest | Sleep, Outcome, T]


class ApiFlows:
    """
    One generator for each call of the API.

    :param settings: The connection's settings.
    :param user_agent: The ``User-Agent`` header.
    :param clock: The wall clock, in seconds since the epoch.
    :param log: Receives the status changes of a wait.
    """

    def __init__(self, settings: ClientSettings, *, user_agent: str, clock: Callable[[], float], log: Log) -> None:
        self.settings = settings
        self.clock = clock
        self.log = log
        self._key = _spellings(settings.api_key)
        #: The last answer to a poll of a generation in progress, and what it says.
        self._last_response: tuple[tuple[str | None, int, str], Prediction] | None = None
        self.headers = {
            "Accept": "application/json",
            # Responses are short. A compressed one that cannot be decoded would lose a prediction that was paid for.
            "Accept-Encoding": "identity",
            "Authorization": settings.authorization,
            "User-Agent": user_agent,
        }

    def submit(self, checked: CheckedRequest) -> Flow[Prediction]:
        """
        Send a submission, exactly once. Only the caller can decide to send it again: each one may cost money.

        :raises InvalidRequestError: When the request holds the API key; nothing is sent.
        """
        refuse_secrets(checked.payload, self.settings)
        request = checked.request
        url = f"{self.settings.base_url}/api/v3/{self.settings.vendor}/{request.model}/{request.mode.value}"
        headers = {**self.headers, "Content-Type": "application/json"}
        outcome = yield HttpRequest("POST", url, headers, checked.body)
        return self._read_prediction(outcome, prediction_id=None)

    def get_prediction(self, prediction_id: str) -> Flow[Prediction]:
        """
        Get a prediction once.

        :raises InvalidRequestError: When it is not the id of a prediction, or holds the API key; nothing is sent.
        """
        self._check_id(prediction_id)
        return (yield from self._get_prediction(prediction_id))

    def _check_id(self, prediction_id: object) -> None:
        refuse_secrets({"prediction_id": prediction_id}, self.settings)
        check_id(prediction_id)

    def _get_prediction(
        self, prediction_id: str, *, yields: float = 0.0, remaining: float | None = None
    ) -> Flow[Prediction]:
        """Get a prediction once, whose id was checked; see :class:`HttpRequest` for the other parameters."""
        url = f"{self.settings.base_url}/api/v3/predictions/{quote(prediction_id, safe='')}/result"
        outcome = yield HttpRequest("GET", url, self.headers, yields=yields, remaining=remaining)
        return self._read_prediction(outcome, prediction_id=prediction_id)

    def get_confirmed(self, prediction_id: str, *, deadline: float | None = None) -> Flow[Prediction]:
        """
        Get a prediction, with repetitions until the response can be believed.

        A success with outputs, and a prediction in progress, are believed at once. A failure, an unknown prediction and
        a success without outputs are believed after they were seen often, over twenty seconds: one wrong response must
        not give up a generation that is paid for.

        :param deadline: The end of the wait that this belongs to; ``None`` without one. No repetition starts after it.
        :raises InvalidRequestError: As :meth:`get_prediction`.
        :raises WaitTimeoutError: When the response could not be confirmed by then; it is not believed.
        """
        self._check_id(prediction_id)
        results: list[Prediction | SeedanceError] = []
        for delay in (*CONFIRM_DELAYS, None):
            retry_after = 0.0
            try:
                remaining = None if deadline is None else max(deadline - self.clock(), 0.0)
                prediction = yield from self._get_prediction(prediction_id, remaining=remaining)
            except SeedanceError as error:
                results.append(error)
                retry_after = error.retry_after or 0.0
            else:
                if prediction.is_complete or not prediction.status.is_final:
                    return prediction
                results.append(prediction)
            if delay is not None:
                pause = min(max(delay, retry_after), MAXIMUM_CONFIRM_DELAY)
                if deadline is not None and self.clock() + pause > deadline:
                    raise not_confirmed(results[-1], prediction_id)
                yield Sleep(pause)
        return confirmed(results, prediction_id)

    def poll(self, poller: Poller) -> Flow[Decision]:
        """
        Get the prediction once, and return the poller's decision.

        :raises InvalidRequestError: As :meth:`get_prediction`.
        """
        self._check_id(poller.prediction_id)
        return (yield from self._poll(poller))

    def _poll(self, poller: Poller) -> Flow[Decision]:
        now = self.clock()
        try:
            prediction = yield from self._get_prediction(
                poller.prediction_id, yields=poller.yields(now), remaining=poller.remaining(now)
            )
        except SeedanceError as error:
            return poller.on_error(error, self.clock())
        return poller.on_prediction(prediction, self.clock())

    def wait(self, poller: Poller, on_change: Callable[[Prediction], None] | None = None) -> Flow[Prediction]:
        """
        Poll until a prediction is finished. It sleeps first, because the caller has just polled.

        Each status change is logged in one line; a poll without a change is not logged.

        :param on_change: Called with the prediction when its status has changed and it is still in progress.
        """
        self._check_id(poller.prediction_id)
        decision: Decision = poller.first_poll(self.clock())
        while isinstance(decision, PollAgain):
            if decision.status_change:
                line = "%s: prediction %s, %.0f s after its submission; next poll in %.1f s"
                change = decision.status_change
                self.log.info(line, change, poller.prediction_id, self._elapsed(poller), decision.seconds)
            yield Sleep(decision.seconds)
            before = poller.last.reported_status if poller.last else None
            decision = yield from self._poll(poller)
            is_waiting = isinstance(decision, PollAgain)
            if on_change and is_waiting and poller.last and poller.last.reported_status != before:
                on_change(poller.last)
        if isinstance(decision, GiveUp):
            raise decision.error
        status, line = decision.prediction.reported_status, "Status %s: prediction %s, %.0f s after its submission"
        self.log.info(line, status, poller.prediction_id, self._elapsed(poller))
        return decision.prediction

    def _elapsed(self, poller: Poller) -> float:
        return max(self.clock() - poller.submitted_at, 0.0)

    def check_key(self) -> Flow[KeyCheck]:
        """Get the list of models: it is free, and it needs a key."""
        url = f"{self.settings.base_url}/v1/models"
        outcome = yield HttpRequest("GET", url, self.headers)
        base_url = self.settings.base_url
        if not isinstance(outcome, HttpResponse):
            return KeyCheck(False, f"{base_url} cannot be reached: {self._reason(outcome)}")
        # The list of models can be long.
        body = self._without_key(beginning(outcome.text)) if outcome.is_cut else self._read_body(outcome)
        code = read_code(body) if outcome.status == 200 else outcome.status
        if code in _KEY_REFUSED and is_page(body):
            return KeyCheck(False, f"A gateway before {base_url} answers {code}; check the proxy and the firewall")
        if code in _KEY_REFUSED:
            return KeyCheck(False, f"{base_url} answers, but refuses the API key ({code})")
        is_other_service = not isinstance(body, dict) or (code == 200 and not isinstance(body.get("data"), list))
        if is_other_service and code < 500 and code != 429:
            return KeyCheck(False, f"{base_url} answers {code}, but not as GPTProto does; check the base URL")
        if code != 200:
            return KeyCheck(False, f"{base_url} answers {code}; the API key could not be verified")
        return KeyCheck(True, f"{base_url} accepts the API key")

    def _read_prediction(self, outcome: Outcome, *, prediction_id: str | None) -> Prediction:
        """Return the prediction in an outcome, or raise the error that the outcome means."""
        if not isinstance(outcome, HttpResponse):
            raise self._no_response_error(outcome, prediction_id)
        # While a generation is in progress, many responses are the same: they are not read again.
        response, last = (prediction_id, outcome.status, outcome.text), self._last_response
        if last is not None and last[0] == response:
            return last[1]
        result = read_response(
            outcome.status,
            self._read_body(outcome),
            prediction_id=prediction_id,
            retry_after=read_retry_after(outcome.headers, datetime.fromtimestamp(self.clock(), UTC)),
            quote=self._quote,
            is_cut=outcome.is_cut,
        )
        if isinstance(result, SeedanceError):
            raise result
        if prediction_id and not result.status.is_final and len(outcome.text) <= _LONGEST_REMEMBERED:
            self._last_response = response, result
        return result

    def _no_response_error(self, outcome: NoResponse | None, prediction_id: str | None) -> SeedanceError:
        charge = _charge(prediction_id)
        if outcome is not None and not outcome.was_sent:
            what = f"No connection to {self.settings.base_url} could be made: {self._reason(outcome)}"
            return NotConnectedError(what, prediction_id=prediction_id, charge=charge)
        what = f"The response was lost: {self._reason(outcome)}"
        received = outcome.received if outcome else None
        body = "" if received is None else self._read_body(replace(received, text=self._without_cut_key(received.text)))
        if received is None or prediction_id or not body:
            lost = LostResponseError(what, prediction_id=prediction_id, charge=charge)
            return lost if prediction_id else unconfirmed(lost)
        what += f"; it begins with {received.status}: {self._quote(body)}"
        return lost_submission(LostResponseError(what, charge=charge), received.status, body)

    def _reason(self, outcome: NoResponse | None) -> str:
        if outcome is None:
            return "no outcome"
        reason = shorten(self._without_key(outcome.reason)) + ca_advice(outcome.reason)
        scheme, _, host = self.settings.base_url.partition("://")
        if scheme == "https" and _NOT_TLS.search(outcome.reason):
            reason += f". The answer is not TLS; for a server of plain HTTP set the connection's host to http://{host}"
        return reason

    def _read_body(self, response: HttpResponse) -> Any:
        """Return the decoded body, without the API key: errors and logs quote the body, which may contain the key."""
        try:
            return self._without_key(json.loads(response.text))
        except (ValueError, RecursionError):
            return self._without_key(response.text)

    def _without_cut_key(self, text: str) -> str:
        """Return a text that breaks off without the beginning of the API key at its end."""
        key = self.settings.api_key
        cut = next((size for size in range(len(key) - 1, 3, -1) if text.endswith(key[:size])), 0)
        return f"{text[:-cut]}***" if cut else text

    def _quote(self, body: object) -> str:
        return quote_body(self._without_key(body, names=True))

    def _without_key(self, value: Any, *, names: bool = False) -> Any:
        """
        Return text, or decoded JSON, with the API key redacted from every text.

        :param names: Redact names of fields as well. Parsing needs them unchanged, also if the key is such a name.
        """
        if isinstance(value, str):
            return self._key.sub("***", value)
        if isinstance(value, list):
            return [self._without_key(item, names=names) for item in value]
        if isinstance(value, dict):
            return {
                self._without_key(name) if names else name: self._without_key(item, names=names)
                for name, item in value.items()
            }
        return value


@functools.lru_cache(maxsize=8)
def _spellings(key: str) -> re.Pattern[str]:
    """
    Return a pattern that matches the key, also with JSON escapes, because errors quote broken JSON undecoded.

    JSON nested twice in JSON has up to seven backslashes before a character.
    """
    return re.compile(r"\\{0,7}".join(rf"(?:{re.escape(each)}|u(?i:{ord(each):04x}))" for each in key))


def _charge(prediction_id: str | None) -> Charge:
    return Charge.NONE if prediction_id is None else Charge.ACCEPTED
