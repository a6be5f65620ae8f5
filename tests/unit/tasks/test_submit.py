"""Whether a try pays, goes on with what was paid for, or ends: what rarely happens between a task and its client."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ContentPolicyError,
    RepeatableSubmissionError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction, PredictionStatus
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.gptproto.responses import ErrorDetail
from airflow_provider_seedance.tasks.record import STORE_KEY, Submission, SubmissionRecord
from airflow_provider_seedance.tasks.submit import Submitter
from tests.unit.airflow.driving import FakeStore
from tests.versions import needs_store

pytestmark = needs_store

REQUEST = TextToVideo(prompt="A paper boat")
RUNNING = Prediction(id="abc", status=PredictionStatus.RUNNING, reported_status="running")
REFUSED = replace(RUNNING, status=PredictionStatus.FAILED, error=ErrorDetail("InputTextRiskDetection"))
INTENT = Submission(fingerprint=REQUEST.fingerprint("seedance_default"), submitted_at=1_800_000_000.0)
ACCEPTED = replace(INTENT, prediction_id="abc")


@dataclass
class FakeClient:
    """A client whose submissions end as they are told to, and the predictions that its service knows."""

    ending: Prediction | Exception = RUNNING
    known: dict[str, Prediction] = field(default_factory=lambda: {"abc": RUNNING})
    while_sending: Callable[[], None] = field(default=lambda: None)
    submissions: int = 0

    def submit(self, request: Any, *, before_send: Callable[[], None], after_refusal: Callable[[], None]) -> Prediction:
        before_send()
        self.submissions += 1
        self.while_sending()
        if isinstance(self.ending, Exception):
            raise self.ending
        return self.ending

    def get_confirmed(self, prediction_id: str) -> Prediction | None:
        return self.known.get(prediction_id)


@dataclass
class Desk:
    """A task's submitter, with the record that earlier tries left."""

    recorded: Submission | None = None
    client: Any = field(default_factory=FakeClient)
    store: FakeStore = field(default_factory=FakeStore)

    def __post_init__(self) -> None:
        if self.recorded is not None:
            self.store.set(STORE_KEY, self.recorded.to_dict())

    def submitter(self, *, clear_number: int = 0, on_unconfirmed_submission: Any = "fail") -> Submitter:
        return Submitter(
            self.client,
            SubmissionRecord(self.store),
            REQUEST,
            connection_id="seedance_default",
            clear_number=clear_number,
            on_clear="reuse",
            on_unconfirmed_submission=on_unconfirmed_submission,
            max_cost=None,
            log=logging.getLogger(__name__),
        )

    @property
    def record(self) -> Submission:
        return Submission.from_dict(self.store.get(STORE_KEY))


def unconfirmed(prediction_id: str | None) -> UnconfirmedSubmissionError:
    return UnconfirmedSubmissionError("It is not known", prediction_id=prediction_id, charge=Charge.POSSIBLE)


class TestDoubtfulAnswer:
    """An answer that may be an acceptance, and may name the prediction."""

    def test_the_prediction_that_it_names_is_recorded_and_gone_on_with(self) -> None:
        desk = Desk(client=FakeClient(unconfirmed("abc")))
        submission, prediction = desk.submitter().submit_once()
        assert prediction == RUNNING
        assert submission.prediction_id == "abc"
        assert desk.record == submission
        assert desk.client.submissions == 1

    def test_a_named_prediction_that_the_service_does_not_know_ends_the_task_and_stays_recorded(self) -> None:
        desk = Desk(client=FakeClient(unconfirmed("abc"), known={}))
        with pytest.raises(UnconfirmedSubmissionError):
            desk.submitter().submit_once()
        assert desk.record.prediction_id == "abc"
        assert desk.client.submissions == 1

    @pytest.mark.parametrize(
        ("policy", "cls"), [("fail", UnconfirmedSubmissionError), ("resubmit", RepeatableSubmissionError)]
    )
    def test_without_a_name_the_author_decides_and_the_intent_stays(self, policy: str, cls: type[Exception]) -> None:
        desk = Desk(client=FakeClient(unconfirmed(None)))
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            desk.submitter(on_unconfirmed_submission=policy).submit_once()
        assert type(caught.value) is cls
        assert caught.value.charge is Charge.POSSIBLE
        assert desk.record.prediction_id is None
        assert desk.client.submissions == 1


class TestRecordedPrediction:
    @pytest.mark.parametrize("status", ["created", "queued", "running", "succeeded", "unknown"])
    def test_is_gone_on_with(self, status: str) -> None:
        known = replace(RUNNING, status=PredictionStatus(status))
        desk = Desk(ACCEPTED, FakeClient(known={"abc": known}))
        assert desk.submitter().submit_once() == (ACCEPTED, known)
        assert desk.record == ACCEPTED
        assert desk.client.submissions == 0

    @pytest.mark.parametrize("status", ["failed", "expired", None], ids=["failed", "expired", "forgotten"])
    def test_is_submitted_anew_once_it_can_have_no_result(
        self, status: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        known = {} if status is None else {"abc": replace(RUNNING, status=PredictionStatus(status))}
        desk = Desk(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known=known))
        submission, prediction = desk.submitter().submit_once()
        assert prediction.id == submission.prediction_id == "def"
        assert desk.record == submission
        assert desk.client.submissions == 1
        [warning] = [each for each in caplog.messages if each.startswith("Submitting anew")]
        assert "abc" in warning


class TestRefusedContent:
    def test_is_not_paid_for_again_by_a_retry(self) -> None:
        desk = Desk(ACCEPTED, FakeClient(known={"abc": REFUSED}))
        with pytest.raises(ContentPolicyError):
            desk.submitter().submit_once()
        assert desk.client.submissions == 0

    def test_is_tried_again_after_a_clear(self) -> None:
        desk = Desk(ACCEPTED, FakeClient(replace(RUNNING, id="def"), known={"abc": REFUSED}))
        submission, _ = desk.submitter(clear_number=1).submit_once()
        assert submission.prediction_id == "def"
        assert desk.client.submissions == 1


class TestNamedPrediction:
    def test_the_recorded_one_keeps_its_record(self) -> None:
        desk = Desk(ACCEPTED)
        assert desk.submitter().attach("abc") == (ACCEPTED, RUNNING)
        assert desk.record == ACCEPTED

    def test_another_takes_the_place_of_the_recorded_one_which_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        desk = Desk(ACCEPTED, FakeClient(known={"def": replace(RUNNING, id="def")}))
        submission, _ = desk.submitter().attach("def")
        assert submission.prediction_id == "def"
        assert desk.record == submission
        assert "Prediction abc was recorded so far" in caplog.text
        assert desk.client.submissions == 0


class TestStop:
    @pytest.mark.parametrize("is_sending", [True, False])
    def test_a_submission_on_its_way_is_told(self, is_sending: bool, caplog: pytest.LogCaptureFixture) -> None:
        desk = Desk()
        submitter = desk.submitter()
        if is_sending:
            desk.client.while_sending = submitter.stop
        submitter.submit_once()
        if not is_sending:
            submitter.stop()
        assert ("a submission was on its way" in caplog.text) is is_sending
        assert (Charge.POSSIBLE.value in caplog.text) is is_sending
