"""What is asked and what the answers mean, carried out by both clients."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
from airflow_provider_seedance.gptproto.conversations import Conversations, Send
from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    GenerationFailedError,
    InsufficientBalanceError,
    InvalidRequestError,
    LostAnswerError,
    MissingOutputsError,
    NotConnectedError,
    PermissionDeniedError,
    PredictionNotFoundError,
    RateLimitError,
    RedirectError,
    SeedanceError,
    ServiceError,
    UnconfirmedSubmissionError,
    UnreadableAnswerError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.polling import Done, GiveUp, LookAgain
from airflow_provider_seedance.gptproto.predictions import PredictionStatus
from airflow_provider_seedance.gptproto.requests import (
    GenerationRequest,
    ImageToVideo,
    ReferenceToVideo,
    TextToVideo,
)
from airflow_provider_seedance.gptproto.resending import BUDGET_SECONDS, MAXIMUM_SENDS
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.unit.gptproto.conftest import (
    KEY,
    PREDICTION_ID,
    REQUEST,
    SETTINGS,
    Exchange,
    Reply,
    answer,
    envelope,
    succeeded,
)

HTML = "<html><body><h1>Bad Gateway</h1></body></html>"
#: The page: "Content blocked due to safety concerns (actual status code is 400)"; in ``code`` or in ``error.type``.
POLICY_BODIES: list[dict[str, Any]] = [
    {"code": 503, "message": "Content blocked due to safety concerns", "type": "error"},
    {"error": {"message": "Content blocked due to safety concerns", "type": "503"}},
]


def error_body(code: int, message: str = "No") -> dict[str, Any]:
    return {"error": {"message": message, "type": str(code)}}


class Callbacks:
    """What a task does around each sending, as a list of words."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def before_send(self) -> None:
        self.calls.append("before send")

    def after_refusal(self) -> None:
        self.calls.append("after refusal")

    def submit(self, exchange: Exchange) -> Any:
        return exchange.submit(before_send=self.before_send, after_refusal=self.after_refusal)


class TestWhatIsSubmitted:
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
    def test_the_address_names_vendor_model_and_mode(
        self, exchange: Exchange, request_: GenerationRequest, path: str
    ) -> None:
        exchange.will_answer(answer())
        exchange.submit(request_)
        [sent] = exchange.requests
        assert (sent.method, str(sent.url)) == ("POST", f"https://gptproto.example{path}")

    def test_the_vendor_is_a_setting(self, exchange: Exchange) -> None:
        exchange.settings = ClientSettings(api_key=KEY, base_url="https://gptproto.example/v", vendor="doubao")
        exchange.will_answer(answer())
        exchange.submit()
        assert exchange.requests[0].url.path.startswith("/v/api/v3/doubao/")

    def test_the_body_is_the_payload(self, exchange: Exchange) -> None:
        exchange.will_answer(answer())
        exchange.submit(TextToVideo(prompt="猫 on a beach", aspect_ratio="16:9", seed=-1))
        [sent] = exchange.requests
        assert json.loads(sent.content) == {
            "prompt": "猫 on a beach",
            "aspect_ratio": "16:9",
            "duration": 5,
            "seed": -1,
        }
        assert sent.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("status", [200, 201, 202])
    def test_an_acceptance_is_the_prediction(self, exchange: Exchange, status: int) -> None:
        exchange.will_answer(answer(envelope(id="sora-2:task_x", status="created"), status))
        prediction = exchange.submit()
        assert (prediction.id, prediction.status) == ("sora-2:task_x", PredictionStatus.CREATED)

    def test_an_acceptance_with_its_id_in_urls_alone(self, exchange: Exchange) -> None:
        urls = {"get": "https://elsewhere.example/api/v3/predictions/abc/result"}
        exchange.will_answer(answer({"data": {"status": "created", "urls": urls}, "code": 200}))
        assert exchange.submit().id == "abc"

    def test_what_is_certain_to_fail_is_not_sent(self, exchange: Exchange) -> None:
        callbacks = Callbacks()
        with pytest.raises(InvalidRequestError):
            exchange.submit(TextToVideo(prompt=" "), before_send=callbacks.before_send)
        assert exchange.requests == []
        assert callbacks.calls == []


