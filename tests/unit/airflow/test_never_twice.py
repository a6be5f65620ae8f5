"""
Random tries of one task: one generation is paid once, whatever fails and whenever the worker dies (idempotency).

The service of these tests only books generations, and its responses may be lost. A worker that dies stops at once, as
after SIGKILL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from tests.unit.airflow.driving import FakeStore, Run
from tests.versions import needs_store

#: Outcomes of one submission: not booked, and booked.
SUBMIT_LOST = ("no connection", "rate limit", "refused", "key refused", "timeout", "gateway", "die before")
SUBMIT_BOOKED = ("accepted", "response lost", "error although booked", "unreadable", "die after")
#: Outcomes of one poll.
POLLS = ("running", "gateway", "timeout", "rate limit", "key refused", "empty", "die", "failed", "expired", "forgotten")
ENDS = ("succeeded", "failed", "expired", "forgotten")


class WorkerDiedError(BaseException):
    """SIGKILL: the provider must not catch it."""


@dataclass
class Booking:
    """One paid generation, and how it ended."""

    id: str
    end: str | None = None


@dataclass
class Service:
    """A service that books submissions and returns the outcomes it is given."""

    submits: list[str] = field(default_factory=list)
    polls: list[str] = field(default_factory=list)
    end: str = "succeeded"
    bookings: list[Booking] = field(default_factory=list)
    may_pay_again: bool = False
    #: Whether the author accepts to pay again for a prediction that the service does not know.
    may_pay_lost: bool = False
    #: Wrong responses in the current try.
    wrong_answers: int = 0
    #: The number of bookings that the author has replaced.
    earlier: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return self.submit() if request.method == "POST" else self.poll(request.url.path.split("/")[-2])

    def submit(self) -> httpx.Response:
        outcome = self.submits.pop(0) if self.submits else "accepted"
        if outcome in SUBMIT_BOOKED:
            if self.may_pay_again:
                self.earlier, self.may_pay_again = len(self.bookings), False
            kept = (None, "succeeded") if self.may_pay_lost else (None, "succeeded", "forgotten")
            paid = [each for each in self.bookings[self.earlier :] if each.end in kept]
            assert not paid, f"paid twice: {paid} and now again"
            self.bookings.append(Booking(f"{len(self.bookings):032x}"))
        match outcome:
            case "no connection":
                raise httpx.ConnectError("refused")
            case "rate limit":
                return httpx.Response(429, headers={"Retry-After": "1"})
            case "refused":
                return httpx.Response(400, json={"error": {"message": "no", "type": "400"}})
            case "key refused":
                return httpx.Response(401, json={"error": {"message": "no", "type": "401"}})
            case "timeout" | "response lost":
                raise httpx.ReadTimeout("slow")
            case "gateway" | "error although booked":
                return httpx.Response(502, text="<html>")
            case "unreadable":
                return httpx.Response(200, text="<html>")
            case "die before" | "die after":
                raise WorkerDiedError(outcome)
            case _:
                return self.respond(self.bookings[-1].id, "created")

    def poll(self, prediction_id: str) -> httpx.Response:
        booking = next(each for each in self.bookings if each.id == prediction_id)
        if booking.end == "forgotten":
            return httpx.Response(404, json={"code": 404, "message": "no such prediction"})
        match self.polls.pop(0) if self.polls else None:
            case "running" if booking.end is None:
                return self.respond(prediction_id, "running")
            case "gateway":
                return httpx.Response(503, text="<html>")
            case "timeout":
                raise httpx.ReadTimeout("slow")
            case "rate limit":
                return httpx.Response(429)
            case "key refused":
                return httpx.Response(401)
            case "empty" if booking.end in (None, "succeeded"):
                return self.respond(prediction_id, "succeeded", outputs=[])
            case "die":
                raise WorkerDiedError("during a poll")
            case "failed" | "expired" | "forgotten" as wrong if booking.end is None and self.wrong_answers < 2:
                # A failure is believed after three responses, an unknown prediction after four.
                self.wrong_answers += 1
                if wrong == "forgotten":
                    return httpx.Response(404, json={"code": 404, "message": "no such prediction"})
                return self.respond(prediction_id, wrong)
        booking.end = booking.end or self.end
        if booking.end == "forgotten":
            return httpx.Response(404, json={"code": 404, "message": "no such prediction"})
        return self.respond(prediction_id, booking.end)

    def respond(self, prediction_id: str, status: str, outputs: list[str] | None = None) -> httpx.Response:
        if outputs is None:
            outputs = [f"https://example.com/{prediction_id}.mp4"] if status == "succeeded" else []
        return httpx.Response(200, json={"data": {"id": prediction_id, "status": status, "outputs": outputs}})


@dataclass
class FailingStore(FakeStore):
    """A state store whose writes fail, or whose caller dies before or after a write."""

    failures: list[str] = field(default_factory=list)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self._write("set", lambda: super(FailingStore, self).set(key, value))

    def _write(self, name: str, write: Any) -> None:
        failure = self.failures.pop(0) if self.failures else "none"
        if failure == "fails":
            raise ConnectionError(f"the API server is away: {name}")
        if failure == "dies before":
            raise WorkerDiedError(name)
        write()
        if failure == "dies after":
            raise WorkerDiedError(name)


class Clock:
    """A clock whose ``sleep`` returns at once."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        self.now += 0.01
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def connected(service: Service, clock: Clock) -> Iterator[None]:
    """Connect every client to a service."""
    client_settings = ClientSettings(api_key="sk-test", base_url="https://gptproto.example", verify=False)
    transport = httpx.MockTransport(service)

    def get_conn(hook: SeedanceHook) -> GPTProtoClient:
        return GPTProtoClient(client_settings, transport=transport, clock=clock.time, sleep=clock.sleep, log=hook.log)

    async def aget_settings(hook: SeedanceHook) -> ClientSettings:
        return client_settings

    def get_async_client(hook: SeedanceHook, settings: ClientSettings) -> AsyncGPTProtoClient:
        return AsyncGPTProtoClient(settings, transport=transport, clock=clock.time, sleep=clock.asleep, log=hook.log)

    timeless = SimpleNamespace(time=clock.time)
    with (
        mock.patch.object(SeedanceHook, "get_conn", get_conn),
        mock.patch.object(SeedanceHook, "aget_settings", aget_settings),
        mock.patch.object(SeedanceHook, "get_async_client", get_async_client),
        mock.patch("airflow_provider_seedance.tasks.generation.time", timeless),
        mock.patch("airflow_provider_seedance.tasks.submit.time", SimpleNamespace(time=clock.time, sleep=clock.sleep)),
        mock.patch("airflow_provider_seedance.triggers.seedance.time", timeless),
    ):
        yield


