"""Submission of a try (idempotency): record, response, earlier prediction and repetitions."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from airflow_provider_seedance.gptproto.errors import (
    AuthenticationError,
    Charge,
    ContentPolicyError,
    CostLimitError,
    DeliveredVideoLostError,
    PredictionNotFoundError,
    RateLimitError,
    RepeatableSubmissionError,
    SubmissionLimitError,
    UnconfirmedSubmissionError,
    UnrecordedSubmissionError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.requests import CheckedRequest, ReferenceToVideo, TextToVideo
from airflow_provider_seedance.gptproto.responses import ErrorDetail
from airflow_provider_seedance.tasks import metrics, sending
from airflow_provider_seedance.tasks.options import GenerationOptions, OnClear, WaitOptions
from airflow_provider_seedance.tasks.preparing import Prepared
from airflow_provider_seedance.tasks.progress import Progress
from airflow_provider_seedance.tasks.records import state_store_record
from airflow_provider_seedance.tasks.records.state_store_record import StateStoreRecord
from airflow_provider_seedance.tasks.records.submission import STORE_KEY, Submission
from airflow_provider_seedance.tasks.sending import Sender
from airflow_provider_seedance.tasks.submit import Submitter, attach
from tests.unit.airflow.driving import FakeStore
from tests.unit.tasks.submissions import ACCEPTED, CHECKED, CONNECTION, INTENT, RUNNING, FakeClient
from tests.versions import needs_store

pytestmark = needs_store

REFUSED = replace(RUNNING, status=PredictionStatus.FAILED, error=ErrorDetail("InputTextRiskDetection"))
DELIVERED = replace(ACCEPTED, delivered=True)
FINISHED = replace(RUNNING, status=PredictionStatus.SUCCEEDED, outputs=("https://cdn.example/0.mp4",))
LOG = logging.getLogger(__name__)


@dataclass
class Try:
    """One try of a task, with the record of earlier tries."""

    recorded: Submission | None = None
    client: Any = field(default_factory=FakeClient)
    store: FakeStore = field(default_factory=FakeStore)
    progress: Progress = field(default_factory=Progress)
    checked: CheckedRequest = CHECKED

    def __post_init__(self) -> None:
        if self.recorded is not None:
            self.store.set(STORE_KEY, self.recorded.to_dict())

    def submit(self, *, max_tries: int = 0, **chosen: Any) -> tuple[Submission, Prediction]:
        record = StateStoreRecord(self.store)
        recorded = record.read()
        options = GenerationOptions(connection_id=CONNECTION, wait=WaitOptions(timeout=60), **chosen)
        prepared = Prepared(
            recorded=recorded,
            given="as given",
            given_without_audio="",
            is_muted=False,
            muting=None,
            fingerprint=self.checked.fingerprint(CONNECTION),
            checked=self.checked,
        )
        sender = Sender(self.client, record, self.progress, LOG)
        return Submitter(sender, options, max_tries).find_or_submit(prepared)

    @property
    def record(self) -> Submission:
        return Submission.from_dict(self.store.get(STORE_KEY))


def unconfirmed_error(prediction_id: str | None) -> UnconfirmedSubmissionError:
    return UnconfirmedSubmissionError("The outcome is unknown", prediction_id=prediction_id, charge=Charge.POSSIBLE)


class TestUnconfirmedResponse:
    """A response that does not confirm the submission; it may hold the id."""

    def test_prediction_in_unconfirmed_response_is_recorded_and_used(self) -> None:
        try_ = Try(client=FakeClient(unconfirmed_error("abc")))
        submission, prediction = try_.submit()
        assert prediction == RUNNING
        assert submission.prediction_id == "abc"
        assert try_.record == submission
        assert try_.client.submissions == 1

    def test_unknown_prediction_in_unconfirmed_response_ends_the_task_and_stays_recorded(self) -> None:
        try_ = Try(client=FakeClient(unconfirmed_error("abc"), known={}))
        with pytest.raises(UnconfirmedSubmissionError):
            try_.submit()
        assert try_.record.prediction_id == "abc"
        assert try_.client.submissions == 1

    @pytest.mark.parametrize(
        ("option", "max_submissions", "cls"),
        [
            ("fail", None, UnconfirmedSubmissionError),
            ("resubmit", None, RepeatableSubmissionError),
            ("resubmit", 2, RepeatableSubmissionError),
            # A retry may not submit, so Airflow need not try.
            ("resubmit", 1, UnconfirmedSubmissionError),
        ],
    )
    def test_unconfirmed_response_without_id_keeps_the_intent(
        self, option: str, max_submissions: int | None, cls: type[Exception]
    ) -> None:
        try_ = Try(client=FakeClient(unconfirmed_error(None)))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            try_.submit(on_unconfirmed_submission=option, max_submissions=max_submissions)
        assert type(caught.value) is cls
        assert caught.value.charge is Charge.POSSIBLE
        assert try_.record.prediction_id is None
        assert try_.client.submissions == 1


class TestRecordedPrediction:
    @pytest.mark.parametrize("status", ["created", "queued", "running", "succeeded", "unknown"])
    def test_recorded_prediction_is_used(self, status: str) -> None:
        known = replace(RUNNING, status=PredictionStatus(status))
        try_ = Try(ACCEPTED, FakeClient(known={"abc": known}))
        assert try_.submit() == (ACCEPTED, known)
        assert try_.record == ACCEPTED
        assert try_.client.submissions == 0

    @pytest.mark.parametrize("status", ["failed", "expired"])
    def test_failed_prediction_is_submitted_again(self, status: str, caplog: pytest.LogCaptureFixture) -> None:
        known = {"abc": replace(RUNNING, status=PredictionStatus(status))}
        try_ = Try(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known=known))
        submission, prediction = try_.submit()
        assert prediction.id == submission.prediction_id == "def"
        assert try_.record == submission
        assert try_.client.submissions == 1
        [warning] = [each for each in caplog.messages if each.startswith("Submitting again")]
        assert "abc" in warning

    def test_unknown_prediction_is_an_error_and_stays_recorded(self) -> None:
        try_ = Try(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known={}))
        with pytest.raises(PredictionNotFoundError) as caught:
            try_.submit()
        assert caught.value.prediction_id == "abc"
        assert not caught.value.retryable
        assert 'on_lost_prediction="resubmit"' in str(caught.value)
        assert (try_.record, try_.client.submissions) == (ACCEPTED, 0)

    def test_unknown_prediction_is_submitted_again_if_the_author_says_so(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        try_ = Try(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known={}))
        submission, _ = try_.submit(on_lost_prediction="resubmit")
        assert (submission.prediction_id, try_.client.submissions) == ("def", 1)
        assert any("abc" in each for each in caplog.messages if each.startswith("Submitting again"))


class TestRecordOfASubmission:
    def test_record_holds_fingerprint_time_tries_and_id(self) -> None:
        before = time.time()
        try_ = Try()
        submission, prediction = try_.submit(max_tries=4)
        assert prediction == RUNNING
        assert before <= submission.submitted_at <= time.time()
        assert submission == Submission(
            fingerprint=CHECKED.fingerprint(CONNECTION),
            submitted_at=submission.submitted_at,
            max_tries=4,
            prediction_id="abc",
            given="as given",
            # Five seconds at the list price of the default resolution.
            total_cost_usd=0.499,
        )
        assert try_.record == submission
        # The intent was recorded first, with the same time.
        assert try_.store.writes[0] == {**submission.to_dict(), "prediction_id": None}
        assert not try_.progress.is_sending

    def test_resubmission_is_recorded_as_one(self) -> None:
        try_ = Try(INTENT)
        submission, _ = try_.submit(on_unconfirmed_submission="resubmit")
        assert submission.is_resubmission
        assert try_.store.writes[1]["is_resubmission"] is True

    def test_log_holds_prediction_model_mode_and_price(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            Try().submit()
        # Five seconds at the list price of the default resolution, 0.0998 USD.
        line = (
            "Submitted prediction abc to doubao-seedance-2-0-fast-260128 (text-to-video), "
            "price: about 0.50 USD at list price"
        )
        assert caplog.messages == [line]

    def test_accepted_submission_is_counted_with_its_price(self, monkeypatch: pytest.MonkeyPatch) -> None:
        counted: list[Any] = []
        monkeypatch.setattr(metrics, "count_submission", lambda *arguments: counted.append(arguments))
        Try().submit()
        tags = {"model": "doubao-seedance-2-0-fast-260128", "mode": "text-to-video"}
        assert counted == [(Decimal("0.499"), tags)]

    def test_reason_of_another_submission_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        Try(replace(ACCEPTED, fingerprint="other")).submit()
        assert caplog.messages[0] == "Submitting again: the record, prediction abc, is for other arguments"

    def test_reattached_prediction_is_logged_with_its_status(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            Try(ACCEPTED).submit()
        assert caplog.messages == ["Going on with recorded prediction abc, status running"]

    def test_failed_prediction_is_logged_with_its_reason(self, caplog: pytest.LogCaptureFixture) -> None:
        failed = replace(RUNNING, status=PredictionStatus.FAILED, reported_status="failed")
        Try(ACCEPTED, FakeClient(known={"abc": failed})).submit()
        warning = "Submitting again: recorded prediction abc did not succeed. The generation ended as failed"
        assert caplog.messages[0] == warning

    def test_prediction_in_an_unconfirmed_response_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        Try(client=FakeClient(unconfirmed_error("abc"))).submit()
        assert caplog.messages == ["Going on with the id in the response: prediction abc. The outcome is unknown"]

    def test_repeatable_error_keeps_the_reason(self) -> None:
        with pytest.raises(RepeatableSubmissionError, match="The outcome is unknown") as caught:
            Try(client=FakeClient(unconfirmed_error(None))).submit(on_unconfirmed_submission="resubmit")
        assert caught.value.charge is Charge.POSSIBLE


class TestMaxCost:
    @pytest.mark.parametrize("max_cost", [0.499, 0.5, 1, None])
    def test_price_up_to_max_cost_is_submitted(self, max_cost: float | None) -> None:
        try_ = Try()
        try_.submit(max_cost=max_cost)
        assert try_.client.submissions == 1

    @pytest.mark.parametrize("max_cost", [0, 0.49, 0.4989])
    def test_price_above_max_cost_is_not_submitted(self, max_cost: float) -> None:
        try_ = Try()
        with pytest.raises(CostLimitError) as caught:
            try_.submit(max_cost=max_cost)
        assert caught.value.what == (
            f"The price of the generation is about 0.50 USD at list price, and max_cost is {max_cost:g} USD"
        )
        assert caught.value.advice.endswith("or raise max_cost. 0.50 USD is enough.")
        assert (try_.client.submissions, try_.store.writes) == (0, [])

    # Five seconds of 2.0 fast cost 0.499 USD in 720p, and with clips of 15 s up to 0.0998 x 20 x 0.611 USD.
    @pytest.mark.parametrize(("max_cost", "is_submitted"), [(1.23, True), (1.21, False), (0.5, False)])
    def test_reference_clips_count_at_their_highest_price(self, max_cost: float, is_submitted: bool) -> None:
        checked = ReferenceToVideo(prompt="It dances", videos=["https://example.com/moves.mp4"]).check()
        try_ = Try(checked=checked)
        if is_submitted:
            try_.submit(max_cost=max_cost)
        else:
            with pytest.raises(CostLimitError) as caught:
                try_.submit(max_cost=max_cost)
            why = "about 0.50 USD at list price, and up to 1.22 USD because of reference clips"
            assert caught.value.what == f"The price of the generation is {why}, and max_cost is {max_cost:g} USD"
            helps = "1.22 USD is enough. Without reference clips the list price is the limit."
            assert caught.value.advice.endswith(f"or raise max_cost. {helps}")
        assert try_.client.submissions == is_submitted

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            ({"model": "seedance-9-0"}, "unknown because of model 'seedance-9-0'"),
            (
                {"extra_parameters": {"n": 2}},
                "about 0.50 USD at list price, without an upper limit because of extra_parameters",
            ),
            (
                {"model": "seedance-1-0-pro", "prompt": "A paper boat --dur 12"},
                "about 0.22 USD at list price, without an upper limit because of prompt flag --dur",
            ),
        ],
    )
    def test_generation_without_a_highest_price_is_not_submitted(self, arguments: dict[str, Any], why: str) -> None:
        checked = TextToVideo(**{"prompt": "A paper boat", **arguments}).check()
        try_ = Try(checked=checked)
        with pytest.raises(CostLimitError) as caught:
            try_.submit(max_cost=100)
        assert caught.value.what == f"The price of the generation is {why}, and max_cost is 100 USD"
        assert caught.value.advice.endswith("Change the arguments, or remove max_cost.")
        assert (try_.client.submissions, try_.store.writes) == (0, [])
        Try(checked=checked).submit(max_cost=None)

    def test_reattached_prediction_is_free(self) -> None:
        assert Try(ACCEPTED).submit(max_cost=0) == (ACCEPTED, RUNNING)


@dataclass
class FailingStore(FakeStore):
    """A store whose writes fail, from the second one on, so many times."""

    failures: int = 0

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        if self.writes and self.failures:
            self.failures -= 1
            raise ConnectionError("the API server is away")
        super().set(key, value, retention=retention)


class TestStoreThatFailsAfterTheSubmission:
    @pytest.fixture
    def pauses(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        pauses: list[float] = []
        monkeypatch.setattr(sending, "time", SimpleNamespace(time=time.time, sleep=pauses.append))
        return pauses

    @pytest.mark.parametrize("failures", [1, 2])
    def test_id_is_recorded_by_a_later_attempt(self, pauses: list[float], failures: int) -> None:
        try_ = Try(store=FailingStore(failures=failures))
        submission, _ = try_.submit()
        assert (try_.record, submission.prediction_id) == (submission, "abc")
        assert (try_.client.submissions, len(pauses)) == (1, failures)

    def test_clear_that_cannot_be_recorded_is_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        try_ = Try(ACCEPTED, store=FailingStore(failures=1))
        assert try_.submit(max_tries=3)[1] == RUNNING
        [warning] = [each.message for each in caplog.records if each.levelname == "WARNING"]
        assert warning.startswith("The clear could not be recorded (prediction abc): ConnectionError(")

    def test_id_that_cannot_be_recorded_is_in_the_error(self, pauses: list[float]) -> None:
        try_ = Try(store=FailingStore(failures=3))
        with pytest.raises(UnrecordedSubmissionError, match="the API server is away") as caught:
            try_.submit()
        assert (caught.value.prediction_id, caught.value.charge) == ("abc", Charge.ACCEPTED)
        assert "prediction_id set to its id" in str(caught.value)
        assert not caught.value.retryable
        assert (try_.client.submissions, try_.record.prediction_id) == (1, None)

    def test_kill_while_the_id_is_recorded_names_it(self, caplog: pytest.LogCaptureFixture) -> None:
        class KillingStore(FailingStore):
            def set(self, key: str, value: Any, *, retention: Any = None) -> None:
                if self.writes:
                    try_.progress.stop(LOG)
                super().set(key, value, retention=retention)

        try_ = Try(store=KillingStore())
        try_.submit()
        assert "Prediction abc goes on at GPTProto and is billed" in caplog.text

    def test_unrecorded_submission_is_counted(self, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
        counted: list[Any] = []
        monkeypatch.setattr(metrics, "count_submission", lambda *arguments: counted.append(arguments))
        with pytest.raises(UnrecordedSubmissionError):
            Try(store=FailingStore(failures=3)).submit()
        assert len(counted) == 1


class TestDeliveredVideo:
    """With ``on_clear="reuse"`` a delivered video is never paid for again."""

    @pytest.mark.parametrize("status", ["failed", "expired", None], ids=["failed", "expired", "unknown"])
    @pytest.mark.parametrize("max_tries", [0, 3], ids=["retried", "cleared"])
    @pytest.mark.parametrize("on_lost_prediction", ["fail", "resubmit"])
    def test_lost_video_is_an_error(self, status: str | None, max_tries: int, on_lost_prediction: Any) -> None:
        known = {} if status is None else {"abc": replace(RUNNING, status=PredictionStatus(status))}
        try_ = Try(DELIVERED, FakeClient(replace(RUNNING, id="def"), known=known))
        with pytest.raises(DeliveredVideoLostError) as caught:
            try_.submit(max_tries=max_tries, on_lost_prediction=on_lost_prediction)
        assert caught.value.prediction_id == "abc"
        assert not caught.value.retryable
        assert 'on_clear="regenerate"' in str(caught.value)
        assert caught.value.what.startswith("The delivered video is not available any more: ")
        assert caught.value.charge is Charge.ACCEPTED
        assert (try_.record, try_.client.submissions) == (DELIVERED, 0)

    def test_cleared_video_is_regenerated_if_the_author_says_so(self) -> None:
        try_ = Try(DELIVERED, FakeClient(replace(RUNNING, id="def"), known={}))
        submission, _ = try_.submit(max_tries=3, on_clear="regenerate")
        assert (submission.prediction_id, try_.client.submissions) == ("def", 1)


class TestTaskThatDoesNotWait:
    """It returns the id of a prediction that may still be in progress, so it delivers nothing."""

    def submit(self, known: Prediction, *, on_clear: OnClear = "regenerate", max_tries: int = 3) -> Try:
        try_ = Try(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known={"abc": known}))
        try_.submit(max_tries=max_tries, on_clear=on_clear, wait_for_completion=False)
        return try_

    def test_clear_while_it_runs_does_not_pay_again(self) -> None:
        assert self.submit(RUNNING).client.submissions == 0

    def test_clear_after_it_finished_regenerates(self) -> None:
        assert self.submit(FINISHED).client.submissions == 1

    @pytest.mark.parametrize(("on_clear", "max_tries"), [("reuse", 3), ("regenerate", ACCEPTED.max_tries)])
    def test_finished_one_is_regenerated_only_after_a_clear_and_by_choice(
        self, on_clear: OnClear, max_tries: int
    ) -> None:
        assert self.submit(FINISHED, on_clear=on_clear, max_tries=max_tries).client.submissions == 0

    def test_clear_after_it_failed_submits_again(self) -> None:
        assert self.submit(replace(RUNNING, status=PredictionStatus.FAILED)).client.submissions == 1


class TestClearDuringTheWait:
    def test_later_retry_is_no_clear(self) -> None:
        try_ = Try(ACCEPTED)
        assert try_.submit(max_tries=3) == (replace(ACCEPTED, max_tries=3, clears=1), RUNNING)
        assert try_.record.max_tries == 3
        try_.client.known = {"abc": REFUSED}
        with pytest.raises(ContentPolicyError):
            try_.submit(max_tries=3)
        assert try_.client.submissions == 0


class TestRefusalOfContentAsHttpError:
    """The service can report it as an error of the poll instead of a failed prediction."""

    class Refusing(FakeClient):
        def get_confirmed(self, prediction_id: str) -> Prediction:
            raise ContentPolicyError("refused", prediction_id=prediction_id, charge=Charge.FAILED)

    def test_retry_does_not_pay_for_the_same_refusal(self) -> None:
        try_ = Try(ACCEPTED, self.Refusing())
        with pytest.raises(ContentPolicyError):
            try_.submit()
        assert try_.client.submissions == 0

    def test_clear_submits_once_more(self) -> None:
        try_ = Try(ACCEPTED, self.Refusing())
        try_.submit(max_tries=3)
        assert try_.client.submissions == 1

    def test_delivered_video_is_not_submitted_again(self) -> None:
        try_ = Try(DELIVERED, self.Refusing())
        with pytest.raises(DeliveredVideoLostError):
            try_.submit(max_tries=3)
        assert try_.client.submissions == 0


class TestResubmission:
    """With ``on_unconfirmed_submission="resubmit"`` a submission is repeated once, not at each retry."""

    def test_lost_responses_are_paid_twice_at_most(self) -> None:
        try_ = Try(client=FakeClient(unconfirmed_error(None)))
        for cls in (RepeatableSubmissionError, UnconfirmedSubmissionError, UnconfirmedSubmissionError):
            with pytest.raises(UnconfirmedSubmissionError) as caught:
                try_.submit(on_unconfirmed_submission="resubmit")
            assert type(caught.value) is cls
        assert try_.client.submissions == 2

    def test_clear_allows_another_one(self) -> None:
        try_ = Try(replace(INTENT, is_resubmission=True))
        submission, _ = try_.submit(max_tries=3, on_unconfirmed_submission="resubmit")
        assert (submission.prediction_id, try_.client.submissions) == ("abc", 1)


class TestRefusedContent:
    def test_refused_content_is_not_submitted_again_by_a_retry(self) -> None:
        try_ = Try(ACCEPTED, FakeClient(known={"abc": REFUSED}))
        with pytest.raises(ContentPolicyError):
            try_.submit()
        assert try_.client.submissions == 0

    def test_refused_content_is_submitted_again_after_a_clear(self) -> None:
        try_ = Try(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known={"abc": REFUSED}))
        submission, _ = try_.submit(max_tries=1)
        assert submission.prediction_id == "def"
        assert try_.client.submissions == 1


class TestSubmissionAgain:
    """A submission after one that did not succeed."""

    FAILED: ClassVar[dict[str, Prediction]] = {"abc": replace(RUNNING, status=PredictionStatus.FAILED)}
    EARLIER = replace(ACCEPTED, total_cost_usd=0.5, clears=1)

    def test_record_counts_both(self) -> None:
        try_ = Try(self.EARLIER, FakeClient(replace(RUNNING, id="def"), known=self.FAILED))
        submission, _ = try_.submit(max_tries=0, max_submissions=2)
        assert (submission.submissions, submission.clears) == (2, 1)
        assert submission.total_cost_usd == pytest.approx(0.999)
        assert try_.record == submission
        assert try_.client.requests == [CHECKED]
        assert try_.progress == Progress(waiting_for="def")

    def test_limit_says_why_it_was_needed(self) -> None:
        try_ = Try(replace(self.EARLIER, clears=0), FakeClient(known=self.FAILED))
        with pytest.raises(SubmissionLimitError, match="max_submissions is 1, and recorded prediction abc did not"):
            try_.submit(max_submissions=1)
        assert (try_.client.submissions, try_.progress) == (0, Progress())
        try_.submit(max_submissions=1, max_tries=3)
        assert try_.client.submissions == 1

    def test_refusal_restores_the_earlier_record(self) -> None:
        refused = AuthenticationError("GPTProto answered 401")
        try_ = Try(self.EARLIER, FakeClient(refused, known=self.FAILED))
        with pytest.raises(AuthenticationError):
            try_.submit()
        assert try_.record == self.EARLIER
        assert try_.progress == Progress()

    def test_refusal_is_logged_before_the_next_attempt(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = FakeClient(RateLimitError("GPTProto answered 429", retry_after=2.0))
        accept = SimpleNamespace(time=time.time, sleep=lambda _: setattr(client, "outcome", RUNNING))
        monkeypatch.setattr(sending, "time", accept)
        Try(client=client).submit()
        [warning] = [each for each in caplog.messages if "not accepted" in each]
        # Two seconds, and jitter.
        assert re.fullmatch(r"Submission not accepted: GPTProto answered 429\. Next attempt in [23]\.\d s", warning)

    def test_state_store_is_checked_before_the_intent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        checked: list[Any] = []
        monkeypatch.setattr(state_store_record, "check_state_store", checked.append)
        Try().submit()
        assert checked == [LOG]

    def test_unconfirmed_submission_is_counted_with_its_tags(self, monkeypatch: pytest.MonkeyPatch) -> None:
        counted: list[Any] = []
        monkeypatch.setattr(metrics, "count_unconfirmed_submission", counted.append)
        with pytest.raises(UnconfirmedSubmissionError):
            Try(client=FakeClient(unconfirmed_error(None))).submit()
        assert counted == [{"model": "doubao-seedance-2-0-fast-260128", "mode": "text-to-video"}]

    @pytest.mark.parametrize(
        ("known", "reason"),
        [
            ({}, "The id is unknown"),
            ({"abc": replace(RUNNING, status=PredictionStatus.FAILED)}, "The generation ended as "),
        ],
    )
    def test_lost_delivered_video_says_why(self, known: dict[str, Prediction], reason: str) -> None:
        with pytest.raises(DeliveredVideoLostError) as caught:
            Try(DELIVERED, FakeClient(known=known)).submit()
        assert caught.value.what.startswith(f"The delivered video is not available any more: {reason}")
        assert caught.value.prediction_id == "abc"

    def test_finished_generation_that_no_task_waited_for_is_regenerated(self, caplog: pytest.LogCaptureFixture) -> None:
        try_ = Try(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known={"abc": FINISHED}))
        try_.submit(max_tries=3, wait_for_completion=False, on_clear="regenerate")
        assert 'Submitting again: prediction abc is finished, and on_clear is "regenerate"' in caplog.messages

    def test_clear_is_written_once(self) -> None:
        try_ = Try(ACCEPTED)
        try_.submit(max_tries=0)
        assert try_.store.writes == [ACCEPTED.to_dict()]
        try_.submit(max_tries=3)
        assert try_.store.writes[1:] == [replace(ACCEPTED, max_tries=3, clears=1).to_dict()]

    def test_clear_of_a_delivered_video_is_written_by_its_next_delivery(self) -> None:
        try_ = Try(DELIVERED, FakeClient(known={"abc": FINISHED}))
        try_.submit(max_tries=3)
        assert try_.record == DELIVERED


class TestPredictionId:
    @pytest.mark.parametrize("prediction_id", ["abc", "def"])
    def test_adopted_prediction_leaves_no_trace_in_the_record(self, prediction_id: str) -> None:
        running = replace(RUNNING, id=prediction_id)
        client = FakeClient(known={prediction_id: running})
        assert attach(client, prediction_id, log=LOG) == running
        assert client.submissions == 0

    def test_adopted_prediction_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            attach(FakeClient(), "abc", log=LOG)
        assert caplog.messages == ["Nothing is submitted, because prediction_id is set; waiting for prediction abc"]

    def test_adopted_prediction_that_failed_is_an_error(self) -> None:
        with pytest.raises(ContentPolicyError) as caught:
            attach(FakeClient(known={"abc": REFUSED}), "abc", log=LOG)
        assert caught.value.prediction_id == "abc"


class TestStop:
    @pytest.mark.parametrize("is_sending", [True, False])
    def test_stop_warns_only_while_a_submission_is_on_its_way(
        self, is_sending: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        try_ = Try()
        if is_sending:
            try_.client.while_sending = lambda: try_.progress.stop(LOG)
        try_.submit()
        if not is_sending:
            try_.progress.stop(LOG)
        assert ("a submission was on its way" in caplog.text) is is_sending
        assert ("A generation may have been started and charged." in caplog.text) is is_sending

    def test_stop_names_the_recorded_prediction_while_a_retry_reads_it(self, caplog: pytest.LogCaptureFixture) -> None:
        try_ = Try(ACCEPTED)

        class Killed(FakeClient):
            def get_confirmed(self, prediction_id: str) -> Prediction:
                try_.progress.stop(LOG)
                return super().get_confirmed(prediction_id)

        try_.client = Killed()
        try_.submit()
        assert caplog.messages[0].startswith("Prediction abc goes on at GPTProto and is billed")
