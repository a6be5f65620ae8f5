"""What submissions may cost, reserved before they are sent."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_seedance.gptproto.ledger_settings import LedgerSettings
from airflow_provider_seedance.ledger.layout import Reservation
from airflow_provider_seedance.ledger.store import Store


def reserve(store: Store, reservation: Reservation, settings: LedgerSettings, now: datetime) -> None:
    """
    Reserve the price of a submission.

    :param store: The ledger.
    :param reservation: What the submission may cost.
    :param settings: The budgets.
    :param now: The time.
    :raises LedgerUnavailableError: When the store fails.
    """
    store.replace(reservation.name, b"")


def withdraw(store: Store, reservation: str) -> None:
    """
    Withdraw the reservation of a submission that was not accepted.

    :param reservation: Its name.
    :raises LedgerUnavailableError: When the store fails.
    """
    store.delete(reservation)