class OneTask(RuleBasedStateMachine):
    """One task instance through tries, failures, clears and repairs."""

    @initialize(
        deferrable=st.booleans(),
        on_clear=st.sampled_from(["reuse", "regenerate"]),
        on_unconfirmed=st.sampled_from(["fail", "resubmit"]),
        on_lost=st.sampled_from(["fail", "resubmit"]),
    )
    def begin(self, deferrable: bool, on_clear: str, on_unconfirmed: str, on_lost: str) -> None:
        self.service, self.store, self.clock = Service(), FailingStore(), Clock()
        self.run = Run(self.store)
        self.arguments: dict[str, Any] = {
            "deferrable": deferrable,
            "on_clear": on_clear,
            "on_unconfirmed_submission": on_unconfirmed,
            "on_lost_prediction": on_lost,
            "timeout": 600.0,
        }
        self.reported: list[str] = []
        self.delivered: list[str] = []
        #: Whether Airflow runs the task: after a success only if it is cleared.
        self.is_due = True
        self.has_died = False

    def attempt(self, prompt: str = "A paper boat") -> None:
        operator = SeedanceTextToVideoOperator(task_id="make_video", prompt=prompt, **self.arguments)
        recorded = self.store.get("seedance_submission")
        if recorded is not None and recorded["prediction_id"] is None and not recorded["is_refused"]:
            # With "resubmit" the author accepts to pay again, once, after an unconfirmed submission.
            is_first = not recorded["is_resubmission"] or recorded["max_tries"] != self.run.max_tries
            self.service.may_pay_again |= self.arguments["on_unconfirmed_submission"] == "resubmit" and is_first
        is_delivered = recorded is not None and recorded["delivered"]
        self.service.may_pay_lost = self.arguments["on_lost_prediction"] == "resubmit" and not is_delivered
        self.service.wrong_answers = 0
        self.has_died = False
        with connected(self.service, self.clock):
            try:
                [address] = self.run.try_once(operator)
            except WorkerDiedError:
                self.has_died = True
            except (SeedanceError, AirflowFailException, ConnectionError) as error:
                self.reported.append(str(error))
            else:
                self.delivered.append(address)
                self.is_due = False

    @precondition(lambda self: self.is_due)
    @rule(
        submits=st.lists(st.sampled_from(SUBMIT_LOST + SUBMIT_BOOKED), max_size=3),
        polls=st.lists(st.sampled_from(POLLS), max_size=8),
        failures=st.lists(st.sampled_from(["none", "none", "fails", "dies before", "dies after"]), max_size=4),
        end=st.sampled_from(ENDS),
        pushes_before_failure=st.sampled_from([None, None, 0, 1, 2]),
    )
    def try_with_faults(
        self, submits: list[str], polls: list[str], failures: list[str], end: str, pushes_before_failure: int | None
    ) -> None:
        self.service.submits, self.service.polls, self.service.end = submits, polls, end
        self.store.failures = failures
        self.run.pushes_before_failure = pushes_before_failure
        self.attempt()

    def remove_faults(self) -> None:
        self.service.submits, self.service.polls, self.service.end, self.store.failures = [], [], "succeeded", []
        self.run.pushes_before_failure = None

    @precondition(lambda self: self.is_due)
    @rule()
    def try_without_faults(self) -> None:
        self.remove_faults()
        before = len(self.delivered)
        self.attempt()
        if len(self.delivered) > before:
            assert self.service.bookings[-1].id in self.delivered[-1]
        else:
            # Only an unconfirmed submission, or a video that the service lost, can end the task now.
            message, last = self.reported[-1], self.service.bookings[-1:]
            if "does not know the prediction" in message or "not available any more" in message:
                assert [each.end for each in last] == ["forgotten"]
                assert self.arguments["on_lost_prediction"] == "fail" or "on_clear=" in message
            else:
                assert "prediction_id set to its id" in message

    @precondition(lambda self: self.is_due)
    @rule()
    def try_other_arguments_that_are_refused(self) -> None:
        self.remove_faults()
        self.service.submits = ["refused"]
        before = self.store.values.copy()
        self.attempt(prompt="A kite")
        assert re.search("Nothing was charged|This try charged nothing", self.reported[-1])
        assert not (self.service.bookings and "Nothing was charged" in self.reported[-1])
        if before:
            assert self.store.values == before
        else:
            assert json.loads(self.store.values["seedance_submission"])["is_refused"]

    @precondition(lambda self: not self.is_due)
    @rule()
    def clear(self) -> None:
        self.run.clear()
        self.is_due = True
        self.service.may_pay_again |= self.arguments["on_clear"] == "regenerate"

    # A worker that dies after it recorded the delivery has delivered.
    @precondition(lambda self: self.is_due and not self.has_died)
    @rule()
    def clear_before_delivery(self) -> None:
        """Clear this task or another one of the run: an undelivered video is not generated again."""
        self.run.clear_number += 1

    @invariant()
    def error_of_a_failed_try_has_the_charge(self) -> None:
        for message in getattr(self, "reported", []):
            if "API server is away" not in message:
                assert re.search(r"[Nn]othing was charged|billed|bills|may have been started and charged", message)

    @invariant()
    def record_is_json(self) -> None:
        for text in getattr(self, "store", FakeStore()).values.values():
            json.loads(text)


OneTask.TestCase.settings = settings(
    max_examples=150, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOneTask = needs_store(OneTask.TestCase)


def test_service_of_these_tests_detects_a_double_payment() -> None:
    service = Service()
    service.submit()
    with pytest.raises(AssertionError, match="paid twice"):
        service.submit()
