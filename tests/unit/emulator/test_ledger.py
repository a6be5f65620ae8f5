"""The ledger: what was booked, at which price, how often it was asked for, and whether it was handed over."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_seedance.emulator.ledger import Ledger, LedgerError
from airflow_provider_seedance.emulator.service import Service
from tests.specification import read_table
from tests.unit.emulator.customer import FAST, START, Customer, submission_of

PRICES = [
    (model, resolution, Decimal(price))
    for model in read_table("models")
    if model["prices"] != "-"
    for resolution, price in zip(model["resolutions"].split(), model["prices"].split(), strict=True)
]


class TestEntry:
    def test_holds_what_was_sent_and_what_became_of_it(self, customer: Customer) -> None:
        prediction_id = customer.book(duration=8, seed=42, aspect_ratio="9:16")
        (entry,) = customer.emulator.ledger()
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

    def test_follows_the_prediction(self, customer: Customer) -> None:
        customer.emulator.settings(seconds_created=1, seconds_queued=2, seconds_running=3)
        customer.book(prompt="[fail]")
        customer.wait(2)
        assert customer.emulator.ledger()[0]["times"] == {"created": START, "queued": START + 1}
        customer.wait(60)
        (entry,) = customer.emulator.ledger()
        assert (entry["status"], entry["times"]["failed"]) == ("failed", START + 6)
        assert "internal error" in entry["error"]

    def test_counts_polls_with_their_times(self, customer: Customer) -> None:
        prediction_id = customer.book()
        for _ in range(3):
            customer.wait(1)
            customer.ask(prediction_id)
        (entry,) = customer.emulator.ledger()
        assert (entry["polls"], entry["first_poll_at"], entry["last_poll_at"]) == (3, START + 1, START + 3)

    def test_counts_polls_that_a_fault_struck_but_none_without_a_key(self, customer: Customer) -> None:
        prediction_id = customer.book()
        customer.emulator.fault(endpoint="result", status=500)
        customer.ask(prediction_id)
        customer.http.get(f"/api/v3/predictions/{prediction_id}/result", headers={"Authorization": "sk-wrong"})
        assert customer.emulator.ledger()[0]["polls"] == 1

    def test_is_delivered_once_the_outputs_went_out(self, customer: Customer) -> None:
        prediction_id = customer.book()
        customer.ask(prediction_id)
        assert not customer.emulator.ledger()[0]["delivered"]
        customer.wait(60)
        customer.ask(prediction_id)
        customer.wait(60)
        customer.ask(prediction_id)
        (entry,) = customer.emulator.ledger()
        assert (entry["delivered"], entry["delivered_at"]) == (True, START + 60)

    def test_of_a_failure_is_never_delivered(self, customer: Customer) -> None:
        customer.ask(customer.book_finished(prompt="[fail]"))
        assert customer.emulator.totals()["delivered"] == 0

    def test_that_was_forgotten_while_an_answer_was_late_stays_so(self) -> None:
        service = Service()
        prediction = service.book(submission_of())
        service.reset()
        service.ledger.deliver(prediction.id, START)
        assert service.ledger.shown(START)["submissions"] == []

    def test_tells_the_seed_that_was_chosen(self, customer: Customer) -> None:
        customer.book()
        customer.book(seed=-1)
        seeds = [entry["seed"] for entry in customer.emulator.ledger()]
        assert all(0 <= seed <= 2147483647 for seed in seeds)
        assert seeds[0] != seeds[1]

    def test_has_uploads_as_length_and_checksum(self, customer: Customer) -> None:
        content = b"as good as a picture" * 100
        uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        customer.submit("reference-to-video", images=[uri], is_upload_media=True)
        (entry,) = customer.emulator.ledger()
        assert entry["parameters"]["images"] == [{"length": 2000, "sha256": hashlib.sha256(content).hexdigest()}]


class TestCost:
    @pytest.mark.parametrize(
        ("model", "resolution", "price"),
        PRICES,
        ids=[f"{model['model']} {resolution}" for model, resolution, _ in PRICES],
    )
    def test_is_the_list_price_of_every_second(
        self, customer: Customer, model: dict[str, str], resolution: str, price: Decimal
    ) -> None:
        customer.book(model=model["id"], resolution=resolution, duration=7)
        (entry,) = customer.emulator.ledger()
        assert Decimal(entry["cost"]) == 7 * price

    def test_of_the_defaults_is_that_of_five_seconds_in_720p(self, customer: Customer) -> None:
        customer.book()
        assert Decimal(customer.emulator.ledger()[0]["cost"]) == 5 * Decimal("0.0998")

    def test_is_unknown_where_no_price_is_published(self, customer: Customer) -> None:
        customer.book(model="seedance-1-0-pro-fast")
        assert customer.emulator.ledger()[0]["cost"] is None
        assert Decimal(customer.emulator.totals()["cost"]) == 0

    def test_of_all_is_added_up_exactly(self, customer: Customer) -> None:
        for _ in range(10):
            customer.book(duration=4, resolution="480p")
        assert Decimal(customer.emulator.totals()["cost"]) == Decimal("1.7720")

    def test_is_due_for_failures_too(self, customer: Customer) -> None:
        customer.book_finished(prompt="[fail]")
        assert Decimal(customer.emulator.totals()["cost"]) > 0


class TestTotals:
    def test_count_over_all_submissions(self, customer: Customer) -> None:
        first = customer.book()
        customer.book()
        customer.wait(60)
        customer.ask(first)
        customer.ask(first)
        totals = customer.emulator.totals()
        assert (totals["booked"], totals["delivered"], totals["polls"]) == (2, 1, 2)
        assert Decimal(totals["cost"]) == Decimal("0.998")


class TestFile:
    def test_brings_everything_back(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.jsonl"
        service = Service(clock=lambda: START, ledger_path=path)
        first, second = (
            service.book(submission_of(prompt="[policy-late]")),
            service.book(submission_of(prompt="A fox \ud800 \u2028 狐")),
        )
        service.ledger.poll(first.id, START + 1)
        service.ledger.poll(first.id, START + 2)
        service.ledger.deliver(second.id, START + 3)
        before = service.ledger.shown(START + 60)
        service.ledger.close()
        restarted = Ledger(path)
        assert restarted.shown(START + 60) == before
        assert restarted.find(second.id) == second
        restarted.close()

    def test_goes_on_where_it_ended(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.jsonl"
        for expected in (1, 2, 3):
            service = Service(ledger_path=path)
            service.book(submission_of())
            assert len(service.ledger.shown(0)["submissions"]) == expected
            service.ledger.close()

    def test_loses_no_more_than_the_line_that_was_cut_short(self, tmp_path: Path) -> None:
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
        assert [entry["id"] for entry in again.shown(0)["submissions"]] == [kept.id, added.id]
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
    def test_that_holds_something_else_is_refused_and_left_alone(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "notes.txt"
        path.write_text(content)
        with pytest.raises(LedgerError, match=r"notes\.txt holds no ledger"):
            Ledger(path)
        assert path.read_text() == content

    def test_is_emptied_by_a_reset(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.jsonl"
        service = Service(ledger_path=path)
        service.book(submission_of())
        service.reset()
        service.ledger.close()
        assert path.read_bytes() == b""
