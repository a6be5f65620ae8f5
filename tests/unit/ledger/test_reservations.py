"""Reservations: written, then checked. Whatever runs at once, what is accepted never exceeds a budget."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.budgets import budgets_at, spent
from airflow_provider_seedance.ledger.errors import BudgetExceededError, LedgerUnavailableError
from airflow_provider_seedance.ledger.layout import Reservation
from airflow_provider_seedance.ledger.reservations import reservations_between, reserve, withdraw
from airflow_provider_seedance.ledger.store import LocalStore
from tests.unit.ledger.schedules import Process, World
from tests.unit.ledger.test_budgets import settings

NOW = datetime(2026, 11, 27, 10, 15, tzinfo=UTC)
ZONES = ["UTC", "Asia/Kolkata", "America/New_York"]
#: Near the ends of days and months in these zones, and in the middle of one.
STARTS = ["2026-10-31T22:40Z", "2026-10-31T18:00Z", "2026-11-01T03:30Z", "2026-11-27T10:15Z", "2026-11-27T18:10Z"]


class CountingStore(LocalStore):
    """A local store that notes the calls, and fails in those that are named."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"file://{root}", root)
        self.calls: list[str] = []
        self.failing: set[str] = set()

    def _note(self, call: str, name: str) -> None:
        self.calls.append(f"{call} {name}")
        if call in self.failing:
            raise OSError(5, "Input/output error")

    def _replace(self, name: str, data: bytes) -> None:
        self._note("write", name)
        super()._replace(name, data)

    def _names(self, folder: str) -> Iterable[str]:
        self._note("list", folder)
        return super()._names(folder)

    def _delete(self, name: str) -> None:
        self._note("delete", name)
        super()._delete(name)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path)


def reservation(generation: int, at: datetime = NOW, usd: str | None = "0.5", number: int = 1) -> Reservation:
    price = None if usd is None else Decimal(usd)
    return Reservation(at=int(at.timestamp() * 1000), usd=price, generation=f"{generation:032x}", number=number)


def book(
    store: LocalStore, generation: int, rules: LedgerSettings, at: datetime = NOW, usd: str | None = "0.5"
) -> Reservation:
    return reserve(store, reservation(generation, at, usd), rules, at, clock=lambda: at, pause=lambda _: None)


def standing(store: LocalStore, start: datetime = NOW - timedelta(days=40)) -> list[Reservation]:
    return list(reservations_between(store, start, start + timedelta(days=80)))