class TestSubmittedOnce:
    """Each submission that arrives costs money."""

    def test_an_accepted_one(self, exchange: Exchange) -> None:
        callbacks = Callbacks()
        exchange.will_answer(answer())
        callbacks.submit(exchange)
        assert callbacks.calls == ["before send"]
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
    def test_an_answer_that_was_lost(self, exchange: Exchange, reply: Exception) -> None:
        self.assert_unconfirmed(exchange, reply)

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 524, 408, 425])
    @pytest.mark.parametrize("body", [HTML, error_body(500), {"code": 503, "message": "unavailable"}, ""])
    def test_an_error_of_the_service_or_a_gateway(self, exchange: Exchange, status: int, body: object) -> None:
        self.assert_unconfirmed(exchange, answer(body, status))

    @pytest.mark.parametrize(
        "body",
        [
            "",
            HTML,
            '{"data": {"id": "abc", "sta',
            [],
            {},
            {"data": None, "message": "success", "code": 200},
            {"data": {"status": "created"}, "code": 200},
            {"data": {"id": "\ud800"}, "code": 200},
            {"error": "unknown"},
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("status", [200, 202])
    def test_a_success_that_cannot_be_read(self, exchange: Exchange, status: int, body: object) -> None:
        self.assert_unconfirmed(exchange, answer(body, status))

    def test_a_success_without_content(self, exchange: Exchange) -> None:
        self.assert_unconfirmed(exchange, answer("", 204))

    @pytest.mark.parametrize("code", [500, "500", 502, 201, 307, 10_005, -1])
    def test_a_success_whose_code_says_otherwise(self, exchange: Exchange, code: object) -> None:
        self.assert_unconfirmed(exchange, answer({"data": None, "message": "internal server error", "code": code}))

    @pytest.mark.parametrize("status", [300, 302, 303])
    def test_a_redirect_that_may_follow_the_work(self, exchange: Exchange, status: int) -> None:
        self.assert_unconfirmed(exchange, answer("", status, location="https://elsewhere.example/"))

    def test_the_id_is_kept_where_the_answer_names_one(self, exchange: Exchange) -> None:
        exchange.will_answer(answer({**envelope(id="abc"), "code": 500, "message": "timeout"}))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        assert caught.value.prediction_id == "abc"

    def test_a_rate_limit_that_names_a_prediction(self, exchange: Exchange) -> None:
        error = self.assert_unconfirmed(exchange, answer({**envelope(id="abc"), "code": 429}, 429, retry_after="1"))
        assert error.prediction_id == "abc"

    def test_a_step_whose_outcome_nobody_knows(self) -> None:
        conversations = Conversations(SETTINGS, user_agent="test", clock=lambda: 0.0, log=logging.getLogger(__name__))
        steps = conversations.submit(REQUEST, lambda: None, lambda: None)
        next(steps)
        with pytest.raises(UnconfirmedSubmissionError):
            steps.send(None)

    def assert_unconfirmed(self, exchange: Exchange, reply: Reply) -> UnconfirmedSubmissionError:
        callbacks = Callbacks()
        exchange.will_answer(reply)
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            callbacks.submit(exchange)
        assert len(exchange.requests) == 1
        assert callbacks.calls == ["before send"]
        assert caught.value.charge is Charge.POSSIBLE
        assert not caught.value.retryable
        assert isinstance(caught.value.__cause__, SeedanceError)
        assert caught.value.__cause__.what in str(caught.value)
        return caught.value


class TestRefused:
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
            (({"data": None, "code": 503, "message": "Content blocked"}, 200), ContentPolicyError),
            (({"data": None, "code": 400, "message": "No"}, 200), BadRequestError),
            (({"data": None, "code": 401, "message": "No"}, 200), AuthenticationError),
            (({"data": None, "code": "403", "message": "No"}, 200), PermissionDeniedError),
            (({}, 301), RedirectError),
            (({}, 307), RedirectError),
            (({}, 308), RedirectError),
        ],
    )
    def test_once_and_for_nothing(self, exchange: Exchange, reply: tuple[Any, int], cls: type[SeedanceError]) -> None:
        callbacks = Callbacks()
        exchange.will_answer(answer(*reply))
        with pytest.raises(SeedanceError) as caught:
            callbacks.submit(exchange)
        assert type(caught.value) is cls
        assert caught.value.charge is Charge.NONE
        assert not caught.value.retryable
        assert len(exchange.requests) == 1
        assert callbacks.calls == ["before send", "after refusal"]
        assert exchange.pauses == []


