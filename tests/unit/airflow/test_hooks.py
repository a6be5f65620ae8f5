"""The hook: from a connection as URI or JSON to a client."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import (
    BadRequestError,
    ConnectionNotFoundError,
    ConnectionSettingsError,
    ConnectionUnavailableError,
    GenerationFailedError,
    InvalidRequestError,
    UnconfirmedSubmissionError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.predictions import PredictionStatus
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.tasks.advice import advise_caller
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video
from tests.versions import IS_3_4, needs_store

KEY = "sk-needle-0123456789"


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the default connection, as URI or as JSON."""

    def set_connection(value: str | dict[str, Any]) -> None:
        text = value if isinstance(value, str) else json.dumps({"conn_type": "seedance", **value})
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", text)

    return set_connection


class TestConnection:
    @pytest.mark.parametrize(
        ("connection", "base_url"),
        [
            (f"seedance://:{KEY}@", "https://gptproto.com"),
            (f"seedance://:{KEY}@proxy.example:8443", "https://proxy.example:8443"),
            (f"seedance://:{KEY}@proxy.example:8080/http", "http://proxy.example:8080"),
            ({"password": KEY}, "https://gptproto.com"),
            ({"password": KEY, "host": "proxy.example"}, "https://proxy.example"),
            ({"password": KEY, "host": "http://localhost:8765/"}, "http://localhost:8765"),
            ({"password": KEY, "host": "localhost", "port": 8765, "schema": "http"}, "http://localhost:8765"),
        ],
    )
    def test_connection_is_read_from_uri_or_json(self, connect: Any, connection: Any, base_url: str) -> None:
        connect(connection)
        settings = SeedanceHook().get_settings()
        assert (settings.base_url, settings.api_key) == (base_url, KEY)

    @pytest.mark.parametrize(
        "extra", ['{"daily_budget_usd": 5,}', "{'ledger': '/srv/ledger'}", "ledger=/srv/ledger", '{"ledger": "/srv']
    )
    @pytest.mark.parametrize("form", ["json", "uri"])
    def test_extra_that_is_no_json_is_refused(self, connect: Any, extra: str, form: str) -> None:
        """Airflow from 3.2 on logs it and goes on without: see https://github.com/apache/airflow/pull/15100."""
        # Airflow 3.1 refuses the connection itself.
        refused = "extra is not valid JSON|did not find the connection"
        connect({"password": KEY, "extra": extra} if form == "json" else f"seedance://:{KEY}@?__extra__={quote(extra)}")
        for read in (SeedanceHook().get_settings, lambda: asyncio.run(SeedanceHook().aget_settings())):
            with pytest.raises(ConnectionSettingsError, match=refused):
                read()
        accepted, message = SeedanceHook().test_connection()
        assert not accepted
        assert re.search(refused, message)

    @pytest.mark.parametrize("extra", [None, "", "{}", {}])
    def test_empty_extra_is_accepted(self, connect: Any, extra: Any) -> None:
        connect({"password": KEY, "extra": extra})
        assert SeedanceHook().get_settings().ledger is None

    def test_extra_fields_become_settings(self, connect: Any) -> None:
        extra = {"vendor": "doubao", "auth_scheme": "Bearer", "timeout": 5, "verify": False, "proxy": "http://p:1"}
        connect({"password": KEY, "extra": extra})
        settings = SeedanceHook().get_settings()
        assert (settings.vendor, settings.authorization) == ("doubao", f"Bearer {KEY}")
        assert (settings.timeout, settings.verify, settings.proxy) == (5, False, "http://p:1")

    async def test_settings_are_the_same_on_an_event_loop(self, connect: Any) -> None:
        connect({"password": KEY, "host": "localhost:1", "extra": {"vendor": "doubao"}})
        assert await SeedanceHook().aget_settings() == SeedanceHook().get_settings()

    @pytest.mark.parametrize("name", ["daily_budget", "Ledger", "extra__seedance__timeout", "pools per second"])
    def test_unknown_field_of_the_extra_is_named(self, connect: Any, printed: Any, name: str) -> None:
        connect({"password": KEY, "host": "http://127.0.0.1:1", "extra": {name: 5, KEY: 1, "timeout": 1}})
        assert SeedanceHook().get_settings().unknown_fields == (name, "***")
        ignored = f"Unknown fields in the connection's extra are ignored: {name}, ***; known: vendor, auth_scheme,"
        log = printed()
        assert ignored in log
        assert ignored in SeedanceHook().test_connection()[1]
        assert KEY not in log

    def test_connection_without_a_key_is_refused(self, connect: Any) -> None:
        connect({"host": "localhost:1"})
        with pytest.raises(ConnectionSettingsError, match="password field is empty"):
            SeedanceHook().get_conn()

    def test_unencrypted_key_logs_a_warning(self, connect: Any, printed: Any) -> None:
        connect({"password": KEY, "host": "http://proxy.example"})
        SeedanceHook().get_settings()
        log = printed()
        assert "sends its API key unencrypted to http://proxy.example" in log
        assert KEY not in log

    @pytest.mark.parametrize(
        ("host", "verify", "warns"),
        [
            ("https://gptproto.example", False, True),
            ("https://gptproto.example", "false", True),
            ("https://gptproto.example", True, False),
            ("https://gptproto.example", "/etc/ssl/bundle.pem", False),
            ("http://localhost:1", False, False),
        ],
    )
    def test_unverified_host_logs_one_warning(
        self, connect: Any, printed: Any, host: str, verify: bool | str, warns: bool
    ) -> None:
        connect({"password": KEY, "host": host, "extra": {"verify": verify}})
        SeedanceHook().get_settings()
        assert printed().count(f"sends its API key to {host} without verifying that it is this host") == warns