class TestReserve:
    def test_without_a_budget_it_only_writes(self, store: CountingStore) -> None:
        booked = book(store, 1, settings(), usd=None)
        assert store.calls == [f"write {booked.name}"]
        assert standing(store) == [booked]

    def test_budget_holds_exactly_what_fits(self, store: CountingStore) -> None:
        for number in range(20):
            book(store, number, settings("10"))
        with pytest.raises(BudgetExceededError, match=r"10\.00 USD are spent"):
            book(store, 20, settings("10"), usd="0.000001")
        assert len(standing(store)) == 20

    def test_refused_reservation_is_withdrawn(self, store: CountingStore) -> None:
        with pytest.raises(BudgetExceededError):
            book(store, 1, settings("0.4"))
        assert standing(store) == []

    def test_withdrawn_reservation_is_not_counted(self, store: CountingStore) -> None:
        withdraw(store, book(store, 1, settings("0.5")).name)
        book(store, 2, settings("0.5"))

    def test_reservation_of_a_dead_try_stays_counted(self, store: CountingStore) -> None:
        book(store, 1, settings("1"))
        book(store, 1, settings("1"), at=NOW + timedelta(minutes=1))
        with pytest.raises(BudgetExceededError):
            book(store, 2, settings("1"), at=NOW + timedelta(minutes=2))

    def test_generation_without_highest_price_is_refused_before_anything_is_written(self, store: CountingStore) -> None:
        with pytest.raises(BudgetExceededError, match="no highest price"):
            book(store, 1, settings(monthly="5"), usd=None)
        assert store.calls == []

    def test_submissions_without_a_budget_count_for_those_with_one(self, store: CountingStore) -> None:
        book(store, 1, settings(), usd="0.8")
        book(store, 2, settings(), usd=None)
        with pytest.raises(BudgetExceededError, match=r"0\.80 USD are spent.*1 more submissions without"):
            book(store, 3, settings("1"))

    @pytest.mark.parametrize(("later", "is_refused"), [(timedelta(hours=13), True), (timedelta(hours=14), False)])
    def test_day_resets_at_its_end(self, store: CountingStore, later: timedelta, is_refused: bool) -> None:
        book(store, 1, settings("0.5"))
        if is_refused:
            with pytest.raises(BudgetExceededError):
                book(store, 2, settings("0.5"), at=NOW + later)
        else:
            book(store, 2, settings("0.5"), at=NOW + later)

    def test_both_budgets_hold(self, store: CountingStore) -> None:
        both = settings("1", "1.5")
        for day in range(2):
            book(store, day, both, at=NOW + timedelta(days=day))
        book(store, 2, both, at=NOW + timedelta(days=1))
        with pytest.raises(BudgetExceededError, match="monthly"):
            book(store, 3, both, at=NOW + timedelta(days=2))
        book(store, 4, both, at=NOW + timedelta(days=4))  # December

    def test_reservations_ahead_of_the_clock_are_counted(self, store: CountingStore) -> None:
        book(store, 1, settings("0.5"), at=NOW + timedelta(hours=1))
        with pytest.raises(BudgetExceededError):
            book(store, 2, settings("0.5"))

    @pytest.mark.parametrize("failing", ["write", "list"])
    def test_failing_store_leaves_no_reservation(self, store: CountingStore, failing: str) -> None:
        store.failing = {failing}
        with pytest.raises(LedgerUnavailableError):
            book(store, 1, settings("10"))
        store.failing = set()
        assert standing(store) == []

    def test_refusal_is_told_when_the_withdrawal_fails(self, store: CountingStore) -> None:
        store.failing = {"delete"}
        with pytest.raises(BudgetExceededError):
            book(store, 1, settings("0.4"))

    def test_other_objects_are_ignored(self, store: CountingStore, tmp_path: Path) -> None:
        booked = book(store, 1, settings("1"))
        month = (tmp_path / booked.name).parents[1]
        for name in ("notes.txt", "5T3", "99T99", "27T10/README"):
            (month / name).parent.mkdir(exist_ok=True)
            (month / name).touch()
        (tmp_path / "totals" / "2026-11").mkdir(parents=True)
        for name in ("27T10-x-0", "99T10-5000000-0", "27T10-5000000"):
            (tmp_path / "totals" / "2026-11" / name).touch()
        book(store, 2, settings("1"))


class TestContention:
    def test_task_tries_again_while_others_may_withdraw(self, store: CountingStore) -> None:
        other = book(store, 1, settings())
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            withdraw(store, other.name)

        booked = reserve(store, reservation(2), settings("0.5"), NOW, clock=lambda: NOW, pause=pause)
        assert standing(store) == [booked]
        assert len(pauses) == 1
        assert 0 <= pauses[0] <= 1

    def test_number_of_attempts_is_limited(self, store: CountingStore) -> None:
        book(store, 1, settings())
        pauses: list[float] = []
        with pytest.raises(BudgetExceededError):
            reserve(store, reservation(2), settings("0.5"), NOW, clock=lambda: NOW, pause=pauses.append)
        assert len(pauses) == 3

    @pytest.mark.parametrize("minutes", [2, 200])
    def test_reservations_that_stand_are_not_waited_for(self, store: CountingStore, minutes: int) -> None:
        book(store, 1, settings())
        later = NOW + timedelta(minutes=minutes)
        pauses: list[float] = []
        with pytest.raises(BudgetExceededError):
            reserve(store, reservation(2, later), settings("0.5"), later, clock=lambda: later, pause=pauses.append)
        assert pauses == []


