"""The hook: from a connection, however it is given, to a client."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError, GenerationFailedError
from airflow_provider_seedance.gptproto.predictions import PredictionStatus
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.hooks.seedance import SeedanceHook

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
    def test_as_uri_or_json(self, connect: Any, connection: Any, base_url: str) -> None:
        connect(connection)
        settings = SeedanceHook().get_settings()
        assert (settings.base_url, settings.api_key) == (base_url, KEY)

    def test_extra_fields(self, connect: Any) -> None:
        extra = {"vendor": "doubao", "auth_scheme": "Bearer", "timeout": 5, "verify": False, "proxy": "http://p:1"}
        connect({"password": KEY, "extra": extra})
        settings = SeedanceHook().get_settings()
        assert (settings.vendor, settings.authorization) == ("doubao", f"Bearer {KEY}")
        assert (settings.timeout, settings.verify, settings.proxy) == (5, False, "http://p:1")

    async def test_is_the_same_on_an_event_loop(self, connect: Any) -> None:
        connect({"password": KEY, "host": "localhost:1", "extra": {"vendor": "doubao"}})
        assert await SeedanceHook().aget_settings() == SeedanceHook().get_settings()

    def test_without_a_key_is_refused_without_sending_anything(self, connect: Any) -> None:
        connect({"host": "localhost:1"})
        with pytest.raises(ConnectionSettingsError, match="password field is empty"):
            SeedanceHook().get_conn()

    def test_a_key_in_the_clear_is_warned_of(self, connect: Any, printed: Any) -> None:
        connect({"password": KEY, "host": "http://proxy.example"})
        SeedanceHook().get_settings()
        warned = printed()
        assert "sends its API key unencrypted to http://proxy.example" in warned
        assert KEY not in warned


class TestTestConnection:
    def test_accepts_a_good_key_free_of_charge(self, emulator: Emulator) -> None:
        accepted, message = SeedanceHook().test_connection()
        assert (accepted, message) == (True, f"{emulator.url} accepts the API key")
        assert emulator.ledger() == []
        assert [request["path"] for request in emulator.requests()] == ["/v1/models"]

    def test_refuses_a_wrong_key_without_showing_it(self, emulator: Emulator, connect: Any) -> None:
        connect({"host": emulator.url, "password": KEY})
        accepted, message = SeedanceHook().test_connection()
        assert (accepted, message) == (False, f"{emulator.url} answers, but refuses the API key (401)")

    def test_an_unreachable_host(self, connect: Any) -> None:
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
    def test_something_else_answers(self, emulator: Emulator, fault: dict[str, Any], message: str) -> None:
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
    def test_settings_that_cannot_be_used_are_an_answer_too(self, connect: Any, connection: Any) -> None:
        connect(connection)
        accepted, message = SeedanceHook().test_connection()
        assert not accepted
        assert message
        assert KEY not in message


class TestMethods:
    def test_submit_wait_and_get(self, emulator: Emulator) -> None:
        hook = SeedanceHook()
        submitted = hook.submit(TextToVideo(prompt="A paper boat"))
        finished = hook.wait_for_prediction(submitted.id, poll_interval=0.05)
        assert finished.is_complete
        assert hook.get_prediction(submitted.id) == finished
        assert hook.wait_for_prediction(submitted.id) == finished

    def test_a_wait_that_ends_without_a_video(self, emulator: Emulator) -> None:
        hook = SeedanceHook()
        submitted = hook.submit(TextToVideo(prompt="[fail]"))
        for _ in range(2):
            with pytest.raises(GenerationFailedError):
                hook.wait_for_prediction(submitted.id, poll_interval=0.05)
        assert hook.get_prediction(submitted.id).status is PredictionStatus.FAILED


class TestFormOfAirflow31:
    """Airflow 3.1 asks the hook for the form; it stands in for the form's libraries where they are missing."""

    def test_fields_are_those_of_the_metadata(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def module(name: str, **attributes: Any) -> None:
            stand_in = ModuleType(name)
            vars(stand_in).update(attributes)
            monkeypatch.setitem(sys.modules, name, stand_in)

        module("flask_appbuilder")
        module("flask_appbuilder.fieldwidgets", BS3TextFieldWidget=SimpleNamespace)
        module("flask_babel", lazy_gettext=str)
        module("wtforms", StringField=lambda label, widget, description: (label, description))

        widgets = SeedanceHook.get_connection_form_widgets()
        assert set(widgets) == {"vendor", "auth_scheme", "timeout", "verify", "proxy", "polls_per_second"}
        assert all(label and description for label, description in widgets.values())

    def test_behaviour_is_that_of_the_metadata(self) -> None:
        behaviour = SeedanceHook.get_ui_field_behaviour()
        assert set(behaviour) == {"hidden_fields", "relabeling", "placeholders"}
        assert behaviour["relabeling"]["password"] == "API key"
