"""The record of a paid submission, and the decision of the next try (idempotency)."""

from __future__ import annotations

import dataclasses
import itertools
import json
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, ClassVar, get_args

import pytest
from airflow import sdk

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    UnconfirmedSubmissionError,
    UnreadableRecordError,
)
from airflow_provider_seedance.gptproto.requests import ImageToVideo, TextToVideo
from airflow_provider_seedance.tasks.options import OnClear, OnUnconfirmedSubmission
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.state_store_record import StateStoreRecord
from airflow_provider_seedance.tasks.records.submission import (
    STORE_KEY,
    Reattach,
    Submission,
    SubmitFresh,
    decide,
    given_fingerprint,
    intend,
)
from tests.unit.airflow.driving import FakeStore
from tests.versions import needs_store

CURRENT, OTHER = "fingerprint-of-this-try", "fingerprint-of-other-arguments"
INTENT = Submission(fingerprint=CURRENT, submitted_at=1_800_000_000.0, max_tries=2)
ACCEPTED = replace(INTENT, prediction_id="abc")
DELIVERED = replace(ACCEPTED, delivered=True)
FIELDS = [each.name for each in dataclasses.fields(Submission)]

RECORDS = {
    "nothing": None,
    "intent": INTENT,
    "intent of a resubmission": replace(INTENT, is_resubmission=True),
    "id": ACCEPTED,
    "delivered": DELIVERED,
    "intent for other arguments": replace(INTENT, fingerprint=OTHER),
    "id for other arguments": replace(ACCEPTED, fingerprint=OTHER),
    "delivered for other arguments": replace(DELIVERED, fingerprint=OTHER),
}
ANY_CLEAR = (False, True)
ON_CLEAR = get_args(OnClear)
ON_UNCONFIRMED = get_args(OnUnconfirmedSubmission)

SUBMIT, REATTACH, FAIL = "submits", "reattaches", "fails"
#: Record; whether the task was cleared since; ``on_clear``; ``on_unconfirmed_submission``; outcome of the next try.
RULES = [
    (("nothing",), ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED, SUBMIT),
    (("intent",), ANY_CLEAR, ON_CLEAR, ("fail",), FAIL),
    (("intent",), ANY_CLEAR, ON_CLEAR, ("resubmit",), SUBMIT),
    (("intent of a resubmission",), ANY_CLEAR, ON_CLEAR, ("fail",), FAIL),
    # The author accepts to pay twice, not as often as the task is retried. A clear is a new decision.
    (("intent of a resubmission",), (False,), ON_CLEAR, ("resubmit",), FAIL),
    (("intent of a resubmission",), (True,), ON_CLEAR, ("resubmit",), SUBMIT),
    (("id",), ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED, REATTACH),
    (("delivered",), (False,), ON_CLEAR, ON_UNCONFIRMED, REATTACH),
    (("delivered",), (True,), ("reuse",), ON_UNCONFIRMED, REATTACH),
    (("delivered",), (True,), ("regenerate",), ON_UNCONFIRMED, SUBMIT),
    (tuple(name for name in RECORDS if "other" in name), ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED, SUBMIT),
]
TABLE = [(*case, outcome) for *choices, outcome in RULES for case in itertools.product(*choices)]


def decision(record: Submission | None, *, cleared: bool = False, **options: Any) -> SubmitFresh | Reattach:
    settings: dict[str, Any] = {"on_clear": "reuse", "on_unconfirmed_submission": "fail", **options}
    return decide(record, fingerprint=CURRENT, max_tries=5 if cleared else 2, **settings)


