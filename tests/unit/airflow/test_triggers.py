"""The trigger: its serialized arguments and its one event."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, NoReturn

import pytest
from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    ConnectionSettingsError,
    GenerationFailedError,
    SeedanceError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.tasks.events import read_event
from airflow_provider_seedance.triggers.seedance import SeedancePredictionTrigger
from tests.unit.airflow.driving import collect
from tests.versions import IS_3_4

pytestmark = pytest.mark.usefixtures("short_waits")


def trigger(prediction_id: str, **arguments: Any) -> SeedancePredictionTrigger:
    now = time.time()
    defaults = {
        "submitted_at": now,
        "deadline": now + 30,
        "expected_seconds": 75.0,
        "seedance_conn_id": "seedance_default",
    }
    return SeedancePredictionTrigger(prediction_id=prediction_id, **{**defaults, **arguments})


@pytest.fixture
def submit(emulator: Emulator) -> Callable[[str], str]:
    """Return a function that submits a prompt and returns the prediction's id."""

    def submit_prompt(prompt: str) -> str:
        with GPTProtoClient(ClientSettings(api_key=emulator.api_key, base_url=emulator.url)) as client:
            return client.submit(TextToVideo(prompt=prompt)).id

    return submit_prompt


def raise_error(payload: Any) -> NoReturn:
    """Raise the error in the payload of an event."""
    _, error = read_event(payload)
    assert isinstance(error, SeedanceError)
    raise error


class TestSerialization:
    def test_serialized_trigger_is_restored(self) -> None:
        path, arguments = trigger("abc", poll_interval=7.5).serialize()
        assert path == "airflow_provider_seedance.triggers.seedance.SeedancePredictionTrigger"
        again = SeedancePredictionTrigger(**json.loads(json.dumps(arguments)))
        assert again.serialize() == (path, arguments)

    def test_serialized_arguments_are_scalars_without_secrets(self) -> None:
        _, arguments = trigger("abc").serialize()
        assert set(arguments) == {
            "prediction_id", "seedance_conn_id", "submitted_at", "deadline", "expected_seconds", "poll_interval",
            "polls", "kind",
        }  # fmt: skip
        assert all(isinstance(value, str | float | int | None) for value in arguments.values())


