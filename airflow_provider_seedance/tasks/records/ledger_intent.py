"""The entry of an intent: its price is reserved within the budgets, and it is created exclusively."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.gptproto.requests import CheckedRequest
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.ledger.entries import Entry, Purchase
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError, SubmissionTakenError
from airflow_provider_seedance.ledger.layout import Reservation
from airflow_provider_seedance.ledger.reservations import reserve, withdraw
from airflow_provider_seedance.ledger.store import Store

#: Seconds beyond the time limit of a request in which its result is written to the ledger.
_MARGIN = 30.0
#: The longest time in seconds between the calculation of that limit and the submission.
LONGEST_CREATION = _MARGIN / 2


def reserve_price(
    ledger: Store, checked: CheckedRequest, settings: ClientSettings, *, generation: str, number: int, now: datetime
) -> str:
    """
    Reserve the highest price of a request, and return the name of the reservation.

    :param generation: The id of the generation.
    :param number: The number of the entry.
    :raises BudgetExceededError: When it would exceed a budget.
    :raises LedgerUnavailableError: When the store fails.
    """
    reservation = Reservation(
        at=int(now.timestamp() * 1000),
        usd=checked.price.highest,
        generation=generation,
        number=number,
        token=secrets.token_hex(8),
    )
    return reserve(ledger, reservation, settings.ledger or LedgerSettings(uri=ledger.uri), now).name


def purchase_of(checked: CheckedRequest, connection_id: str) -> Purchase:
    """Return what a request buys."""
    return Purchase(
        connection_id=connection_id,
        mode=checked.request.mode.value,
        model=checked.request.model,
        parameters=checked.request.description(),
        estimate_usd=_float(checked.price.estimate),
        highest_usd=_float(checked.price.highest),
    )


def create_entry(ledger: Store, entry: Entry) -> None:
    """
    Create an entry. If that fails, its reservation is withdrawn.

    :raises SubmissionTakenError: When another try or task created it first.
    :raises LedgerUnavailableError: When the store fails.
    """
    try:
        is_created = ledger.create(entry.name, entry.to_json())
    except LedgerUnavailableError:
        # Nothing is sent.
        with suppress(LedgerUnavailableError):
            withdraw(ledger, entry.reservation)
        raise
    if not is_created:
        withdraw(ledger, entry.reservation)
        subject = f"the idempotency key {entry.idempotency_key!r}" if entry.idempotency_key else str(entry.owner)
        raise SubmissionTakenError(f"Another try or task submits the generation of {subject} at this moment")


def answer_time(checked: CheckedRequest, settings: ClientSettings) -> timedelta:
    """Return the time after which a response to the request, and its result in the ledger, are certain to be there."""
    return timedelta(seconds=settings.seconds_for(len(checked.body)) + _MARGIN)


def _float(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)
