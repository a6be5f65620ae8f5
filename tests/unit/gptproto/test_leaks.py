"""A request that holds a secret of its connection is refused, and no message repeats the secret."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, ConnectionNotFoundError, InvalidRequestError
from airflow_provider_seedance.gptproto.leaks import arguments_of, refuse_secrets, refuse_secrets_of
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.unit.gptproto.conftest import Exchange

KEY = "sk-3f9a7b21c8d4"
SETTINGS = ClientSettings(api_key=KEY, proxy="http://user:p%40ssw0rd-of-proxy@proxy.example:3128")


def circle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["again"] = [value, KEY]
    return value


def deep() -> Any:
    value: Any = KEY
    for _ in range(5_000):
        value = [value]
    return value


def no_connection() -> ClientSettings:
    raise ConnectionNotFoundError("Airflow did not find the connection")


HOLDERS: list[Any] = [
    KEY,
    f"A boat named {KEY}.",
    KEY.encode(),
    ["https://x.example/a.png", f"https://x.example/?key={KEY}"],
    {"nested": {"note": [f"Bearer {KEY}"]}},
    {KEY: 1},
    (KEY,),
    circle(),
    deep(),
]


@pytest.mark.parametrize("value", HOLDERS, ids=lambda value: type(value).__name__)
def test_value_that_holds_the_key_is_refused_without_repeating_it(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="seed: holds the API key of the connection") as caught:
        refuse_secrets({"prompt": "A boat", "seed": value}, SETTINGS)
    assert KEY not in str(caught.value)
    assert caught.value.charge is Charge.NONE


def test_password_of_the_proxy_is_refused_decoded() -> None:
    with pytest.raises(InvalidRequestError, match="prompt: holds the proxy's password") as caught:
        refuse_secrets({"prompt": "It says p@ssw0rd-of-proxy"}, SETTINGS)
    assert "p@ssw0rd" not in str(caught.value)


def test_other_values_pass() -> None:
    refuse_secrets({"prompt": "A boat", "seed": 7, "image": None, "extra_parameters": {"a": [1, 2.5, True]}}, SETTINGS)
    refuse_secrets({"prompt": "user at proxy.example"}, SETTINGS)


def test_number_without_a_text_is_left_to_the_check_of_the_arguments() -> None:
    refuse_secrets({"seed": 10**5000}, SETTINGS)


def test_secret_that_is_an_ordinary_word_refuses_nothing() -> None:
    refuse_secrets({"prompt": "A secret boat"}, ClientSettings(api_key="secret", proxy="http://a:boat@proxy.example"))


def test_client_sends_no_request_with_the_key(exchange: Exchange) -> None:
    key = exchange.settings.api_key
    with pytest.raises(InvalidRequestError, match="prompt: holds the API key"):
        exchange.submit(TextToVideo(prompt=f"A boat {key}"))
    for method in ("get_prediction", "get_confirmed", "poll", "wait"):
        with pytest.raises(InvalidRequestError, match="prediction_id: holds the API key"):
            exchange.ask(method, key)
    assert exchange.requests == []


@pytest.mark.parametrize("name", ["duration", "seed", "resolution", "model"])
def test_client_quotes_no_argument_that_holds_the_key(exchange: Exchange, name: str) -> None:
    arguments: dict[str, Any] = {"prompt": "A boat", name: exchange.settings.api_key}
    with pytest.raises(InvalidRequestError, match=f"{name}: holds the API key") as caught:
        exchange.submit(TextToVideo(**arguments))
    assert exchange.settings.api_key not in str(caught.value)


def test_wait_neither_logs_nor_sends_a_key_in_place_of_an_id(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with pytest.raises(InvalidRequestError, match="prediction_id: holds the API key"):
        exchange.wait(exchange.new_poller(prediction_id=exchange.settings.api_key))
    assert (exchange.requests, exchange.pauses, caplog.text) == ([], [], "")


class TestSecretsOf:
    """The secrets of a connection that may be unusable."""

    def test_secret_of_the_connection_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="url: holds the API key of the connection"):
            refuse_secrets_of(lambda: SETTINGS, {"url": f"https://x.example/{KEY}"})

    def test_other_key_passes(self) -> None:
        refuse_secrets_of(lambda: SETTINGS, {"url": "https://x.example/sk-0fAnotherAccount"})

    @pytest.mark.parametrize("value", HOLDERS, ids=lambda value: type(value).__name__)
    def test_what_looks_like_a_key_is_refused_without_a_connection(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="seed: holds what looks like an API key, which") as caught:
            refuse_secrets_of(no_connection, {"prompt": "A boat", "seed": value})
        assert KEY not in str(caught.value)

    def test_other_values_pass_without_a_connection(self) -> None:
        refuse_secrets_of(no_connection, {"prompt": "A risk-assessment, task-1234567890", "id": "sk-short"})

    def test_other_error_of_the_lookup_is_not_hidden(self) -> None:
        with pytest.raises(ZeroDivisionError):
            refuse_secrets_of(lambda: 1 // 0, {})  # type: ignore[arg-type,return-value]  # raises


def test_arguments_of_a_request_are_all_its_fields() -> None:
    arguments = arguments_of(TextToVideo(prompt="A boat", seed=7))
    assert (arguments["prompt"], arguments["seed"], arguments["resolution"]) == ("A boat", 7, None)