class TestTestConnection:
    def test_valid_key_is_accepted_free_of_charge(self, emulator: Emulator) -> None:
        accepted, message = SeedanceHook().test_connection()
        assert (accepted, message) == (True, f"{emulator.url} accepts the API key")
        assert emulator.ledger() == []
        assert [request["path"] for request in emulator.requests()] == ["/v1/models"]

    def test_invalid_key_is_refused_and_not_shown(self, emulator: Emulator, connect: Any) -> None:
        connect({"host": emulator.url, "password": KEY})
        accepted, message = SeedanceHook().test_connection()
        assert (accepted, message) == (False, f"{emulator.url} answers, but refuses the API key (401)")

    def test_unreachable_host_is_reported(self, connect: Any) -> None:
        connect({"host": "http://127.0.0.1:9", "password": KEY})
        accepted, message = SeedanceHook().test_connection()
        assert not accepted
        assert message.startswith("http://127.0.0.1:9 cannot be reached")

    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ({"body": "html"}, "answers 200, but not as GPTProto does; check the base URL"),
            ({"body": {"ok": True}}, "answers 200, but not as GPTProto does; check the base URL"),
            ({"status": 404}, "answers 404; the API key could not be verified"),
            ({"answer": "redirect", "location": "http://127.0.0.1:9/"}, "answers 307"),
        ],
    )
    def test_unexpected_response_is_reported(self, emulator: Emulator, fault: dict[str, Any], message: str) -> None:
        emulator.fault(endpoint="models", **fault)
        accepted, found = SeedanceHook().test_connection()
        assert not accepted
        assert message in found

    @pytest.mark.parametrize(
        "connection",
        [
            {"password": KEY, "host": "ftp://example.com"},
            {"password": KEY, "extra": {"verify": "/no/such/file.pem"}},
            {"password": KEY, "extra": {"timeout": "soon"}},
            {"host": "localhost"},
        ],
    )
    def test_invalid_settings_are_reported_without_the_key(self, connect: Any, connection: Any) -> None:
        connect(connection)
        accepted, message = SeedanceHook().test_connection()
        assert not accepted
        assert message
        assert KEY not in message


class TestMethods:
    def test_hook_submits_waits_and_gets(self, emulator: Emulator) -> None:
        hook = SeedanceHook()
        submitted = hook.submit(TextToVideo(prompt="A paper boat"))
        finished = hook.wait_for_prediction(submitted.id, poll_interval=0.05)
        assert finished.is_complete
        assert hook.get_prediction(submitted.id) == finished
        assert hook.wait_for_prediction(submitted.id) == finished

    def test_submit_logs_warnings_and_refusals_that_are_warnings(
        self, emulator: Emulator, printed: Callable[[], str]
    ) -> None:
        hook = SeedanceHook()
        hook.submit(TextToVideo(prompt="A paper boat", camera_fixed=True))
        assert "camera_fixed: True may be refused or ignored" in printed()

        request = TextToVideo(prompt="A paper boat", resolution="1080p")
        with pytest.raises(InvalidRequestError):
            hook.submit(request)
        with pytest.raises(BadRequestError):
            hook.submit(request, validation="warn")
        assert "resolution: '1080p' is not allowed" in printed()
        assert len(emulator.ledger()) == 1

    @pytest.mark.usefixtures("short_waits")
    def test_wait_raises_if_the_generation_failed(self, emulator: Emulator) -> None:
        hook = SeedanceHook()
        submitted = hook.submit(TextToVideo(prompt="[fail]"))
        for _ in range(2):
            with pytest.raises(GenerationFailedError):
                hook.wait_for_prediction(submitted.id, poll_interval=0.05)
        assert hook.get_prediction(submitted.id).status is PredictionStatus.FAILED


