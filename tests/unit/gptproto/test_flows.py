"""The read calls of both clients: get_prediction, get_confirmed, wait, poll and check_key."""

from __future__ import annotations

import json
import logging
from itertools import accumulate
from typing import Any

import httpx
import pytest

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    GenerationFailedError,
    InvalidRequestError,
    LostResponseError,
    MissingOutputsError,
    NotConnectedError,
    PermissionDeniedError,
    PredictionNotFoundError,
    RateLimitError,
    RedirectError,
    SeedanceError,
    ServiceError,
    UnreadableResponseError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.flows import ApiFlows, HttpRequest, HttpResponse, KeyCheck
from airflow_provider_seedance.gptproto.polling import Done, PollAgain
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from tests.unit.gptproto.conftest import (
    HTML,
    KEY,
    POLICY_BODIES,
    PREDICTION_ID,
    SETTINGS,
    CannedAnswer,
    Exchange,
    Reply,
    answer,
    envelope,
    error_body,
    succeeded,
)


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
    def test_url_is_the_base_url_and_the_quoted_id(self, exchange: Exchange, prediction_id: str, path: str) -> None:
        exchange.will_answer(answer(envelope(id=prediction_id)))
        assert exchange.get_prediction(prediction_id).id == prediction_id
        [request] = exchange.requests
        assert request.method == "GET"
        assert request.url.raw_path.decode() == f"/api/v3/predictions/{path}/result"
        assert request.url.host == "gptproto.example"
        assert request.content == b""

    def test_url_from_the_service_is_never_requested(self, exchange: Exchange) -> None:
        urls = {"get": "https://elsewhere.example/api/v3/predictions/abc/result"}
        exchange.will_answer(answer(envelope(urls=urls, status="running")), answer(succeeded()))
        exchange.wait(exchange.new_poller())
        assert {request.url.host for request in exchange.requests} == {"gptproto.example"}

    @pytest.mark.parametrize("method", ["get_prediction", "get_confirmed", "poll", "wait"])
    @pytest.mark.parametrize(
        "prediction_id",
        [
            *("", " ", ".", "..", "a b", "a\r\nb", "\ud800", "x" * 1_000),
            # XComs of the operators that are easily taken for the id: the links, a link, and those of mapped tasks.
            *("['https://cdn.example/0.mp4']", "https://cdn.example/0.mp4", '["a","b"]', "['a']", "{'id':'a'}"),
            # What a caller of the client can pass.
            *(None, 5, ["a"], b"a"),
        ],
    )
    def test_invalid_id_sends_no_request(self, exchange: Exchange, method: str, prediction_id: Any) -> None:
        problem = r"^Seedance refuses 1 argument:\n  - prediction_id: .* is not the id of a prediction; allowed: one id"
        with pytest.raises(InvalidRequestError, match=problem):
            exchange.ask(method, prediction_id)
        assert (exchange.requests, exchange.pauses) == ([], [])

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
            (answer("", 301, location="https://elsewhere.example/"), RedirectError),
            (answer(envelope(), 300), RedirectError),
        ],
        ids=lambda value: value.__name__ if isinstance(value, type) else "",
    )
    def test_permanent_error_is_not_retryable(self, exchange: Exchange, reply: Reply, cls: type[SeedanceError]) -> None:
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
            (answer(HTML), UnreadableResponseError),
            *((answer(HTML, status), UnreadableResponseError) for status in (401, 403, 404, 407, 451)),
            *(
                (answer("", status, location="https://login.example/"), UnreadableResponseError)
                for status in (302, 303, 307)
            ),
            (answer({"data": []}), UnreadableResponseError),
            (httpx.ReadTimeout(""), LostResponseError),
            (httpx.RemoteProtocolError(""), LostResponseError),
            (httpx.ConnectError(""), NotConnectedError),
        ],
        ids=lambda value: value.__name__ if isinstance(value, type) else "",
    )
    def test_transient_error_is_retryable(self, exchange: Exchange, reply: Reply, cls: type[SeedanceError]) -> None:
        error = self.failure(exchange, reply)
        assert type(error) is cls
        assert error.retryable
        assert error.charge is Charge.ACCEPTED

    def test_retry_after_is_kept_in_the_error(self, exchange: Exchange) -> None:
        assert self.failure(exchange, answer("", 503, retry_after="30")).retry_after == 30

    def failure(self, exchange: Exchange, reply: Reply) -> SeedanceError:
        exchange.will_answer(reply)
        with pytest.raises(SeedanceError) as caught:
            exchange.get_prediction()
        assert caught.value.prediction_id == PREDICTION_ID
        assert len(exchange.requests) == 1
        return caught.value


