"""The observed durations of generations, as the expectation for the next ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.durations import ObservedDurations, duration_between

KIND = "2.0 fast, 720p, at most 5 s, no media"
WINDOW, WEIGHT = ObservedDurations.WINDOW, ObservedDurations.FIRST_GUESS_WEIGHT


def observed(*seconds: float, first_guess: float = 100.0) -> ObservedDurations:
    durations = ObservedDurations()
    for each in seconds:
        durations.observe(KIND, first_guess, each)
    return durations


def expected(durations: ObservedDurations, first_guess: float = 100.0, kind: str = KIND) -> float:
    return durations.expected(kind, first_guess).seconds


class TestExpected:
    def test_first_guess_is_expected_before_any_observation(self) -> None:
        assert expected(ObservedDurations(), 75.0) == 75.0

    def test_same_duration_every_time_is_expected(self) -> None:
        assert expected(observed(*[40.0] * WINDOW)) == pytest.approx(40.0)

    def test_few_observations_do_not_replace_the_first_guess(self) -> None:
        assert expected(observed(*[400.0] * (WEIGHT - 1))) == 100.0

    def test_first_guess_counts_as_often_as_its_weight(self) -> None:
        assert expected(observed(*[400.0] * WEIGHT)) == pytest.approx((100 + 400) / 2)
        assert expected(observed(*[400.0] * (WEIGHT + 1))) == pytest.approx(400.0)

    @pytest.mark.parametrize("error", [0.25, 4.0])
    def test_twenty_generations_correct_a_wrong_first_guess(self, error: float) -> None:
        durations = observed(*[90.0] * 20, first_guess=90 * error)
        assert expected(durations, 90 * error) == pytest.approx(90.0)

    def test_outliers_do_not_count(self) -> None:
        assert expected(observed(*[80.0] * 20, 1_000.0, 0.1, 6_300.0)) == pytest.approx(80.0)

    def test_middle_of_scattered_durations_is_expected(self) -> None:
        assert expected(observed(50.0, 150.0, *[100.0] * 5, 120.0, 60.0)) == pytest.approx(100.0)

    def test_change_of_the_service_is_followed_after_half_a_window(self) -> None:
        durations = observed(*[75.0] * 100, first_guess=75.0)
        for _ in range(WINDOW // 2 + WEIGHT):
            durations.observe(KIND, 75.0, 150.0)
        assert expected(durations, 75.0) == pytest.approx(150.0)

    def test_old_observations_are_forgotten(self) -> None:
        assert expected(observed(*[400.0] * 100, *[50.0] * WINDOW)) == pytest.approx(50.0)

    def test_generation_of_another_length_is_expected_in_proportion(self) -> None:
        assert expected(observed(*[150.0] * 20), first_guess=120.0) == pytest.approx(180.0)

    def test_kinds_are_learnt_apart(self) -> None:
        durations = observed(*[400.0] * 20)
        assert expected(durations, kind="2.5, 720p, at most 5 s, no media") == 100.0

    @pytest.mark.parametrize(("kind", "first_guess"), [("", 100.0), (KIND, 0.0), (KIND, -1.0)])
    def test_generation_of_unknown_kind_or_usual_time_is_ignored(self, kind: str, first_guess: float) -> None:
        durations = ObservedDurations()
        for _ in range(20):
            durations.observe(kind, first_guess, 400.0)
        assert expected(durations, 100.0, kind) == 100.0

    @given(
        seconds=st.lists(st.floats(0, 1e6), max_size=100),
        first_guess=st.floats(0.1, 1e4),
    )
    def test_expectation_lies_between_the_extremes(self, seconds: list[float], first_guess: float) -> None:
        durations = observed(*seconds, first_guess=first_guess)
        values = [first_guess, *seconds]
        assert min(values) * 0.999 <= expected(durations, first_guess) <= max(values) * 1.001


class TestRange:
    def between(self, *seconds: float) -> tuple[float, float] | None:
        return observed(*seconds).expected(KIND, 100.0).between

    def test_range_is_unknown_before_ten_observations(self) -> None:
        assert ObservedDurations().expected(KIND, 100.0).between is None
        assert self.between(*[50.0] * 9) is None
        assert self.between(*[50.0] * 10) == pytest.approx((50.0, 50.0))

    def test_range_has_the_shortest_and_the_longest_duration(self) -> None:
        assert self.between(90.0, *[70.0] * 17, 50.0) == pytest.approx((50.0, 90.0))

    def test_one_in_twenty_at_each_end_does_not_count(self) -> None:
        assert self.between(900.0, 90.0, *[70.0] * 16, 50.0, 5.0) == pytest.approx((50.0, 90.0))

    def test_range_is_in_proportion_to_the_usual_time(self) -> None:
        durations = observed(50.0, *[70.0] * 17, 90.0)
        assert durations.expected(KIND, 200.0).between == pytest.approx((100.0, 180.0))


class TestReason:
    def test_usual_time_is_named_as_such(self) -> None:
        assert str(ObservedDurations().expected(KIND, 75.0)) == "75 s (usual time)"

    def test_correction_names_the_usual_time_and_the_number_of_observations(self) -> None:
        reason = "90 s (usual time 75 s, corrected by the last 7 of its kind)"
        assert str(observed(*[90.0] * 7, first_guess=75.0).expected(KIND, 75.0)) == reason

    def test_only_observations_that_still_count_are_named(self) -> None:
        assert f"the last {WINDOW} of its kind" in str(observed(*[90.0] * 1_000).expected(KIND, 100.0))


class TestMemory:
    def test_kind_without_new_observations_is_forgotten_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ObservedDurations, "MAXIMUM_KINDS", 2)
        durations = ObservedDurations()
        for kind in ["first", "second"] * 20 + ["first", "third"]:
            durations.observe(kind, 100.0, 50.0)
        assert expected(durations, kind="first") == pytest.approx(50.0)
        assert expected(durations, kind="second") == 100.0
        assert durations.expected("third", 100.0).observations == 1

    def test_hundreds_of_kinds_are_kept(self) -> None:
        durations = ObservedDurations()
        for number in range(300):
            durations.observe(f"kind {number}", 100.0, 50.0)
        assert all(durations.expected(f"kind {number}", 100.0).observations == 1 for number in range(300))


class TestDurationBetween:
    def test_middle_between_the_polls_counts(self) -> None:
        assert duration_between(80.0, 90.0, 0.0) == 85.0

    def test_generation_that_ended_before_the_first_poll_counts_from_its_submission(self) -> None:
        assert duration_between(0.0, 75.0, 0.0) == 37.5

    @pytest.mark.parametrize(
        ("reported", "seconds"), [(87.0, 87.0), (90.0, 90.0), (80.0, 85.0), (79.0, 85.0), (91.0, 85.0), (-1.0, 85.0)]
    )
    def test_reported_duration_counts_if_it_lies_between_the_polls(self, reported: float, seconds: float) -> None:
        assert duration_between(80.0, 90.0, reported) == seconds

    def test_generation_that_ended_during_an_interruption_does_not_count(self) -> None:
        assert duration_between(0.0, 90.0, 0.0) == 45.0
        assert duration_between(0.0, 90.1, 0.0) is None
        assert duration_between(300.0, 2_100.0, 310.0) is None

    def test_clock_that_was_set_back_says_nothing(self) -> None:
        assert duration_between(80.0, 80.0, 0.0) == 80.0
        assert duration_between(80.0, 0.0, 0.0) is None
