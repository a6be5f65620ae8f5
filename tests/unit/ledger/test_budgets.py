"""Budgets: days and months of a time zone, sums, and the decision."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.budgets import (
    Spent,
    budgets_at,
    check_budgets,
    check_priced,
    spent,
)
from airflow_provider_seedance.ledger.errors import BudgetExceededError
from airflow_provider_seedance.ledger.layout import Reservation, Total

HOUR = datetime(2026, 11, 27, 9, tzinfo=UTC)


def settings(daily: str | None = None, monthly: str | None = None, timezone: str = "UTC") -> LedgerSettings:
    return LedgerSettings(
        uri="file:///ledger",
        daily_budget_usd=None if daily is None else Decimal(daily),
        monthly_budget_usd=None if monthly is None else Decimal(monthly),
        budget_timezone=timezone,
    )


def reservation(generation: int, usd: str | None, number: int = 1) -> Reservation:
    price = None if usd is None else Decimal(usd)
    return Reservation(at=1_000, usd=price, generation=f"{generation:032x}", number=number)


def period(timezone: str, moment: str, name: str) -> tuple[str, str]:
    """Return start and end of the budget's period at a time, in the time zone."""
    [budget] = [each for each in budgets_at(settings("1", "1", timezone), _time(moment)) if each.name == name]
    zone = zoneinfo.ZoneInfo(timezone)
    return budget.start.astimezone(zone).isoformat(), budget.end.astimezone(zone).isoformat()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


class TestPeriods:
    def test_settings_without_budget_have_no_period(self) -> None:
        assert budgets_at(settings(), HOUR) == []

    @pytest.mark.parametrize(
        ("timezone", "moment", "expected"),
        [
            ("UTC", "2026-11-27T23:59:59.999+00:00", ("2026-11-27T00:00:00+00:00", "2026-11-28T00:00:00+00:00")),
            ("UTC", "2026-11-28T00:00:00+00:00", ("2026-11-28T00:00:00+00:00", "2026-11-29T00:00:00+00:00")),
            ("Asia/Kolkata", "2026-11-27T18:30:00Z", ("2026-11-28T00:00:00+05:30", "2026-11-29T00:00:00+05:30")),
            # The clocks go forward and back at these days: 23 and 25 hours.
            ("Europe/Berlin", "2026-03-29T12:00:00Z", ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00")),
            ("Europe/Berlin", "2026-10-25T12:00:00Z", ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00")),
            # Midnight does not exist, or occurs twice, at these days.
            ("Africa/Cairo", "2026-04-24T12:00:00Z", ("2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00")),
            ("America/Havana", "2026-11-01T12:00:00Z", ("2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00")),
        ],
    )
    def test_day_is_that_of_the_time_zone(self, timezone: str, moment: str, expected: tuple[str, str]) -> None:
        assert period(timezone, moment, "daily") == expected

    @pytest.mark.parametrize(
        ("timezone", "moment", "expected"),
        [
            ("UTC", "2028-02-29T23:00:00Z", ("2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00")),
            ("UTC", "2026-12-31T23:59:00Z", ("2026-12-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00")),
            ("Europe/Berlin", "2026-10-31T23:00:00Z", ("2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00")),
            ("Europe/Berlin", "2026-03-31T21:59:00Z", ("2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00")),
        ],
    )
    def test_month_is_that_of_the_time_zone(self, timezone: str, moment: str, expected: tuple[str, str]) -> None:
        assert period(timezone, moment, "monthly") == expected

    @given(
        timezone=st.sampled_from(sorted(zoneinfo.available_timezones())),
        moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    )
    def test_periods_follow_each_other_without_gap(self, timezone: str, moment: datetime) -> None:
        for budget in budgets_at(settings("1", "1", timezone), moment):
            assert budget.covers(moment)
            [after] = [
                each for each in budgets_at(settings("1", "1", timezone), budget.end) if each.name == budget.name
            ]
            assert (after.start, budget.covers(budget.end)) == (budget.end, False)
            assert budget.start.tzinfo is UTC

    @given(
        timezone=st.sampled_from(sorted(zoneinfo.available_timezones())),
        moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    )
    def test_day_lies_in_its_month(self, timezone: str, moment: datetime) -> None:
        daily, monthly = budgets_at(settings("1", "1", timezone), moment)
        assert monthly.start <= daily.start < daily.end <= monthly.end

    def test_only_an_hour_with_a_border_inside_is_cut(self) -> None:
        [day] = budgets_at(settings("1", None, "Asia/Kolkata"), HOUR)
        assert [hour for hour in range(24) if day.cuts(HOUR.replace(hour=hour))] == [18]
        [day] = budgets_at(settings("1"), HOUR)
        assert [hour for hour in range(24) if day.cuts(HOUR.replace(hour=hour))] == []


class TestSums:
    def test_sum_is_exact(self) -> None:
        # As floats they are 0.30000000000000004.
        assert spent([reservation(1, "0.1"), reservation(2, "0.2")]).usd == Decimal("0.3")

    def test_every_reservation_counts(self) -> None:
        # Also those of one submission: its first entry may have been deleted after it was paid for.
        assert spent([reservation(1, "0.5"), reservation(1, "0.7"), reservation(1, "0.6")]).usd == Decimal("1.8")

    def test_submissions_of_a_generation_count_each(self) -> None:
        assert spent([reservation(1, "0.5"), reservation(1, "0.5", number=2)]).usd == Decimal(1)

    def test_unknown_price_is_counted_and_not_added(self) -> None:
        both = [reservation(1, "0.5"), reservation(1, None), reservation(2, "0.25")]
        assert spent(both) == spent(both[::-1]) == Spent(usd=Decimal("0.75"), unpriced=1)

    def test_totals_are_added(self) -> None:
        totals = [Total(hour=HOUR, usd=Decimal("1.5"), unpriced=2), Total(hour=HOUR, usd=Decimal(1), unpriced=1)]
        assert spent([reservation(1, "0.5"), reservation(2, None)], totals) == Spent(usd=Decimal(3), unpriced=4)

    @given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.sampled_from(["0", "0.1", "0.5"])), max_size=8))
    def test_order_does_not_matter(self, made: list[tuple[int, str | None]]) -> None:
        reservations = [reservation(generation, usd) for generation, usd in made]
        assert spent(reservations) == spent(reservations[::-1])