class TestSentAgain:
    @pytest.mark.parametrize(
        "failure",
        [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.PoolTimeout(""), httpx.ProxyError("407")],
        ids=lambda error: type(error).__name__,
    )
    def test_where_no_connection_was_made(self, exchange: Exchange, failure: Exception) -> None:
        callbacks = Callbacks()
        exchange.will_answer(failure, answer())
        assert callbacks.submit(exchange).id == PREDICTION_ID
        assert len(exchange.requests) == 2
        assert callbacks.calls == ["before send", "after refusal", "before send"]
        assert len(exchange.pauses) == 1

    def test_the_same_again(self, exchange: Exchange) -> None:
        exchange.will_answer(httpx.ConnectError("refused"), answer())
        exchange.submit()
        first, second = exchange.requests
        assert (first.url, first.content, first.headers) == (second.url, second.content, second.headers)

    @pytest.mark.parametrize(
        "headers",
        [
            {"retry_after": "12"},
            {"retry_after_ms": "12000"},
            {"retry_after": format_datetime(datetime.fromtimestamp(1_800_000_012, UTC), usegmt=True)},
        ],
    )
    @pytest.mark.parametrize("reply", [(error_body(429), 429), ({"data": None, "code": 429, "message": "slow"}, 200)])
    def test_after_a_rate_limit_and_its_wish(
        self, exchange: Exchange, reply: tuple[Any, int], headers: dict[str, Any]
    ) -> None:
        exchange.will_answer(answer(*reply, **headers), answer())
        assert exchange.submit().id == PREDICTION_ID
        assert len(exchange.requests) == 2
        assert 12 <= exchange.pauses[0] <= 13

    def test_after_a_rate_limit_without_a_wish(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(error_body(429), 429), answer())
        exchange.submit()
        assert 0 < exchange.pauses[0] <= 1

    @pytest.mark.parametrize(
        ("reply", "cls"), [(httpx.ConnectError("refused"), NotConnectedError), (None, RateLimitError)]
    )
    def test_a_few_times_within_a_budget(
        self, exchange: Exchange, reply: Exception | None, cls: type[SeedanceError]
    ) -> None:
        callbacks = Callbacks()
        exchange.will_answer(*(reply or answer(error_body(429), 429) for _ in range(100)))
        with pytest.raises(cls) as caught:
            callbacks.submit(exchange)
        assert len(exchange.requests) == MAXIMUM_SENDS
        assert callbacks.calls == ["before send", "after refusal"] * MAXIMUM_SENDS
        assert sum(exchange.pauses) <= BUDGET_SECONDS
        assert caught.value.charge is Charge.NONE
        assert caught.value.retryable

    def test_not_after_a_wish_beyond_the_budget(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(error_body(429), 429, retry_after="3600"))
        with pytest.raises(RateLimitError) as caught:
            exchange.submit()
        assert len(exchange.requests) == 1
        assert caught.value.retry_after == 3_600

    def test_what_follows_is_judged_by_itself(self, exchange: Exchange) -> None:
        callbacks = Callbacks()
        exchange.will_answer(httpx.ConnectError("refused"), httpx.ReadTimeout(""))
        with pytest.raises(UnconfirmedSubmissionError):
            callbacks.submit(exchange)
        assert callbacks.calls == ["before send", "after refusal", "before send"]


class TestCallbacksThatFail:
    """A task state store that cannot be reached."""

    class StoreError(Exception):
        pass

    def fail(self) -> None:
        raise self.StoreError

    def test_nothing_is_sent_that_could_not_be_recorded(self, exchange: Exchange) -> None:
        with pytest.raises(self.StoreError):
            exchange.submit(before_send=self.fail)
        assert exchange.requests == []

    def test_nothing_is_sent_again_whose_refusal_could_not_be_recorded(self, exchange: Exchange) -> None:
        exchange.will_answer(httpx.ConnectError("refused"))
        with pytest.raises(self.StoreError):
            exchange.submit(after_refusal=self.fail)
        assert len(exchange.requests) == 1