class TestEvent:
    async def test_event_of_a_success_holds_the_wait_and_the_prediction(
        self, emulator: Emulator, submit: Callable[[str], str]
    ) -> None:
        waiting = trigger(submit("A paper boat"))
        [event] = await collect(waiting)

        assert event.payload["failure"] is None
        assert emulator.api_key not in json.dumps(event.payload)
        poller, prediction = read_event(json.loads(json.dumps(event.payload)))
        assert (poller.prediction_id, poller.deadline) == (waiting.prediction_id, waiting.deadline)
        assert isinstance(prediction, Prediction)
        assert prediction.outputs == (f"{emulator.url}/outputs/{waiting.prediction_id}/0.mp4",)
        assert (prediction.id, prediction.is_complete) == (waiting.prediction_id, True)

    WAIT: ClassVar[dict[str, Any]] = {
        "prediction_id": "abc",
        "submitted_at": 0.0,
        "deadline": 1.0,
        "expected_seconds": 1.0,
        "poll_interval": None,
        "polls": 3,
        "kind": "",
    }

    @pytest.mark.parametrize("stored", [None, {}, [], "succeeded", {"id": "abc"}, {"id": "abc", "outputs": []}])
    def test_payload_with_neither_result_nor_error_is_no_event(self, stored: Any) -> None:
        with pytest.raises(ValueError, match=r"Not an event of SeedancePredictionTrigger.*'prediction_id': 'abc'"):
            read_event({"wait": self.WAIT, "failure": None, "prediction": stored})

    @pytest.mark.parametrize("missing", WAIT)
    def test_payload_with_an_incomplete_wait_is_no_event(self, missing: str) -> None:
        wait = {name: value for name, value in self.WAIT.items() if name != missing}
        with pytest.raises(ValueError, match="Not an event of SeedancePredictionTrigger"):
            read_event({"wait": wait, "failure": {"error": "WaitTimeoutError"}, "prediction": None})

    async def test_event_of_a_failure_is_read_as_the_same_error(self, submit: Callable[[str], str]) -> None:
        prediction_id = submit("[fail]")
        [event] = await collect(trigger(prediction_id))
        with pytest.raises(GenerationFailedError, match="unexpected internal error") as raised:
            raise_error(json.loads(json.dumps(event.payload)))
        assert raised.value.prediction_id == prediction_id

    async def test_trigger_polls_once_after_a_passed_deadline(
        self, submit: Callable[[str], str], emulator: Emulator
    ) -> None:
        emulator.settings(seconds_running=60)
        unfinished = submit("A paper boat")
        emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=0)
        finished = submit("A paper boat")
        past = {"submitted_at": time.time() - 100, "deadline": time.time() - 50}

        [event] = await collect(trigger(finished, **past))
        assert event.payload["failure"] is None
        [event] = await collect(trigger(unfinished, **past))
        with pytest.raises(WaitTimeoutError, match="did not finish in 50 s"):
            raise_error(event.payload)

    async def test_trigger_waits_before_its_first_poll(self, submit: Callable[[str], str], emulator: Emulator) -> None:
        emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=0)
        began = time.time()
        await collect(trigger(submit("A paper boat"), poll_interval=0.3))
        [poll] = [request for request in emulator.requests() if request["method"] == "GET"]
        assert poll["time"] - began >= 0.3

    async def test_unusable_connection_is_an_event(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", json.dumps({"conn_type": "seedance", "host": emulator.url}))
        [event] = await collect(trigger("abc"))
        with pytest.raises(ConnectionSettingsError, match="has no API key"):
            raise_error(event.payload)

    async def test_connection_is_looked_up_once(
        self, submit: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lookups: list[str] = []

        async def count_lookup(conn_id: str, **arguments: Any) -> Any:
            lookups.append(conn_id)
            return await get_async_connection(conn_id, **arguments)

        monkeypatch.setattr("airflow.providers.common.compat.connection.get_async_connection", count_lookup)
        await collect(trigger(submit("A paper boat")))
        assert lookups == ["seedance_default"]

    @pytest.mark.parametrize("failure", [AirflowNotFoundException("absent"), ConnectionError("the API is away")])
    async def test_lookup_that_fails_for_a_time_does_not_end_the_wait(
        self, submit: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, failure: Exception
    ) -> None:
        failures = [failure] * 3

        async def fail_first(conn_id: str, **arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return await get_async_connection(conn_id, **arguments)

        monkeypatch.setattr("airflow.providers.common.compat.connection.get_async_connection", fail_first)
        [event] = await collect(trigger(submit("A paper boat")))
        assert event.payload["failure"] is None


class TestObservedDurations:
    KIND = "2.0 fast, 720p, at most 5 s, no media"

    @pytest.fixture
    def wait(self, submit: Callable[[str], str]) -> Callable[..., Awaitable[None]]:
        """Return a function that waits for a new prediction."""

        async def wait_for_one(**arguments: Any) -> None:
            await collect(trigger(submit("A paper boat"), **{"kind": self.KIND, **arguments}))

        return wait_for_one

    async def test_triggers_of_a_connection_share_what_they_observe(
        self, wait: Callable[..., Awaitable[None]], printed: Callable[[], str]
    ) -> None:
        await wait()
        [line] = [each for each in printed().splitlines() if "expected after 75 s (usual time)" in each]
        assert "SeedancePredictionTrigger" in line
        for _ in range(20):
            await wait()
        assert re.search(r"expected after \d+ s \(usual time 75 s, corrected by the last 20 of its kind\)", printed())

    @pytest.mark.parametrize("other", [{"seedance_conn_id": "seedance_other"}, {"kind": "2.5, 720p"}, {"kind": ""}])
    async def test_other_connections_and_kinds_have_their_own(
        self,
        wait: Callable[..., Awaitable[None]],
        printed: Callable[[], str],
        monkeypatch: pytest.MonkeyPatch,
        other: dict[str, str],
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_OTHER", os.environ["AIRFLOW_CONN_SEEDANCE_DEFAULT"])
        for _ in range(10):
            await wait()
        printed()
        await wait(**other)
        assert "expected after 75 s (usual time)" in printed()

    async def test_event_keeps_the_first_guess(
        self, wait: Callable[..., Awaitable[None]], submit: Callable[[str], str]
    ) -> None:
        for _ in range(10):
            await wait()
        [event] = await collect(trigger(submit("A paper boat"), kind=self.KIND))
        poller, _ = read_event(json.loads(json.dumps(event.payload)))
        assert (poller.expected_seconds, poller.kind) == (75.0, self.KIND)


class TestEarlyEvent:
    """Airflow's scheduler has to record the deferral before the event arrives (trap on Airflow 3.3.2)."""

    @pytest.mark.real_time
    @pytest.mark.parametrize("cause", ["short interval", "passed deadline", "invalid connection"])
    async def test_event_is_held_back(
        self, submit: Callable[[str], str], emulator: Emulator, monkeypatch: pytest.MonkeyPatch, cause: str
    ) -> None:
        monkeypatch.setattr(SeedancePredictionTrigger, "MINIMUM_SECONDS", 0.4)
        prediction_id = submit("A paper boat")
        arguments = {"poll_interval": 0.001} if cause == "short interval" else {"deadline": time.time() - 1}
        if cause == "invalid connection":
            monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", '{"conn_type": "seedance", "password": ""}')
        started = time.monotonic()
        assert len(await collect(trigger(prediction_id, **arguments))) == 1
        assert time.monotonic() - started >= 0.4


class TestRotatedKey:
    @pytest.fixture
    def keys(self, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> list[str]:
        """Return the keys of the connection: each lookup takes the next one."""
        keys: list[str] = []
        # The key changes within a second in these tests.
        monkeypatch.setattr("airflow_provider_seedance.triggers.seedance.LIFETIME_AFTER_REFUSAL", 0.0)

        async def connection_with_next_key(conn_id: str, **arguments: Any) -> Any:
            connection = await get_async_connection(conn_id, **arguments)
            connection.password = keys.pop(0)
            return connection

        monkeypatch.setattr("airflow.providers.common.compat.connection.get_async_connection", connection_with_next_key)
        return keys

    async def test_rotated_key_is_used_during_the_wait(
        self, submit: Callable[[str], str], keys: list[str], emulator: Emulator
    ) -> None:
        keys += ["sk-withdrawn", emulator.api_key]
        [event] = await collect(trigger(submit("A paper boat")))
        assert event.payload["failure"] is None
        assert keys == []

    async def test_key_that_is_refused_with_403_is_read_again(
        self, submit: Callable[[str], str], keys: list[str], emulator: Emulator
    ) -> None:
        keys += ["sk-withdrawn", emulator.api_key]
        prediction_id = submit("A paper boat")
        emulator.fault(endpoint="result", status=403, times=3)
        [event] = await collect(trigger(prediction_id))
        assert event.payload["failure"] is None
        assert keys == []

    async def test_key_that_stays_refused_ends_the_wait(
        self, submit: Callable[[str], str], keys: list[str], emulator: Emulator
    ) -> None:
        keys += ["sk-withdrawn", "sk-withdrawn"]
        [event] = await collect(trigger(submit("A paper boat"), poll_interval=5.0))
        with pytest.raises(AuthenticationError, match="valid API key"):
            raise_error(event.payload)
        assert [request["status"] for request in emulator.requests() if request["method"] == "GET"] == [401] * 3


class TestKill:
    async def test_kill_logs_that_the_generation_goes_on(self, printed: Callable[[], str]) -> None:
        await trigger("abc").on_kill()
        log = printed()
        assert "Prediction abc goes on at GPTProto and is billed" in log
        assert ("Keep task state and resume" in log) == IS_3_4
