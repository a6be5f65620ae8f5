"""``make mutants`` mutates every module of the API and of the payment, also after a module was moved."""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "airflow_provider_seedance"
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]

#: The modules of a task that decide whether money is spent, beside those of its record.
PAYMENT = ("muting", "sending", "submit")


def test_every_module_of_the_api_and_of_the_payment_is_mutated() -> None:
    # As mutmut does: its patterns are matched by fnmatch, where `*` spans folders.
    modules = [path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")]
    patterns = CONFIGURATION["only_mutate"]
    mutated = {module for module in modules if any(fnmatch.fnmatch(module, pattern) for pattern in patterns)}
    folders = (PACKAGE / "gptproto", PACKAGE / "tasks/records")
    api_and_record = {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.rglob("*.py")}
    payment = {f"airflow_provider_seedance/tasks/{name}.py" for name in PAYMENT}
    assert mutated == api_and_record | payment
    assert {"http", "media"} <= {Path(module).parent.name for module in mutated}


def test_every_pattern_and_every_selected_test_exists() -> None:
    modules = [path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")]
    assert all(fnmatch.filter(modules, pattern) for pattern in CONFIGURATION["only_mutate"])
    assert all((ROOT / path).exists() for path in CONFIGURATION["pytest_add_cli_args_test_selection"])