class TestGetPrediction:
    @pytest.mark.parametrize(
        ("prediction_id", "path"),
        [
            (PREDICTION_ID, PREDICTION_ID),
            ("cgt-2026-x", "cgt-2026-x"),
            ("sora-2:task_x", "sora-2%3Atask_x"),
            ("a/../b?c#d%2F", "a%2F..%2Fb%3Fc%23d%252F"),
        ],
    )
    def test_the_address_is_the_base_and_the_quoted_id(self, exchange: Exchange, prediction_id: str, path: str) -> None:
        exchange.will_answer(answer())
        assert exchange.get_prediction(prediction_id).id == prediction_id
        [asked] = exchange.requests
        assert asked.method == "GET"
        assert asked.url.raw_path.decode() == f"/api/v3/predictions/{path}/result"
        assert asked.url.host == "gptproto.example"
        assert asked.content == b""

    def test_an_address_that_the_service_supplies_is_never_asked(self, exchange: Exchange) -> None:
        urls = {"get": "https://elsewhere.example/api/v3/predictions/abc/result"}
        exchange.will_answer(answer(envelope(urls=urls, status="running")), answer(succeeded()))
        exchange.wait(exchange.new_wait())
        assert {request.url.host for request in exchange.requests} == {"gptproto.example"}

    @pytest.mark.parametrize("prediction_id", ["", " ", ".", "..", "a b", "a\r\nb", "\ud800", "x" * 1_000])
    def test_what_is_no_id_is_not_asked_for(self, exchange: Exchange, prediction_id: str) -> None:
        with pytest.raises(InvalidRequestError, match="prediction_id"):
            exchange.get_prediction(prediction_id)
        assert exchange.requests == []

    @pytest.mark.parametrize(
        ("reply", "cls"),
        [
            (answer(error_body(400), 400), BadRequestError),
            (answer(error_body(401), 401), AuthenticationError),
            (answer(error_body(403), 403), PermissionDeniedError),
            (answer(error_body(404), 404), PredictionNotFoundError),
            (answer({"data": None, "code": 404, "message": "not found"}), PredictionNotFoundError),
            (answer(POLICY_BODIES[0], 400), ContentPolicyError),
            (answer(POLICY_BODIES[1], 400), ContentPolicyError),
            (answer({"data": None, "code": 503, "message": "Content blocked"}), ContentPolicyError),
            (answer("", 307, location="https://elsewhere.example/"), RedirectError),
        ],
        ids=lambda value: value.__name__ if isinstance(value, type) else "",
    )
    def test_permanent_answers(self, exchange: Exchange, reply: Reply, cls: type[SeedanceError]) -> None:
        error = self.failure(exchange, reply)
        assert type(error) is cls
        assert not error.retryable

    @pytest.mark.parametrize(
        ("reply", "cls"),
        [
            (answer(error_body(429), 429), RateLimitError),
            (answer(error_body(500), 500), ServiceError),
            (answer(HTML, 502), ServiceError),
            (answer(HTML, 503), ServiceError),
            (answer({"code": 503, "message": "Service Unavailable"}, 503), ServiceError),
            (answer("", 408), ServiceError),
            (answer({"data": None, "code": 500, "message": "internal server error"}), ServiceError),
            (answer({**envelope(), "code": 201}), ServiceError),
            (answer(HTML), UnreadableAnswerError),
            (answer(HTML, 404), UnreadableAnswerError),
            (answer({"data": []}), UnreadableAnswerError),
            (httpx.ReadTimeout(""), LostAnswerError),
            (httpx.RemoteProtocolError(""), LostAnswerError),
            (httpx.ConnectError(""), NotConnectedError),
        ],
        ids=lambda value: value.__name__ if isinstance(value, type) else "",
    )
    def test_passing_answers(self, exchange: Exchange, reply: Reply, cls: type[SeedanceError]) -> None:
        error = self.failure(exchange, reply)
        assert type(error) is cls
        assert error.retryable
        assert error.charge is Charge.ACCEPTED

    def test_the_wish_to_wait_is_handed_on(self, exchange: Exchange) -> None:
        assert self.failure(exchange, answer("", 503, retry_after="30")).retry_after == 30

    def failure(self, exchange: Exchange, reply: Reply) -> SeedanceError:
        exchange.will_answer(reply)
        with pytest.raises(SeedanceError) as caught:
            exchange.get_prediction()
        assert caught.value.prediction_id == PREDICTION_ID
        assert len(exchange.requests) == 1
        return caught.value


