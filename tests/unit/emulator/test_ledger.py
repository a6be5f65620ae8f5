"""Tests of the ledger: booked submissions, costs, polls and deliveries."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_seedance.emulator.ledger import Ledger, LedgerError
from airflow_provider_seedance.emulator.service import Service
from tests.specification import read_table
from tests.unit.emulator.api_client import FAST, START, ApiClient, submission_of

PRICES = [
    (model, resolution, Decimal(price))
    for model in read_table("models")
    if model["prices"] != "-"
    for resolution, price in zip(model["resolutions"].split(), model["prices"].split(), strict=True)
]


class TestEntry:
    def test_entry_has_parameters_cost_and_status(self, client: ApiClient) -> None:
        prediction_id = client.book(duration=8, seed=42, aspect_ratio="9:16")
        (entry,) = client.emulator.ledger()
        assert entry == {
            "id": prediction_id,
            "time": START,
            "vendor": "bytedance",
            "model": FAST,
            "mode": "text-to-video",
            "parameters": {
                "prompt": "A red fox runs over the snow",
                "duration": 8,
                "seed": 42,
                "aspect_ratio": "9:16",
            },
            "seed": 42,
            "cost": "0.7984",
            "status": "created",
            "error": None,
            "times": {"created": START},
            "delivered": False,
            "delivered_at": None,
            "polls": 0,
            "first_poll_at": None,
            "last_poll_at": None,
        }

    def test_entry_has_the_current_status_and_its_times(self, client: ApiClient) -> None:
        client.emulator.settings(seconds_created=1, seconds_queued=2, seconds_running=3)
        client.book(prompt="[fail]")
        client.advance(2)
        assert client.emulator.ledger()[0]["times"] == {"created": START, "queued": START + 1}
        client.advance(60)
        (entry,) = client.emulator.ledger()
        assert (entry["status"], entry["times"]["failed"]) == ("failed", START + 6)
        assert "internal error" in entry["error"]

    def test_entry_counts_polls_with_their_times(self, client: ApiClient) -> None:
        prediction_id = client.book()
        for _ in range(3):
            client.advance(1)
            client.get_result(prediction_id)
        (entry,) = client.emulator.ledger()
        assert (entry["polls"], entry["first_poll_at"], entry["last_poll_at"]) == (3, START + 1, START + 3)

    def test_entry_counts_polls_with_a_fault_but_not_with_a_wrong_key(self, client: ApiClient) -> None:
        prediction_id = client.book()
        client.emulator.fault(endpoint="result", status=500)
        client.get_result(prediction_id)
        client.http.get(f"/api/v3/predictions/{prediction_id}/result", headers={"Authorization": "sk-wrong"})
        assert client.emulator.ledger()[0]["polls"] == 1

    def test_entry_is_delivered_at_the_first_response_with_outputs(self, client: ApiClient) -> None:
        prediction_id = client.book()
        client.get_result(prediction_id)
        assert not client.emulator.ledger()[0]["delivered"]
        client.advance(60)
        client.get_result(prediction_id)
        client.advance(60)
        client.get_result(prediction_id)
        (entry,) = client.emulator.ledger()
        assert (entry["delivered"], entry["delivered_at"]) == (True, START + 60)

    def test_failed_prediction_is_not_delivered(self, client: ApiClient) -> None:
        client.get_result(client.book_finished(prompt="[fail]"))
        assert client.emulator.totals()["delivered"] == 0

    def test_delivery_after_a_reset_adds_no_entry(self) -> None:
        service = Service()
        prediction = service.book(submission_of())
        service.reset()
        service.ledger.deliver(prediction.id, START)
        assert service.ledger.to_json(START)["submissions"] == []

    def test_entry_has_the_random_seed(self, client: ApiClient) -> None:
        client.book()
        client.book(seed=-1)
        seeds = [entry["seed"] for entry in client.emulator.ledger()]
        assert all(0 <= seed <= 2147483647 for seed in seeds)
        assert seeds[0] != seeds[1]

    def test_entry_has_length_and_checksum_of_uploads(self, client: ApiClient) -> None:
        content = b"as good as a picture" * 100
        uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        client.submit("reference-to-video", images=[uri], is_upload_media=True)
        (entry,) = client.emulator.ledger()
        assert entry["parameters"]["images"] == [{"length": 2000, "sha256": hashlib.sha256(content).hexdigest()}]


class TestCost:
    @pytest.mark.parametrize(
        ("model", "resolution", "price"),
        PRICES,
        ids=[f"{model['model']} {resolution}" for model, resolution, _ in PRICES],
    )
    def test_cost_is_the_list_price_per_second(
        self, client: ApiClient, model: dict[str, str], resolution: str, price: Decimal
    ) -> None:
        client.book(model=model["id"], resolution=resolution, duration=7)
        (entry,) = client.emulator.ledger()
        assert Decimal(entry["cost"]) == 7 * price

    def test_cost_of_the_defaults_is_five_seconds_in_720p(self, client: ApiClient) -> None:
        client.book()
        assert Decimal(client.emulator.ledger()[0]["cost"]) == 5 * Decimal("0.0998")

    def test_cost_is_null_without_a_published_price(self, client: ApiClient) -> None:
        client.book(model="seedance-1-0-pro-fast")
        assert client.emulator.ledger()[0]["cost"] is None
        assert Decimal(client.emulator.totals()["cost"]) == 0

    def test_total_cost_is_exact(self, client: ApiClient) -> None:
        for _ in range(10):
            client.book(duration=4, resolution="480p")
        assert Decimal(client.emulator.totals()["cost"]) == Decimal("1.7720")

    def test_failed_prediction_has_a_cost(self, client: ApiClient) -> None:
        client.book_finished(prompt="[fail]")
        assert Decimal(client.emulator.totals()["cost"]) > 0


class TestTotals:
    def test_totals_include_all_submissions(self, client: ApiClient) -> None:
        first = client.book()
        client.book()
        client.advance(60)
        client.get_result(first)
        client.get_result(first)
        totals = client.emulator.totals()
        assert (totals["booked"], totals["delivered"], totals["polls"]) == (2, 1, 2)
        assert Decimal(totals["cost"]) == Decimal("0.998")


class TestFile:
    def test_file_restores_the_ledger(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.jsonl"
        service = Service(clock=lambda: START, ledger_path=path)
        first, second = (
            service.book(submission_of(prompt="[policy-late]")),
            service.book(submission_of(prompt="A fox \ud800 \u2028 狐")),
        )
        service.ledger.poll(first.id, START + 1)
        service.ledger.poll(first.id, START + 2)
        service.ledger.deliver(second.id, START + 3)
        before = service.ledger.to_json(START + 60)
        service.ledger.close()
        restarted = Ledger(path)
        assert restarted.to_json(START + 60) == before
        assert restarted.find(second.id) == second
        restarted.close()

    def test_file_is_extended_after_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.jsonl"
        for expected in (1, 2, 3):
            service = Service(ledger_path=path)
            service.book(submission_of())
            assert len(service.ledger.to_json(0)["submissions"]) == expected
            service.ledger.close()

    def test_file_with_an_incomplete_last_line_loses_only_that_line(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.jsonl"
        service = Service(ledger_path=path)
        kept, cut = service.book(submission_of()), service.book(submission_of())
        service.ledger.close()
        path.write_bytes(path.read_bytes()[:-20])
        restarted = Service(ledger_path=path)
        assert restarted.ledger.find(cut.id) is None
        added = restarted.book(submission_of())
        restarted.ledger.close()
        again = Ledger(path)
        assert [entry["id"] for entry in again.to_json(0)["submissions"]] == [kept.id, added.id]
        again.close()

    @pytest.mark.parametrize(
        "content",
        [
            "no ledger at all",
            "no ledger at all\n",
            '{"event": "poll", "id": "unknown", "at": 1}\n',
            '{"event": "refund"}\n',
            "[]\n",
            "\n",
        ],
    )
    def test_file_that_is_not_a_ledger_is_refused_and_unchanged(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "notes.txt"
        path.write_text(content)
        with pytest.raises(LedgerError, match=r"notes\.txt is not a ledger"):
            Ledger(path)
        assert path.read_text() == content

    def test_reset_empties_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.jsonl"
        service = Service(ledger_path=path)
        service.book(submission_of())
        service.reset()
        service.ledger.close()
        assert path.read_bytes() == b""
