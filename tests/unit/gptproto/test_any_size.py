"""Hostile answers end as an error of this package or as a prediction, and a long list of models is accepted."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from airflow_provider_seedance.gptproto.bodies import fold_name
from airflow_provider_seedance.gptproto.errors import SeedanceError
from tests.unit.gptproto.conftest import Exchange, answer

FIELDS = {f"aB{number}": "v" for number in range(8_000)}
BODIES = {
    "long name": json.dumps({"aB" * 60_000: 1}),
    "many fields": json.dumps({"data": {"id": "a1", "status": "failed", **FIELDS}}),
    "backslashes": json.dumps({"message": "\\" * 60_000}),
    "ids": json.dumps({"error": {"message": '"id": "abcd", ' * 7_000}}),
    "words": json.dumps({"error": {"message": "content check " * 9_000}}),
    "lists": json.dumps({"data": [[]] * 30_000}),
    "outputs": json.dumps({"data": {"id": "a1", "status": "succeeded", "outputs": [{}] * 30_000}}),
    "open brackets": '{"a":' + "[" * 120_000,
    "image": json.dumps({"data": {"id": "a1", "status": "running", "preview": "A" * 130_000}}),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("status", [200, 400, 500])
def test_hostile_answer_raises_no_foreign_error(exchange: Exchange, body: str, status: int) -> None:
    exchange.will_answer(*[answer(body, status)] * 2)
    for call in (exchange.submit, exchange.get_prediction):
        with suppress(SeedanceError):
            call()
    assert len(exchange.requests) == 2


def test_long_name_is_read_in_part_so_that_names_in_memory_are_short() -> None:
    assert len(fold_name("aB" * 60_000)) < 200


def test_key_check_accepts_a_long_list_of_models(exchange: Exchange) -> None:
    exchange.will_answer(
        answer({"object": "list", "data": [{"id": f"model-{n}", "x": "y" * 90} for n in range(2_000)]})
    )
    assert exchange.check_key().accepted