class TestDecide:
    def test_decision_table_has_every_combination(self) -> None:
        cases = [tuple(case) for *case, _ in TABLE]
        assert sorted(cases) == sorted(itertools.product(RECORDS, ANY_CLEAR, ON_CLEAR, ON_UNCONFIRMED))

    @pytest.mark.parametrize(("name", "cleared", "on_clear", "on_unconfirmed", "outcome"), TABLE)
    def test_decision_follows_the_table(
        self, name: str, cleared: bool, on_clear: OnClear, on_unconfirmed: OnUnconfirmedSubmission, outcome: str
    ) -> None:
        record = RECORDS[name]
        options = {"on_clear": on_clear, "on_unconfirmed_submission": on_unconfirmed}
        if outcome == FAIL:
            with pytest.raises(UnconfirmedSubmissionError) as caught:
                decision(record, cleared=cleared, **options)
            assert caught.value.charge is Charge.POSSIBLE
            assert not caught.value.retryable
        elif outcome == REATTACH:
            assert decision(record, cleared=cleared, **options) == Reattach(record)  # type: ignore[arg-type]
        else:
            assert isinstance(decision(record, cleared=cleared, **options), SubmitFresh)

    def test_first_submission_has_no_reason(self) -> None:
        assert decision(None) == SubmitFresh(None)

    @pytest.mark.parametrize("name", ["id for other arguments", "delivered for other arguments"])
    def test_reason_names_the_replaced_prediction(self, name: str) -> None:
        fresh = decision(RECORDS[name])
        assert isinstance(fresh, SubmitFresh)
        assert "abc" in (fresh.reason or "")

    def test_reason_says_that_an_intent_has_no_id(self) -> None:
        fresh = decision(RECORDS["intent for other arguments"])
        assert isinstance(fresh, SubmitFresh)
        assert fresh.reason == "the record, a submission without an id, is for other arguments"

    def test_error_of_an_intent_says_what_is_unconfirmed(self) -> None:
        with pytest.raises(UnconfirmedSubmissionError) as caught:
            decision(INTENT)
        assert caught.value.what == (
            "An earlier try was interrupted between sending the submission and recording the response; "
            "if the service returned an id, it is in the log of that try"
        )

    def test_reason_names_the_regenerated_prediction(self) -> None:
        regenerated = decision(DELIVERED, cleared=True, on_clear="regenerate")
        assert isinstance(regenerated, SubmitFresh)
        assert "abc" in (regenerated.reason or "")

    def test_reason_names_on_unconfirmed_submission(self) -> None:
        resubmitted = decision(INTENT, on_unconfirmed_submission="resubmit")
        assert isinstance(resubmitted, SubmitFresh)
        expected = 'an earlier try may have submitted it, and on_unconfirmed_submission is "resubmit"'
        assert resubmitted == SubmitFresh(expected, is_resubmission=True)


class TestIntent:
    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "fingerprint": CURRENT,
        "given": "given",
        "cost_usd": 0.1,
        "max_tries": 5,
        "is_resubmission": True,
        "now": 7.0,
    }

    @pytest.mark.parametrize(
        ("recorded", "submissions", "total", "clears"),
        [
            (None, 1, 0.1, 0),
            (replace(ACCEPTED, submissions=2, total_cost_usd=0.2), 3, 0.3, 1),
            (replace(ACCEPTED, submissions=2, total_cost_usd=None, clears=4, max_tries=5), 3, None, 4),
        ],
    )
    def test_intent_counts_the_submissions_of_the_record(
        self, recorded: Submission | None, submissions: int, total: float | None, clears: int
    ) -> None:
        assert intend(recorded, **self.ARGUMENTS) == Submission(
            fingerprint=CURRENT,
            submitted_at=7.0,
            max_tries=5,
            is_resubmission=True,
            given="given",
            submissions=submissions,
            total_cost_usd=total,
            clears=clears,
        )

    def test_unknown_price_makes_the_total_unknown(self) -> None:
        assert intend(None, **{**self.ARGUMENTS, "cost_usd": None}).total_cost_usd is None

    def test_total_has_a_millionth_of_a_usd(self) -> None:
        assert intend(None, **{**self.ARGUMENTS, "cost_usd": 0.12345678}).total_cost_usd == 0.123457


