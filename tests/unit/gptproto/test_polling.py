"""When to look next and when to give up: a table of decisions, without clock or I/O."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    Charge,
    ContentPolicyError,
    GenerationExpiredError,
    GenerationFailedError,
    LostAnswerError,
    MissingOutputsError,
    PermissionDeniedError,
    PredictionNotFoundError,
    RateLimitError,
    SeedanceError,
    ServiceError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.polling import Decision, Done, GiveUp, PollAgain, Poller, failure
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.responses import ErrorDetail
from tests.unit.gptproto.conftest import PREDICTION_ID

START = 1_800_000_000.0
SEEDS = range(50)
PERMANENT = [AuthenticationError, PermissionDeniedError, PredictionNotFoundError]


def new_poller(seed: int = 0, **changes: Any) -> Poller:
    defaults: dict[str, Any] = {
        "prediction_id": PREDICTION_ID,
        "submitted_at": START,
        "deadline": START + 3600,
        "expected_seconds": 100.0,
        "random": random.Random(seed),  # noqa: S311 - jitter is no secret
    }
    return Poller(**{**defaults, **changes})


def prediction(status: PredictionStatus = PredictionStatus.RUNNING, **values: Any) -> Prediction:
    return Prediction(**{"id": PREDICTION_ID, "status": status, "reported_status": status.value, **values})


def seconds(decision: Decision) -> float:
    assert isinstance(decision, PollAgain)
    return decision.seconds


def news(decision: Decision) -> str | None:
    assert isinstance(decision, PollAgain)
    return decision.news


def reason(decision: Decision) -> SeedanceError:
    assert isinstance(decision, GiveUp)
    return decision.error


def error(cls: type[SeedanceError] = ServiceError, retry_after: float | None = None) -> SeedanceError:
    return cls("GPTProto answered so", prediction_id=PREDICTION_ID, charge=Charge.ACCEPTED, retry_after=retry_after)


class TestRhythm:
    def test_it_holds_for_two_fifths_of_the_expected_time(self) -> None:
        pauses = [seconds(new_poller(seed).begin(START)) for seed in SEEDS]
        assert 40 <= min(pauses) < 42
        assert 46 < max(pauses) <= 48

    def test_it_does_not_hold_for_ever_where_the_expectation_is_far_too_high(self) -> None:
        assert all(75 <= seconds(new_poller(seed, expected_seconds=2_000.0).begin(START)) <= 90 for seed in SEEDS)

    def test_time_that_passed_counts_for_the_hold(self) -> None:
        assert all(20 <= seconds(new_poller(seed).begin(START + 20)) <= 24 for seed in SEEDS)

    def test_a_clock_that_is_behind_does_not_lengthen_the_hold(self) -> None:
        assert all(seconds(new_poller(seed).begin(START - 3_000)) <= 48 for seed in SEEDS)

    def test_a_look_during_the_hold_does_not_end_it(self) -> None:
        assert all(40 <= seconds(new_poller(seed).on_prediction(prediction(), START)) <= 48 for seed in SEEDS)

    @pytest.mark.parametrize(
        ("expected_seconds", "elapsed", "least"),
        [
            pytest.param(1.0, 30, 7.5, id="the shortest pause"),
            pytest.param(100.0, 60, 7.5, id="the usual generation"),
            pytest.param(240.0, 100, 10.0, id="one that takes long"),
            pytest.param(100.0, 480, 20.0, id="one that takes longer than expected"),
            pytest.param(100.0, 3_000, 30.0, id="the longest pause"),
            pytest.param(5_000.0, 100, 30.0, id="the longest pause, expected"),
        ],
    )
    def test_after_the_hold_a_pause_follows_the_longer_of_expected_and_elapsed_time(
        self, expected_seconds: float, elapsed: float, least: float
    ) -> None:
        waits = [new_poller(seed, expected_seconds=expected_seconds) for seed in SEEDS]
        for pauses in (
            [seconds(wait.on_prediction(prediction(), START + elapsed)) for wait in waits],
            [seconds(wait.on_error(error(), START + elapsed)) for wait in waits],
        ):
            assert least <= min(pauses) < 1.05 * least
            assert 1.15 * least < max(pauses) <= 1.2 * least

    @given(elapsed=st.floats(-1_000, 3_500), expected_seconds=st.floats(0, 10_000), seed=st.integers())
    def test_it_never_looks_more_often_than_the_shortest_pause(
        self, elapsed: float, expected_seconds: float, seed: int
    ) -> None:
        wait, now = new_poller(seed, expected_seconds=expected_seconds), START + elapsed
        for decision in (wait.begin(now), wait.on_prediction(prediction(), now), wait.on_error(error(), now)):
            assert seconds(decision) >= 7.5

    def test_an_interval_of_the_authors_is_exact(self) -> None:
        wait = new_poller(poll_interval=7.0)
        assert seconds(wait.begin(START)) == 7.0
        assert seconds(wait.on_prediction(prediction(), START + 7)) == 7.0
        assert seconds(wait.on_error(error(), START + 14)) == 7.0
        assert seconds(new_poller(poll_interval=0.1).on_error(error(), START)) == 0.1

    def test_looks_are_counted(self) -> None:
        wait = new_poller()
        wait.on_prediction(prediction(), START)
        wait.on_error(error(), START)
        wait.on_prediction(prediction(), START)
        assert wait.polls == 3


class TestRetryAfter:
    @pytest.mark.parametrize("poll_interval", [None, 5.0])
    def test_it_is_obeyed(self, poll_interval: float | None) -> None:
        for seed in SEEDS:
            wait = new_poller(seed, poll_interval=poll_interval)
            assert 90 <= seconds(wait.on_error(error(RateLimitError, 90.0), START)) <= 108

    def test_waits_refused_together_do_not_return_together(self) -> None:
        pauses = [seconds(new_poller(seed).on_error(error(RateLimitError, 90.0), START)) for seed in SEEDS]
        assert max(pauses) - min(pauses) > 10

    def test_a_short_one_does_not_quicken_the_interval(self) -> None:
        assert seconds(new_poller(poll_interval=5.0).on_error(error(RateLimitError, 0.1), START)) == 5.0

    def test_one_beyond_the_deadline_ends_at_the_deadline(self) -> None:
        assert seconds(new_poller().on_error(error(RateLimitError, 86_400.0), START + 3_590)) == 10.0


class TestDeadline:
    @pytest.mark.parametrize("poll_interval", [None, 600.0])
    def test_the_first_pause_ends_there_too(self, poll_interval: float | None) -> None:
        assert seconds(new_poller(deadline=START + 30, poll_interval=poll_interval).begin(START)) == 30.0

    def test_a_wait_that_begins_after_it_looks_at_once(self) -> None:
        assert seconds(new_poller().begin(START + 4_000)) == 0.0

    def test_one_last_look_just_then(self) -> None:
        wait = new_poller(poll_interval=60.0)
        assert seconds(wait.on_prediction(prediction(), START + 3_595)) == 5.0

    def test_a_video_that_is_ready_by_then_is_taken(self) -> None:
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert new_poller().on_prediction(finished, START + 4_000) == Done(finished)

    @pytest.mark.parametrize("now", [START + 3_600, START + 9_999])
    def test_then_the_wait_ends_and_the_generation_goes_on(self, now: float) -> None:
        timeout = reason(new_poller().on_prediction(prediction(), now))
        assert type(timeout) is WaitTimeoutError
        assert timeout.prediction_id == PREDICTION_ID
        assert timeout.charge is Charge.ACCEPTED
        assert "in 3600 s" in timeout.what
        assert "running" in timeout.what

    def test_errors_are_tolerated_until_then(self) -> None:
        wait = new_poller()
        for second in range(0, 3_600, 10):
            assert isinstance(wait.on_error(error(LostAnswerError), START + second), PollAgain)
        timeout = reason(wait.on_error(error(LostAnswerError), START + 3_600))
        assert type(timeout) is WaitTimeoutError
        assert "never seen" in timeout.what

    def test_a_status_without_a_word_is_told_as_such(self) -> None:
        nameless = prediction(PredictionStatus.UNKNOWN, reported_status="")
        assert "without a status" in reason(new_poller().on_prediction(nameless, START + 3_600)).what

    @given(
        now=st.floats(START - 10_000, START + 10_000),
        expected_seconds=st.floats(0, 10_000),
        poll_interval=st.none() | st.floats(0.1, 10_000),
        retry_after=st.none() | st.floats(0, 1e9),
    )
    def test_no_pause_goes_beyond_it(
        self, now: float, expected_seconds: float, poll_interval: float | None, retry_after: float | None
    ) -> None:
        wait = new_poller(expected_seconds=expected_seconds, poll_interval=poll_interval)
        for decision in (
            wait.begin(now),
            wait.on_prediction(prediction(), now),
            wait.on_error(error(RateLimitError, retry_after), now),
        ):
            if isinstance(decision, PollAgain):
                assert 0 <= decision.seconds <= max(wait.deadline - now, 0)


class TestPermanentAnswers:
    @pytest.mark.parametrize("cls", PERMANENT)
    def test_three_in_a_row_end_the_wait(self, cls: type[SeedanceError]) -> None:
        wait = new_poller()
        assert isinstance(wait.on_error(error(cls), START), PollAgain)
        assert isinstance(wait.on_error(error(cls), START), PollAgain)
        last = error(cls)
        assert reason(wait.on_error(last, START)) is last

    @pytest.mark.parametrize("cls", PERMANENT)
    def test_an_answer_in_between_takes_them_back(self, cls: type[SeedanceError]) -> None:
        wait = new_poller()
        for _ in range(5):
            wait.on_error(error(cls), START)
            wait.on_error(error(cls), START)
            assert isinstance(wait.on_prediction(prediction(), START), PollAgain)

    def test_a_passing_error_in_between_takes_them_back(self) -> None:
        wait = new_poller()
        for cls in (AuthenticationError, AuthenticationError, ServiceError, AuthenticationError, AuthenticationError):
            assert isinstance(wait.on_error(error(cls), START), PollAgain)

    def test_different_ones_count_together(self) -> None:
        wait = new_poller()
        wait.on_error(error(AuthenticationError), START)
        wait.on_error(error(PermissionDeniedError), START)
        assert type(reason(wait.on_error(error(PredictionNotFoundError), START))) is PredictionNotFoundError

    def test_refused_content_ends_the_wait_at_once(self) -> None:
        refused = error(ContentPolicyError)
        assert reason(new_poller().on_error(refused, START)) is refused

    @pytest.mark.parametrize("cls", [ServiceError, RateLimitError, LostAnswerError])
    def test_passing_errors_never_do(self, cls: type[SeedanceError]) -> None:
        wait = new_poller()
        assert all(isinstance(wait.on_error(error(cls), START), PollAgain) for _ in range(1_000))


class TestEnds:
    def test_success_with_outputs(self) -> None:
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert new_poller().on_prediction(finished, START) == Done(finished)

    def test_success_without_outputs_is_asked_again_five_times(self) -> None:
        wait = new_poller()
        empty = prediction(PredictionStatus.SUCCEEDED)
        for _ in range(5):
            assert isinstance(wait.on_prediction(empty, START), PollAgain)
        missing = reason(wait.on_prediction(empty, START))
        assert type(missing) is MissingOutputsError
        assert missing.prediction_id == PREDICTION_ID
        assert missing.charge is Charge.ACCEPTED
        assert "no output" in missing.what

    def test_outputs_that_come_late_are_taken(self) -> None:
        wait = new_poller()
        wait.on_prediction(prediction(PredictionStatus.SUCCEEDED), START)
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert wait.on_prediction(finished, START) == Done(finished)

    @pytest.mark.parametrize(
        ("status", "detail", "cls"),
        [
            (PredictionStatus.FAILED, None, GenerationFailedError),
            (PredictionStatus.FAILED, ErrorDetail("out of capacity"), GenerationFailedError),
            (PredictionStatus.FAILED, ErrorDetail("No", frozenset({"500"})), GenerationFailedError),
            (PredictionStatus.FAILED, ErrorDetail("No", frozenset({"503"})), ContentPolicyError),
            (PredictionStatus.FAILED, ErrorDetail("InputImageRiskDetection: no"), ContentPolicyError),
            (
                PredictionStatus.FAILED,
                ErrorDetail("No", frozenset({"OutputVideoSensitiveContentDetected"})),
                ContentPolicyError,
            ),
            (PredictionStatus.EXPIRED, None, GenerationExpiredError),
            (PredictionStatus.EXPIRED, ErrorDetail("too old"), GenerationExpiredError),
        ],
    )
    def test_an_end_without_a_video_is_final(
        self, status: PredictionStatus, detail: ErrorDetail | None, cls: type[SeedanceError]
    ) -> None:
        ended = reason(new_poller().on_prediction(prediction(status, error=detail), START))
        assert type(ended) is cls
        assert ended.prediction_id == PREDICTION_ID
        assert ended.charge is Charge.FAILED
        assert status.value in ended.what
        assert detail is None or detail.message in ended.what

    def test_refused_sound_is_cured_by_leaving_it_out(self) -> None:
        detail = ErrorDetail("No", frozenset({"OutputAudioSensitiveContentDetected"}))
        refused = failure(prediction(PredictionStatus.FAILED, error=detail))
        assert type(refused) is ContentPolicyError
        assert refused.what == "The generation ended as failed: No"
        assert refused.prediction_id == PREDICTION_ID
        assert refused.charge is Charge.FAILED
        assert "generate_audio to false" in refused.advice

    def test_other_refused_content_is_not(self) -> None:
        detail = ErrorDetail("No", frozenset({"OutputVideoSensitiveContentDetected"}))
        assert "generate_audio" not in failure(prediction(PredictionStatus.FAILED, error=detail)).advice

    def test_a_failure_without_a_word_is_told_as_such(self) -> None:
        silent = prediction(PredictionStatus.FAILED, error=ErrorDetail("", frozenset({"500"})))
        assert failure(silent).what == "The generation ended as failed"

    def test_the_words_of_the_service_are_told(self) -> None:
        cancelled = prediction(PredictionStatus.FAILED, reported_status="cancelled", error=ErrorDetail("by operator."))
        assert failure(cancelled).what == "The generation ended as cancelled: by operator"


class TestNews:
    def test_a_status_is_news_once(self) -> None:
        wait = new_poller()
        assert news(wait.on_prediction(prediction(PredictionStatus.QUEUED), START)) == "is queued"
        assert news(wait.on_prediction(prediction(PredictionStatus.QUEUED), START)) is None
        assert news(wait.on_prediction(prediction(PredictionStatus.RUNNING), START)) == "is running"
        assert news(wait.on_prediction(prediction(PredictionStatus.RUNNING), START)) is None

    def test_an_unknown_status_is_told_once_as_such(self) -> None:
        wait = new_poller()
        unknown = prediction(PredictionStatus.UNKNOWN, reported_status="warming_up")
        first = news(wait.on_prediction(unknown, START))
        assert first is not None
        assert "warming_up" in first
        assert "not known" in first
        assert all(news(wait.on_prediction(unknown, START)) is None for _ in range(10))

    def test_no_status_at_all_is_told_as_such(self) -> None:
        nameless = prediction(PredictionStatus.UNKNOWN, reported_status="")
        assert "without a status" in (news(new_poller().on_prediction(nameless, START)) or "")

    def test_errors_in_a_row_are_news_once(self) -> None:
        wait = new_poller()
        first = news(wait.on_error(error(), START))
        assert first is not None
        assert "GPTProto answered so" in first
        assert news(wait.on_error(error(), START)) is None
        wait.on_prediction(prediction(), START)
        assert news(wait.on_error(error(), START)) is not None

    def test_the_first_pause_says_what_is_known(self) -> None:
        assert news(new_poller().begin(START)) == "is in progress"
        wait = new_poller()
        wait.on_prediction(prediction(), START)
        assert news(wait.begin(START)) == "is running"
