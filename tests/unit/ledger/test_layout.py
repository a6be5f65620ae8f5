"""Names of the objects in a ledger: what is written is read back, and other names are ignored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.ledger.layout import (
    Reservation,
    Total,
    entry_name,
    entry_number,
    generation_of_key,
    generation_of_task,
    hour_from,
    micros,
    months_between,
)

GENERATION = "0123456789abcdef" * 2
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PRICES = st.decimals(0, 100_000, places=6)


class TestGenerations:
    def test_key_is_one_generation_and_another_key_another(self) -> None:
        assert generation_of_key("2026-11-27/boat") == generation_of_key("2026-11-27/boat")
        assert generation_of_key("2026-11-27/boat") != generation_of_key("2026-11-27/boat ")

    def test_key_that_reads_like_a_task_is_not_that_task(self) -> None:
        assert generation_of_key("dag") != generation_of_task("dag")

    def test_parts_of_a_task_do_not_run_together(self) -> None:
        assert generation_of_task("a", "bc", "d", -1) != generation_of_task("ab", "c", "d", -1)
        assert generation_of_task("a", "b", "c", 1) != generation_of_task("a", "b", "c", -1)

    @given(st.text())
    def test_any_key_is_a_safe_name(self, key: str) -> None:
        generation = generation_of_key(key)
        assert len(generation) == 32
        assert set(generation) <= set("0123456789abcdef")


class TestEntries:
    @given(st.integers(1, 10_000_000))
    def test_number_is_read_back(self, number: int) -> None:
        assert entry_number(entry_name(GENERATION, number)) == number

    def test_names_sort_by_number(self) -> None:
        assert entry_name(GENERATION, 9) < entry_name(GENERATION, 10)

    @pytest.mark.parametrize("name", ["notes.txt", "1.json.bak", ".1.json", "one.json", ""])
    def test_other_objects_have_no_number(self, name: str) -> None:
        assert entry_number(name) is None


class TestReservations:
    @given(moment=MOMENTS, usd=st.none() | PRICES, number=st.integers(1, 99))
    def test_reservation_is_read_back_from_its_name(self, moment: datetime, usd: Decimal | None, number: int) -> None:
        made = Reservation(at=int(moment.timestamp() * 1000), usd=usd, generation=GENERATION, number=number)
        assert Reservation.from_name(made.name) == made

    def test_folder_is_the_utc_hour(self) -> None:
        at = int(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp() * 1000) + 999
        made = Reservation(at=at, usd=Decimal("0.5"), generation=GENERATION, number=1)
        assert made.name == f"reservations/2026-11/30T23/{at}-500000-{GENERATION}-1"

    @given(token=st.text("0123456789abcdef"))
    def test_token_tells_reservations_of_one_millisecond_apart(self, token: str) -> None:
        made = Reservation(at=1, usd=Decimal("0.5"), generation=GENERATION, number=1, token=token)
        assert Reservation.from_name(made.name) == made

    def test_price_is_never_rounded_down(self) -> None:
        assert micros(Decimal("0.1234560001")) == 123457

    @pytest.mark.parametrize(
        "name",
        [
            "x",
            "1-2-3",
            f"1--{GENERATION}-1",
            f"1-0.5-{GENERATION}-1",
            f"1-2-{GENERATION}",
            # No time has so many digits.
            f"{10**20}-2-{GENERATION}-1",
        ],
    )
    def test_other_names_are_no_reservations(self, name: str) -> None:
        assert Reservation.from_name(name) is None


class TestTotals:
    @given(moment=MOMENTS, usd=PRICES, unpriced=st.integers(0, 10_000))
    def test_total_is_read_back_from_its_name(self, moment: datetime, usd: Decimal, unpriced: int) -> None:
        hour = moment.replace(minute=0, second=0, microsecond=0)
        made = Total(hour=hour, usd=usd, unpriced=unpriced)
        folder, _, name = made.name.rpartition("/")
        assert Total.from_name(folder.rpartition("/")[2], name) == made

    @pytest.mark.parametrize("name", ["27T10", "27T10-1", "27T24-1-0", "31T10-1-0", "27T10--1-0"])
    def test_other_names_are_no_totals(self, name: str) -> None:
        assert Total.from_name("2026-11", name) is None


class TestHours:
    @pytest.mark.parametrize("hour", ["27T10", "01T00", "30T23"])
    def test_hour_is_read(self, hour: str) -> None:
        assert hour_from("2026-11", hour) == datetime(2026, 11, int(hour[:2]), int(hour[3:]), tzinfo=UTC)

    @pytest.mark.parametrize("hour", ["31T10", "27T24", "5T3", "27T1", "27", "", "27T10-1"])
    def test_other_names_are_no_hours(self, hour: str) -> None:
        assert hour_from("2026-11", hour) is None

    @given(start=MOMENTS, length=st.timedeltas(timedelta(microseconds=1), timedelta(days=800)))
    def test_months_are_those_of_the_days(self, start: datetime, length: timedelta) -> None:
        end = start + length
        last = end - timedelta(microseconds=1)
        days = [start + timedelta(days=day) for day in range((last - start).days + 1)]
        assert list(months_between(start, end)) == list(dict.fromkeys(f"{day:%Y-%m}" for day in [*days, last]))
