"""What an answer without success means: every shape of an error body, every code of the page."""

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
    answer_error,
    read_error_detail,
    read_retry_after,
    shorten,
)
from tests.unit.gptproto.conftest import PREDICTION_ID
from tests.unit.gptproto.making import spelled

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
POLICY = "Content blocked due to safety concerns"


def refusal(status: int, body: object, prediction_id: str | None = None) -> SeedanceError:
    return answer_error(status, read_error_detail(body), prediction_id=prediction_id)


class TestErrorBodies:
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
    def test_every_known_shape(self, body: object, message: str, codes: set[str]) -> None:
        assert read_error_detail(body) == ErrorDetail(message, frozenset(codes))

    @pytest.mark.parametrize("body", [None, "", 7, [], {}, {"error": None}, {"error": {}}, {"message": None}])
    def test_bodies_that_say_nothing(self, body: object) -> None:
        assert read_error_detail(body) == ErrorDetail("")

    def test_the_text_of_an_error_comes_before_the_message_of_the_envelope(self) -> None:
        body = {"error": "out of capacity", "message": "failure", "code": 500}
        assert read_error_detail(body) == ErrorDetail("out of capacity", frozenset({"500"}))

    def test_an_empty_error_leaves_the_message_of_the_envelope(self) -> None:
        assert read_error_detail({"error": "", "message": "out of capacity"}) == ErrorDetail("out of capacity")

    def test_codes_inside_and_outside_of_the_error_both_count(self) -> None:
        body = {"error": {"message": "Blocked", "type": "503"}, "code": 400}
        assert read_error_detail(body).codes == {"503", "400"}


class TestCodes:
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
    def test_one_class_for_each(self, status: int, cls: type[SeedanceError], prediction_id: str | None) -> None:
        assert type(refusal(status, {"error": {"message": "No"}}, prediction_id)) is cls

    def test_404_is_an_unknown_prediction_only_where_one_was_asked_for(self) -> None:
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
    def test_403_is_told_apart_by_its_message(self, message: str, cls: type[SeedanceError]) -> None:
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
    def test_http_400_for_content_is_the_policy_and_permanent(self, body: object, prediction_id: str | None) -> None:
        error = refusal(400, body, prediction_id)
        assert type(error) is ContentPolicyError
        assert not error.retryable
        assert error.at_fault == "author"

    @pytest.mark.parametrize(
        "body",
        ["<html>503 Service Temporarily Unavailable</html>", {"code": 503, "message": "upstream"}, {"error": POLICY}],
    )
    def test_http_503_is_a_gateways_and_passes(self, body: object) -> None:
        error = refusal(503, body, PREDICTION_ID)
        assert type(error) is ServiceError
        assert error.retryable

    def test_400_that_speaks_of_something_else_is_the_authors(self) -> None:
        error = refusal(400, {"error": {"message": "duration out of range", "type": "invalid_request_error"}})
        assert type(error) is BadRequestError


class TestWhatItSays:
    def test_code_and_message(self) -> None:
        assert refusal(401, {"error": {"message": "Invalid key.", "type": "401"}}).what == (
            "GPTProto answered 401: Invalid key"
        )

    def test_code_alone(self) -> None:
        assert refusal(500, None).what == "GPTProto answered 500"

    def test_the_wish_to_wait_is_handed_on(self) -> None:
        assert answer_error(429, ErrorDetail(""), prediction_id=None, retry_after=7.0).retry_after == 7.0

    @pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
    def test_a_refused_submission_cost_nothing(self, status: int) -> None:
        error = refusal(status, None)
        assert error.charge is Charge.NONE
        assert error.prediction_id is None

    @pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
    def test_a_known_prediction_is_billed_whatever_a_look_at_it_says(self, status: int) -> None:
        error = refusal(status, None, PREDICTION_ID)
        assert error.charge is Charge.ACCEPTED
        assert error.prediction_id == PREDICTION_ID

    def test_an_unknown_prediction_may_have_been_billed(self) -> None:
        assert refusal(404, None, PREDICTION_ID).charge is Charge.POSSIBLE

    def test_content_refused_after_it_was_accepted_is_for_the_service_to_bill(self) -> None:
        assert refusal(400, {"error": {"type": "503"}}, PREDICTION_ID).charge is Charge.FAILED


class TestPolicyMarks:
    def test_refused_sound(self) -> None:
        detail = ErrorDetail("Refused", frozenset({"OutputAudioSensitiveContentDetected"}))
        assert detail.is_audio_policy
        assert detail.is_policy

    def test_refused_sound_in_the_text(self) -> None:
        assert ErrorDetail("failed: OutputAudioSensitiveContentDetected.PolicyViolation").is_audio_policy

    def test_refused_pictures_are_not_refused_sound(self) -> None:
        detail = ErrorDetail("Refused", frozenset({"OutputVideoSensitiveContentDetected"}))
        assert detail.is_policy
        assert not detail.is_audio_policy

    def test_other_failures_are_neither(self) -> None:
        detail = ErrorDetail("Internal error", frozenset({"InternalServiceError", "500"}))
        assert not detail.is_policy
        assert not detail.is_audio_policy
        assert not detail.is_balance


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
    def test_seconds_milliseconds_and_dates(self, headers: dict[str, str], seconds: float) -> None:
        assert read_retry_after(headers, NOW) == pytest.approx(seconds)

    @pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "7, 7", "Wed, 21 Oct 99999999999 07:28:00 GMT"])
    def test_what_says_nothing(self, value: str) -> None:
        assert read_retry_after({"retry-after": value}, NOW) is None

    def test_no_header(self) -> None:
        assert read_retry_after({}, NOW) is None

    @given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,20} [\d:]{1,9} [A-Z+\-\d]{1,9}"))
    def test_any_text_is_a_wait_or_none(self, value: str) -> None:
        seconds = read_retry_after({"retry-after": value, "retry-after-ms": value}, NOW)
        assert seconds is None or 0 <= seconds < float("inf")


class TestShorten:
    def test_one_line(self) -> None:
        assert shorten(" two\n\tlines \r\n") == "two lines"

    def test_a_page_is_cut(self) -> None:
        quoted = shorten("<p>" * 100_000)
        assert len(quoted) < 1_000
        assert quoted.endswith("...")

    @pytest.mark.parametrize("sign", ["\x00", "\x1b", "\u202e", "\ud800"], ids=spelled)
    def test_what_a_log_or_a_database_cannot_hold_is_replaced(self, sign: str) -> None:
        assert shorten(f"a{sign}b") == "a\N{REPLACEMENT CHARACTER}b"

    @given(st.text(alphabet=st.characters()) | st.text(alphabet="\ud800\udfff\x00\n a"))
    def test_any_text_becomes_one_printable_line(self, text: Any) -> None:
        assert shorten(text).isprintable()