class TestRecall:
    def test_one_answer_in_progress_is_believed(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(envelope(status="running")))
        prediction = exchange.recall()
        assert prediction is not None
        assert prediction.status is PredictionStatus.RUNNING
        assert exchange.pauses == []

    @pytest.mark.parametrize("failure", [httpx.ReadTimeout(""), answer(error_body(404), 404), answer(HTML, 503)])
    def test_a_passing_fault_is_asked_again(self, exchange: Exchange, failure: Reply) -> None:
        exchange.will_answer(failure, answer(succeeded()))
        prediction = exchange.recall()
        assert prediction is not None
        assert prediction.is_complete
        assert len(exchange.pauses) == 1

    def test_unknown_to_the_service_needs_more_than_one_answer(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(error_body(404), 404)] * 4)
        assert exchange.recall() is None
        assert len(exchange.requests) == 4

    def test_a_gateways_page_does_not_make_it_unknown(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(HTML, 404)] * 4)
        with pytest.raises(UnreadableAnswerError):
            exchange.recall()

    @pytest.mark.parametrize("position", range(4))
    def test_one_other_failure_leaves_it_undecided(self, exchange: Exchange, position: int) -> None:
        replies = [answer(error_body(404), 404) for _ in range(4)]
        replies[position] = answer(HTML, 503)
        exchange.will_answer(*replies)
        with pytest.raises(ServiceError) as caught:
            exchange.recall()
        assert caught.value.retryable

    def test_a_success_without_outputs_is_asked_again(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(envelope(status="succeeded", outputs=[])), answer(succeeded()))
        prediction = exchange.recall()
        assert prediction is not None
        assert prediction.is_complete

    def test_a_success_that_stays_without_outputs_is_returned(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(envelope(status="succeeded", outputs=[]))] * 4)
        prediction = exchange.recall()
        assert prediction is not None
        assert prediction.status is PredictionStatus.SUCCEEDED

    def test_the_services_wish_is_obeyed_within_reason(self, exchange: Exchange) -> None:
        exchange.will_answer(
            answer("", 429, retry_after="20"), answer("", 429, retry_after="86400"), answer(succeeded())
        )
        exchange.recall()
        assert exchange.pauses == [20, 30]

    @pytest.mark.parametrize("body", POLICY_BODIES)
    def test_refused_content_is_not_asked_again(self, exchange: Exchange, body: object) -> None:
        exchange.will_answer(answer(body, 400))
        with pytest.raises(ContentPolicyError):
            exchange.recall()
        assert len(exchange.requests) == 1

    def test_what_is_no_id_is_not_asked_for(self, exchange: Exchange) -> None:
        with pytest.raises(InvalidRequestError):
            exchange.recall("a b")
        assert exchange.requests == []
        assert exchange.pauses == []


