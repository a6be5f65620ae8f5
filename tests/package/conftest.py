"""Fixtures shared by all tests: one build, and one installation of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.package.distributions import CHECKOUT, Distributions
from tests.package.installation import Installation


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    built = Distributions.build(tmp_path_factory.mktemp("distributions"))
    built.keep(CHECKOUT / "dist")
    return built


@pytest.fixture(scope="session")
def wheel(distributions: Distributions) -> Path:
    return distributions.wheel


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an environment with the wheel only."""
    return Installation.make(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture(scope="session")
def installed_with_emulator(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an environment with the wheel and its extra ``emulator``."""
    return Installation.make(tmp_path_factory.mktemp("installed_with_emulator"), wheel, "[emulator]")
