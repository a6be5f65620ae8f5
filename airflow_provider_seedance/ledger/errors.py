"""Errors of the account's ledger. Whatever goes wrong here, nothing more is sent to the service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_seedance.gptproto.errors import SeedanceError


class LedgerUnavailableError(SeedanceError):
    """The store of the ledger could not be read or written."""

    retryable = True
    at_fault = "network"
    default_advice = (
        "Check the ledger in the connection, the store and its permissions (read, write, list and delete). A retry "
        "of this task reads the ledger again, and submits only if nothing was submitted."
    )


class UnreadableEntryError(SeedanceError):
    """An entry of the ledger is invalid, so earlier charges are unknown."""

    at_fault = "account"
    default_advice = "This try submitted nothing. Correct or delete the entry, and clear the task."


class SubmissionTakenError(SeedanceError):
    """Another try or task submits the same generation at this moment, so this one did not."""

    retryable = True
    at_fault = "author"
    default_advice = (
        "Nothing was sent. A retry of this task waits for the generation of the other one and pays nothing."
    )


class IdempotencyKeyError(SeedanceError):
    """The idempotency key is unusable, or stands for another request; raised before anything is sent."""

    at_fault = "author"
    default_advice = "Nothing was sent. Use another key for another request, or the same arguments for the same key."


class BudgetExceededError(SeedanceError):
    """
    The generation would exceed a budget of the connection; raised before anything is sent.

    :param resets_at: When the budget resets; ``None`` if the generation would not fit then either.
    """

    at_fault = "account"
    default_advice = (
        "Nothing was sent. Wait until the budget resets, raise it in the connection, or choose a cheaper generation."
    )

    def __init__(self, what: str, *, resets_at: datetime | None = None, **details: Any) -> None:
        super().__init__(what, **details)
        self.resets_at = resets_at
        #: Whether only reservations of the last minute exceed it, which others may still withdraw.
        self.is_contended = False
