"""
What submissions may cost: reserved before they are sent, and checked against the budgets.

Write, then check: a task writes its own reservation, lists the budget's period and adds up. If the sum is above the
budget, it withdraws its reservation and sends nothing. There is no lock, and accepted reservations never exceed a
budget, whatever runs at once and whichever process dies at any point:

- The name of a reservation has the time that decides in which day and month it counts, for every task alike.
- Consider the accepted reservations of a period, and the one that was written last. Its task listed the period after
  that, so its list had all the others, and the sum was within the budget. A process that dies can only leave a
  reservation too many, and two tasks that see each other can both withdraw: too much may be counted, never too little.
- The sum of an hour is kept as a total once the hour is closed, :data:`CLOSED_AFTER` its end. A total is complete,
  because a task whose clock shows more than :data:`WRITABLE_FOR` after the end of its hour, once its reservation is
  written, withdraws it and reserves anew. So clocks may differ by less than half an hour. A total includes what was
  withdrawn later: it may be too high, never too low. It does not matter who writes it or how often.
- Tasks that start together can see each other and all withdraw. So a task that only reservations of the last minute
  keep out tries again after a random pause, a few times.

One check lists the hours and the totals of the month, and each hour that is not closed or that the start of the day
cuts (in time zones with half hours): a few calls, however many submissions there are.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.budgets import Budget, Spent, budgets_at, check_budgets, check_priced, spent
from airflow_provider_seedance.ledger.errors import BudgetExceededError, LedgerUnavailableError
from airflow_provider_seedance.ledger.layout import (
    HOUR,
    RESERVATIONS,
    TOTALS,
    Reservation,
    Total,
    from_micros,
    hour_from,
    micros,
    month_of,
    months_between,
    reservations_folder,
    start_of_hour,
)
from airflow_provider_seedance.ledger.store import Store

#: How long after its end the sum of an hour is kept as a total.
CLOSED_AFTER = timedelta(hours=1)
#: How long after the end of its hour a reservation may have been written.
WRITABLE_FOR = timedelta(minutes=30)
#: The longest pauses before the next attempts, in seconds.
_PAUSES = (1.0, 2.0, 4.0)
#: How long a reservation may be withdrawn by the task that wrote it, as a rule.
_UNSETTLED_FOR = timedelta(minutes=1)


def _utc_now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def reserve(
    store: Store,
    reservation: Reservation,
    settings: LedgerSettings,
    now: datetime,
    *,
    clock: Callable[[], datetime] = _utc_now,
    pause: Callable[[float], None] = _sleep,
) -> Reservation:
    """
    Reserve the price of a submission, if it is within the budgets, right before it is sent.

    :param store: The ledger.
    :param reservation: What the submission may cost. Each has a name of its own: a submission that is sent again after
        its reservation was withdrawn is reserved for another time.
    :param settings: The budgets.
    :param now: The time of the call.
    :param clock: Returns the time after the reservation was written.
    :param pause: Sleeps for some seconds before the next attempt.
    :return: The reservation that counts: the given one, or one for a later time if it was written again.
    :raises BudgetExceededError: When it would exceed a budget; it is withdrawn.
    :raises LedgerUnavailableError: When the store fails; it is withdrawn if the store takes that.
    """
    check_priced(settings, reservation.usd)
    for longest in _PAUSES:
        try:
            return _reserve_once(store, reservation, settings, now, clock)
        except BudgetExceededError as error:
            if not error.is_contended:
                raise
        pause(random.uniform(0, longest))  # noqa: S311 - jitter is no secret
        now = clock()
        reservation = _at(reservation, now)
    return _reserve_once(store, reservation, settings, now, clock)


def _reserve_once(
    store: Store, reservation: Reservation, settings: LedgerSettings, now: datetime, clock: Callable[[], datetime]
) -> Reservation:
    """Make one attempt: write the reservation, check, and withdraw it if anything fails."""
    try:
        store.replace(reservation.name, b"")
        while (written_at := clock()) >= start_of_hour(reservation.moment) + HOUR + WRITABLE_FOR:
            withdraw(store, reservation.name)
            reservation = _at(reservation, written_at)
            store.replace(reservation.name, b"")
        _check(store, reservation, settings, now)
    except BaseException:
        with suppress(LedgerUnavailableError):
            withdraw(store, reservation.name)
        raise
    return reservation


def _at(reservation: Reservation, moment: datetime) -> Reservation:
    return dataclasses.replace(reservation, at=int(moment.timestamp() * 1000))


def withdraw(store: Store, reservation: str) -> None:
    """
    Withdraw the reservation of a submission that was not accepted.

    :param reservation: Its name.
    :raises LedgerUnavailableError: When the store fails.
    """
    store.delete(reservation)


def reservations_between(store: Store, start: datetime, end: datetime) -> Iterator[Reservation]:
    """
    Iterate over the reservations of a period, by hour.

    A submission has several if a try died before its entry was created.

    :param start: The start of the period.
    :param end: Its end, which is not in it.
    :raises LedgerUnavailableError: When the store fails.
    """
    # The period may be far longer than the ledger is old.
    for month in store.names(RESERVATIONS):
        if not month_of(start) <= month <= month_of(end):
            continue
        for hour in _hours(store, month, start, end):
            yield from (each for each in _reservations(store, hour) if start <= each.moment < end)


def _check(store: Store, reservation: Reservation, settings: LedgerSettings, now: datetime) -> None:
    """Check the budgets of a reservation that is written."""
    budgets = budgets_at(settings, reservation.moment)
    if not budgets or reservation.usd is None:
        return
    price = from_micros(micros(reservation.usd))
    reservations, totals = _counted(store, budgets, now)
    try:
        check_budgets(_sums(budgets, reservations, totals), price)
    except BudgetExceededError as error:
        settled = [each for each in reservations if each.moment < reservation.moment - _UNSETTLED_FOR]
        sums = _sums(budgets, [*settled, reservation], totals)
        error.is_contended = all(sum_.usd <= budget.limit for budget, sum_ in sums)
        raise


def _sums(budgets: list[Budget], reservations: list[Reservation], totals: list[Total]) -> list[tuple[Budget, Spent]]:
    """Return what is spent of each budget."""
    return [
        (
            budget,
            spent(
                (each for each in reservations if budget.covers(each.moment)),
                (each for each in totals if budget.covers(each.hour)),
            ),
        )
        for budget in budgets
    ]


def _counted(store: Store, budgets: list[Budget], now: datetime) -> tuple[list[Reservation], list[Total]]:
    """Return all reservations of the periods of budgets, or the total of an hour where it is enough."""
    start, end = min(each.start for each in budgets), max(each.end for each in budgets)
    reservations: list[Reservation] = []
    totals: list[Total] = []
    for month in months_between(start, end):
        known = _totals(store, month)
        for hour in _hours(store, month, start, end):
            if now < hour + HOUR + CLOSED_AFTER or any(budget.cuts(hour) for budget in budgets):
                reservations += _reservations(store, hour)
            else:
                totals.append(known.get(hour) or _close(store, hour))
    return reservations, totals


def _hours(store: Store, month: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the hours of a month that have reservations and overlap a period."""
    hours = (hour_from(month, name) for name in store.names(f"{RESERVATIONS}/{month}"))
    return [hour for hour in hours if hour is not None and hour < end and start < hour + HOUR]


def _reservations(store: Store, hour: datetime) -> list[Reservation]:
    names = store.names(reservations_folder(hour))
    return [found for name in names if (found := Reservation.from_name(name)) is not None]


def _totals(store: Store, month: str) -> dict[datetime, Total]:
    """Return the totals of a month, the highest of each hour."""
    names = store.names(f"{TOTALS}/{month}")
    totals = [found for name in names if (found := Total.from_name(month, name)) is not None]
    return {each.hour: each for each in sorted(totals, key=lambda each: (each.usd, each.unpriced))}


def _close(store: Store, hour: datetime) -> Total:
    """Write the total of an hour that is closed."""
    sums = spent(_reservations(store, hour))
    total = Total(hour=hour, usd=sums.usd, unpriced=sums.unpriced)
    store.replace(total.name, b"")
    return total