@pytest.mark.usefixtures("short_waits")
class TestErrorsForACaller:
    """A plain task that uses the hook has no record, so the advice differs from that of operators."""

    def test_unconfirmed_submission_says_that_a_retry_pays_again(self, emulator: Emulator) -> None:
        emulator.fault(endpoint="submit", drop="after")
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            SeedanceHook().submit(TextToVideo(prompt="A paper boat"))
        assert str(caught.value).endswith(
            "A generation may have been started and charged. SeedanceHook keeps no record: a retry of the task that "
            "called it submits and pays again. Search for the generation in the GPTProto dashboard before you run the "
            "task again. If it is there, call wait_for_prediction with its id."
        )

    def test_unconfirmed_submission_with_an_id_says_how_to_wait_for_it(self) -> None:
        advice = advise_caller(UnconfirmedSubmissionError("The outcome is unknown", prediction_id="abc"))
        assert (advice or "").endswith('To go on with it, call wait_for_prediction("abc").')

    def test_timeout_of_a_wait_says_how_to_go_on(self, emulator: Emulator) -> None:
        emulator.settings(seconds_running=60)
        hook = SeedanceHook()
        prediction_id = hook.submit(TextToVideo(prompt="A paper boat")).id
        with pytest.raises(WaitTimeoutError) as caught:
            hook.wait_for_prediction(prediction_id, timeout=0.01, poll_interval=0.01)
        assert str(caught.value).endswith(
            "The generation was accepted and is billed whatever happens to this task. To go on with it, call "
            f'wait_for_prediction("{prediction_id}"). A retry of a task that submits submits and pays again, because '
            "SeedanceHook keeps no record."
        )

    def test_failed_generation_says_that_another_call_pays(self, emulator: Emulator) -> None:
        hook = SeedanceHook()
        prediction_id = hook.submit(TextToVideo(prompt="[fail]")).id
        with pytest.raises(GenerationFailedError, match=r"A new call of submit pays for a new generation\.$"):
            hook.wait_for_prediction(prediction_id, poll_interval=0.05)

    @pytest.mark.parametrize("span", [60, timedelta(minutes=1)])
    def test_wait_takes_seconds_or_a_timedelta(self, emulator: Emulator, span: Any) -> None:
        hook = SeedanceHook()
        prediction_id = hook.submit(TextToVideo(prompt="A paper boat")).id
        prediction = hook.wait_for_prediction(prediction_id, timeout=span, poll_interval=span / 1200)
        assert prediction.outputs

    @pytest.mark.parametrize("name", ["timeout", "poll_interval"])
    @pytest.mark.parametrize("span", ["60", 0, -1, True, timedelta(0), float("nan")])
    def test_wait_refuses_another_time_before_a_request(self, emulator: Emulator, name: str, span: Any) -> None:
        arguments: dict[str, Any] = {name: span}
        with pytest.raises(ValueError, match=rf"{name}: .* is not allowed; allowed: seconds above 0"):
            SeedanceHook().wait_for_prediction("abc", **arguments)
        assert emulator.requests() == []

    @pytest.mark.parametrize("request_", ["A paper boat", {"prompt": "A paper boat"}, None, TextToVideo])
    def test_submit_names_what_it_takes(self, emulator: Emulator, request_: Any) -> None:
        with pytest.raises(TypeError, match="allowed: TextToVideo, ImageToVideo, ReferenceToVideo"):
            SeedanceHook().submit(request_)
        assert emulator.requests() == []

    def test_id_of_a_submission_is_logged(self, emulator: Emulator, printed: Callable[[], str]) -> None:
        prediction_id = SeedanceHook().submit(TextToVideo(prompt="A paper boat")).id
        assert f"Submitted prediction {prediction_id} to doubao-seedance-2-0-fast-260128 (text-to-video)" in printed()