class TestGivenFingerprint:
    def test_fingerprint_has_files_by_name_and_does_not_change(self) -> None:
        request = ImageToVideo(prompt="A boat", image="boat.png")
        # SHA-256 of ["conn", "image-to-video", "doubao-seedance-2-0-fast-260128",
        # {"duration": 5, "image": "boat.png", "prompt": "A boat", "resolution": "720p"}]
        expected = "72296c55931c04aa632539305b0e9904163e3425ac31ee464a98875826751d81"
        assert given_fingerprint(request, "conn") == expected
        by_path = ImageToVideo(prompt="A boat", image=PurePath("boat.png"))
        assert given_fingerprint(by_path, "conn") == expected

    @pytest.mark.parametrize("extra", ["text", {1: "a", "b": 2}], ids=repr)
    def test_values_that_are_no_json_have_none(self, extra: Any) -> None:
        assert given_fingerprint(TextToVideo(prompt="A boat", extra_parameters=extra), "conn") == ""


@dataclass
class RetentionStore(FakeStore):
    """A store that also stores the retention of each value."""

    retentions: list[Any] = field(default_factory=list)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.retentions.append(retention)
        super().set(key, value, retention=retention)


class BrokenStore(FakeStore):
    """A store without a connection."""

    def get(self, key: str, default: Any = None) -> Any:
        raise ConnectionError("no database")

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        raise ConnectionError("no database")


def store_with(value: Any) -> RetentionStore:
    return RetentionStore(values={STORE_KEY: json.dumps(value)})


class TestReading:
    @pytest.mark.parametrize("max_tries", [0, 3, None])
    def test_submission_of_another_task_instance_never_counts_as_cleared(self, max_tries: int | None) -> None:
        delivered = replace(DELIVERED, max_tries=None)
        decided = decide(
            delivered,
            fingerprint=CURRENT,
            max_tries=max_tries,
            on_clear="regenerate",
            on_unconfirmed_submission="fail",
        )
        assert decided == Reattach(delivered)

    @pytest.mark.parametrize(("max_tries", "is_cleared"), [(2, False), (3, True), (1, True)])
    def test_clear_changes_max_tries_in_either_direction(self, max_tries: int, is_cleared: bool) -> None:
        # Airflow sets it to the tries so far plus `retries`, which may have been lowered since.
        assert ACCEPTED.is_cleared(max_tries) is is_cleared

    def test_missing_record_is_none(self) -> None:
        assert StateStoreRecord(RetentionStore()).read() is None

    @pytest.mark.parametrize("submission", [INTENT, ACCEPTED, DELIVERED])
    def test_written_record_is_read(self, submission: Submission) -> None:
        assert StateStoreRecord(store_with(submission.to_dict())).read() == submission

    def test_record_time_may_be_an_integer(self) -> None:
        assert StateStoreRecord(store_with({**ACCEPTED.to_dict(), "submitted_at": 1_800_000_000})).read() == ACCEPTED

    def test_unknown_keys_of_a_record_are_ignored(self) -> None:
        assert StateStoreRecord(store_with({**ACCEPTED.to_dict(), "region": "eu"})).read() == ACCEPTED

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
            *({name: value for name, value in ACCEPTED.to_dict().items() if name != missing} for missing in FIELDS),
            {**ACCEPTED.to_dict(), "fingerprint": None},
            {**ACCEPTED.to_dict(), "submitted_at": "yesterday"},
            {**ACCEPTED.to_dict(), "submitted_at": None},
            {**ACCEPTED.to_dict(), "submitted_at": True},
            {**ACCEPTED.to_dict(), "max_tries": "one"},
            {**ACCEPTED.to_dict(), "max_tries": 1.5},
            {**ACCEPTED.to_dict(), "is_resubmission": "no"},
            {**ACCEPTED.to_dict(), "prediction_id": ""},
            {**ACCEPTED.to_dict(), "prediction_id": "a b"},
            {**ACCEPTED.to_dict(), "prediction_id": 5},
            {**ACCEPTED.to_dict(), "prediction_id": ["abc"]},
            {**ACCEPTED.to_dict(), "delivered": "false"},
            {**ACCEPTED.to_dict(), "delivered": None},
        ],
        ids=repr,
    )
    def test_unreadable_record_is_an_error(self, garbage: object) -> None:
        with pytest.raises(UnreadableRecordError) as caught:
            StateStoreRecord(store_with(garbage)).read()
        assert STORE_KEY in str(caught.value)
        assert repr(garbage)[:40] in str(caught.value)
        assert caught.value.charge is Charge.POSSIBLE
        assert not caught.value.retryable

    def test_error_shortens_a_long_record(self) -> None:
        with pytest.raises(UnreadableRecordError) as caught:
            StateStoreRecord(store_with("x" * 100_000)).read()
        assert len(str(caught.value)) < 2_000


