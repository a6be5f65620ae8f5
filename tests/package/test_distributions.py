"""The published files contain the package and its metadata, and nothing else."""

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
    """Return the project table of pyproject.toml."""
    content = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    project: dict[str, Any] = content["project"]
    return project


def test_twine_accepts_the_distributions(distributions: Distributions) -> None:
    checked = subprocess.run(  # noqa: S603 - twine
        [sys.executable, "-m", "twine", "check", "--strict", distributions.wheel, distributions.sdist],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("PASSED") == 2


def test_wheel_contains_the_package_and_its_metadata(distributions: Distributions) -> None:
    extra = {f"{DIST_INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}
    files = files_of_wheel(distributions.wheel)
    assert set(files) == files_of_package() | extra
    assert {name: files[name] for name in files_of_package()} == {
        name: (CHECKOUT / name).read_bytes() for name in files_of_package()
    }


@pytest.mark.parametrize(
    "name", ["py.typed", "plugins/static/videos.html", "plugins/static/main.js", "plugins/static/style.css"]
)
def test_wheel_contains_data_files(distributions: Distributions, name: str) -> None:
    assert f"airflow_provider_seedance/{name}" in files_of_wheel(distributions.wheel)


def test_wheel_contains_no_tests_examples_or_airflow_modules(distributions: Distributions) -> None:
    parts = {part for name in files_of_wheel(distributions.wheel) for part in name.split("/")[:-1]}
    assert parts.isdisjoint({"airflow", "benchmarks", "demo", "docs", "example_dags", "tests", "__pycache__"})


def test_license_equals_that_of_the_checkout(distributions: Distributions) -> None:
    license_file = files_of_wheel(distributions.wheel)[f"{DIST_INFO}/licenses/LICENSE"]
    assert license_file == (CHECKOUT / "LICENSE").read_bytes()
    assert distributions.metadata["License-Expression"] == "Apache-2.0"


def test_sdist_contains_the_sources_of_the_wheel(distributions: Distributions) -> None:
    # The build backend adds these files.
    added = {".gitignore", "PKG-INFO", "pyproject.toml"}
    declared = {"CHANGELOG.md", "LICENSE", "README.md"}
    assert files_of_sdist(distributions.sdist) == files_of_package() | declared | added


def test_wheels_of_sdist_and_of_checkout_are_equal(distributions: Distributions) -> None:
    assert files_of_wheel(distributions.wheel) == files_of_wheel(distributions.wheel_of_checkout)


def test_metadata_version_is_the_first_with_license_expressions(distributions: Distributions) -> None:
    # PEP 639 requires 2.4.
    assert distributions.metadata["Metadata-Version"] == "2.4"


def test_metadata_has_name_and_version_of_the_package(distributions: Distributions) -> None:
    metadata = distributions.metadata
    assert metadata["Name"] == "airflow-provider-seedance"
    assert metadata["Version"] == airflow_provider_seedance.__version__


def test_metadata_has_the_declared_dependencies(distributions: Distributions, project: dict[str, Any]) -> None:
    declared = {Requirement(each) for each in project["dependencies"]}
    declared |= {
        Requirement(f'{each}; extra == "{extra}"')
        for extra, requirements in project["optional-dependencies"].items()
        for each in requirements
    }
    assert {Requirement(each) for each in distributions.metadata.get_all("Requires-Dist", [])} == declared
    assert distributions.metadata.get_all("Provides-Extra") == ["emulator", "poster"]
    assert distributions.metadata["Requires-Python"] == ">=3.11"


def test_metadata_classifies_the_package_as_airflow_provider_and_typed(distributions: Distributions) -> None:
    classifiers = distributions.metadata.get_all("Classifier", [])
    assert {"Framework :: Apache Airflow", "Framework :: Apache Airflow :: Provider", "Typing :: Typed"} <= set(
        classifiers
    )