@pytest.mark.usefixtures("short_waits")
class TestMissingConnection:
    def test_hook_names_the_connection(self) -> None:
        with pytest.raises(ConnectionNotFoundError) as caught:
            SeedanceHook("absent").get_settings()
        assert str(caught.value) == (
            "Airflow did not find the connection 'absent'. Nothing was charged. If it does not exist, create it under "
            "Admin > Connections. If it exists, Airflow's API or secrets backend failed: try again later."
        )

    @pytest.mark.parametrize("method", ["get_prediction", "wait_for_prediction"])
    def test_call_for_a_known_prediction_names_it_and_its_bill(self, method: str) -> None:
        with pytest.raises(ConnectionNotFoundError) as caught:
            getattr(SeedanceHook("absent"), method)("abc")
        assert str(caught.value).startswith(
            "Airflow did not find the connection 'absent' (prediction abc). The generation was accepted and is billed "
            "whatever happens to this task. If it does not exist, create it"
        )

    @needs_store
    def test_retry_without_the_connection_names_the_prediction(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        monkeypatch.delenv("AIRFLOW_CONN_SEEDANCE_DEFAULT")
        with pytest.raises(ConnectionUnavailableError) as caught:
            run.try_once(text_to_video())
        message = str(caught.value)
        assert f"'seedance_default' (prediction {prediction_id}). The generation was accepted and is billed" in message
        assert "waits for the same prediction and pays nothing." in message
        assert len(emulator.ledger()) == 1

    @needs_store
    @pytest.mark.parametrize("wait", ["operator", "sensor"])
    def test_triggerer_without_the_connection_names_prediction_bill_and_way_back(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, wait: str
    ) -> None:
        class TriggererWithoutConnection(Run):
            def _fire(self, trigger: Any) -> Any:
                with monkeypatch.context() as without:
                    without.delenv("AIRFLOW_CONN_SEEDANCE_DEFAULT")
                    return super()._fire(trigger)

        emulator.settings(seconds_running=60)
        task: Any = text_to_video(deferrable=True)
        if wait == "sensor":
            prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
            task = SeedancePredictionSensor(task_id="wait", prediction_id=prediction_id, deferrable=True)
        with pytest.raises(ConnectionUnavailableError) as caught:
            TriggererWithoutConnection().try_once(task)
        [booked] = emulator.ledger()
        never = "This task never submits: a retry or a clear only waits again and pays nothing."
        again = (
            "A retry or a clear of this task, with the same arguments, waits for the same prediction and pays nothing."
        )
        if IS_3_4 and wait == "operator":
            again += (
                ' Unless the record is in a ledger, choose "Keep task state and resume" in a clear (keep_task_state in '
                "the API): otherwise Airflow deletes the record, and the task pays again."
            )
        assert str(caught.value) == (
            "The wait in the triggerer ended. Airflow did not find the connection 'seedance_default' (prediction "
            f"{booked['id']}). The generation was accepted and is billed whatever happens to this task. If it does not "
            "exist, create it under Admin > Connections. If it exists, Airflow's API or secrets backend failed: try "
            f"again later. The generation goes on at the service. {never if wait == 'sensor' else again}"
        )


class TestFormOfAirflow31:
    """Airflow 3.1 calls the hook for the connection form. These tests replace the form's libraries."""

    def test_form_widgets_are_the_extra_fields(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def module(name: str, **attributes: Any) -> None:
            replacement = ModuleType(name)
            vars(replacement).update(attributes)
            monkeypatch.setitem(sys.modules, name, replacement)

        module("flask_appbuilder")
        module("flask_appbuilder.fieldwidgets", BS3TextFieldWidget=SimpleNamespace)
        module("flask_babel", lazy_gettext=str)
        module("wtforms", StringField=lambda label, widget, description: (label, description))

        widgets = SeedanceHook.get_connection_form_widgets()
        assert set(widgets) == {
            "vendor",
            "auth_scheme",
            "timeout",
            "verify",
            "proxy",
            "polls_per_second",
            "ledger",
            "daily_budget_usd",
            "monthly_budget_usd",
            "budget_timezone",
        }
        assert all(label and description for label, description in widgets.values())

    def test_form_relabels_the_password(self) -> None:
        behaviour = SeedanceHook.get_ui_field_behaviour()
        assert set(behaviour) == {"hidden_fields", "relabeling", "placeholders"}
        assert behaviour["relabeling"]["password"] == "API key"


class TestConnectionWithLedger:
    @pytest.mark.parametrize("is_usable", [True, False])
    def test_test_names_the_ledger(
        self, is_usable: bool, seedance_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        ledger = (tmp_path / ("ledger" if is_usable else "file/below")).as_uri()
        connection = {**seedance_emulator.connection, "extra": {"ledger": ledger}}
        monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", json.dumps(connection))
        is_accepted, message = SeedanceHook().test_connection()
        assert is_accepted is is_usable
        assert ledger in message
        assert ("can be used" if is_usable else "NotADirectoryError") in message
        assert seedance_emulator.totals()["booked"] == 0
