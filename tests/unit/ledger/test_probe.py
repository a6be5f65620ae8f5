"""The check of a store that is to be a ledger, with stores that lack something."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from airflow_provider_seedance.ledger.probe import probe
from airflow_provider_seedance.ledger.store import LocalStore, Store, open_store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


class Careless(LocalStore):
    """A server that ignores the condition of an exclusive creation, as some that speak S3 do."""

    def _create(self, name: str, data: bytes) -> None:
        self._replace(name, data)


class Late(LocalStore):
    """A store whose listings lack what was just written."""

    def _names(self, folder: str) -> Iterable[str]:
        return []


class Stale(LocalStore):
    """A store that returns what an object held before it was replaced."""

    def _read(self, name: str) -> bytes:
        return b"first"


class ReadOnly(LocalStore):
    """A store whose credentials do not permit to write."""

    def _create(self, name: str, data: bytes) -> None:
        raise PermissionError("403: Access Denied")


class Undeletable(LocalStore):
    """A store whose credentials do not permit to delete."""

    def _delete(self, name: str) -> None:
        raise PermissionError("403: DeleteObject is not permitted")


def test_folder_can_be_a_ledger_and_is_left_empty(root: Path) -> None:
    assert probe(open_store(root.as_uri())) is None
    assert [path for path in root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Careless, "no exclusive creation: two tries or tasks that submit the same generation"),
        (Late, "cannot be a ledger"),
        (Stale, "cannot be a ledger"),
        (ReadOnly, "403: Access Denied"),
        (Undeletable, "403: DeleteObject is not permitted"),
    ],
)
def test_what_a_store_lacks_is_named(kind: type[LocalStore], words: str, root: Path) -> None:
    store: Store = kind(root.as_uri(), root)
    problem = probe(store)
    assert problem is not None
    assert words in problem
