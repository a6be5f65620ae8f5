"""``max_submissions``: how often a task instance may submit, with and without a record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, SubmissionLimitError
from airflow_provider_seedance.tasks.options import GenerationOptions, OnAudioRefusal, WaitOptions
from airflow_provider_seedance.tasks.records.limit import SubmissionLimit
from airflow_provider_seedance.tasks.records.submission import Submission

INTENT = Submission(fingerprint="fingerprint", submitted_at=1_800_000_000.0, max_tries=2)
ACCEPTED = replace(INTENT, prediction_id="abc")


class TestWithRecord:
    REASON = "recorded prediction abc did not succeed"

    def check(self, recorded: Submission | None, maximum: int | None, max_tries: int = 2) -> None:
        SubmissionLimit(maximum, 1).check(recorded, max_tries=max_tries, reason=self.REASON)

    @pytest.mark.parametrize(
        ("recorded", "maximum", "max_tries"),
        [
            (None, 1, 2),
            (replace(ACCEPTED, submissions=9), None, 2),
            (replace(ACCEPTED, submissions=1), 2, 2),
            (replace(ACCEPTED, submissions=0, is_refused=True), 1, 2),
            # A clear that no try has seen yet grants one, and so does each that was seen.
            (replace(ACCEPTED, submissions=1), 1, 3),
            (replace(ACCEPTED, submissions=2, clears=2), 1, 2),
        ],
    )
    def test_limit_leaves_submissions(self, recorded: Submission | None, maximum: int | None, max_tries: int) -> None:
        self.check(recorded, maximum, max_tries)

    @pytest.mark.parametrize(
        ("recorded", "maximum", "times", "charge"),
        [
            (ACCEPTED, 1, "once", Charge.EARLIER),
            (replace(ACCEPTED, submissions=2), 2, "2 times", Charge.EARLIER),
            (replace(ACCEPTED, submissions=5), 2, "5 times", Charge.EARLIER),
            (replace(ACCEPTED, submissions=3, clears=2), 1, "3 times", Charge.EARLIER),
            (INTENT, 1, "once", Charge.POSSIBLE),
        ],
    )
    def test_limit_is_reached(self, recorded: Submission, maximum: int, times: str, charge: Charge) -> None:
        with pytest.raises(SubmissionLimitError) as caught:
            self.check(recorded, maximum)
        assert caught.value.what == (
            f"The task instance may not submit again: it has submitted {times}, max_submissions is {maximum}, and "
            f"{self.REASON}"
        )
        assert caught.value.charge is charge


class TestWithoutRecord:
    @pytest.mark.parametrize(("tries", "maximum"), [(0, 1), (1, 2), (4, None)])
    def test_tries_leave_submissions(self, tries: int, maximum: int | None) -> None:
        SubmissionLimit(maximum, 1).check_after(tries)

    @pytest.mark.parametrize(("tries", "submissions_a_try"), [(2, 1), (1, 2)])
    def test_tries_reach_the_limit(self, tries: int, submissions_a_try: int) -> None:
        with pytest.raises(SubmissionLimitError) as caught:
            SubmissionLimit(2, submissions_a_try).check_after(tries)
        assert caught.value.what == (
            f"The task instance may not submit again: this is try {tries + 1}, max_submissions is 2, and each earlier "
            "try counts, because no record of its submission is kept"
        )
        assert caught.value.charge is Charge.POSSIBLE


@pytest.mark.parametrize(
    ("on_audio_refusal", "maximum", "most"), [("fail", None, 3), ("mute", None, 6), ("mute", 4, 4), ("fail", 4, 3)]
)
def test_three_tries_submit_at_most(on_audio_refusal: OnAudioRefusal, maximum: int | None, most: int) -> None:
    options = GenerationOptions(
        connection_id="", wait=WaitOptions(timeout=1), on_audio_refusal=on_audio_refusal, max_submissions=maximum
    )
    assert SubmissionLimit.of(options).most(3) == most
