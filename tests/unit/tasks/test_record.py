"""The record of a paid submission, and what it means for the next try."""

from __future__ import annotations

import dataclasses
import itertools
import json
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import pytest
from airflow import sdk

from airflow_provider_seedance.gptproto.errors import Charge, UnconfirmedSubmissionError, UnreadableRecordError
from airflow_provider_seedance.tasks.options import OnClear, OnUnconfirmedSubmission
from airflow_provider_seedance.tasks.record import (
    STORE_KEY,
    Reattach,
    Submission,
    SubmissionRecord,
    SubmitFresh,
    decide,
)
from tests.unit.airflow.driving import FakeStore
from tests.versions import needs_store

OURS, OTHER = "fingerprint-of-this-try", "fingerprint-of-other-arguments"
INTENT = Submission(fingerprint=OURS, submitted_at=1_800_000_000.0, clear_number=2)
ACCEPTED = replace(INTENT, prediction_id="abc")
DELIVERED = replace(ACCEPTED, delivered=True)

RECORDS = {
    "nothing": None,
    "intent": INTENT,
    "id": ACCEPTED,
    "delivered": DELIVERED,
    "intent for other arguments": replace(INTENT, fingerprint=OTHER),
    "id for other arguments": replace(ACCEPTED, fingerprint=OTHER),
    "delivered for other arguments": replace(DELIVERED, fingerprint=OTHER),
}
ANY_CLEAR = (False, True)
ON_CLEAR = get_args(OnClear)
ON_UNCONFIRMED = get_args(OnUnconfirmedSubmission)

SUBMIT, RECALL, FAIL = "submits", "recalls", "fails"
#: Record; was it cleared since; ``on_clear``; ``on_unconfirmed_submission``; what the next try does.
RULES = [
    (("nothing",), ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED, SUBMIT),
    (("intent",), ANY_CLEAR, ON_CLEAR, ("fail",), FAIL),
    (("intent",), ANY_CLEAR, ON_CLEAR, ("resubmit",), SUBMIT),
    (("id",), ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED, RECALL),
    (("delivered",), (False,), ON_CLEAR, ON_UNCONFIRMED, RECALL),
    (("delivered",), (True,), ("reuse",), ON_UNCONFIRMED, RECALL),
    (("delivered",), (True,), ("regenerate",), ON_UNCONFIRMED, SUBMIT),
    (tuple(name for name in RECORDS if "other" in name), ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED, SUBMIT),
]
TABLE = [(*case, outcome) for *choices, outcome in RULES for case in itertools.product(*choices)]


def decision(record: Submission | None, *, cleared: bool = False, **policies: Any) -> SubmitFresh | Reattach:
    settings: dict[str, Any] = {"on_clear": "reuse", "on_unconfirmed_submission": "fail", **policies}
    return decide(record, fingerprint=OURS, clear_number=3 if cleared else 2, **settings)


class TestDecide:
    def test_the_table_is_complete(self) -> None:
        cases = [tuple(case) for *case, _ in TABLE]
        assert sorted(cases) == sorted(itertools.product(RECORDS, ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED))

    @pytest.mark.parametrize(("name", "cleared", "on_clear", "on_unconfirmed", "outcome"), TABLE)
    def test_every_combination(
        self, name: str, cleared: bool, on_clear: OnClear, on_unconfirmed: OnUnconfirmedSubmission, outcome: str
    ) -> None:
        record = RECORDS[name]
        policies = {"on_clear": on_clear, "on_unconfirmed_submission": on_unconfirmed}
        if outcome == FAIL:
            with pytest.raises(UnconfirmedSubmissionError) as caught:
                decision(record, cleared=cleared, **policies)
            assert caught.value.charge is Charge.POSSIBLE
            assert not caught.value.retryable
        elif outcome == RECALL:
            assert decision(record, cleared=cleared, **policies) == Reattach(record)  # type: ignore[arg-type]
        else:
            assert isinstance(decision(record, cleared=cleared, **policies), SubmitFresh)

    def test_a_first_submission_needs_no_reason(self) -> None:
        assert decision(None) == SubmitFresh(None)

    @pytest.mark.parametrize("name", ["id for other arguments", "delivered for other arguments"])
    def test_what_is_passed_over_is_named(self, name: str) -> None:
        passed_over = decision(RECORDS[name])
        assert isinstance(passed_over, SubmitFresh)
        assert "abc" in (passed_over.reason or "")

    def test_a_submission_that_never_got_an_id_is_not_given_one(self) -> None:
        passed_over = decision(RECORDS["intent for other arguments"])
        assert isinstance(passed_over, SubmitFresh)
        assert "without an id" in (passed_over.reason or "")

    def test_the_error_says_what_is_not_known(self) -> None:
        with pytest.raises(
            UnconfirmedSubmissionError, match="interrupted between sending the submission and recording"
        ):
            decision(INTENT)

    def test_what_is_regenerated_is_named(self) -> None:
        regenerated = decision(DELIVERED, cleared=True, on_clear="regenerate")
        assert isinstance(regenerated, SubmitFresh)
        assert "abc" in (regenerated.reason or "")

    def test_the_accepted_risk_is_named(self) -> None:
        resubmitted = decision(INTENT, on_unconfirmed_submission="resubmit")
        assert isinstance(resubmitted, SubmitFresh)
        assert "on_unconfirmed_submission" in (resubmitted.reason or "")


@dataclass
class RetentionStore(FakeStore):
    """A store that also notes how long each value shall be kept."""

    retentions: list[Any] = field(default_factory=list)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.retentions.append(retention)
        super().set(key, value, retention=retention)


