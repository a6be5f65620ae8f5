"""The error class of an unsuccessful response: every error body format, every code of the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    InsufficientBalanceError,
    PermissionDeniedError,
    PredictionNotFoundError,
    RateLimitError,
    RedirectError,
    SeedanceError,
    ServiceError,
)
from airflow_provider_seedance.gptproto.responses import (
    ErrorDetail,
    read_error_detail,
    read_retry_after,
    response_error,
    shorten,
)
from airflow_provider_seedance.gptproto.verdicts import Verdict
from tests.unit.gptproto.conftest import PREDICTION_ID
from tests.unit.gptproto.making import spelled

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
POLICY = "Content blocked due to safety concerns"


def refusal(status: int, body: object, prediction_id: str | None = None) -> SeedanceError:
    return response_error(status, read_error_detail(body), prediction_id=prediction_id)


class TestReadErrorDetail:
    @pytest.mark.parametrize(
        ("body", "message", "codes"),
        [
            ({"error": {"message": "Invalid key", "type": "401"}}, "Invalid key", {"401"}),
            ({"error": {"message": "No", "type": "auth", "code": 401}}, "No", {"auth", "401"}),
            ({"error": {"message": "No", "type": "auth", "code": "denied"}}, "No", {"auth", "denied"}),
            ({"code": 401, "message": "Invalid key", "type": "error"}, "Invalid key", {"401", "error"}),
            ({"error": "Invalid key"}, "Invalid key", set()),
            ("<html>\n<body>502 Bad Gateway</body></html>", "<html> <body>502 Bad Gateway</body></html>", set()),
        ],
    )
    def test_every_known_body_format_is_read(self, body: object, message: str, codes: set[str]) -> None:
        assert read_error_detail(body) == ErrorDetail(message, frozenset(codes))

    @pytest.mark.parametrize("body", [None, "", 7, [], {}, {"error": None}, {"error": {}}, {"message": None}])
    def test_body_without_message_gives_empty_detail(self, body: object) -> None:
        assert read_error_detail(body) == ErrorDetail("")

    def test_error_text_takes_precedence_over_envelope_message(self) -> None:
        body = {"error": "out of capacity", "message": "failure", "code": 500}
        assert read_error_detail(body) == ErrorDetail("out of capacity", frozenset({"500"}))

    def test_empty_error_text_falls_back_to_envelope_message(self) -> None:
        assert read_error_detail({"error": "", "message": "out of capacity"}) == ErrorDetail("out of capacity")

    def test_codes_of_error_and_envelope_are_combined(self) -> None:
        body = {"error": {"message": "Blocked", "type": "503"}, "code": 400}
        assert read_error_detail(body).codes == {"503", "400"}


class TestResponseError:
    @pytest.mark.parametrize(
        ("status", "cls"),
        [
            (400, BadRequestError),
            (401, AuthenticationError),
            (402, InsufficientBalanceError),
            (403, PermissionDeniedError),
            (405, BadRequestError),
            (408, ServiceError),
            (413, BadRequestError),
            (422, BadRequestError),
            (425, ServiceError),
            (429, RateLimitError),
            (500, ServiceError),
            (502, ServiceError),
            (503, ServiceError),
            (504, ServiceError),
            (524, ServiceError),
            (300, RedirectError),
            (301, RedirectError),
            (307, RedirectError),
            (101, ServiceError),
            (201, ServiceError),
            (10_005, ServiceError),
            (-1, ServiceError),
        ],
    )
    @pytest.mark.parametrize("prediction_id", [None, PREDICTION_ID])
    def test_status_maps_to_error_class(self, status: int, cls: type[SeedanceError], prediction_id: str | None) -> None:
        assert type(refusal(status, {"error": {"message": "No"}}, prediction_id)) is cls

    def test_404_means_unknown_prediction_only_for_a_prediction_request(self) -> None:
        assert type(refusal(404, {"error": "not found"}, PREDICTION_ID)) is PredictionNotFoundError
        assert type(refusal(404, {"error": "not found"})) is BadRequestError

    @pytest.mark.parametrize(
        ("message", "cls"),
        [
            ("Your API key doesn't have permission to access this resource", PermissionDeniedError),
            ("", PermissionDeniedError),
            ("Insufficient balance for the requested operation", InsufficientBalanceError),
            ("User QUOTA is not enough", InsufficientBalanceError),
            ("Please top up", InsufficientBalanceError),
            ("Not enough credits", InsufficientBalanceError),
            ("The account is in arrears", InsufficientBalanceError),
            ("Payment overdue", InsufficientBalanceError),
            ("Recharge your account", InsufficientBalanceError),
        ],
    )
    def test_403_class_depends_on_message(self, message: str, cls: type[SeedanceError]) -> None:
        assert type(refusal(403, {"error": {"message": message, "type": "403"}})) is cls

    @pytest.mark.parametrize(
        "body",
        [
            {"code": 503, "message": POLICY, "type": "error"},
            {"code": "503", "message": "Refused"},
            {"error": {"message": "Refused", "type": "503"}},
            {"error": {"message": "Refused", "type": "error", "code": 503}},
            {"error": {"message": "Refused", "code": "InputTextSensitiveContentDetected"}},
            {"error": {"message": "Refused", "code": "InputImageRiskDetection"}},
            {"error": {"message": "Refused", "code": "PolicyViolation"}},
            {"error": "Content policy violation"},
            {"error": POLICY},
        ],
    )
    @pytest.mark.parametrize("prediction_id", [None, PREDICTION_ID])
    def test_http_400_for_policy_is_a_permanent_error(self, body: object, prediction_id: str | None) -> None:
        error = refusal(400, body, prediction_id)
        assert type(error) is ContentPolicyError
        assert not error.retryable
        assert error.at_fault == "author"

    @pytest.mark.parametrize(
        "body",
        ["<html>503 Service Temporarily Unavailable</html>", {"code": 503, "message": "upstream"}, {"error": POLICY}],
    )
    def test_http_503_is_a_retryable_service_error(self, body: object) -> None:
        error = refusal(503, body, PREDICTION_ID)
        assert type(error) is ServiceError
        assert error.retryable

    def test_other_http_400_is_a_bad_request(self) -> None:
        error = refusal(400, {"error": {"message": "duration out of range", "type": "invalid_request_error"}})
        assert type(error) is BadRequestError


class TestResponseErrorText:
    def test_error_text_has_code_and_message(self) -> None:
        assert refusal(401, {"error": {"message": "Invalid key.", "type": "401"}}).what == (
            "GPTProto answered 401: Invalid key"
        )

    def test_error_text_without_message_has_code_only(self) -> None:
        assert refusal(500, None).what == "GPTProto answered 500"

    def test_retry_after_is_kept_in_error(self) -> None:
        assert response_error(429, ErrorDetail(""), prediction_id=None, retry_after=7.0).retry_after == 7.0

    @pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
    def test_refused_submission_is_not_charged(self, status: int) -> None:
        error = refusal(status, None)
        assert error.charge is Charge.NONE
        assert error.prediction_id is None

    @pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
    def test_failed_poll_of_known_prediction_reports_accepted_charge(self, status: int) -> None:
        error = refusal(status, None, PREDICTION_ID)
        assert error.charge is Charge.ACCEPTED
        assert error.prediction_id == PREDICTION_ID

    def test_unknown_prediction_reports_possible_charge(self) -> None:
        assert refusal(404, None, PREDICTION_ID).charge is Charge.POSSIBLE

    def test_content_refused_after_acceptance_reports_failed_charge(self) -> None:
        assert refusal(400, {"error": {"type": "503"}}, PREDICTION_ID).charge is Charge.FAILED


class TestVerdict:
    @pytest.mark.parametrize(
        ("detail", "verdict"),
        [
            (ErrorDetail("Refused", frozenset({"OutputAudioSensitiveContentDetected"})), Verdict.SOUND),
            (ErrorDetail("failed: OutputAudioSensitiveContentDetected.PolicyViolation"), Verdict.SOUND),
            (ErrorDetail("Refused", frozenset({"OutputVideoSensitiveContentDetected"})), Verdict.CONTENT),
            (ErrorDetail("Internal error", frozenset({"InternalServiceError", "500"})), Verdict.LOST),
            (ErrorDetail("Out of memory", frozenset({"500"})), None),
        ],
    )
    def test_codes_and_messages_give_the_verdict(self, detail: ErrorDetail, verdict: Verdict | None) -> None:
        assert detail.verdict is verdict
        assert detail.is_policy is (verdict in (Verdict.SOUND, Verdict.CONTENT))

    @pytest.mark.parametrize(
        ("message", "verdict"),
        [
            ("no healthy upstream", Verdict.CAPACITY),
            ("get channel failed", Verdict.CAPACITY),
            ("the model is currently offline", Verdict.CAPACITY),
            ("cluster is scaling", Verdict.CAPACITY),
            ("Provider temporarily unavailable", Verdict.CAPACITY),
            ("模型暂不可用", Verdict.CAPACITY),
            ("渠道异常", Verdict.CAPACITY),
            ("upstream connect error or disconnect/reset before headers", Verdict.LOST),
            ("upstream request failed", Verdict.LOST),
            ("Bad Gateway", Verdict.LOST),
            ("socket hang up", Verdict.LOST),
            ("TypeError: fetch failed", Verdict.LOST),
            ("dial tcp 10.0.0.7:443: connect: connection refused", Verdict.LOST),
            ("read ECONNRESET", Verdict.LOST),
            ("rpc error: code = Unknown", Verdict.LOST),
            ("unexpected server error", Verdict.LOST),
            ("系统异常", Verdict.LOST),
            ("上游连接失败", Verdict.LOST),
        ],
    )
    def test_fault_of_a_gateway_is_no_verdict_on_content_beside_code_503(self, message: str, verdict: Verdict) -> None:
        detail = ErrorDetail(message, frozenset({"503"}))
        assert detail.verdict is verdict
        assert not detail.is_policy

    @pytest.mark.parametrize("message", ["Please wait a moment", "code 17", "connection refused by peer"])
    def test_code_503_with_other_words_is_a_passing_fault_of_a_poll(self, message: str) -> None:
        error = refusal(400, {"code": 503, "message": message}, PREDICTION_ID)
        assert type(error) is ServiceError
        assert error.charge is Charge.ACCEPTED

    @pytest.mark.parametrize("message", ["Please wait a moment", "code 17"])
    def test_code_503_with_unknown_words_refuses_the_content_of_a_submission(self, message: str) -> None:
        assert type(refusal(400, {"code": 503, "message": message})) is ContentPolicyError

    @pytest.mark.parametrize("message", ["", "Request declined.", "Blocked", "请求被拒绝", "内容违规"])
    @pytest.mark.parametrize("prediction_id", [None, PREDICTION_ID])
    def test_code_503_alone_or_with_a_refusal_is_a_verdict_on_content(
        self, message: str, prediction_id: str | None
    ) -> None:
        assert type(refusal(400, {"code": 503, "message": message}, prediction_id)) is ContentPolicyError


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "7"}, 7.0),
            ({"retry-after": " 7 "}, 7.0),
            ({"retry-after": "1.5"}, 1.5),
            ({"retry-after": "0"}, 0.0),
            ({"retry-after-ms": "2500"}, 2.5),
            ({"retry-after-ms": "2500", "retry-after": "3"}, 2.5),
            ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
            ({"retry-after": "Thu, 01 Jan 2026 12:00:45 GMT"}, 45.0),
            ({"retry-after": "Thu, 01 Jan 2026 14:00:45 +0200"}, 45.0),
            ({"retry-after": "Thu, 01 Jan 2026 12:00:45 -0000"}, 45.0),
            ({"retry-after": "Thu, 01 Jan 2026 11:59:00 GMT"}, 0.0),
        ],
    )
    def test_retry_after_is_read_in_every_format(self, headers: dict[str, str], seconds: float) -> None:
        assert read_retry_after(headers, NOW) == pytest.approx(seconds)

    @pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "7, 7", "Wed, 21 Oct 99999999999 07:28:00 GMT"])
    def test_invalid_retry_after_is_ignored(self, value: str) -> None:
        assert read_retry_after({"retry-after": value}, NOW) is None

    def test_missing_retry_after_is_none(self) -> None:
        assert read_retry_after({}, NOW) is None

    @given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,20} [\d:]{1,9} [A-Z+\-\d]{1,9}"))
    def test_any_retry_after_text_gives_finite_seconds_or_none(self, value: str) -> None:
        seconds = read_retry_after({"retry-after": value, "retry-after-ms": value}, NOW)
        assert seconds is None or 0 <= seconds < float("inf")


class TestShorten:
    def test_text_is_joined_to_one_line(self) -> None:
        assert shorten(" two\n\tlines \r\n") == "two lines"

    def test_long_text_is_cut(self) -> None:
        quoted = shorten("<p>" * 100_000)
        assert len(quoted) < 1_000
        assert quoted.endswith("...")

    @pytest.mark.parametrize("char", ["\x00", "\x1b", "\u202e", "\ud800"], ids=spelled)
    def test_unprintable_character_is_replaced(self, char: str) -> None:
        assert shorten(f"a{char}b") == "a\N{REPLACEMENT CHARACTER}b"

    @given(st.text(alphabet=st.characters()) | st.text(alphabet="\ud800\udfff\x00\n a"))
    def test_any_text_becomes_one_printable_line(self, text: Any) -> None:
        assert shorten(text).isprintable()
