"""One definition of the commands, for ``airflow seedance`` and for ``python -m airflow_provider_seedance``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS

from airflow_provider_seedance.cli.definition import COMMANDS, build_parser, get_seedance_commands
from airflow_provider_seedance.provider_info import get_provider_info
from tests.warm_python import run_warm

PACKAGE = "airflow_provider_seedance"
ROOT = Path(__file__).parents[3]
ENTRIES = [
    pytest.param(
        ["airflow", "seedance"],
        marks=pytest.mark.skipif(not AIRFLOW_V_3_2_PLUS, reason="Airflow 3.1 reads no commands of providers"),
    ),
    pytest.param([PACKAGE]),
]
LINES = [
    ["models", "-o", "csv"],
    ["price", "--duration", "4", "--images", "a", "b", "--validation", "warn"],
    ["check", "my_dag", "-B", "bundle", "--max-cost", "2"],
    ["check", "--rows", "a.csv", "--ignore-columns", "sku"],
    ["get", "abc", "--conn-id", "mine"],
    ["wait", "abc", "--timeout", "5", "--poll-interval", "1"],
    ["download", "abc", "/videos", "--overwrite"],
]
# A process that runs an unrelated command loads the definition, and nothing else of the package.
_LOAD = f"""
import sys
import airflow.cli.cli_config
before = set(sys.modules)
from {PACKAGE}.cli.definition import get_seedance_commands
get_seedance_commands()
print(*sorted(set(sys.modules) - before))
# A command that reads no DAG file does not wait for Airflow's parser.
import {PACKAGE}.cli.commands
print(any(name.endswith(".dagbag") for name in set(sys.modules) - before))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # The tests' masking makes Airflow log a warning at its start.
    environment = {name: value for name, value in os.environ.items() if "MASKED" not in name}
    return subprocess.run(  # noqa: S603 - this interpreter and literal arguments
        [sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=ROOT, env=environment
    )


def test_metadata_name_the_function() -> None:
    [path] = get_provider_info()["cli"]
    assert resolve_name(path) is get_seedance_commands


def test_definition_is_light() -> None:
    # Airflow's plugins may have loaded the package before.
    loaded, has_parser = run("-c", _LOAD).stdout.splitlines()[-2:]
    assert {*loaded.split()} - {PACKAGE} == {f"{PACKAGE}.cli", f"{PACKAGE}.cli.definition"}
    assert has_parser == "False"


def test_every_command_is_a_function() -> None:
    for command in COMMANDS:
        assert callable(resolve_name(f"{PACKAGE}.cli.commands:{command.name}"))


@pytest.mark.skipif(not AIRFLOW_V_3_2_PLUS, reason="Airflow 3.1 reads no commands of providers")
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_both_entries_read_the_same_arguments(line: list[str]) -> None:
    from airflow.cli import cli_parser

    ours = vars(build_parser().parse_args(line))
    airflows = vars(cli_parser.get_parser().parse_args(["seedance", *line]))
    assert airflows.pop("subcommand") == line[0]
    assert ours == airflows


@pytest.mark.parametrize("entry", ENTRIES)
class TestProcesses:
    def test_models(self, entry: list[str]) -> None:
        ran = run_warm(*entry, "models")
        assert ran.returncode == 0, ran.stderr
        assert "480p 0.0443, 720p 0.0998" in ran.stdout

    def test_refused_price(self, entry: list[str]) -> None:
        # In a new process: nothing is printed while modules are imported.
        ran = run("-m", *entry, "price", "--duration", "99")
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "Refused: duration: 99 is not allowed; allowed: 4 to 15 seconds" in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_wrong_usage(self, entry: list[str]) -> None:
        assert run_warm(*entry, "price", "--promt", "A tram").returncode == 2


def test_emulator_is_still_a_command_of_its_own() -> None:
    assert "emulator" in run("-m", f"{PACKAGE}.emulator", "--help").stdout