class TestWait:
    def test_until_there_are_outputs(self, exchange: Exchange) -> None:
        exchange.will_answer(
            answer(envelope(status="queued")), answer(envelope(status="running")), answer(succeeded("https://x/0.mp4"))
        )
        assert exchange.wait(exchange.new_wait()).outputs == ("https://x/0.mp4",)
        assert len(exchange.requests) == 3

    def test_it_pauses_before_the_first_look(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(succeeded()))
        exchange.wait(exchange.new_wait(poll_interval=7.0))
        assert exchange.pauses == [7.0]

    def test_a_gateways_faults_do_not_end_it(self, exchange: Exchange) -> None:
        faults: list[Reply] = [
            answer(HTML, 503),
            answer(HTML, 502),
            httpx.ReadTimeout(""),
            httpx.ConnectError(""),
            answer(HTML),
        ]
        exchange.will_answer(*faults, *[answer({"code": 503}, 503)] * 20, answer(succeeded()))
        assert exchange.wait(exchange.new_wait()).is_complete

    @pytest.mark.parametrize("body", POLICY_BODIES)
    def test_refused_content_ends_it_at_once(self, exchange: Exchange, body: object) -> None:
        exchange.will_answer(answer(body, 400))
        with pytest.raises(ContentPolicyError) as caught:
            exchange.wait(exchange.new_wait())
        assert len(exchange.requests) == 1
        assert not caught.value.retryable

    def test_a_refused_key_ends_it_after_three_answers(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(error_body(401), 401)] * 3)
        with pytest.raises(AuthenticationError):
            exchange.wait(exchange.new_wait())
        assert len(exchange.requests) == 3

    def test_it_ends_with_the_reason_of_a_failure(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(envelope(status="failed", error="out of capacity")))
        with pytest.raises(GenerationFailedError, match="out of capacity"):
            exchange.wait(exchange.new_wait())

    def test_it_ends_where_outputs_stay_empty(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(succeeded() | envelope(status="succeeded", outputs=[]))] * 6)
        with pytest.raises(MissingOutputsError):
            exchange.wait(exchange.new_wait())
        assert len(exchange.requests) == 6

    def test_it_ends_at_the_deadline(self, exchange: Exchange) -> None:
        wait = exchange.new_wait(deadline=exchange.now + 60)
        exchange.will_answer(*[answer(envelope(status="running"))] * 100)
        with pytest.raises(WaitTimeoutError):
            exchange.wait(wait)
        assert exchange.now == pytest.approx(wait.deadline)

    def test_a_look_is_one_question(self, exchange: Exchange) -> None:
        wait = exchange.new_wait()
        exchange.will_answer(
            answer(envelope(status="running")), answer(HTML, 503), answer(succeeded()), answer(POLICY_BODIES[0], 400)
        )
        decisions = [exchange.look(wait) for _ in range(4)]
        assert [type(decision) for decision in decisions] == [LookAgain, LookAgain, Done, GiveUp]
        assert exchange.pauses == []

    def test_news_are_logged_once(self, exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
        unknown = [answer(envelope(status="warming_up")) for _ in range(3)]
        exchange.will_answer(*unknown, answer(HTML, 503), answer(HTML, 503), answer(succeeded()))
        with caplog.at_level(logging.INFO, logger="airflow_provider_seedance"):
            exchange.wait(exchange.new_wait())
        lines = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider")]
        assert len(lines) == 2
        assert "warming_up" in lines[0]
        assert "503" in lines[1]
        assert all(PREDICTION_ID in line for line in lines)


class TestCheckKey:
    def test_it_asks_for_the_models_which_is_free(self, exchange: Exchange) -> None:
        exchange.will_answer(answer({"object": "list", "data": [{"id": "doubao-seedance-2-0-fast-260128"}]}))
        assert exchange.check_key().accepted
        [asked] = exchange.requests
        assert (asked.method, str(asked.url)) == ("GET", "https://gptproto.example/v1/models")
        assert asked.headers["Authorization"] == KEY

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (answer(error_body(401), 401), "refuses the API key (401)"),
            (answer(error_body(403), 403), "refuses the API key (403)"),
            (answer({"code": 401, "message": "No"}), "refuses the API key (401)"),
            (answer(error_body(404), 404), "answers 404; the API key could not be verified"),
            (answer(HTML, 502), "answers 502; the API key could not be verified"),
            (answer("", 307, location="https://elsewhere.example/"), "answers 307"),
            (answer(HTML), "not as GPTProto does"),
            (answer({"models": []}), "not as GPTProto does"),
            (httpx.ConnectError("refused"), "cannot be reached"),
            (httpx.ReadTimeout("too late"), "cannot be reached"),
        ],
    )
    def test_anything_else_is_no_acceptance(self, exchange: Exchange, reply: Reply, words: str) -> None:
        exchange.will_answer(reply)
        check = exchange.check_key()
        assert not check.accepted
        assert words in check.message
        assert "https://gptproto.example" in check.message


