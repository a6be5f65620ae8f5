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
        assert Entry.from_json(made.to_json(), "here") == made

    def test_fields_of_a_later_version_are_ignored(self) -> None:
        fields = json.loads(ENTRY.to_json()) | {"version": 2, "mood": "good"}
        fields["owner"]["team"] = fields["purchase"]["discount"] = "x"
        assert Entry.from_json(json.dumps(fields).encode(), "here") == ENTRY

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "lost"},
            {"owner": None},
            {"outputs": None},
            {"answer_by": "soon"},
            {"reserved_at": 5},
            {"answer_by": "2026-11-27T10:05:00"},
            {"answer_by": "2026-11-27T10:05:00", "reserved_at": "2026-11-27T10:00:00"},
        ],
    )
    def test_invalid_field_is_an_error_that_names_the_object(self, change: dict[str, Any]) -> None:
        data = json.dumps(json.loads(ENTRY.to_json()) | change).encode()
        with pytest.raises(
            UnreadableEntryError, match=r"The entry s3://b/1\.json of the ledger cannot be read"
        ) as caught:
            Entry.from_json(data, "s3://b/1.json")
        assert caught.value.charge is Charge.POSSIBLE

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"{}", b"[" * 100_000])
    def test_anything_else_is_an_error(self, data: bytes) -> None:
        with pytest.raises(UnreadableEntryError):
            Entry.from_json(data, "here")


class TestLatest:
    def test_generation_without_entries_has_none(self, store: Store) -> None:
        assert latest_entry(store, GENERATION) is None

    def test_highest_number_is_the_latest(self, store: Store) -> None:
        for number in (1, 2, 10):
            made = dataclasses.replace(ENTRY, number=number)
            store.create(made.name, made.to_json())
        store.replace(f"generations/{GENERATION}/notes.txt", b"")
        found = latest_entry(store, GENERATION)
        assert found is not None
        assert found.number == 10

    @pytest.mark.parametrize("name", ["7.json", "000002.json"])
    def test_entry_that_is_listed_under_a_wrong_name_is_an_error(self, store: Store, name: str) -> None:
        store.create(f"generations/{GENERATION}/{name}", ENTRY.to_json())
        with pytest.raises(UnreadableEntryError, match="is listed") as caught:
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