def check(daily: str | None, monthly: str | None, price: str, *sums: Spent, timezone: str = "UTC") -> None:
    budgets = budgets_at(settings(daily, monthly, timezone), HOUR)
    check_budgets(zip(budgets, sums, strict=True), Decimal(price))


def usd(amount: str, unpriced: int = 0) -> Spent:
    return Spent(usd=Decimal(amount), unpriced=unpriced)


class TestDecision:
    def test_sum_that_equals_the_budget_is_allowed(self) -> None:
        check("10", None, "0.5", usd("10"))

    def test_error_has_limit_spent_price_and_reset(self) -> None:
        with pytest.raises(BudgetExceededError) as caught:
            check("10", None, "0.5", usd("10.1"), timezone="Europe/Berlin")
        assert str(caught.value) == (
            "The generation can cost 0.50 USD, and of the daily budget of 10.00 USD, 9.60 USD are spent or reserved; "
            "it resets at 2026-11-28 00:00 (Europe/Berlin). Nothing was charged. Nothing was sent. Wait until the "
            "budget resets, raise it in the connection, or choose a cheaper generation."
        )
        assert caught.value.resets_at == datetime(2026, 11, 27, 23, tzinfo=UTC)

    def test_smallest_excess_is_shown(self) -> None:
        with pytest.raises(BudgetExceededError, match=r"0\.50 USD.* 9\.500001 USD are spent"):
            check("10", None, "0.5", usd("10.000001"))

    def test_error_counts_what_has_no_price(self) -> None:
        with pytest.raises(BudgetExceededError, match="; 3 more submissions without a highest price are not counted"):
            check("10", None, "0.5", usd("10.1", unpriced=3))

    def test_error_names_the_budget_that_holds_longest(self) -> None:
        with pytest.raises(BudgetExceededError, match=r"monthly budget of 100\.00 USD") as caught:
            check("10", "100", "0.5", usd("10.1"), usd("100.5"))
        assert caught.value.resets_at == datetime(2026, 12, 1, tzinfo=UTC)

    def test_daily_budget_is_checked_beside_a_monthly_one(self) -> None:
        with pytest.raises(BudgetExceededError, match=r"daily budget of 10\.00 USD"):
            check("10", "100", "0.5", usd("10.1"), usd("20"))

    def test_price_above_the_whole_budget_is_never_worth_a_wait(self) -> None:
        with pytest.raises(BudgetExceededError, match="costs more than the whole budget") as caught:
            check("10", "100", "10.5", usd("10.5"), usd("100.5"))
        assert caught.value.resets_at is None

    def test_budget_of_zero_allows_nothing_but_free_generations(self) -> None:
        check("0", None, "0", usd("0"))
        with pytest.raises(BudgetExceededError):
            check("0", None, "0.01", usd("0.01"))

    @pytest.mark.parametrize("budget", [{"daily": "10"}, {"monthly": "10"}])
    def test_generation_without_highest_price_is_refused_with_the_reason(self, budget: dict[str, str]) -> None:
        with pytest.raises(BudgetExceededError, match=r"no highest price.*extra_parameters.*prompt flags") as caught:
            check_priced(settings(**budget), None)
        assert caught.value.resets_at is None

    def test_price_may_be_unknown_without_a_budget(self) -> None:
        check_priced(settings(), None)
        check_priced(settings("1"), Decimal(5))


def test_budget_error_is_permanent_and_of_the_account() -> None:
    assert (BudgetExceededError.retryable, BudgetExceededError.at_fault) == (False, "account")