class TestEqualAnswers:
    """A client does not read an answer about a generation in progress twice."""

    TEXT = json.dumps({"data": {"status": "running", "outputs": []}})

    def get(self, flows: ApiFlows, prediction_id: str, response: HttpResponse) -> Prediction:
        flow = flows.get_prediction(prediction_id)
        next(flow)
        with pytest.raises(StopIteration) as finished:
            flow.send(response)
        prediction: Prediction = finished.value.value
        return prediction

    @pytest.fixture
    def flows(self) -> ApiFlows:
        return ApiFlows(SETTINGS, user_agent="", clock=lambda: 0.0, log=logging.getLogger())

    def test_equal_answer_is_the_same_prediction(self, flows: ApiFlows) -> None:
        first, second = (self.get(flows, PREDICTION_ID, HttpResponse(200, {}, self.TEXT)) for _ in range(2))
        assert first is second

    def test_long_answer_is_not_kept(self, flows: ApiFlows) -> None:
        text = json.dumps({"data": {"status": "running", "outputs": [], "image": "A" * 4096}})
        first, second = (self.get(flows, PREDICTION_ID, HttpResponse(200, {}, text)) for _ in range(2))
        assert first == second
        assert first is not second

    def test_text_without_an_id_is_about_the_requested_prediction(self, flows: ApiFlows) -> None:
        ids = [self.get(flows, each, HttpResponse(200, {}, self.TEXT)).id for each in (PREDICTION_ID, "cgt-2")]
        assert ids == [PREDICTION_ID, "cgt-2"]

    @pytest.mark.parametrize(("status", "cls"), [(500, ServiceError), (404, PredictionNotFoundError)])
    def test_equal_text_with_another_status_is_an_error(
        self, flows: ApiFlows, status: int, cls: type[SeedanceError]
    ) -> None:
        self.get(flows, PREDICTION_ID, HttpResponse(200, {}, self.TEXT))
        flow = flows.get_prediction(PREDICTION_ID)
        next(flow)
        with pytest.raises(cls):
            flow.send(HttpResponse(status, {}, self.TEXT))


