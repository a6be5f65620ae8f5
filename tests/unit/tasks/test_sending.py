"""Sending a submission: each attempt between its intent and its id in the record."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx
import pytest

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    Charge,
    InvalidRequestError,
    NotConnectedError,
    RateLimitError,
    SeedanceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.tasks import sending
from airflow_provider_seedance.tasks.progress import Progress
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.submission import Submission
from airflow_provider_seedance.tasks.sending import Sender, send_unrecorded
from tests.unit.gptproto.conftest import PREDICTION_ID, SETTINGS, Reply, answer, error_body
from tests.unit.tasks.submissions import ACCEPTED, CHECKED, INTENT, REQUEST, RUNNING, FakeClient

LOG = logging.getLogger(__name__)


class StoreError(Exception):
    """The task state store cannot be reached."""


class LoggingRecord(SubmissionRecord):
    """
    A record that stores the names of its calls.

    :param write_fails: How many writes fail.
    :param restore_fails: How many restorations fail.
    """

    def __init__(self, *, write_fails: int = 0, restore_fails: int = 0) -> None:
        super().__init__()
        self.calls: list[str] = []
        self._fails = {"write": write_fails, "restore": restore_fails}

    def write(self, submission: Submission) -> None:
        self._call("write")

    def restore(self, earlier: Submission | None, intent: Submission, reason: str = "") -> None:
        self._call("restore")

    def _call(self, name: str) -> None:
        if self._fails[name]:
            self._fails[name] -= 1
            raise StoreError
        self.calls.append(name)


@dataclass
class Attempts:
    """A real client, a service in memory, and a clock that moves by pauses only."""

    replies: list[Reply]
    record: LoggingRecord = field(default_factory=LoggingRecord)
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    now: float = 1_800_000_000.0

    def send(self) -> Prediction:
        with (
            GPTProtoClient(SETTINGS, transport=httpx.MockTransport(self._reply), clock=lambda: self.now) as client,
            mock.patch.object(sending, "time", SimpleNamespace(time=lambda: self.now, sleep=self._pause)),
        ):
            sender = Sender(client, self.record, Progress(), LOG)
            return sender.send(CHECKED, intent=INTENT, recorded=None)

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply.to_response()

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class TestAttempts:
    """Each accepted submission costs money: a submission is repeated only if it provably was not accepted."""

    def test_accepted_submission_is_recorded_before_it_is_sent_and_sent_once(self) -> None:
        attempts = Attempts([answer()])
        assert attempts.send().id == PREDICTION_ID
        assert (len(attempts.requests), attempts.record.calls, attempts.pauses) == (1, ["write"], [])

    def test_lost_response_keeps_the_intent_and_is_not_repeated(self) -> None:
        attempts = Attempts([httpx.ReadTimeout("")])
        with pytest.raises(UnconfirmedSubmissionError):
            attempts.send()
        assert (len(attempts.requests), attempts.record.calls, attempts.pauses) == (1, ["write"], [])

    def test_refusal_restores_the_record_and_is_not_repeated(self) -> None:
        attempts = Attempts([answer(error_body(401), 401)])
        with pytest.raises(AuthenticationError):
            attempts.send()
        assert (len(attempts.requests), attempts.record.calls, attempts.pauses) == (1, ["write", "restore"], [])

    @pytest.mark.parametrize(
        "failure",
        [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.PoolTimeout(""), httpx.ProxyError("407")],
        ids=lambda error: type(error).__name__,
    )
    def test_submission_without_a_connection_is_repeated(self, failure: Exception) -> None:
        attempts = Attempts([failure, answer()])
        assert attempts.send().id == PREDICTION_ID
        assert attempts.record.calls == ["write", "restore", "write"]
        assert len(attempts.pauses) == 1
        first, second = attempts.requests
        assert (first.url, first.content, first.headers) == (second.url, second.content, second.headers)

    @pytest.mark.parametrize("reply", [(error_body(429), 429), ({"data": None, "code": 429, "message": "slow"}, 200)])
    def test_rate_limited_submission_is_repeated_after_retry_after(self, reply: tuple[Any, int]) -> None:
        attempts = Attempts([answer(*reply, retry_after="12"), answer()])
        assert attempts.send().id == PREDICTION_ID
        assert 12 <= attempts.pauses[0] <= 13

    def test_rate_limited_submission_without_retry_after_is_repeated_within_a_second(self) -> None:
        attempts = Attempts([answer(error_body(429), 429), answer()])
        attempts.send()
        assert 0 < attempts.pauses[0] <= 1

    def test_log_holds_reason_and_delay_of_the_next_attempt(self, caplog: pytest.LogCaptureFixture) -> None:
        attempts = Attempts([answer("", 429), answer()])
        attempts.send()
        delay = attempts.pauses[0]
        assert caplog.messages == [f"Submission not accepted: GPTProto answered 429. Next attempt in {delay:.1f} s"]

    @pytest.mark.parametrize(
        ("reply", "cls"), [(httpx.ConnectError("refused"), NotConnectedError), (None, RateLimitError)]
    )
    def test_repetitions_end_with_the_budget(self, reply: Exception | None, cls: type[SeedanceError]) -> None:
        attempts = Attempts([reply or answer(error_body(429), 429) for _ in range(100)])
        with pytest.raises(cls) as caught:
            attempts.send()
        sends = len(attempts.requests)
        assert sends == 6 if cls is NotConnectedError else 5 < sends < 15
        assert attempts.record.calls == ["write", "restore"] * sends
        assert sum(attempts.pauses) <= 300
        assert caught.value.charge is Charge.NONE
        assert caught.value.retryable

    def test_retry_after_beyond_the_budget_ends_the_attempts(self) -> None:
        attempts = Attempts([answer(error_body(429), 429, retry_after="3600")])
        with pytest.raises(RateLimitError) as caught:
            attempts.send()
        assert len(attempts.requests) == 1
        assert caught.value.retry_after == 3_600

    def test_lost_response_of_a_repetition_keeps_the_intent(self) -> None:
        attempts = Attempts([httpx.ConnectError("refused"), httpx.ReadTimeout("")])
        with pytest.raises(UnconfirmedSubmissionError):
            attempts.send()
        assert attempts.record.calls == ["write", "restore", "write"]

    def test_submission_is_not_sent_if_the_intent_cannot_be_recorded(self) -> None:
        attempts = Attempts([], LoggingRecord(write_fails=1))
        with pytest.raises(StoreError):
            attempts.send()
        assert attempts.requests == []

    def test_submission_is_not_repeated_if_the_record_cannot_be_restored(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        attempts = Attempts([httpx.ConnectError("refused")], LoggingRecord(restore_fails=3))
        with caplog.at_level(logging.WARNING), pytest.raises(NotConnectedError) as caught:
            attempts.send()
        assert caught.value.advice.endswith(
            "The record may still have the intent of this submission. If so, the next try fails as unconfirmed: delete "
            "the record under Storage > Task State Store, and clear the task."
        )
        assert (len(attempts.requests), attempts.pauses) == (1, [1, 3])
        assert caplog.messages == [
            f"The record could not be restored after a submission that was not sent or not accepted: StoreError(){end}"
            for end in (". Next attempt in 1 s", ". Next attempt in 3 s", "")
        ]

    def test_submission_is_not_repeated_at_once_if_a_write_seemed_to_fail(self) -> None:
        """It may be applied late, over the id of the next submission. A retry of the task comes later."""
        attempts = Attempts([httpx.ConnectError("refused")], LoggingRecord(restore_fails=1))
        with pytest.raises(NotConnectedError) as caught:
            attempts.send()
        assert caught.value.retryable
        assert "The record may still have the intent" not in caught.value.advice
        assert (len(attempts.requests), attempts.record.calls) == (1, ["write", "restore"])


class TestId:
    def test_id_is_recorded_with_pauses(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        class FailingRecord(SubmissionRecord):
            failures = 2

            def write(self, submission: Submission) -> None:
                if self.failures:
                    self.failures -= 1
                    raise StoreError

        pauses: list[float] = []
        monkeypatch.setattr(sending, "time", SimpleNamespace(sleep=pauses.append))
        assert Sender(FakeClient(), FailingRecord(), Progress(), LOG).record_id(INTENT, "abc") == ACCEPTED
        assert pauses == [1, 3]
        assert caplog.messages == [
            f"The id could not be recorded (prediction abc): StoreError(). Next attempt in {pause} s"
            for pause in (1, 3)
        ]


class TestSendUnrecorded:
    def test_submission_without_a_record_is_sent_once(self) -> None:
        client = FakeClient()
        assert send_unrecorded(client, REQUEST, SubmissionRecord(), log=LOG) == RUNNING
        assert client.submissions == 1

    def test_invalid_arguments_are_not_sent(self) -> None:
        client = FakeClient()
        with pytest.raises(InvalidRequestError):
            send_unrecorded(client, TextToVideo(prompt=" "), SubmissionRecord(), log=LOG)
        assert client.submissions == 0

    def test_warnings_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        request = TextToVideo(prompt="A paper boat", camera_fixed=True, duration=16)
        send_unrecorded(FakeClient(), request, SubmissionRecord(), validation="warn", log=LOG)
        warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
        assert [message.partition(":")[0] for message in warnings] == ["duration", "camera_fixed"]

    def test_refusal_of_the_catalogue_is_not_sent(self) -> None:
        client = FakeClient()
        with pytest.raises(InvalidRequestError):
            send_unrecorded(client, TextToVideo(prompt="A paper boat", duration=16), SubmissionRecord(), log=LOG)
        assert client.submissions == 0

    def test_refused_submission_is_logged_and_repeated(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = FakeClient(RateLimitError("GPTProto answered 429"))
        accept = SimpleNamespace(time=time.time, sleep=lambda _: setattr(client, "outcome", RUNNING))
        monkeypatch.setattr(sending, "time", accept)
        assert send_unrecorded(client, REQUEST, SubmissionRecord(), log=LOG) == RUNNING
        assert client.submissions == 2
        assert caplog.messages[0].startswith("Submission not accepted: GPTProto answered 429. Next attempt in ")
