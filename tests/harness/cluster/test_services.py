"""The search for the services' programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.cluster.services import ServiceError, find_programs


def install(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


@pytest.fixture
def postgresql(tmp_path: Path) -> Path:
    for version in ("9.6", "15", "17"):
        install(tmp_path / "lib" / version / "bin", "initdb", "postgres")
    return tmp_path / "lib"


def test_newest_postgresql_is_found(tmp_path: Path, postgresql: Path) -> None:
    search_path = install(tmp_path / "bin", "initdb", "postgres", "redis-server")
    assert find_programs("initdb", "postgres", "redis-server", search_path=str(search_path), postgresql=postgresql) == [
        str(postgresql / "17/bin/initdb"),
        str(postgresql / "17/bin/postgres"),
        str(search_path / "redis-server"),
    ]


def test_programs_on_the_search_path_are_found(tmp_path: Path) -> None:
    search_path = install(tmp_path / "bin", "postgres")
    found = find_programs("postgres", search_path=str(search_path), postgresql=tmp_path / "none")
    assert found == [str(search_path / "postgres")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["initdb", "postgres"], "Not installed: initdb, postgres. Debian packages: postgresql."),
        (
            ["postgres", "redis-server"],
            "Not installed: postgres, redis-server. Debian packages: postgresql, redis-server.",
        ),
    ],
)
def test_error_names_missing_programs_and_packages_in_one_line(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(ServiceError) as refused:
        find_programs(*names, search_path=str(tmp_path / "empty"), postgresql=tmp_path / "none")
    assert str(refused.value) == message