class TestGetConfirmed:
    def test_prediction_in_progress_is_returned_at_once(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(envelope(status="running")))
        prediction = exchange.get_confirmed()
        assert prediction is not None
        assert prediction.status is PredictionStatus.RUNNING
        assert exchange.pauses == []

    @pytest.mark.parametrize("failure", [httpx.ReadTimeout(""), answer(error_body(404), 404), answer(HTML, 503)])
    def test_transient_fault_is_retried(self, exchange: Exchange, failure: Reply) -> None:
        exchange.will_answer(failure, answer(succeeded()))
        prediction = exchange.get_confirmed()
        assert prediction is not None
        assert prediction.is_complete
        assert len(exchange.pauses) == 1

    def test_prediction_is_unknown_only_after_repeated_404(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(error_body(404), 404)] * 5)
        with pytest.raises(PredictionNotFoundError) as caught:
            exchange.get_confirmed()
        error = caught.value
        assert (error.charge, error.prediction_id) == (Charge.POSSIBLE, PREDICTION_ID)
        assert error.what == "GPTProto does not know the prediction (GPTProto answered 404: No)"
        assert (len(exchange.requests), exchange.pauses) == (5, [1, 3, 6, 10])

    def test_html_404_does_not_mean_unknown_prediction(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(HTML, 404)] * 5)
        with pytest.raises(UnreadableResponseError) as caught:
            exchange.get_confirmed()
        assert caught.value.what == f"A gateway before GPTProto answered 404, not in GPTProto's format: {HTML}"

    @pytest.mark.parametrize("position", range(5))
    def test_error_among_404s_is_raised(self, exchange: Exchange, position: int) -> None:
        replies = [answer(error_body(404), 404) for _ in range(5)]
        replies[position] = answer(HTML, 503)
        exchange.will_answer(*replies)
        with pytest.raises(ServiceError) as caught:
            exchange.get_confirmed()
        assert caught.value.retryable

    def test_success_without_outputs_is_read_again(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(envelope(status="succeeded", outputs=[])), answer(succeeded()))
        prediction = exchange.get_confirmed()
        assert prediction is not None
        assert prediction.is_complete

    def test_lasting_success_without_outputs_returns_the_last_response(self, exchange: Exchange) -> None:
        replies = [
            envelope(status="succeeded", outputs=[], model=f"model as of answer {number}") for number in range(5)
        ]
        exchange.will_answer(*[answer(reply) for reply in replies])
        prediction = exchange.get_confirmed()
        assert prediction is not None
        assert prediction.status is PredictionStatus.SUCCEEDED
        assert prediction.model == "model as of answer 4"

    def test_retry_after_is_respected_up_to_a_limit(self, exchange: Exchange) -> None:
        exchange.will_answer(
            answer("", 429, retry_after="20"), answer("", 429, retry_after="86400"), answer(succeeded())
        )
        exchange.get_confirmed()
        assert exchange.pauses == [20, 30]

    @pytest.mark.parametrize("body", POLICY_BODIES)
    def test_refused_content_is_confirmed(self, exchange: Exchange, body: object) -> None:
        exchange.will_answer(*[answer(body, 400)] * 5)
        with pytest.raises(ContentPolicyError):
            exchange.get_confirmed()
        assert (len(exchange.requests), sum(exchange.pauses)) == (5, 20)

    @pytest.mark.parametrize("status", ["failed", "expired", "canceled", "timeout"])
    def test_failure_is_confirmed_over_twenty_seconds(self, exchange: Exchange, status: str) -> None:
        exchange.will_answer(*[answer(envelope(status=status))] * 5)
        assert exchange.get_confirmed().has_failed
        assert (len(exchange.requests), sum(exchange.pauses)) == (5, 20)

    @pytest.mark.parametrize("status", ["running", "succeeded", "warming_up"])
    @pytest.mark.parametrize("wrong", [1, 2, 3, 4])
    def test_wrong_failure_is_not_believed(self, exchange: Exchange, status: str, wrong: int) -> None:
        outputs = ["https://cdn.example/0.mp4"] if status == "succeeded" else []
        right = answer(envelope(status=status, outputs=outputs))
        exchange.will_answer(*[answer(envelope(status="failed"))] * wrong, right)
        assert exchange.get_confirmed().reported_status == status

    @pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
    def test_failure_beside_an_unknown_prediction_is_retryable_or_confirmed(
        self, exchange: Exchange, place: int
    ) -> None:
        replies = [answer(envelope(status="failed"))] * 5
        replies[place] = answer(error_body(404), 404)
        exchange.will_answer(*replies)
        if place in (1, 2, 3):
            assert exchange.get_confirmed().has_failed
        else:
            with pytest.raises(UnreadableResponseError) as caught:
                exchange.get_confirmed()
            what = "The responses about the prediction contradict each other, and none is believed"
            assert caught.value.what == what
            assert (caught.value.prediction_id, caught.value.charge) == (PREDICTION_ID, Charge.ACCEPTED)

    def test_two_failures_beside_errors_are_not_believed(self, exchange: Exchange) -> None:
        failed = answer(envelope(status="failed"))
        exchange.will_answer(failed, *[answer(HTML, 503)] * 3, failed)
        with pytest.raises(ServiceError):
            exchange.get_confirmed()

    @pytest.mark.parametrize(("left", "requests"), [(0, 1), (0.9, 1), (1, 2), (3.9, 2), (10, 4), (19.9, 4)])
    @pytest.mark.parametrize(
        ("reply", "seen"),
        [
            (answer(envelope(status="failed")), "The generation ended as failed"),
            (answer(envelope(status="succeeded")), "The prediction succeeded, but it has no outputs"),
            (answer(error_body(404), 404), "404"),
            (answer(HTML, 503), "503"),
        ],
        ids=["failed", "empty", "not found", "gateway"],
    )
    def test_confirmation_ends_at_the_deadline(
        self, exchange: Exchange, left: float, requests: int, reply: CannedAnswer, seen: str
    ) -> None:
        exchange.will_answer(*[reply] * 5)
        deadline = exchange.now + left
        with pytest.raises(WaitTimeoutError) as caught:
            exchange.get_confirmed(deadline=deadline)
        assert (len(exchange.requests), exchange.now <= deadline) == (requests, True)
        assert (caught.value.prediction_id, caught.value.charge) == (PREDICTION_ID, Charge.ACCEPTED)
        assert caught.value.what.startswith("The last response was not confirmed in time: ")
        assert seen in caught.value.what

    def test_late_deadline_changes_nothing(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(envelope(status="failed"))] * 5)
        assert exchange.get_confirmed(deadline=exchange.now + 20).has_failed
        assert (len(exchange.requests), sum(exchange.pauses)) == (5, 20)

    def test_video_after_the_deadline_is_accepted(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(succeeded()))
        assert exchange.get_confirmed(deadline=exchange.now - 60).is_complete

    def test_invalid_id_sends_no_request(self, exchange: Exchange) -> None:
        with pytest.raises(InvalidRequestError):
            exchange.get_confirmed("a b")
        assert exchange.requests == []
        assert exchange.pauses == []


