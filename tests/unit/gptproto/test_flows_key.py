"""The API key, in both clients: it is sent in one header and appears in no URL, error, log or repr."""

from __future__ import annotations

import logging

import httpx
import pytest

from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    SeedanceError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.flows import ApiFlows, HttpRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.unit.gptproto.conftest import (
    KEY,
    PREDICTION_ID,
    SETTINGS,
    Exchange,
    answer,
    succeeded,
)


class TestApiKey:
    #: The key as a service may repeat it: in plain, with escaped slashes, and with JSON unicode escapes.
    ECHOES = (KEY, KEY.replace("/", "\\/"), "".join(f"\\u{ord(sign):04x}" for sign in KEY))

    def test_key_is_sent_in_one_header_only(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(), answer(succeeded()))
        exchange.submit()
        exchange.get_prediction()
        for request in exchange.requests:
            holders = [name for name, value in request.headers.items() if KEY in value]
            assert holders == ["authorization"]
            assert request.headers["Authorization"] == KEY
            assert KEY not in str(request.url)
            assert KEY.encode() not in request.content

    def test_auth_scheme_is_configurable(self, exchange: Exchange) -> None:
        exchange.settings = ClientSettings(api_key=KEY, base_url="https://gptproto.example", auth_scheme="Bearer")
        exchange.will_answer(answer())
        exchange.submit()
        assert exchange.requests[0].headers["Authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("echo", ECHOES)
    @pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 503])
    def test_key_repeated_by_the_service_is_in_no_error_or_log(
        self, exchange: Exchange, caplog: pytest.LogCaptureFixture, echo: str, status: int
    ) -> None:
        caplog.set_level(logging.DEBUG)
        body = (
            f'{{"error": {{"message": "key {echo} is bad", "code": "{echo}"}}, "code": {status}, "message": "{echo}"}}'
        )
        exchange.will_answer(*[answer(body, status)] * 8)
        with pytest.raises(SeedanceError) as submitted:
            exchange.submit()
        with pytest.raises(SeedanceError) as confirmed:
            exchange.get_confirmed()
        check = exchange.check_key()
        for error in (submitted.value, confirmed.value):
            assert KEY not in f"{error} {error!r} {vars(error) if error else ''}"
        assert KEY not in check.message
        assert KEY not in caplog.text

    @pytest.mark.parametrize("echo", ECHOES)
    def test_key_repeated_by_the_service_is_in_no_prediction_or_wait_log(
        self, exchange: Exchange, caplog: pytest.LogCaptureFixture, echo: str
    ) -> None:
        caplog.set_level(logging.DEBUG)
        fields = f'"id": "{PREDICTION_ID}", "status": "{echo}", "model": "{echo}", "error": {{"message": "{echo}"}}'
        done = f'"id": "{PREDICTION_ID}", "status": "succeeded", "outputs": ["https://x.example/?key={echo}"]'
        exchange.will_answer(*(answer(f'{{"data": {{{data}}}, "code": 200}}') for data in (fields, fields, done)))
        assert KEY not in repr(exchange.get_prediction())
        assert KEY not in repr(exchange.wait(exchange.new_poller()))
        assert KEY not in caplog.text

    def test_key_is_in_no_transport_error(self, exchange: Exchange) -> None:
        exchange.will_answer(httpx.LocalProtocolError(f"Illegal header value {KEY!r}"))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"

    @pytest.mark.parametrize("echo", ECHOES)
    def test_key_as_a_field_name_is_redacted_in_a_quoted_body(self, exchange: Exchange, echo: str) -> None:
        exchange.will_answer(answer(f'{{"{echo}": 1, "{"x" * 480}{echo}": 2}}'))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        assert '{"***": 1' in str(caught.value)
        assert KEY[:6] not in str(caught.value)

    def test_key_is_redacted_in_an_html_page(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(f"<html>{KEY}</html>", 502))
        with pytest.raises(ServiceError) as caught:
            exchange.get_prediction()
        assert "***" in str(caught.value)
        assert KEY not in str(caught.value)

    def test_key_equal_to_a_json_field_name_does_not_break_parsing(self, exchange: Exchange) -> None:
        exchange.settings = ClientSettings(api_key="data", base_url="https://gptproto.example")
        exchange.will_answer(answer(succeeded()))
        assert exchange.get_prediction().is_complete

    def test_key_is_in_no_repr(self) -> None:
        send = HttpRequest("POST", "https://gptproto.example", {"Authorization": KEY}, KEY.encode())
        flows = ApiFlows(SETTINGS, user_agent="test", clock=lambda: 0.0, log=logging.getLogger(__name__))
        for owner in (SETTINGS, send, flows, next(flows.get_prediction("abc"))):
            assert KEY not in f"{owner!r} {owner}"
        with GPTProtoClient(SETTINGS) as client:
            assert KEY not in f"{client!r} {AsyncGPTProtoClient(SETTINGS)!r}"
