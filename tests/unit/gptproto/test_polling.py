"""The poll schedule: when to poll next and when to stop, without clock or I/O."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.durations import ObservedDurations
from airflow_provider_seedance.gptproto.errors import (
    AudioPolicyError,
    AuthenticationError,
    Charge,
    ContentPolicyError,
    GenerationExpiredError,
    GenerationFailedError,
    LostResponseError,
    MissingOutputsError,
    PermissionDeniedError,
    PredictionNotFoundError,
    RateLimitError,
    SeedanceError,
    ServiceError,
    WaitTimeoutError,
)
from airflow_provider_seedance.gptproto.failures import failure
from airflow_provider_seedance.gptproto.polling import Decision, Done, GiveUp, PollAgain, Poller
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
        "phase": 0.0,
    }
    return Poller(**{**defaults, **changes})


def prediction(status: PredictionStatus = PredictionStatus.RUNNING, **values: Any) -> Prediction:
    return Prediction(**{"id": PREDICTION_ID, "status": status, "reported_status": status.value, **values})


def seconds(decision: Decision) -> float:
    assert isinstance(decision, PollAgain)
    return decision.seconds


def status_change(decision: Decision) -> str | None:
    assert isinstance(decision, PollAgain)
    return decision.status_change


def reason(decision: Decision) -> SeedanceError:
    assert isinstance(decision, GiveUp)
    return decision.error


def error(cls: type[SeedanceError] = ServiceError, retry_after: float | None = None) -> SeedanceError:
    return cls("GPTProto answered so", prediction_id=PREDICTION_ID, charge=Charge.ACCEPTED, retry_after=retry_after)


class TestInterval:
    def test_first_poll_is_at_two_fifths_of_the_expected_time(self) -> None:
        intervals = [seconds(new_poller(seed).first_poll(START)) for seed in SEEDS]
        assert 40 <= min(intervals) < 42
        assert 46 < max(intervals) <= 48

    def test_first_poll_is_at_75_seconds_at_the_latest_plus_jitter(self) -> None:
        assert all(75 <= seconds(new_poller(seed, expected_seconds=2_000.0).first_poll(START)) <= 90 for seed in SEEDS)

    def test_elapsed_time_is_subtracted_from_the_initial_delay(self) -> None:
        assert all(20 <= seconds(new_poller(seed).first_poll(START + 20)) <= 24 for seed in SEEDS)

    def test_clock_that_is_behind_does_not_lengthen_the_initial_delay(self) -> None:
        assert all(seconds(new_poller(seed).first_poll(START - 3_000)) <= 48 for seed in SEEDS)

    def test_poll_during_the_initial_delay_does_not_end_it(self) -> None:
        assert all(40 <= seconds(new_poller(seed).on_prediction(prediction(), START)) <= 48 for seed in SEEDS)

    @pytest.mark.parametrize(
        ("expected_seconds", "elapsed", "least"),
        [
            pytest.param(1.0, 30, 7.5, id="minimum interval"),
            pytest.param(100.0, 60, 7.5, id="usual generation"),
            pytest.param(240.0, 100, 10.0, id="slow generation"),
            pytest.param(100.0, 480, 20.0, id="slower than expected"),
            pytest.param(100.0, 3_000, 30.0, id="maximum interval"),
            pytest.param(5_000.0, 100, 30.0, id="maximum interval, expected"),
        ],
    )
    def test_interval_grows_with_the_longer_of_expected_and_elapsed_time(
        self, expected_seconds: float, elapsed: float, least: float
    ) -> None:
        pollers = [new_poller(seed, expected_seconds=expected_seconds) for seed in SEEDS]
        for intervals in (
            [seconds(poller.on_prediction(prediction(), START + elapsed)) for poller in pollers],
            [seconds(poller.on_error(error(), START + elapsed)) for poller in pollers],
        ):
            assert least <= min(intervals) < 1.05 * least
            assert 1.15 * least < max(intervals) <= 1.2 * least

    @given(elapsed=st.floats(-1_000, 3_500), expected_seconds=st.floats(0, 10_000), seed=st.integers())
    def test_interval_is_never_below_the_minimum(self, elapsed: float, expected_seconds: float, seed: int) -> None:
        poller, now = new_poller(seed, expected_seconds=expected_seconds), START + elapsed
        first, second = poller.first_poll(now), poller.on_prediction(prediction(), now)
        for decision in (first, second, poller.on_error(error(), now)):
            assert seconds(decision) >= 7.5

    @given(
        elapsed=st.floats(0, 3_000), expected_seconds=st.floats(1, 10_000), seed=st.integers(), phase=st.floats(0, 0.24)
    )
    def test_polls_of_all_waits_are_at_the_same_ticks(
        self, elapsed: float, expected_seconds: float, seed: int, phase: float
    ) -> None:
        poller, now = new_poller(seed, expected_seconds=expected_seconds, phase=phase), START + elapsed
        for decision in (
            poller.first_poll(now),
            poller.on_prediction(prediction(), now),
            poller.on_error(error(retry_after=20.1), now),
            poller.on_prediction(prediction(PredictionStatus.FAILED), now),
        ):
            ticks = 4 * (now + seconds(decision) - phase)
            assert ticks == pytest.approx(round(ticks), abs=1e-4)

    def test_ticks_of_a_process_stay_the_same(self) -> None:
        pollers = [Poller(prediction_id="x", submitted_at=0.0, deadline=9e9, expected_seconds=60.0) for _ in range(2)]
        assert pollers[0].phase == pollers[1].phase

    @pytest.mark.parametrize("poll_interval", [0.05, 0.1])
    def test_short_poll_interval_is_exact_after_an_error_too(self, poll_interval: float) -> None:
        poller = new_poller(poll_interval=poll_interval)
        assert seconds(poller.on_error(error(), START + 0.11)) == poll_interval

    def test_interval_without_a_tick_within_its_jitter_keeps_to_the_jitter(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Poller, "CONFIRMATION_INTERVAL", 0.05)
        pollers = [new_poller(seed) for seed in SEEDS]
        intervals = [seconds(each.on_prediction(prediction(PredictionStatus.FAILED), START + 0.11)) for each in pollers]
        assert all(0.05 <= each <= 0.06 + 1e-6 for each in intervals)

    def test_ticks_leave_the_mean_interval_as_it_is(self) -> None:
        intervals = [
            seconds(new_poller(seed, phase=0.1).on_prediction(prediction(), START + 60 + seed / 77))
            for seed in range(1_000)
        ]
        assert sum(intervals) / len(intervals) == pytest.approx(7.5 * 1.1, abs=0.05)

    def test_poll_interval_is_used_exactly(self) -> None:
        poller = new_poller(poll_interval=7.0)
        assert seconds(poller.first_poll(START)) == 7.0
        assert seconds(poller.on_prediction(prediction(), START + 7)) == 7.0
        assert seconds(poller.on_error(error(), START + 14)) == 7.0
        assert seconds(new_poller(poll_interval=0.1).on_error(error(), START)) == 0.1

    def test_polls_are_counted(self) -> None:
        poller = new_poller()
        poller.on_prediction(prediction(), START)
        poller.on_error(error(), START)
        poller.on_prediction(prediction(), START)
        assert poller.polls == 3


class TestObservedDurations:
    KIND = "2.0 fast, 720p, at most 5 s, no media"

    def learnt(self, seconds: float, count: int = 9) -> ObservedDurations:
        """Return the durations after generations that took so long; nine are too few to know a range."""
        return self.observed([seconds] * count)

    def observed(self, all_seconds: Iterable[float]) -> ObservedDurations:
        """Return the durations after these generations; a poller of 100 s is given them."""
        durations = ObservedDurations()
        for each in all_seconds:
            durations.observe(self.KIND, 100.0, each)
        return durations

    def interval(self, durations: ObservedDurations, elapsed: float, seed: int = 0) -> float:
        return seconds(self.poller(durations, seed).on_prediction(prediction(), START + elapsed))

    def poller(self, durations: ObservedDurations, seed: int = 0, **changes: Any) -> Poller:
        return new_poller(seed, kind=self.KIND, durations=durations, **changes)

    def observations(self, durations: ObservedDurations) -> int:
        return durations.expected(self.KIND, 100.0).observations

    def test_first_poll_is_at_two_fifths_of_the_observed_time(self) -> None:
        intervals = [seconds(self.poller(self.learnt(50.0), seed).first_poll(START)) for seed in SEEDS]
        assert all(20 <= interval <= 24 for interval in intervals)

    def test_later_interval_follows_the_observed_time(self) -> None:
        pollers = [self.poller(self.learnt(480.0), seed) for seed in SEEDS]
        assert all(20 <= seconds(poller.on_prediction(prediction(), START + 200)) <= 24 for poller in pollers)

    def test_wait_follows_what_is_observed_meanwhile(self) -> None:
        durations = ObservedDurations()
        poller = self.poller(durations, expected_seconds=480.0)
        assert seconds(poller.on_prediction(prediction(), START + 200)) >= 20
        for _ in range(50):
            durations.observe(self.KIND, 480.0, 120.0)
        assert seconds(poller.on_prediction(prediction(), START + 150)) <= 9

    #: The shortest and the longest of ten durations are 100 s and 160 s: a twelfth of the range is 5 s.
    RANGE = (100.0, *[140.0] * 8, 160.0)

    @pytest.mark.parametrize("elapsed", [100.0, 140.0, 160.0])
    def test_interval_is_a_twelfth_of_the_observed_range_within_it(self, elapsed: float) -> None:
        durations = self.observed(self.RANGE)
        assert all(5 <= self.interval(durations, elapsed, seed) <= 6 for seed in SEEDS)

    def test_interval_within_a_narrow_range_is_two_seconds(self) -> None:
        durations = self.observed([100.0, *[101.0] * 8, 102.0])
        assert all(2 <= self.interval(durations, 101.0, seed) <= 2.4 for seed in SEEDS)

    def test_interval_within_a_wide_range_is_the_usual_one(self) -> None:
        durations = self.observed([20.0, *[140.0] * 8, 500.0])
        assert all(7.5 <= self.interval(durations, 140.0, seed) <= 9 for seed in SEEDS)

    @pytest.mark.parametrize(("elapsed", "usual"), [(160.1, 7.5), (182.4, 7.6)])
    def test_interval_after_the_observed_range_is_the_usual_one(self, elapsed: float, usual: float) -> None:
        durations = self.observed(self.RANGE)
        assert all(usual <= self.interval(durations, elapsed, seed) <= 1.2 * usual for seed in SEEDS)

    @pytest.mark.parametrize(("elapsed", "least"), [(60.0, 30.0), (80.0, 20.0), (140.0, 5.0)])
    def test_intervals_by_the_observed_range_have_jitter(self, elapsed: float, least: float) -> None:
        intervals = [self.interval(self.observed(self.RANGE), elapsed, seed) for seed in SEEDS]
        assert min(intervals) < 1.05 * least
        assert max(intervals) > 1.15 * least

    @pytest.mark.parametrize(("elapsed", "interval"), [(60.0, 30.0), (80.0, 20.0), (99.0, 2.0)])
    def test_next_poll_before_the_observed_range_is_at_its_begin(self, elapsed: float, interval: float) -> None:
        durations = self.observed(self.RANGE)
        assert all(interval <= self.interval(durations, elapsed, seed) <= 1.2 * interval for seed in SEEDS)

    @pytest.mark.parametrize(
        "odd",
        [
            prediction(PredictionStatus.SUCCEEDED),
            prediction(PredictionStatus.UNKNOWN, outputs=("https://x/0.mp4",)),
        ],
    )
    def test_observed_range_does_not_hurry_the_end_of_an_odd_response(self, odd: Prediction) -> None:
        for elapsed in (60.0, 140.0):
            decision = self.poller(self.observed(self.RANGE)).on_prediction(odd, START + elapsed)
            assert 7.5 <= seconds(decision) <= 9

    @pytest.mark.parametrize("elapsed", [60.0, 140.0])
    def test_failed_poll_is_repeated_at_the_usual_interval(self, elapsed: float) -> None:
        for seed in SEEDS:
            decision = self.poller(self.observed(self.RANGE), seed).on_error(error(), START + elapsed)
            assert 7.5 <= seconds(decision) <= 9

    def test_first_poll_before_the_observed_range_is_not_earlier_than_two_fifths(self) -> None:
        poller = self.poller(self.observed(self.RANGE))
        assert 56 <= seconds(poller.first_poll(START)) <= 67.2

    def test_poll_yields_until_the_observed_time(self) -> None:
        assert self.poller(self.learnt(50.0)).yields(START + 40) == pytest.approx(10.0)

    def test_status_change_names_expectation_and_reason(self) -> None:
        reason = f"usual time 100 s, corrected by the last {ObservedDurations.WINDOW} of its kind"
        change = status_change(self.poller(self.learnt(50.0, 50)).first_poll(START))
        assert change == f"In progress, expected after 50 s ({reason})"

    def test_middle_between_the_last_two_polls_is_observed(self) -> None:
        durations = ObservedDurations()
        for _ in range(20):
            poller = self.poller(durations)
            poller.on_prediction(prediction(), START + 40)
            poller.on_prediction(prediction(PredictionStatus.QUEUED), START + 48)
            poller.on_prediction(prediction(PredictionStatus.SUCCEEDED, outputs=("https://x/0.mp4",)), START + 56)
        assert durations.expected(self.KIND, 100.0).seconds == pytest.approx(52.0)

    @pytest.mark.parametrize(("poll_interval", "observations"), [(2.0, 1), (7.5, 1), (80.0, 0)])
    def test_wait_with_a_long_interval_of_its_own_is_not_observed(
        self, poll_interval: float, observations: int
    ) -> None:
        durations = ObservedDurations()
        poller = self.poller(durations, poll_interval=poll_interval)
        poller.on_prediction(prediction(), START + 80)
        poller.on_prediction(
            prediction(PredictionStatus.SUCCEEDED, outputs=("https://x/0.mp4",)), START + 80 + poll_interval
        )
        assert self.observations(durations) == observations

    def test_failed_polls_do_not_bound_the_end(self) -> None:
        durations = ObservedDurations()
        for _ in range(20):
            poller = self.poller(durations)
            poller.on_prediction(prediction(), START + 40)
            poller.on_error(error(), START + 48)
            poller.on_prediction(prediction(PredictionStatus.SUCCEEDED, outputs=("https://x/0.mp4",)), START + 56)
        assert durations.expected(self.KIND, 100.0).seconds == pytest.approx(48.0)

    def test_duration_that_the_service_reports_is_observed(self) -> None:
        durations = ObservedDurations()
        for _ in range(20):
            finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://x/0.mp4",), inference_seconds=41.0)
            self.poller(durations).on_prediction(finished, START + 60)
        assert durations.expected(self.KIND, 100.0).seconds == pytest.approx(41.0)

    def test_unknown_status_with_outputs_ended_at_the_first_poll_with_outputs_or_later(self) -> None:
        durations = ObservedDurations()
        nameless = prediction(PredictionStatus.UNKNOWN, outputs=("https://x/0.mp4",))
        for _ in range(20):
            poller = self.poller(durations)
            poller.on_prediction(prediction(), START + 40)
            decisions = [poller.on_prediction(nameless, START + later) for later in (48, 56, 64)]
            assert isinstance(decisions[-1], Done)
        assert durations.expected(self.KIND, 100.0).seconds == pytest.approx(52.0)

    def test_generations_that_fail_or_time_out_are_not_observed(self) -> None:
        durations = ObservedDurations()
        for status in (PredictionStatus.FAILED, PredictionStatus.EXPIRED):
            poller = self.poller(durations)
            decisions = [poller.on_prediction(prediction(status), START + later) for later in (40, 46, 52)]
            assert isinstance(decisions[-1], GiveUp)
        assert isinstance(self.poller(durations).on_prediction(prediction(), START + 3_600), GiveUp)
        assert self.observations(durations) == 0

    def test_success_found_long_after_the_submission_is_not_observed(self) -> None:
        """A wait that another triggerer takes over after an outage does not know when the generation ended."""
        durations = ObservedDurations()
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://x/0.mp4",))
        assert self.poller(durations).on_prediction(finished, START + 1_800) == Done(finished)
        assert self.observations(durations) == 0

    def test_unknown_kind_learns_nothing(self) -> None:
        durations = self.learnt(400.0)
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://x/0.mp4",))
        new_poller(durations=durations).on_prediction(finished, START + 40)
        assert durations.expected("", 100.0).observations == 0

    def test_pollers_without_common_durations_do_not_share_them(self) -> None:
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://x/0.mp4",))
        for _ in range(20):
            new_poller(kind=self.KIND).on_prediction(finished, START + 40)
        assert seconds(new_poller(kind=self.KIND).first_poll(START)) >= 40

    def test_authors_interval_keeps_its_meaning(self) -> None:
        poller = self.poller(self.learnt(5_000.0), poll_interval=7.0)
        assert seconds(poller.first_poll(START)) == 7.0
        assert seconds(poller.on_prediction(prediction(), START + 7)) == 7.0

    @given(observed=st.floats(0, 1e6), elapsed=st.floats(0, 3_599), seed=st.integers())
    def test_no_observation_delays_a_poll_beyond_the_limits(self, observed: float, elapsed: float, seed: int) -> None:
        poller, now = self.poller(self.learnt(observed, 50), seed), START + elapsed
        for interval in (seconds(poller.first_poll(now)), seconds(poller.on_prediction(prediction(), now))):
            remaining = pytest.approx(3_600 - elapsed, abs=1e-3)
            assert interval == remaining or 2.0 <= interval <= min(max(90.0 - elapsed, 36.0) + 1e-6, 3_600 - elapsed)


class TestRetryAfter:
    @pytest.mark.parametrize("poll_interval", [None, 5.0])
    def test_retry_after_is_respected(self, poll_interval: float | None) -> None:
        for seed in SEEDS:
            poller = new_poller(seed, poll_interval=poll_interval)
            assert 90 <= seconds(poller.on_error(error(RateLimitError, 90.0), START)) <= 108

    def test_retry_after_is_jittered(self) -> None:
        intervals = [seconds(new_poller(seed).on_error(error(RateLimitError, 90.0), START)) for seed in SEEDS]
        assert max(intervals) - min(intervals) > 10

    def test_short_retry_after_does_not_shorten_the_interval(self) -> None:
        assert seconds(new_poller(poll_interval=5.0).on_error(error(RateLimitError, 0.1), START)) == 5.0

    def test_retry_after_is_respected_for_five_minutes(self) -> None:
        intervals = [seconds(new_poller(seed).on_error(error(RateLimitError, 86_400.0), START)) for seed in SEEDS]
        assert 300 <= min(intervals) <= max(intervals) <= 360

    def test_retry_after_beyond_the_deadline_is_cut(self) -> None:
        assert seconds(new_poller().on_error(error(RateLimitError, 86_400.0), START + 3_590)) == 10.0


class TestDeadline:
    @pytest.mark.parametrize("poll_interval", [None, 600.0])
    def test_first_interval_ends_at_the_deadline(self, poll_interval: float | None) -> None:
        assert seconds(new_poller(deadline=START + 30, poll_interval=poll_interval).first_poll(START)) == 30.0

    def test_poller_that_starts_after_the_deadline_polls_at_once(self) -> None:
        assert seconds(new_poller().first_poll(START + 4_000)) == 0.0

    def test_last_poll_is_at_the_deadline(self) -> None:
        poller = new_poller(poll_interval=60.0)
        assert seconds(poller.on_prediction(prediction(), START + 3_595)) == 5.0

    def test_poller_accepts_a_video_at_the_deadline(self) -> None:
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert new_poller().on_prediction(finished, START + 4_000) == Done(finished)

    @pytest.mark.parametrize("now", [START + 3_600, START + 9_999])
    def test_poller_times_out_at_the_deadline(self, now: float) -> None:
        timeout = reason(new_poller().on_prediction(prediction(), now))
        assert type(timeout) is WaitTimeoutError
        assert timeout.prediction_id == PREDICTION_ID
        assert timeout.charge is Charge.ACCEPTED
        what = "The prediction did not finish in 3600 s; it was running at the last successful poll"
        assert timeout.what == what

    def test_transient_errors_are_tolerated_until_the_deadline(self) -> None:
        poller = new_poller()
        for second in range(0, 3_600, 10):
            assert isinstance(poller.on_error(error(LostResponseError), START + second), PollAgain)
        timeout = reason(poller.on_error(error(LostResponseError), START + 3_600))
        assert type(timeout) is WaitTimeoutError
        assert timeout.what.startswith("The prediction did not finish in 3600 s; no poll succeeded")

    @pytest.mark.parametrize("has_succeeded", [False, True])
    def test_timeout_quotes_the_last_poll_if_it_failed(self, has_succeeded: bool) -> None:
        """https://github.com/Scottcjn/bottube/issues/2125: it looked as if the generation were too slow."""
        poller = new_poller()
        if has_succeeded:
            poller.on_prediction(prediction(), START + 10)
        poller.on_error(error(LostResponseError), START + 20)
        timeout = reason(poller.on_error(error(LostResponseError), START + 3_600))
        assert ("running at the last successful poll" in timeout.what) is has_succeeded
        assert timeout.what.endswith("; the last poll failed: GPTProto answered so")

    def test_timeout_quotes_no_poll_that_failed_before_a_successful_one(self) -> None:
        poller = new_poller()
        poller.on_error(error(), START + 10)
        assert "GPTProto answered so" not in reason(poller.on_prediction(prediction(), START + 3_600)).what

    def test_timeout_text_reports_an_empty_status(self) -> None:
        nameless = prediction(PredictionStatus.UNKNOWN, reported_status="")
        what = "The prediction did not finish in 3600 s; it was without a status at the last successful poll"
        assert reason(new_poller().on_prediction(nameless, START + 3_600)).what == what

    @given(
        now=st.floats(START - 10_000, START + 10_000),
        expected_seconds=st.floats(0, 10_000),
        poll_interval=st.none() | st.floats(0.1, 10_000),
        retry_after=st.none() | st.floats(0, 1e9),
    )
    def test_interval_never_exceeds_the_deadline(
        self, now: float, expected_seconds: float, poll_interval: float | None, retry_after: float | None
    ) -> None:
        poller = new_poller(expected_seconds=expected_seconds, poll_interval=poll_interval)
        for decision in (
            poller.first_poll(now),
            poller.on_prediction(prediction(), now),
            poller.on_error(error(RateLimitError, retry_after), now),
        ):
            if isinstance(decision, PollAgain):
                assert 0 <= decision.seconds <= max(poller.deadline - now, 0)


