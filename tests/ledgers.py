"""Entries of a ledger, without a submission."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from airflow_provider_seedance.ledger.entries import Entry, Owner, Purchase, State
from airflow_provider_seedance.ledger.layout import Reservation, generation_of_task
from airflow_provider_seedance.ledger.reservations import withdraw
from airflow_provider_seedance.ledger.store import Store


def create_entry(
    store: Store,
    number: int,
    *,
    when: str,
    dag_id: str,
    model: str,
    state: State,
    estimate: str | None,
    highest: str | None,
) -> str:
    """Create an entry and its reservation, and return the entry's name. Prices are USD."""
    moment = datetime.fromisoformat(when)
    generation = generation_of_task(dag_id, number)
    reservation = Reservation(
        at=int(moment.timestamp() * 1000),
        usd=None if highest is None else Decimal(highest),
        generation=generation,
        number=1,
    )
    entry = Entry(
        generation=generation,
        number=1,
        owner=Owner(dag_id=dag_id, run_id="run", task_id="make_video"),
        purchase=Purchase(
            connection_id="seedance_default",
            mode="text-to-video",
            model=model,
            estimate_usd=None if estimate is None else float(estimate),
            highest_usd=None if highest is None else float(highest),
        ),
        state=state,
        reserved_at=when,
        answer_by=when,
        updated_at=when,
        reservation=reservation.name,
        record={},
    )
    store.create(entry.name, entry.to_json())
    store.replace(reservation.name, b"")
    if state is State.REFUSED:
        withdraw(store, reservation.name)
    return entry.name