class TestSuspendedProcess:
    def test_reservation_is_written_anew_when_its_hour_is_about_to_close(self, store: CountingStore) -> None:
        woken = NOW.replace(hour=11, minute=30)
        booked = reserve(store, reservation(1), settings("10"), NOW, clock=lambda: woken)
        assert booked == reservation(1, at=woken)
        assert standing(store) == [booked]

    def test_reservation_stays_until_then(self, store: CountingStore) -> None:
        woken = NOW.replace(hour=11, minute=29)
        assert reserve(store, reservation(1), settings("10"), NOW, clock=lambda: woken) == reservation(1)

    def test_reservation_of_yesterday_counts_for_today(self, store: CountingStore) -> None:
        tomorrow = NOW + timedelta(days=1)
        book(store, 1, settings("0.5"), at=tomorrow)
        with pytest.raises(BudgetExceededError):
            reserve(store, reservation(2), settings("0.5"), NOW, clock=lambda: tomorrow, pause=lambda _: None)
        assert standing(store) == [reservation(1, at=tomorrow)]

    def test_late_write_is_not_missing_in_a_total(self, store: CountingStore) -> None:
        rules, closing = settings("0.5"), NOW.replace(hour=12, minute=0)
        book(store, 1, settings(), usd="0")  # the hour has a folder
        book(store, 2, rules, at=closing, usd="0")  # its total is written
        # The clock of the suspended process is almost half an hour behind.
        reserve(store, reservation(3), rules, NOW, clock=lambda: closing - timedelta(minutes=29))
        with pytest.raises(BudgetExceededError):
            book(store, 4, rules, at=closing)


class TestTotals:
    def test_hour_is_listed_until_it_is_closed_and_then_once(self, store: CountingStore) -> None:
        hour = "list reservations/2026-11/27T10"
        listed = []
        for minutes in (0, 104, 105, 106, 107):  # 10:15 to 12:02; the hour is closed at 12:00
            store.calls.clear()
            book(store, minutes, settings("10"), at=NOW + timedelta(minutes=minutes))
            listed.append(store.calls.count(hour))
        assert listed == [1, 1, 1, 0, 0]
        assert store.names("totals/2026-11") == ["27T10-500000-0"]

    def test_total_counts_in_place_of_the_reservations(self, store: CountingStore) -> None:
        later = NOW + timedelta(hours=3)
        store.replace("totals/2026-11/27T10-9600000-0", b"")
        book(store, 1, settings())
        with pytest.raises(BudgetExceededError, match=r"9\.60 USD"):
            book(store, 2, settings("10"), at=later)

    def test_highest_of_several_totals_counts(self, store: CountingStore) -> None:
        book(store, 1, settings())
        for total in ("27T10-500000-0", "27T10-9600000-0", "27T10-700000-0"):
            store.replace(f"totals/2026-11/{total}", b"")
        with pytest.raises(BudgetExceededError, match=r"9\.60 USD"):
            book(store, 2, settings("10"), at=NOW + timedelta(hours=3))

    def test_withdrawal_after_the_hour_is_closed_stays_counted(self, store: CountingStore) -> None:
        booked = book(store, 1, settings("1"))
        later = NOW + timedelta(hours=3)
        book(store, 2, settings("1"), at=later)
        withdraw(store, booked.name)
        with pytest.raises(BudgetExceededError):
            book(store, 3, settings("1"), at=later)

    def test_hour_that_a_border_cuts_is_listed_for_its_part(self, store: CountingStore) -> None:
        kolkata = settings("0.5", timezone="Asia/Kolkata")
        book(store, 1, kolkata, at=NOW.replace(hour=18, minute=29))
        book(store, 2, kolkata, at=NOW.replace(hour=18, minute=30))
        with pytest.raises(BudgetExceededError):
            book(store, 3, kolkata, at=NOW.replace(hour=23))
        assert store.names("totals/2026-11") == []

    def test_calls_of_a_check_do_not_grow_with_the_month(self, store: CountingStore) -> None:
        start = NOW.replace(day=1, hour=0)
        for hour in range(20 * 24):
            at = start + timedelta(hours=hour)
            book(store, hour, settings(), at=at)
        now = start + timedelta(hours=20 * 24)
        book(store, 1_000, settings("1000", "1000"), at=now)
        store.calls.clear()
        book(store, 1_001, settings("1000", "1000"), at=now)
        assert len(store.calls) <= 6, store.calls