class TestTheKey:
    #: A service that repeats the key as it is, and one that escapes slashes, as JSON allows.
    ECHOES = (KEY, KEY.replace("/", "\\/"), "".join(f"\\u{ord(sign):04x}" for sign in KEY))

    def test_it_goes_in_one_header_alone(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(), answer(succeeded()))
        exchange.submit()
        exchange.get_prediction()
        for request in exchange.requests:
            holders = [name for name, value in request.headers.items() if KEY in value]
            assert holders == ["authorization"]
            assert request.headers["Authorization"] == KEY
            assert KEY not in str(request.url)
            assert KEY.encode() not in request.content

    def test_the_scheme_is_a_setting(self, exchange: Exchange) -> None:
        exchange.settings = ClientSettings(api_key=KEY, base_url="https://gptproto.example", auth_scheme="Bearer")
        exchange.will_answer(answer())
        exchange.submit()
        assert exchange.requests[0].headers["Authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("echo", ECHOES)
    @pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 503])
    def test_a_service_that_repeats_it_brings_it_into_no_error_and_no_log(
        self, exchange: Exchange, caplog: pytest.LogCaptureFixture, echo: str, status: int
    ) -> None:
        caplog.set_level(logging.DEBUG)
        body = (
            f'{{"error": {{"message": "key {echo} is bad", "code": "{echo}"}}, "code": {status}, "message": "{echo}"}}'
        )
        exchange.will_answer(*[answer(body, status)] * 8)
        with pytest.raises(SeedanceError) as submitted:
            exchange.submit()
        with pytest.raises(SeedanceError) as recalled:
            exchange.recall() or exchange.get_prediction()
        check = exchange.check_key()
        for error in (submitted.value, recalled.value, submitted.value.__cause__):
            assert KEY not in f"{error} {error!r} {vars(error) if error else ''}"
        assert KEY not in check.message
        assert KEY not in caplog.text

    @pytest.mark.parametrize("echo", ECHOES)
    def test_nor_into_a_prediction_or_the_news_of_a_wait(
        self, exchange: Exchange, caplog: pytest.LogCaptureFixture, echo: str
    ) -> None:
        caplog.set_level(logging.DEBUG)
        fields = f'"id": "abc", "status": "{echo}", "model": "{echo}", "error": {{"message": "{echo}"}}'
        done = f'"id": "abc", "status": "succeeded", "outputs": ["https://x.example/?key={echo}"]'
        exchange.will_answer(*(answer(f'{{"data": {{{data}}}, "code": 200}}') for data in (fields, fields, done)))
        assert KEY not in repr(exchange.get_prediction())
        assert KEY not in repr(exchange.wait(exchange.new_wait()))
        assert KEY not in caplog.text

    def test_nor_into_an_error_that_tells_of_a_broken_connection(self, exchange: Exchange) -> None:
        exchange.will_answer(httpx.LocalProtocolError(f"Illegal header value {KEY!r}"))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            exchange.submit()
        assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"

    def test_a_page_that_is_no_json_is_cleaned_too(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(f"<html>{KEY}</html>", 502))
        with pytest.raises(ServiceError) as caught:
            exchange.get_prediction()
        assert "***" in str(caught.value)
        assert KEY not in str(caught.value)

    def test_a_key_that_is_a_word_of_the_answers_does_not_garble_them(self, exchange: Exchange) -> None:
        exchange.settings = ClientSettings(api_key="data", base_url="https://gptproto.example")
        exchange.will_answer(answer(succeeded()))
        assert exchange.get_prediction().is_complete

    def test_it_is_in_no_repr(self) -> None:
        send = Send("POST", "https://gptproto.example", {"Authorization": KEY}, KEY.encode())
        conversations = Conversations(SETTINGS, user_agent="test", clock=lambda: 0.0, log=logging.getLogger(__name__))
        for owner in (SETTINGS, send, conversations, next(conversations.get_prediction("abc"))):
            assert KEY not in f"{owner!r} {owner}"
        with GPTProtoClient(SETTINGS) as client:
            assert KEY not in f"{client!r} {AsyncGPTProtoClient(SETTINGS)!r}"