class BrokenStore(FakeStore):
    """A store that cannot be reached."""

    def get(self, key: str, default: Any = None) -> Any:
        raise ConnectionError("no database")

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        raise ConnectionError("no database")

    def delete(self, key: str) -> None:
        raise ConnectionError("no database")


def holding(value: Any) -> RetentionStore:
    return RetentionStore(values={STORE_KEY: json.dumps(value)})


class TestReading:
    def test_a_record_is_found_under_the_name_that_earlier_versions_gave_it(self) -> None:
        assert STORE_KEY == "seedance_submission"

    def test_nothing(self) -> None:
        assert SubmissionRecord(RetentionStore()).read() is None

    @pytest.mark.parametrize("submission", [INTENT, ACCEPTED, DELIVERED])
    def test_what_was_written(self, submission: Submission) -> None:
        assert SubmissionRecord(holding(submission.to_dict())).read() == submission

    def test_a_time_in_whole_seconds(self) -> None:
        assert SubmissionRecord(holding({**ACCEPTED.to_dict(), "submitted_at": 1_800_000_000})).read() == ACCEPTED

    def test_what_a_later_version_adds_is_passed_over(self) -> None:
        assert SubmissionRecord(holding({**ACCEPTED.to_dict(), "region": "eu"})).read() == ACCEPTED

    @pytest.mark.parametrize(
        "garbage",
        [
            "",
            "abc",
            0,
            False,
            [],
            {},
            {"prediction_id": "abc"},
            {**ACCEPTED.to_dict(), "fingerprint": None},
            {**ACCEPTED.to_dict(), "submitted_at": "yesterday"},
            {**ACCEPTED.to_dict(), "submitted_at": None},
            {**ACCEPTED.to_dict(), "submitted_at": True},
            {**ACCEPTED.to_dict(), "clear_number": "one"},
            {**ACCEPTED.to_dict(), "clear_number": 1.5},
            {**ACCEPTED.to_dict(), "prediction_id": ""},
            {**ACCEPTED.to_dict(), "prediction_id": "a b"},
            {**ACCEPTED.to_dict(), "prediction_id": 5},
            {**ACCEPTED.to_dict(), "prediction_id": ["abc"]},
            {**ACCEPTED.to_dict(), "delivered": "false"},
            {**ACCEPTED.to_dict(), "delivered": None},
        ],
        ids=repr,
    )
    def test_garbage_is_never_taken_for_nothing(self, garbage: object) -> None:
        with pytest.raises(UnreadableRecordError) as caught:
            SubmissionRecord(holding(garbage)).read()
        assert STORE_KEY in str(caught.value)
        assert repr(garbage)[:40] in str(caught.value)
        assert caught.value.charge is Charge.POSSIBLE
        assert not caught.value.retryable

    def test_a_long_record_is_not_repeated_as_a_whole(self) -> None:
        with pytest.raises(UnreadableRecordError) as caught:
            SubmissionRecord(holding("x" * 100_000)).read()
        assert len(str(caught.value)) < 2_000


@needs_store
class TestWriting:
    def test_it_is_kept_as_long_as_its_dag_run(self) -> None:
        store = RetentionStore()
        SubmissionRecord(store).write(INTENT)
        assert store.retentions == [sdk.NEVER_EXPIRE]  # type: ignore[attr-defined]  # its stub leaves it out
        assert SubmissionRecord(store).read() == INTENT

    def test_a_refused_submission_is_forgotten(self) -> None:
        store = holding(INTENT.to_dict())
        SubmissionRecord(store).restore(None)
        assert SubmissionRecord(store).read() is None

    def test_what_was_recorded_before_a_refused_submission_holds_again(self) -> None:
        store = holding(INTENT.to_dict())
        SubmissionRecord(store).restore(DELIVERED)
        assert SubmissionRecord(store).read() == DELIVERED

    def test_the_delivered_prediction_is_marked(self) -> None:
        store = holding(ACCEPTED.to_dict())
        SubmissionRecord(store).mark_delivered("abc", 7)
        assert SubmissionRecord(store).read() == dataclasses.replace(DELIVERED, clear_number=7)
        assert store.retentions == [sdk.NEVER_EXPIRE]  # type: ignore[attr-defined]  # its stub leaves it out

    @pytest.mark.parametrize("recorded", [ACCEPTED, INTENT])
    def test_no_other_one_is(self, recorded: Submission) -> None:
        store = holding(recorded.to_dict())
        SubmissionRecord(store).mark_delivered("xyz", 1)
        assert store.writes == []

    def test_nothing_recorded_cannot_be_marked(self) -> None:
        store = RetentionStore()
        SubmissionRecord(store).mark_delivered("abc", 1)
        assert store.writes == []


class TestStores:
    @needs_store
    def test_one_that_cannot_be_reached_is_an_error(self) -> None:
        record = SubmissionRecord(BrokenStore())
        assert record.is_kept
        with pytest.raises(ConnectionError):
            record.read()
        with pytest.raises(ConnectionError):
            record.write(INTENT)
        with pytest.raises(ConnectionError):
            record.restore(None)
        with pytest.raises(ConnectionError):
            record.mark_delivered("abc", 1)

    def test_without_one_nothing_is_recorded(self) -> None:
        record = SubmissionRecord(None)
        assert not record.is_kept
        record.write(ACCEPTED)
        record.mark_delivered("abc", 1)
        record.restore(None)
        assert record.read() is None
