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
    programs = find_programs(str(install(tmp_path / "bin", "redis-server")), postgresql)
    assert programs.initdb == str(postgresql / "17/bin/initdb")
    assert programs.postgres == str(postgresql / "17/bin/postgres")
    assert programs.redis == str(tmp_path / "bin/redis-server")


def test_programs_on_the_search_path_are_found(tmp_path: Path) -> None:
    search_path = install(tmp_path / "bin", "initdb", "postgres", "redis-server")
    assert find_programs(str(search_path), tmp_path / "none").postgres == str(search_path / "postgres")


def test_error_names_missing_programs_and_packages_in_one_line(tmp_path: Path, postgresql: Path) -> None:
    with pytest.raises(ServiceError) as refused:
        find_programs(str(tmp_path / "empty"), postgresql)
    assert str(refused.value) == "Not installed: redis-server. The Debian packages are postgresql and redis-server."
