"""The files that are published hold what they shall, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement

import airflow_provider_seedance
from tests.package.distributions import (
    CHECKOUT,
    Distributions,
    files_of_package,
    files_of_sdist,
    files_of_wheel,
)

DIST_INFO = f"airflow_provider_seedance-{airflow_provider_seedance.__version__}.dist-info"


@pytest.fixture(scope="session")
def project() -> dict[str, Any]:
    """Return what pyproject.toml says of the project."""
    content = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    project: dict[str, Any] = content["project"]
    return project


def test_twine_finds_nothing_to_complain_of(distributions: Distributions) -> None:
    checked = subprocess.run(  # noqa: S603 - twine
        [sys.executable, "-m", "twine", "check", "--strict", distributions.wheel, distributions.sdist],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("PASSED") == 2


def test_the_wheel_holds_the_package_and_what_is_said_of_it(distributions: Distributions) -> None:
    said = {f"{DIST_INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}
    files = files_of_wheel(distributions.wheel)
    assert set(files) == files_of_package() | said
    assert {name: files[name] for name in files_of_package()} == {
        name: (CHECKOUT / name).read_bytes() for name in files_of_package()
    }


@pytest.mark.parametrize(
    "name", ["py.typed", "plugins/static/index.html", "plugins/static/main.js", "plugins/static/style.css"]
)
def test_the_wheel_holds_what_is_no_python(distributions: Distributions, name: str) -> None:
    assert f"airflow_provider_seedance/{name}" in files_of_wheel(distributions.wheel)


def test_the_wheel_holds_neither_tests_nor_examples_nor_a_part_of_airflow(distributions: Distributions) -> None:
    parts = {part for name in files_of_wheel(distributions.wheel) for part in name.split("/")[:-1]}
    assert parts.isdisjoint({"airflow", "benchmarks", "demo", "docs", "example_dags", "tests", "__pycache__"})


def test_the_license_is_the_one_of_the_checkout(distributions: Distributions) -> None:
    license_file = files_of_wheel(distributions.wheel)[f"{DIST_INFO}/licenses/LICENSE"]
    assert license_file == (CHECKOUT / "LICENSE").read_bytes()
    assert distributions.metadata["License-Expression"] == "Apache-2.0"


def test_the_sdist_holds_what_a_wheel_is_built_from(distributions: Distributions) -> None:
    # Those are what the build backend adds of itself.
    added = {".gitignore", "PKG-INFO", "pyproject.toml"}
    declared = {"CHANGELOG.md", "LICENSE", "README.md"}
    assert files_of_sdist(distributions.sdist) == files_of_package() | declared | added


def test_the_same_wheel_comes_of_the_sdist_and_of_the_checkout(distributions: Distributions) -> None:
    assert files_of_wheel(distributions.wheel) == files_of_wheel(distributions.wheel_of_checkout)


def test_every_tool_that_knows_license_expressions_can_read_the_metadata(distributions: Distributions) -> None:
    # PEP 639 came with 2.4.
    assert distributions.metadata["Metadata-Version"] == "2.4"


def test_name_and_version_are_those_of_the_package(distributions: Distributions) -> None:
    metadata = distributions.metadata
    assert metadata["Name"] == "airflow-provider-seedance"
    assert metadata["Version"] == airflow_provider_seedance.__version__


def test_asks_for_what_is_declared(distributions: Distributions, project: dict[str, Any]) -> None:
    declared = {Requirement(each) for each in project["dependencies"]}
    declared |= {
        Requirement(f'{each}; extra == "{extra}"')
        for extra, requirements in project["optional-dependencies"].items()
        for each in requirements
    }
    assert {Requirement(each) for each in distributions.metadata.get_all("Requires-Dist", [])} == declared
    assert distributions.metadata.get_all("Provides-Extra") == ["emulator"]
    assert distributions.metadata["Requires-Python"] == ">=3.11"


def test_is_found_under_airflow_and_is_typed(distributions: Distributions) -> None:
    classifiers = distributions.metadata.get_all("Classifier", [])
    assert {"Framework :: Apache Airflow", "Framework :: Apache Airflow :: Provider", "Typing :: Typed"} <= set(
        classifiers
    )