class TestPermanentErrors:
    @pytest.mark.parametrize("cls", [cls for cls in PERMANENT if cls is not PredictionNotFoundError])
    def test_three_consecutive_permanent_errors_over_ten_seconds_end_the_wait(self, cls: type[SeedanceError]) -> None:
        poller = new_poller()
        assert isinstance(poller.on_error(error(cls), START), PollAgain)
        assert isinstance(poller.on_error(error(cls), START + 5), PollAgain)
        last = error(cls)
        assert reason(poller.on_error(last, START + 10)) is last

    @pytest.mark.parametrize("times", [(0, 4, 9.9), (0, 10)])
    def test_fewer_or_quicker_permanent_errors_do_not_end_the_wait(self, times: tuple[float, ...]) -> None:
        poller = new_poller()
        assert all(isinstance(poller.on_error(error(AuthenticationError), START + at), PollAgain) for at in times)

    def test_five_not_found_over_thirty_seconds_end_the_wait(self) -> None:
        poller, last = new_poller(), error(PredictionNotFoundError)
        for second in (0, 5, 10, 15):
            assert isinstance(poller.on_error(error(PredictionNotFoundError), START + second), PollAgain)
        assert isinstance(poller.on_error(error(PredictionNotFoundError), START + 29.9), PollAgain)
        assert reason(poller.on_error(last, START + 30)) is last

    def test_four_not_found_over_a_long_time_do_not_end_the_wait(self) -> None:
        poller = new_poller()
        for second in (0, 60, 120, 180):
            assert isinstance(poller.on_error(error(PredictionNotFoundError), START + second), PollAgain)
        assert isinstance(reason(poller.on_error(error(PredictionNotFoundError), START + 240)), PredictionNotFoundError)

    @pytest.mark.parametrize("cls", PERMANENT)
    def test_successful_poll_resets_the_permanent_error_count(self, cls: type[SeedanceError]) -> None:
        poller = new_poller()
        for second in range(0, 300, 60):
            poller.on_error(error(cls), START + second)
            poller.on_error(error(cls), START + second + 20)
            assert isinstance(poller.on_prediction(prediction(), START + second + 40), PollAgain)

    def test_transient_error_resets_the_permanent_error_count(self) -> None:
        poller = new_poller()
        classes = (AuthenticationError, AuthenticationError, ServiceError, AuthenticationError, AuthenticationError)
        for second, cls in enumerate(classes):
            assert isinstance(poller.on_error(error(cls), START + 20 * second), PollAgain)

    def test_refused_content_and_permanent_errors_do_not_end_the_wait_at_once(self) -> None:
        poller = new_poller()
        for cls in (ContentPolicyError, AuthenticationError, AuthenticationError):
            assert isinstance(poller.on_error(error(cls), START), PollAgain)

    def test_different_permanent_errors_are_counted_together(self) -> None:
        poller = new_poller()
        poller.on_error(error(AuthenticationError), START)
        poller.on_error(error(PermissionDeniedError), START + 5)
        assert type(reason(poller.on_error(error(AuthenticationError), START + 10))) is AuthenticationError

    def test_refused_content_ends_the_wait_once_it_is_confirmed(self) -> None:
        poller, refused = new_poller(), error(ContentPolicyError)
        assert status_change(poller.on_error(refused, START)) == "Poll failed (GPTProto answered so)"
        assert status_change(poller.on_error(refused, START + 5)) is None
        assert reason(poller.on_error(refused, START + 10)) is refused

    @pytest.mark.parametrize("cls", [ServiceError, RateLimitError, LostResponseError])
    def test_transient_errors_never_end_the_wait(self, cls: type[SeedanceError]) -> None:
        poller = new_poller()
        assert all(isinstance(poller.on_error(error(cls), START), PollAgain) for _ in range(1_000))