class TestWait:
    def test_wait_ends_with_outputs(self, exchange: Exchange) -> None:
        exchange.will_answer(
            answer(envelope(status="queued")), answer(envelope(status="running")), answer(succeeded("https://x/0.mp4"))
        )
        assert exchange.wait(exchange.new_poller()).outputs == ("https://x/0.mp4",)
        assert len(exchange.requests) == 3

    @pytest.mark.parametrize("status", ["running", "something new"])
    def test_answer_after_equal_ones_is_read(self, exchange: Exchange, status: str) -> None:
        in_progress = answer(envelope(status=status))
        exchange.will_answer(*[in_progress] * 5, answer(succeeded("https://x/0.mp4")))
        assert exchange.wait(exchange.new_poller()).outputs == ("https://x/0.mp4",)
        assert len(exchange.requests) == 6

    def test_wait_sleeps_before_the_first_poll(self, exchange: Exchange) -> None:
        exchange.will_answer(answer(succeeded()))
        exchange.wait(exchange.new_poller(poll_interval=7.0))
        assert exchange.pauses == [7.0]

    def test_each_change_of_status_is_reported_while_the_prediction_is_in_progress(self, exchange: Exchange) -> None:
        statuses = ("queued", "queued", "running")
        exchange.will_answer(
            answer(envelope(status="queued")),
            *[answer(envelope(status=status)) for status in statuses],
            answer(HTML, 502),
            answer(envelope(status="running")),
            answer(succeeded()),
        )
        seen: list[str] = []
        exchange.wait(exchange.new_poller(), on_change=lambda prediction: seen.append(prediction.reported_status))
        assert seen == ["queued", "running"]

    def test_wait_tolerates_gateway_faults(self, exchange: Exchange) -> None:
        faults: list[Reply] = [
            answer(HTML, 503),
            answer(HTML, 502),
            httpx.ReadTimeout(""),
            httpx.ConnectError(""),
            answer(HTML),
        ]
        exchange.will_answer(*faults, *[answer({"code": 503}, 503)] * 20, answer(succeeded()))
        assert exchange.wait(exchange.new_poller()).is_complete

    @pytest.mark.parametrize("body", POLICY_BODIES)
    def test_wait_ends_for_confirmed_refusal_of_content(self, exchange: Exchange, body: object) -> None:
        exchange.will_answer(*[answer(body, 400)] * 3)
        with pytest.raises(ContentPolicyError) as caught:
            exchange.wait(exchange.new_poller())
        assert len(exchange.requests) == 3
        assert not caught.value.retryable

    def test_wait_ends_after_three_refusals_of_the_key(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(error_body(401), 401)] * 3)
        with pytest.raises(AuthenticationError):
            exchange.wait(exchange.new_poller())
        assert len(exchange.requests) == 3

    def test_wait_raises_the_reason_of_a_failure(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(envelope(status="failed", error="out of capacity"))] * 3)
        with pytest.raises(GenerationFailedError, match="out of capacity"):
            exchange.wait(exchange.new_poller())

    def test_wait_ends_if_outputs_stay_empty(self, exchange: Exchange) -> None:
        exchange.will_answer(*[answer(succeeded() | envelope(status="succeeded", outputs=[]))] * 6)
        with pytest.raises(MissingOutputsError):
            exchange.wait(exchange.new_poller())
        assert len(exchange.requests) == 6

    def test_success_without_outputs_is_quoted_without_the_key(self, exchange: Exchange) -> None:
        clip = f"https://cdn.example/v.mp4?key={KEY}"
        exchange.will_answer(*[answer(envelope(status="succeeded", outputs=[], clip=clip))] * 6)
        with pytest.raises(MissingOutputsError, match=r"clip: https://cdn\.example/v\.mp4") as caught:
            exchange.wait(exchange.new_poller())
        assert KEY not in str(caught.value)

    def test_wait_ends_at_the_deadline(self, exchange: Exchange) -> None:
        poller = exchange.new_poller(deadline=exchange.now + 60)
        exchange.will_answer(*[answer(envelope(status="running"))] * 100)
        with pytest.raises(WaitTimeoutError):
            exchange.wait(poller)
        assert exchange.now == pytest.approx(poller.deadline)

    def test_poll_sends_one_request(self, exchange: Exchange) -> None:
        poller = exchange.new_poller()
        exchange.will_answer(
            answer(envelope(status="running")), answer(HTML, 503), answer(succeeded()), answer(POLICY_BODIES[0], 400)
        )
        decisions = [exchange.poll(poller) for _ in range(4)]
        assert [type(decision) for decision in decisions] == [PollAgain, PollAgain, Done, PollAgain]
        assert exchange.pauses == []

    def test_wait_logs_each_status_change_with_elapsed_time_and_next_poll(
        self, exchange: Exchange, caplog: pytest.LogCaptureFixture
    ) -> None:
        unknown = [answer(envelope(status="warming_up")) for _ in range(3)]
        exchange.will_answer(*unknown, answer(HTML, 503), answer(HTML, 503), answer(succeeded()))
        with caplog.at_level(logging.INFO, logger="airflow_provider_seedance"):
            exchange.wait(exchange.new_poller())
        lines = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider")]
        elapsed = [
            f"prediction {PREDICTION_ID}, {each:.0f} s after its submission" for each in accumulate(exchange.pauses)
        ]
        next_poll = [f"next poll in {pause:.1f} s" for pause in exchange.pauses]
        first = f"prediction {PREDICTION_ID}, 0 s after its submission; {next_poll[0]}"
        assert lines == [
            f"In progress, expected after 60 s (usual time): {first}",
            f"Status warming_up (status not known, counts as in progress): {elapsed[0]}; {next_poll[1]}",
            f"Poll failed (GPTProto answered 503: {HTML}): {elapsed[3]}; {next_poll[4]}",
            f"Status succeeded: {elapsed[5]}",
        ]


