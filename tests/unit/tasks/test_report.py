"""The report of a generation: which fields each step sets."""

from __future__ import annotations

from airflow_provider_seedance.gptproto.errors import Charge, GenerationFailedError, WaitTimeoutError
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.tasks.report import GenerationReport

#: 2026-01-01 in seconds since the epoch.
MIDNIGHT = 1767225600.0
QUEUED = Prediction(id="a1", status=PredictionStatus.QUEUED)


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}+00:00"


class TestSeenAt:
    REPORT = GenerationReport().with_submission(QUEUED, MIDNIGHT, MIDNIGHT + 1)

    def test_submission_sets_both_times(self) -> None:
        assert (self.REPORT.status, self.REPORT.submitted_at, self.REPORT.seen_at) == ("queued", at(0), at(1))

    def test_progress_sets_status_and_time(self) -> None:
        running = Prediction(id="a1", status=PredictionStatus.RUNNING)
        report = self.REPORT.with_progress(running, MIDNIGHT + 20)
        assert (report.status, report.submitted_at, report.seen_at) == ("running", at(0), at(20))
        assert report.finished_at is None

    def test_result_sets_the_time(self) -> None:
        done = Prediction(id="a1", status=PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/1.mp4",))
        report = self.REPORT.with_result(done, MIDNIGHT + 30)
        assert (report.status, report.seen_at, report.finished_at) == ("succeeded", at(30), at(30))

    def test_timeout_keeps_what_was_seen(self) -> None:
        error = WaitTimeoutError("late", prediction_id="a1", charge=Charge.ACCEPTED)
        report = self.REPORT.with_error(error, MIDNIGHT + 40)
        assert (report.status, report.seen_at, report.finished_at) == ("queued", at(1), at(40))

    def test_failure_of_the_generation_is_seen_with_the_error(self) -> None:
        error = GenerationFailedError("failed", prediction_id="a1", charge=Charge.FAILED)
        report = self.REPORT.with_error(error, MIDNIGHT + 40)
        assert (report.status, report.seen_at) == ("failed", at(40))


class TestChecked:
    def test_default_resolution_and_size_are_those_of_the_page(self) -> None:
        checked = TextToVideo(prompt="A boat").check()
        report = GenerationReport().with_checked(checked)
        assert (report.resolution, report.width, report.height) == ("720p", 1280, 720)

    def test_given_resolution_is_kept(self) -> None:
        checked = TextToVideo(prompt="A boat", resolution="480p").check()
        assert GenerationReport().with_checked(checked).resolution == "480p"