class TestFinalStatus:
    def test_success_with_outputs_is_done(self) -> None:
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert new_poller().on_prediction(finished, START) == Done(finished)

    def test_success_without_outputs_is_polled_five_more_times(self) -> None:
        poller = new_poller()
        empty = prediction(PredictionStatus.SUCCEEDED)
        for _ in range(5):
            assert isinstance(poller.on_prediction(empty, START), PollAgain)
        missing = reason(poller.on_prediction(empty, START))
        assert type(missing) is MissingOutputsError
        assert missing.prediction_id == PREDICTION_ID
        assert missing.charge is Charge.ACCEPTED
        assert missing.what == "The prediction succeeded, but it has no outputs"

    def test_unknown_status_with_outputs_is_a_success_at_the_third_poll_in_a_row(self) -> None:
        poller, outputs = new_poller(), ("https://cdn.example/0.mp4",)
        ready = prediction(PredictionStatus.UNKNOWN, reported_status="ready", outputs=outputs)
        for each in (ready, ready, prediction(), ready, ready):
            assert isinstance(poller.on_prediction(each, START), PollAgain)
        decision = poller.on_prediction(ready, START)
        assert isinstance(decision, Done)
        assert decision.prediction.is_complete
        assert decision.prediction.outputs == outputs

    def test_late_outputs_are_accepted(self) -> None:
        poller = new_poller()
        poller.on_prediction(prediction(PredictionStatus.SUCCEEDED), START)
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert poller.on_prediction(finished, START) == Done(finished)

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
    def test_failed_or_expired_prediction_ends_the_wait(
        self, status: PredictionStatus, detail: ErrorDetail | None, cls: type[SeedanceError]
    ) -> None:
        poller, failed = new_poller(), prediction(status, error=detail)
        decisions = [poller.on_prediction(failed, START + seconds) for seconds in (0, 5, 10)]
        assert [status_change(decision) for decision in decisions[:2]] == [f"Status {status.value}", None]
        ended = reason(decisions[-1])
        assert type(ended) is cls
        assert ended.prediction_id == PREDICTION_ID
        assert ended.charge is Charge.FAILED
        assert status.value in ended.what
        assert detail is None or detail.message in ended.what

    @pytest.mark.parametrize("seconds", [(0, 1, 2, 3, 9.9), (0, 10), (0,)])
    def test_failure_is_not_believed_before_three_polls_over_ten_seconds(self, seconds: tuple[float, ...]) -> None:
        poller = new_poller()
        for each in seconds:
            decision = poller.on_prediction(prediction(PredictionStatus.FAILED), START + each)
            assert isinstance(decision, PollAgain)
            assert 5 <= decision.seconds <= 6

    @pytest.mark.parametrize("status", [PredictionStatus.FAILED, PredictionStatus.EXPIRED])
    @pytest.mark.parametrize("between", [PredictionStatus.RUNNING, PredictionStatus.UNKNOWN])
    def test_other_status_between_failures_starts_the_count_again(
        self, status: PredictionStatus, between: PredictionStatus
    ) -> None:
        poller = new_poller()
        for second, each in enumerate((status, status, between, status, status)):
            decision = poller.on_prediction(prediction(each), START + 10 * second)
            assert isinstance(decision, PollAgain)
        assert isinstance(poller.on_prediction(prediction(status), START + 60), GiveUp)

    def test_wrong_failure_does_not_lose_the_video(self) -> None:
        poller = new_poller()
        poller.on_prediction(prediction(PredictionStatus.FAILED), START)
        finished = prediction(PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
        assert poller.on_prediction(finished, START + 5) == Done(finished)

    @pytest.mark.parametrize(
        "failed", [prediction(PredictionStatus.FAILED), prediction(PredictionStatus.EXPIRED), ContentPolicyError("No")]
    )
    def test_confirmation_ends_at_the_deadline(self, failed: Prediction | ContentPolicyError) -> None:
        poller = new_poller(deadline=START + 3)
        receive: Any = poller.on_prediction if isinstance(failed, Prediction) else poller.on_error
        assert seconds(receive(failed, START)) == 3
        ended = reason(receive(failed, START + 3))
        assert type(ended) is WaitTimeoutError
        assert (ended.prediction_id, ended.charge) == (PREDICTION_ID, Charge.ACCEPTED)
        seen = failed.what if isinstance(failed, ContentPolicyError) else f"The generation ended as {failed.status}"
        assert ended.what == (
            f"The prediction did not finish in 3 s; the last response was not confirmed in time: {seen}"
        )

    def test_failure_that_is_confirmed_at_the_deadline_is_believed(self) -> None:
        poller, failed = new_poller(deadline=START + 10), prediction(PredictionStatus.FAILED)
        decisions = [poller.on_prediction(failed, START + each) for each in (0, 5, 10)]
        assert type(reason(decisions[-1])) is GenerationFailedError

    def test_success_without_outputs_is_named(self) -> None:
        empty = failure(prediction(PredictionStatus.SUCCEEDED))
        assert (empty.what, empty.charge) == ("The prediction succeeded, but it has no outputs", Charge.ACCEPTED)

    def test_success_without_outputs_quotes_the_rest_of_the_response(self) -> None:
        empty = failure(prediction(PredictionStatus.SUCCEEDED, unread="clip: v.mp4"))
        assert empty.what == "The prediction succeeded, but it has no outputs; the response has clip: v.mp4"

    def test_refused_audio_advises_to_disable_audio(self) -> None:
        detail = ErrorDetail("No", frozenset({"OutputAudioSensitiveContentDetected"}))
        refused = failure(prediction(PredictionStatus.FAILED, error=detail))
        assert type(refused) is AudioPolicyError
        assert refused.what == "The generation ended as failed: No (OutputAudioSensitiveContentDetected)"
        assert refused.prediction_id == PREDICTION_ID
        assert refused.charge is Charge.FAILED
        assert "generate_audio=False" in refused.advice
        assert 'on_audio_refusal="mute"' in refused.advice

    def test_refused_video_does_not_advise_to_disable_audio(self) -> None:
        detail = ErrorDetail("No", frozenset({"OutputVideoSensitiveContentDetected"}))
        assert "generate_audio" not in failure(prediction(PredictionStatus.FAILED, error=detail)).advice

    def test_failure_without_message_has_status_and_code(self) -> None:
        silent = prediction(PredictionStatus.FAILED, error=ErrorDetail("", frozenset({"500"})))
        assert failure(silent).what == "The generation ended as failed: 500"
        assert failure(prediction(PredictionStatus.FAILED)).what == "The generation ended as failed"

    def test_failure_text_quotes_reported_status_and_message(self) -> None:
        cancelled = prediction(
            PredictionStatus.FAILED, reported_status="cancelled", error=ErrorDetail("by operator X.")
        )
        assert failure(cancelled).what == "The generation ended as cancelled: by operator X"


class TestStatusChange:
    def test_status_change_is_reported_once(self) -> None:
        poller = new_poller()
        assert status_change(poller.on_prediction(prediction(PredictionStatus.QUEUED), START)) == "Status queued"
        assert status_change(poller.on_prediction(prediction(PredictionStatus.QUEUED), START)) is None
        assert status_change(poller.on_prediction(prediction(PredictionStatus.RUNNING), START)) == "Status running"
        assert status_change(poller.on_prediction(prediction(PredictionStatus.RUNNING), START)) is None

    def test_unknown_status_is_reported_once(self) -> None:
        poller = new_poller()
        unknown = prediction(PredictionStatus.UNKNOWN, reported_status="warming_up")
        first = status_change(poller.on_prediction(unknown, START))
        assert first == "Status warming_up (status not known, counts as in progress)"
        assert all(status_change(poller.on_prediction(unknown, START)) is None for _ in range(10))

    def test_empty_status_is_reported(self) -> None:
        nameless = prediction(PredictionStatus.UNKNOWN, reported_status="")
        what = "Status missing (status not known, counts as in progress)"
        assert status_change(new_poller().on_prediction(nameless, START)) == what

    def test_errors_are_reported_at_growing_intervals(self) -> None:
        poller = new_poller(deadline=START + 7200.0)
        lines = {after: status_change(poller.on_error(error(), START + after)) for after in range(0, 3600, 10)}
        assert lines[0] == "Poll failed (GPTProto answered so)"
        reported = [after for after, line in lines.items() if line]
        assert reported == [0, 60, 180, *range(420, 3600, 300)]
        until = datetime.fromtimestamp(START + 7200.0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        assert lines[60] == f"Poll failed, 7 times so far; it is repeated until {until} (GPTProto answered so)"

    def test_errors_between_successes_do_not_flood_the_log(self) -> None:
        poller, reported = new_poller(deadline=START + 7200.0), []
        for after in range(0, 3600, 20):
            if status_change(poller.on_error(error(), START + after)):
                reported.append(after)
            poller.on_prediction(prediction(), START + after + 10)
        assert reported == [*range(0, 3600, 60)]

    def test_first_poll_reports_the_known_status(self) -> None:
        assert status_change(new_poller().first_poll(START)) == "In progress, expected after 100 s (usual time)"
        poller = new_poller()
        poller.on_prediction(prediction(), START)
        assert status_change(poller.first_poll(START)) == "Status running"