class TestPollPriority:
    @pytest.mark.parametrize(
        ("now", "yields", "remaining"),
        [(100.0, 30.0, 3600.0), (150.0, 10.0, 3550.0), (160.0, 0.0, 3540.0), (3700.0, 0.0, 0.0), (3710.0, 0.0, 0.0)],
    )
    def test_poll_yields_until_its_generation_is_due(self, now: float, yields: float, remaining: float) -> None:
        exchange = Exchange("sync")
        flows = ApiFlows(SETTINGS, user_agent="test", clock=lambda: now, log=logging.getLogger(__name__))
        step = next(flows.poll(exchange.new_poller(submitted_at=100.0, deadline=3700.0, expected_seconds=60.0)))
        assert isinstance(step, HttpRequest)
        assert (step.yields, step.remaining) == (yields, remaining)


class TestCheckKey:
    def test_check_key_requests_the_free_list_of_models(self, exchange: Exchange) -> None:
        exchange.will_answer(answer({"object": "list", "data": [{"id": "doubao-seedance-2-0-fast-260128"}]}))
        assert exchange.check_key() == KeyCheck(True, "https://gptproto.example accepts the API key")
        [request] = exchange.requests
        assert (request.method, str(request.url)) == ("GET", "https://gptproto.example/v1/models")
        assert request.headers["Authorization"] == KEY

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (answer(error_body(401), 401), "answers, but refuses the API key (401)"),
            (answer(error_body(403), 403), "answers, but refuses the API key (403)"),
            (answer({"code": 401, "message": "No"}), "answers, but refuses the API key (401)"),
            (answer(error_body(404), 404), "answers 404; the API key could not be verified"),
            (answer(HTML, 500), "answers 500; the API key could not be verified"),
            (answer(HTML, 502), "answers 502; the API key could not be verified"),
            (answer(HTML, 429), "answers 429; the API key could not be verified"),
            (answer(HTML, 404), "answers 404, but not as GPTProto does; check the base URL"),
            (
                answer("", 307, location="https://x.example/"),
                "answers 307, but not as GPTProto does; check the base URL",
            ),
            (answer(HTML), "answers 200, but not as GPTProto does; check the base URL"),
            (answer({"models": []}), "answers 200, but not as GPTProto does; check the base URL"),
            (httpx.ConnectError("refused"), "cannot be reached: ConnectError refused"),
            (httpx.ReadTimeout("too late"), "cannot be reached: ReadTimeout too late"),
        ],
    )
    def test_check_key_rejects_any_other_response(self, exchange: Exchange, reply: Reply, words: str) -> None:
        exchange.will_answer(reply)
        assert exchange.check_key() == KeyCheck(False, f"https://gptproto.example {words}")

    @pytest.mark.parametrize("status", [401, 403])
    @pytest.mark.parametrize("body", [HTML, "error code: 1010"])
    def test_page_of_a_firewall_is_no_refusal_of_the_key(self, exchange: Exchange, status: int, body: str) -> None:
        """https://github.com/cth9191/higgsfield-api-skill/issues/1: a working key was replaced."""
        exchange.will_answer(answer(body, status))
        words = f"A gateway before https://gptproto.example answers {status}; check the proxy and the firewall"
        assert exchange.check_key() == KeyCheck(False, words)
