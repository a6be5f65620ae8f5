"""The emulator imports only the catalogue of the package: not the client that it tests, and not Airflow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import airflow_provider_seedance.emulator as package

PROJECT = "airflow_provider_seedance"
MODULES = sorted(Path(package.__file__).parent.glob("*.py"))


def imported(module: Path) -> Iterator[str]:
    """Return the full name of every import in a module, also in functions."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
class TestModule:
    def test_emulator_module_imports_only_the_catalogue_of_the_package(self, module: Path) -> None:
        shared = [
            name for name in imported(module) if is_within(name, PROJECT) and not is_within(name, f"{PROJECT}.emulator")
        ]
        assert [name for name in shared if not is_within(name, f"{PROJECT}.gptproto.catalogue")] == []

    def test_emulator_module_imports_neither_airflow_nor_httpx(self, module: Path) -> None:
        foreign = ("airflow", "httpx", "pendulum", "requests")
        assert [name for name in imported(module) if any(is_within(name, each) for each in foreign)] == []


class TestImport:
    def test_light_modules_load_no_package_of_the_extra(self) -> None:
        program = (
            "import sys\n"
            f"from {PROJECT}.emulator import __main__, extras, handle, pytest_plugin, settings\n"
            "print(*sorted({'av', 'PIL', 'starlette', 'uvicorn', 'airflow', 'httpx'} & sys.modules.keys()))\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
        assert done.stdout.split() == []
