"""Check that a store can be a ledger: all rights, listings without delay, and exclusive creation."""

from __future__ import annotations

import secrets

from airflow_provider_seedance.ledger.errors import LedgerUnavailableError
from airflow_provider_seedance.ledger.store import Store

_FOLDER = "probe"
_NOT_EXCLUSIVE = (
    "it has no exclusive creation: two tries or tasks that submit the same generation at the same moment may both pay, "
    "and everything else works"
)


def probe(store: Store) -> str | None:
    """
    Write, read, list and delete an object, and return what the store cannot do; ``None`` if it can do everything.

    A server may ignore the condition of an exclusive creation, so it is tried.
    """
    name, first, second = f"{_FOLDER}/{secrets.token_hex(8)}", b"first", b"second"
    try:
        if not store.create(name, first):
            return "a new object could not be created"
        try:
            if store.names(_FOLDER).count(name.rpartition("/")[2]) != 1:
                return "a new object is not in the listing of its folder, so this store cannot be a ledger"
            was_created_twice = store.create(name, second)
            store.replace(name, second)
            if store.read(name) != second:
                return "an object that was replaced has its old content, so this store cannot be a ledger"
        finally:
            store.delete(name)
    except LedgerUnavailableError as error:
        return error.what
    return _NOT_EXCLUSIVE if was_created_twice else None