class TestPeriod:
    def test_reservations_between_excludes_the_end(self, store: CountingStore) -> None:
        borders = [NOW, NOW + timedelta(minutes=30), NOW + timedelta(days=40)]
        booked = [book(store, number, settings(), at=at) for number, at in enumerate(borders)]
        assert list(reservations_between(store, borders[0], borders[1])) == booked[:1]
        assert list(reservations_between(store, borders[0], borders[2])) == booked[:2]
        assert list(reservations_between(store, borders[1], borders[2] + timedelta(seconds=1))) == booked[1:]

    def test_empty_ledger_has_no_reservations(self, store: CountingStore) -> None:
        assert list(reservations_between(store, NOW, NOW + timedelta(days=365))) == []


class TestAnySchedule:
    @given(
        random=st.randoms(use_true_random=False),
        start=st.sampled_from(STARTS),
        zone=st.sampled_from(ZONES),
        pauses=st.sampled_from([[0, 0, 0, 1], [0, 0, 1, 600], [0, 300, 900], [0, 0, 0, 0, 0, 7_200]]),
        deaths=st.sampled_from([0, 0.02, 0.2]),
        count=st.integers(2, 6),
    )
    def test_accepted_submissions_never_exceed_a_budget(
        self, random: Random, start: str, zone: str, pauses: list[int], deaths: float, count: int
    ) -> None:
        rules, tokens = settings("1", "1.5", zone), itertools.count()
        world = World(random, datetime.fromisoformat(start))
        #: What the service accepted, or may yet accept.
        accepted: list[Reservation] = []

        def work(process: Process) -> None:
            for _ in range(random.randint(1, 3)):
                now = process.clock()
                price = random.choice(["0.2", "0.5", "0.7"])
                wanted = reservation(random.randrange(count), now, price, number=random.randint(1, 2))
                # Else two tries of a moment have one reservation, and one of them withdraws that of the other.
                wanted = dataclasses.replace(wanted, token=f"{next(tokens):x}")
                process.pause()
                try:
                    booked = reserve(
                        process.store, wanted, rules, now, clock=process.clock, pause=lambda _: process.pause()
                    )
                except BudgetExceededError:
                    continue
                accepted.append(booked)
                for budget in budgets_at(rules, booked.moment):
                    counted = [each for each in accepted if budget.covers(each.moment)]
                    assert spent(counted).usd <= budget.limit
                process.pause()
                if random.random() < 0.3:
                    accepted.remove(booked)  # the service did not accept it
                    withdraw(process.store, booked.name)

        # Clocks that differ by less than half an hour.
        processes = [Process(world, work, timedelta(minutes=random.uniform(-14, 14))) for _ in range(count)]
        world.run(processes, pauses=[timedelta(seconds=each) for each in pauses], deaths=deaths)

    @given(
        random=st.randoms(use_true_random=False),
        start=st.sampled_from(STARTS),
        zone=st.sampled_from(ZONES),
        pauses=st.lists(st.integers(1, 100_000), min_size=1, max_size=30),
    )
    def test_whoever_is_alone_gets_all_that_fits(
        self, random: Random, start: str, zone: str, pauses: list[int]
    ) -> None:
        rules = settings("1", "2.5", zone)
        world = World(random, datetime.fromisoformat(start))
        standing: list[Reservation] = []

        def work(process: Process) -> None:
            for number, pause in enumerate(pauses):
                world.now += timedelta(seconds=pause)
                wanted = reservation(number, process.clock(), random.choice(["0.2", "0.5", "0.7"]))
                fits = all(
                    spent(each for each in [*standing, wanted] if budget.covers(each.moment)).usd <= budget.limit
                    for budget in budgets_at(rules, wanted.moment)
                )
                try:
                    reserve(process.store, wanted, rules, process.clock(), clock=process.clock, pause=lambda _: None)
                except BudgetExceededError:
                    assert not fits
                    continue
                assert fits
                if random.random() < 0.3:
                    withdraw(process.store, wanted.name)
                else:
                    standing.append(wanted)

        world.run([Process(world, work, timedelta(0))], pauses=[timedelta(0)], deaths=0)
