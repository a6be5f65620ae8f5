"""The budgets of a connection: their days and months, what is spent of them, and the decision on a submission. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.errors import BudgetExceededError
from airflow_provider_seedance.ledger.layout import HOUR, Reservation, Total

_CENT = Decimal("0.01")
_UNPRICED_ADVICE = (
    "Nothing was sent. A budget needs a model and a resolution with a list price, no extra_parameters, and the "
    "arguments duration and resolution instead of prompt flags. Change the arguments, or use a connection without a "
    "budget."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """
    The most that the submissions of a day or month may cost.

    :param name: Which budget of the connection it is.
    :param limit: In USD.
    :param start: The start of the day or month in the budget's time zone, as a time in UTC.
    :param end: Its end, when the budget resets, as a time in UTC.
    :param timezone: The name of the time zone.
    """

    name: Literal["daily", "monthly"]
    limit: Decimal
    start: datetime
    end: datetime
    timezone: str

    def covers(self, moment: datetime) -> bool:
        """Return whether a submission that was reserved then counts."""
        return self.start <= moment < self.end

    def cuts(self, hour: datetime) -> bool:
        """Return whether it covers only a part of the hour that starts then."""
        return any(hour < border < hour + HOUR for border in (self.start, self.end))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """
    What submissions have cost at most.

    :param usd: The sum of the highest prices.
    :param unpriced: The number of submissions without a highest price, which the sum leaves out.
    """

    usd: Decimal
    unpriced: int


def budgets_at(settings: LedgerSettings, moment: datetime) -> list[Budget]:
    """Return the budgets that count a submission that is reserved at this time."""
    zone = ZoneInfo(settings.budget_timezone)
    day = moment.astimezone(zone).date()
    month = day.replace(day=1)
    periods: list[tuple[Literal["daily", "monthly"], Decimal | None, date, date]] = [
        ("daily", settings.daily_budget_usd, day, day + timedelta(days=1)),
        ("monthly", settings.monthly_budget_usd, month, (month + timedelta(days=31)).replace(day=1)),
    ]
    return [
        Budget(
            name=name,
            limit=limit,
            start=midnight(first, zone),
            end=midnight(after, zone),
            timezone=settings.budget_timezone,
        )
        for name, limit, first, after in periods
        if limit is not None
    ]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the start of a day. Where midnight does not exist or occurs twice, that is the change to or from DST."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def spent(reservations: Iterable[Reservation], totals: Iterable[Total] = ()) -> Spent:
    """
    Return the sum of reservations, and of the totals of other hours.

    A submission with two reservations counts twice: its first entry may have been deleted after it was paid for.
    """
    found, totals = list(reservations), list(totals)
    prices = [each.usd for each in found if each.usd is not None]
    return Spent(
        usd=sum([*prices, *(each.usd for each in totals)], Decimal(0)),
        unpriced=len(found) - len(prices) + sum(each.unpriced for each in totals),
    )


def check_priced(settings: LedgerSettings, price: Decimal | None) -> None:
    """
    Check that a submission has a highest price if there is a budget.

    :raises BudgetExceededError: When it has none, so that no budget can include it.
    """
    if price is None and settings.has_budget:
        what = "The generation has no highest price, and the connection has a budget"
        raise BudgetExceededError(what, advice=_UNPRICED_ADVICE)


def check_budgets(sums: Iterable[tuple[Budget, Spent]], price: Decimal) -> None:
    """
    Check that no budget is exceeded.

    :param sums: The budgets, and what is spent of each, the submission included.
    :param price: The highest price of the submission.
    :raises BudgetExceededError: When one is exceeded. It names the one that holds longest.
    """
    exceeded = [(budget, sum_) for budget, sum_ in sums if sum_.usd > budget.limit]
    if not exceeded:
        return
    budget, sum_ = max(exceeded, key=lambda each: (price > each[0].limit, each[0].end))
    resets_at = budget.end.astimezone(ZoneInfo(budget.timezone))
    what = (
        f"The generation can cost {_usd(price)}, and of the {budget.name} budget of {_usd(budget.limit)}, "
        f"{_usd(sum_.usd - price)} are spent or reserved; it resets at {resets_at:%Y-%m-%d %H:%M} ({budget.timezone})"
    )
    if sum_.unpriced:
        what += f"; {sum_.unpriced} more submissions without a highest price are not counted"
    if price > budget.limit:
        advice = "Nothing was sent. It costs more than the whole budget: raise that, or choose a cheaper generation."
        raise BudgetExceededError(what, advice=advice)
    raise BudgetExceededError(what, resets_at=budget.end)


def _usd(amount: Decimal) -> str:
    """Return an amount with two decimals, or with as many as it has."""
    shown = amount.quantize(_CENT)
    return f"{shown if shown == amount else amount.normalize():f} USD"