@needs_store
class TestWriting:
    def test_record_never_expires(self) -> None:
        store = RetentionStore()
        StateStoreRecord(store).write(INTENT)
        assert store.retentions == [sdk.NEVER_EXPIRE]  # type: ignore[attr-defined]  # missing in its stub
        assert StateStoreRecord(store).read() == INTENT

    def test_refused_intent_without_an_earlier_record_is_marked_and_not_deleted(self) -> None:
        store = store_with(INTENT.to_dict())
        StateStoreRecord(store).restore(None, INTENT)
        refused = StateStoreRecord(store).read()
        assert refused == replace(INTENT, is_refused=True, submissions=0, total_cost_usd=0.0)
        assert decision(refused) == SubmitFresh()

    @pytest.mark.parametrize("on_unconfirmed_submission", ON_UNCONFIRMED)
    def test_refused_intent_never_counts_as_unconfirmed(self, on_unconfirmed_submission: str) -> None:
        refused = replace(INTENT, is_refused=True)
        assert decision(refused, on_unconfirmed_submission=on_unconfirmed_submission) == SubmitFresh()

    def test_restore_writes_the_earlier_record(self) -> None:
        store = store_with(INTENT.to_dict())
        StateStoreRecord(store).restore(DELIVERED, INTENT)
        assert StateStoreRecord(store).read() == DELIVERED

    def test_mark_delivered_marks_the_prediction(self) -> None:
        store = store_with(ACCEPTED.to_dict())
        StateStoreRecord(store).mark_delivered("abc", 7)
        assert StateStoreRecord(store).read() == dataclasses.replace(DELIVERED, max_tries=7, clears=1)
        assert store.retentions == [sdk.NEVER_EXPIRE]  # type: ignore[attr-defined]  # missing in its stub

    @pytest.mark.parametrize("recorded", [ACCEPTED, INTENT])
    def test_mark_delivered_marks_no_other_prediction(self, recorded: Submission) -> None:
        store = store_with(recorded.to_dict())
        StateStoreRecord(store).mark_delivered("xyz", 1)
        assert store.writes == []

    def test_mark_delivered_counts_no_clear_twice(self) -> None:
        store = store_with({**ACCEPTED.to_dict(), "max_tries": None})
        StateStoreRecord(store).mark_delivered("abc", 7)
        assert StateStoreRecord(store).read() == replace(DELIVERED, max_tries=7)

    def test_latest_is_what_was_read_or_written(self) -> None:
        record = StateStoreRecord(store_with(INTENT.to_dict()))
        assert record.latest is None
        record.read()
        assert record.latest == INTENT
        record.write(ACCEPTED)
        assert record.latest == ACCEPTED

    def test_mark_delivered_without_a_record_writes_nothing(self) -> None:
        store = RetentionStore()
        StateStoreRecord(store).mark_delivered("abc", 1)
        assert store.writes == []


class TestStores:
    @needs_store
    def test_store_without_a_connection_is_an_error(self) -> None:
        record = StateStoreRecord(BrokenStore())
        assert record.is_kept
        with pytest.raises(ConnectionError):
            record.read()
        with pytest.raises(ConnectionError):
            record.write(INTENT)
        with pytest.raises(ConnectionError):
            record.restore(None, INTENT)
        with pytest.raises(ConnectionError):
            record.mark_delivered("abc", 1)

    def test_submission_without_a_store_is_known_to_its_own_try_only(self) -> None:
        record = SubmissionRecord()
        assert not record.is_kept
        assert record.read() is None
        record.write(ACCEPTED)
        assert record.read() == ACCEPTED
        record.restore(None, INTENT)
        assert record.read() == dataclasses.replace(INTENT, is_refused=True, submissions=0, total_cost_usd=0.0)
        assert SubmissionRecord().read() is None
