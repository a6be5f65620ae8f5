"""Entries: a round trip through JSON, later versions, and what cannot be read."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import Charge
from airflow_provider_seedance.ledger.entries import Entry, Owner, Purchase, State, latest_entry
from airflow_provider_seedance.ledger.errors import UnreadableEntryError
from airflow_provider_seedance.ledger.store import Store

GENERATION = "0123456789abcdef" * 2
ENTRY = Entry(
    generation=GENERATION,
    number=1,
    owner=Owner(dag_id="ads", run_id="manual", task_id="make", map_index=3, try_number=2),
    purchase=Purchase(
        connection_id="seedance_default",
        mode="text-to-video",
        model="seedance-2.0",
        parameters={"prompt": "A boat \N{SNOWMAN}"},
    ),
    state=State.RESERVED,
    reserved_at="2026-11-27T10:00:00+00:00",
    answer_by="2026-11-27T10:05:00+00:00",
    updated_at="2026-11-27T10:00:00+00:00",
    record={"fingerprint": "f"},
)
WHERE = f"s3://b/{ENTRY.name}"


def nested(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


class TestJson:
    @given(
        state=st.sampled_from(State),
        outputs=st.lists(st.text()).map(tuple),
        texts=st.tuples(*[st.none() | st.text()] * 2),
        usd=st.none() | st.floats(0, 1e6),
    )
    def test_entry_is_read_back(
        self, state: State, outputs: tuple[str, ...], texts: tuple[str | None, ...], usd: float | None
    ) -> None:
        purchase = dataclasses.replace(ENTRY.purchase, estimate_usd=usd, highest_usd=usd)
        made = dataclasses.replace(
            ENTRY, state=state, outputs=outputs, prediction_id=texts[0], error=texts[1], purchase=purchase
        )
        assert Entry.from_json(made.to_json(), WHERE) == made

    def test_fields_of_a_later_version_are_ignored(self) -> None:
        fields = json.loads(ENTRY.to_json()) | {"version": 2, "mood": "good"}
        fields["owner"]["team"] = fields["purchase"]["discount"] = "x"
        assert Entry.from_json(json.dumps(fields).encode(), WHERE) == ENTRY

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "lost"},
            {"state": ["reserved"]},
            {"owner": None},
            {"owner": {"dag_id": None}},
            {"owner": {"map_index": "3"}},
            {"owner": {"try_number": 1.5}},
            {"purchase": []},
            {"purchase": {"estimate_usd": "abc"}},
            {"purchase": {"estimate_usd": "0.5"}},
            {"purchase": {"highest_usd": float("nan")}},
            {"purchase": {"highest_usd": float("inf")}},
            {"purchase": {"highest_usd": -1}},
            {"purchase": {"highest_usd": True}},
            {"purchase": {"model": None}},
            {"purchase": {"parameters": "prompt"}},
            {"purchase": {"parameters": {"prompt": nested(500)}}},
            {"number": "1"},
            {"number": True},
            {"number": None},
            {"number": 2},
            {"generation": "f" * 32},
            {"generation": 5},
            {"prediction_id": 5},
            {"idempotency_key": None},
            {"reservation": None},
            {"error": {"message": "x"}},
            {"outputs": None},
            {"outputs": "https://gptproto.example/0.mp4"},
            {"outputs": {"0": "https://gptproto.example/0.mp4"}},
            {"outputs": [None]},
            {"record": []},
            {"record": "f"},
            {"record": None},
            {"record": {"given": nested(500)}},
            {"answer_by": "soon"},
            {"reserved_at": 5},
            {"reserved_at": None},
            {"reserved_at": "0001-01-01T00:00:00+00:00"},
            {"updated_at": "2026-11-27T10:00:00"},
            {"answer_by": "2026-11-27T10:05:00"},
            {"answer_by": "2026-11-27T10:05:00", "reserved_at": "2026-11-27T10:00:00"},
        ],
        ids=str,
    )
    def test_invalid_field_is_an_error_that_names_the_object(self, change: dict[str, Any]) -> None:
        fields = json.loads(ENTRY.to_json())
        for name, value in change.items():
            fields[name] = fields[name] | value if name in ("owner", "purchase") and value else value
        with pytest.raises(UnreadableEntryError, match=rf"The entry {WHERE} of the ledger cannot be read") as caught:
            Entry.from_json(json.dumps(fields).encode(), WHERE)
        assert caught.value.charge is Charge.POSSIBLE

    def test_parameter_may_be_nested_as_deeply_as_the_operators_allow(self) -> None:
        purchase = dataclasses.replace(ENTRY.purchase, parameters={"extra": nested(100)})
        made = dataclasses.replace(ENTRY, purchase=purchase)
        assert Entry.from_json(made.to_json(), WHERE) == made

    @pytest.mark.parametrize(
        "data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"{}", b"[" * 100_000, b'{"a":' * 100_000]
    )
    def test_anything_else_is_an_error(self, data: bytes) -> None:
        with pytest.raises(UnreadableEntryError):
            Entry.from_json(data, "here")


class TestLatest:
    def test_generation_without_entries_has_none(self, store: Store) -> None:
        assert latest_entry(store, GENERATION) == (0, None)

    def test_highest_number_is_the_latest(self, store: Store) -> None:
        for number in (1, 2, 10):
            made = dataclasses.replace(ENTRY, number=number)
            store.create(made.name, made.to_json())
        store.replace(f"generations/{GENERATION}/notes.txt", b"")
        last, found = latest_entry(store, GENERATION)
        assert last == 10
        assert found is not None
        assert found.number == 10

    @pytest.mark.parametrize(
        ("name", "reason"), [("7.json", "is listed, but no such"), ("000002.json", "it is the entry generations/")]
    )
    def test_entry_that_is_listed_under_a_wrong_name_is_an_error(self, store: Store, name: str, reason: str) -> None:
        store.create(f"generations/{GENERATION}/{name}", ENTRY.to_json())
        with pytest.raises(UnreadableEntryError, match=reason) as caught:
            latest_entry(store, GENERATION)
        assert caught.value.charge is Charge.POSSIBLE

    def test_text_names_prediction_and_task(self) -> None:
        assert str(dataclasses.replace(ENTRY, prediction_id="pred_1", state=State.SUBMITTED)) == (
            "prediction pred_1 (submitted, seedance-2.0) of task make [3] of DAG ads, run manual"
        )

    @pytest.mark.parametrize(
        ("state", "at", "expected"),
        [
            (State.RESERVED, "2026-11-27T10:04:59Z", True),
            (State.RESERVED, "2026-11-27T10:05:00Z", False),
            (State.SUBMITTED, "2026-11-27T10:00:00Z", False),
        ],
    )
    def test_entry_is_in_flight_until_its_answer_is_due(self, state: State, at: str, expected: bool) -> None:
        made = dataclasses.replace(ENTRY, state=state)
        assert made.is_in_flight(datetime.fromisoformat(at)) is expected
