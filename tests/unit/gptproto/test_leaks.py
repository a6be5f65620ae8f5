"""A request that holds a secret of its connection is refused, and no message repeats the secret."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, InvalidRequestError
from airflow_provider_seedance.gptproto.leaks import refuse_secrets
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


def test_secret_that_is_an_ordinary_word_refuses_nothing() -> None:
    refuse_secrets({"prompt": "A secret boat"}, ClientSettings(api_key="secret", proxy="http://a:boat@proxy.example"))


def test_client_sends_no_request_with_the_key(exchange: Exchange) -> None:
    key = exchange.settings.api_key
    with pytest.raises(InvalidRequestError, match="prompt: holds the API key"):
        exchange.submit(TextToVideo(prompt=f"A boat {key}"))
    with pytest.raises(InvalidRequestError, match="prediction_id: holds the API key"):
        exchange.get_prediction(key)
    assert exchange.requests == []
