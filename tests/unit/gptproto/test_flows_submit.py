"""Submissions by both clients: each is sent exactly once, with any response."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    InsufficientBalanceError,
    InvalidRequestError,
    NotConnectedError,
    PermissionDeniedError,
    RateLimitError,
    RedirectError,
    SeedanceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.flows import ApiFlows
from airflow_provider_seedance.gptproto.predictions import PredictionStatus
from airflow_provider_seedance.gptproto.requests import (
    GenerationRequest,
    ImageToVideo,
    ReferenceToVideo,
    TextToVideo,
)
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.unit.gptproto.conftest import (
    HTML,
    KEY,
    POLICY_BODIES,
    REQUEST,
    SETTINGS,
    Exchange,
    Reply,
    answer,
    envelope,
    error_body,
)
from tests.unit.gptproto.making import spelled

UNKNOWN = "It is unknown whether the submission was accepted."


class TestSubmitRequest:
    @pytest.mark.parametrize(
        ("request_", "path"),
        [
            (
                TextToVideo(prompt="A cat", model="doubao-seedance-2-0-fast-260128"),
                "/api/v3/bytedance/doubao-seedance-2-0-fast-260128/text-to-video",
            ),
            (
                ImageToVideo(prompt="A cat", model="seedance-1-0-pro", image="https://example.com/a.png"),
                "/api/v3/bytedance/seedance-1-0-pro/image-to-video",
            ),
            (
                ReferenceToVideo(prompt="A cat", model="seedance-9-9", images=["https://example.com/a.png"]),
                "/api/v3/bytedance/seedance-9-9/reference-to-video",
            ),
        ],
    )
    def test_submit_url_has_vendor_model_and_mode(
        self, exchange: Exchange, request_: GenerationRequest, path: str
    ) -> None:
        exchange.will_answer(answer())
        exchange.submit(request_)
        [sent] = exchange.requests
        assert (sent.method, str(sent.url)) == ("POST", f"https://gptproto.example{path}")

    def test_vendor_of_the_settings_is_in_the_url(self, exchange: Exchange) -> None:
        exchange.settings = ClientSettings(api_key=KEY, base_url="https://gptproto.example/v", vendor="doubao")
        exchange.will_answer(answer())
        exchange.submit()
        assert exchange.requests[0].url.path.startswith("/v/api/v3/doubao/")

    def test_body_is_the_payload(self, exchange: Exchange) -> None:
        exchange.will_answer(answer())
        exchange.submit(TextToVideo(prompt="猫 on a beach", aspect_ratio="16:9", seed=-1))
        [sent] = exchange.requests
        assert json.loads(sent.content) == {
            "prompt": "猫 on a beach",
            "aspect_ratio": "16:9",
            "duration": 5,
            "resolution": "720p",
            "seed": -1,
        }
        assert sent.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("status", [200, 201, 202])
    def test_accepted_submission_returns_the_prediction(self, exchange: Exchange, status: int) -> None:
        exchange.will_answer(answer(envelope(id="sora-2:task_x", status="created"), status))
        prediction = exchange.submit()
        assert (prediction.id, prediction.status) == ("sora-2:task_x", PredictionStatus.CREATED)

    def test_accepted_submission_with_its_id_only_in_urls_returns_the_prediction(self, exchange: Exchange) -> None:
        urls = {"get": "https://elsewhere.example/api/v3/predictions/abc/result"}
        exchange.will_answer(answer({"data": {"status": "created", "urls": urls}, "code": 200}))
        assert exchange.submit().id == "abc"

    def test_invalid_request_is_not_sent(self, exchange: Exchange) -> None:
        with pytest.raises(InvalidRequestError):
            exchange.submit(TextToVideo(prompt=" "))
        assert exchange.requests == []


class TestSubmittedOnce:
    """Each submission that arrives costs money."""

    def test_accepted_submission_is_sent_once(self, exchange: Exchange) -> None:
        exchange.will_answer(answer())
        exchange.submit()
        assert len(exchange.requests) == 1
        assert exchange.pauses == []

    @pytest.mark.parametrize(
        "reply",
        [
            httpx.ReadTimeout("no answer in 60 s"),
            httpx.WriteTimeout(""),
            httpx.WriteError("broken pipe"),
            httpx.ReadError("reset by peer"),
            httpx.CloseError(""),
            httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
            httpx.LocalProtocolError(""),
            httpx.DecodingError("incorrect header check"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_lost_response_is_unconfirmed(self, exchange: Exchange, reply: Exception) -> None:
        self.assert_unconfirmed(exchange, reply)

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 524, 408, 425])
    @pytest.mark.parametrize("body", [HTML, error_body(500), {"code": 503, "message": "unavailable"}, ""])
    def test_service_or_gateway_error_is_unconfirmed(self, exchange: Exchange, status: int, body: object) -> None:
        self.assert_unconfirmed(exchange, answer(body, status))

    @pytest.mark.parametrize(
        ("body", "quoted"),
        [
            ("", ""),
            (HTML, f": {HTML}"),
            ('{"data": {"id": "abc", "sta', ': {"data": {"id": "abc", "sta'),
            ([], ": []"),
            ({}, ": {}"),
            ({"data": None, "message": "success", "code": 200}, ': {"data": null, "message": "success", "code": 200}'),
            ({"data": {"status": "created"}, "code": 200}, ': {"data": {"status": "created"}, "code": 200}'),
            ({"data": {"id": "\ud800"}}, ': {"data": {"id": "\N{REPLACEMENT CHARACTER}"}}'),
            ({"error": "unknown"}, ': {"error": "unknown"}'),
        ],
        ids=spelled,
    )
    @pytest.mark.parametrize("status", [200, 202])
    def test_unreadable_success_is_unconfirmed_and_quoted(
        self, exchange: Exchange, status: int, body: object, quoted: str
    ) -> None:
        error = self.assert_unconfirmed(exchange, answer(body, status))
        assert error.what == f"{UNKNOWN} The response of GPTProto ({status}) has no readable prediction{quoted}"

    @pytest.mark.parametrize("words", ["insufficient balance", "Content policy violation", "InvalidParameter", "额度"])
    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_http_5xx_is_unconfirmed_whatever_it_says(self, exchange: Exchange, status: int, words: str) -> None:
        error = self.assert_unconfirmed(exchange, answer(error_body(status, words), status))
        assert words in error.what

    def test_success_without_content_is_unconfirmed(self, exchange: Exchange) -> None:
        self.assert_unconfirmed(exchange, answer("", 204))

    @pytest.mark.parametrize("code", [500, "500", 502, 201, 307, 10_005, -1])
    def test_success_with_an_error_code_is_unconfirmed(self, exchange: Exchange, code: object) -> None:
        self.assert_unconfirmed(exchange, answer({"data": None, "message": "internal server error", "code": code}))

    @pytest.mark.parametrize("status", [300, 302, 303])
    def test_redirect_after_possible_processing_is_unconfirmed(self, exchange: Exchange, status: int) -> None:
        self.assert_unconfirmed(exchange, answer("", status, location="https://elsewhere.example/"))

    def test_unconfirmed_submission_keeps_the_id_in_the_response(self, exchange: Exchange) -> None:
        exchange.will_answer(answer({**envelope(id="abc"), "code": 500, "message": "timeout"}))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        assert caught.value.prediction_id == "abc"

    def test_rate_limit_with_a_prediction_is_unconfirmed(self, exchange: Exchange) -> None:
        error = self.assert_unconfirmed(exchange, answer({**envelope(id="abc"), "code": 429}, 429, retry_after="1"))
        assert error.prediction_id == "abc"
        assert error.advice == "The response has the prediction's id. Clear the task to go on with it."

    def test_unconfirmed_submission_without_an_id_has_the_default_advice(self, exchange: Exchange) -> None:
        error = self.assert_unconfirmed(exchange, answer("", 500))
        assert error.prediction_id is None
        assert error.advice == UnconfirmedSubmissionError.default_advice

    def test_missing_outcome_is_unconfirmed(self) -> None:
        flows = ApiFlows(SETTINGS, user_agent="test", clock=lambda: 0.0, log=logging.getLogger(__name__))
        flow = flows.submit(REQUEST.check())
        next(flow)
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            flow.send(None)
        assert caught.value.what == f"{UNKNOWN} The response was lost: no outcome"

    def assert_unconfirmed(self, exchange: Exchange, reply: Reply) -> UnconfirmedSubmissionError:
        exchange.will_answer(reply)
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        assert len(exchange.requests) == 1
        assert caught.value.charge is Charge.POSSIBLE
        assert not caught.value.retryable
        return caught.value


class TestPermanentRefusal:
    @pytest.mark.parametrize(
        ("reply", "cls"),
        [
            ((error_body(400), 400), BadRequestError),
            ((error_body(401), 401), AuthenticationError),
            ((error_body(402), 402), InsufficientBalanceError),
            ((error_body(403), 403), PermissionDeniedError),
            ((error_body(403, "Insufficient balance"), 403), InsufficientBalanceError),
            ((error_body(404, "no such model"), 404), BadRequestError),
            ((HTML, 404), BadRequestError),
            ((error_body(413), 413), BadRequestError),
            ((error_body(422), 422), BadRequestError),
            ((POLICY_BODIES[0], 400), ContentPolicyError),
            ((POLICY_BODIES[1], 400), ContentPolicyError),
            (({**envelope(), **POLICY_BODIES[0]}, 400), ContentPolicyError),
            (({"data": None, "code": 503, "message": "Content blocked"}, 200), ContentPolicyError),
            (({"data": None, "code": 400, "message": "No"}, 200), BadRequestError),
            (({"data": None, "code": 401, "message": "No"}, 200), AuthenticationError),
            (({"data": None, "code": "403", "message": "No"}, 200), PermissionDeniedError),
            (({**envelope(), "code": 403, "message": "No"}, 403), PermissionDeniedError),
            (({}, 301), RedirectError),
            (({}, 307), RedirectError),
            (({}, 308), RedirectError),
        ],
    )
    def test_refusal_is_not_charged(self, exchange: Exchange, reply: tuple[Any, int], cls: type[SeedanceError]) -> None:
        exchange.will_answer(answer(*reply))
        with pytest.raises(SeedanceError) as caught:
            exchange.submit()
        assert type(caught.value) is cls
        assert caught.value.charge is Charge.NONE
        assert not caught.value.retryable
        assert len(exchange.requests) == 1
        assert exchange.pauses == []


class TestTemporaryRefusal:
    """The flow sends once; only the caller decides whether a submission is repeated."""

    @pytest.mark.parametrize(
        "failure",
        [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.PoolTimeout(""), httpx.ProxyError("407")],
        ids=lambda error: type(error).__name__,
    )
    def test_submission_without_a_connection_is_sent_once(self, exchange: Exchange, failure: Exception) -> None:
        self.assert_refused_once(exchange, failure, NotConnectedError)

    @pytest.mark.parametrize(
        "headers",
        [
            {"retry_after": "12"},
            {"retry_after_ms": "12000"},
            {"retry_after": format_datetime(datetime.fromtimestamp(1_800_000_012, UTC), usegmt=True)},
        ],
    )
    @pytest.mark.parametrize("reply", [(error_body(429), 429), ({"data": None, "code": 429, "message": "slow"}, 200)])
    def test_rate_limited_submission_is_sent_once_and_keeps_retry_after(
        self, exchange: Exchange, reply: tuple[Any, int], headers: dict[str, Any]
    ) -> None:
        error = self.assert_refused_once(exchange, answer(*reply, **headers), RateLimitError)
        assert error.retry_after == pytest.approx(12)

    def assert_refused_once(self, exchange: Exchange, reply: Reply, cls: type[SeedanceError]) -> SeedanceError:
        exchange.will_answer(reply)
        with pytest.raises(cls) as caught:
            exchange.submit()
        assert len(exchange.requests) == 1
        assert exchange.pauses == []
        assert caught.value.charge is Charge.NONE
        assert caught.value.retryable
        return caught.value
