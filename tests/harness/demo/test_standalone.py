"""Environment, ports and components of an ``airflow standalone``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.standalone import Component, Standalone, StandaloneError, clean_environment, free_ports, is_component


class TestEnvironment:
    @pytest.mark.parametrize("name", ["AIRFLOW_HOME", "AIRFLOW__CORE__EXECUTOR", "AIRFLOW_CONN_X", "_AIRFLOW_X"])
    def test_environment_has_no_settings_of_another_airflow(self, name: str) -> None:
        assert name not in clean_environment({name: "theirs"})

    def test_environment_keeps_other_variables(self) -> None:
        assert clean_environment({"LANG": "C.UTF-8"})["LANG"] == "C.UTF-8"

    @pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
    def test_environment_excludes_this_host_from_the_proxy(self, name: str) -> None:
        assert clean_environment({})[name] == "127.0.0.1,localhost"
        assert clean_environment({name: "example.com"})[name] == "example.com,127.0.0.1,localhost"

    def test_processes_keep_compiled_modules(self) -> None:
        environment = clean_environment({**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        code = "import sys; sys.exit(sys.dont_write_bytecode)"
        assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0  # noqa: S603 - literal code

    def test_search_path_begins_with_commands_of_this_interpreter(self) -> None:
        path = clean_environment({"PATH": "/usr/bin"})["PATH"].split(os.pathsep)
        assert (Path(path[0]) / "airflow").exists()
        assert path[1:] == ["/usr/bin"]

    def test_search_path_begins_with_commands_of_another_interpreter(self, tmp_path: Path) -> None:
        python = tmp_path / "other" / "bin" / "python"
        path = Standalone(tmp_path, tmp_path, python=str(python)).environment["PATH"]
        assert path.split(os.pathsep)[0] == str(python.parent)

    def test_database_is_in_the_home_or_the_given_one(self, tmp_path: Path) -> None:
        name, other = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://postgres:secret@127.0.0.1/airflow"
        assert Standalone(tmp_path, tmp_path).environment[name].startswith(f"sqlite:///{tmp_path}/")
        assert Standalone(tmp_path, tmp_path, database=other).environment[name] == other

    def test_environment_has_its_own_home_and_the_added_connection(self, tmp_path: Path) -> None:
        environment = Standalone(tmp_path, tmp_path / "dags", {"AIRFLOW_CONN_X": "ours"}).environment
        assert environment["AIRFLOW_HOME"] == str(tmp_path)
        assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == str(tmp_path / "dags")
        assert environment["AIRFLOW_CONN_X"] == "ours"

    def test_api_server_listens_on_loopback_only(self, tmp_path: Path) -> None:
        assert Standalone(tmp_path, tmp_path).environment["AIRFLOW__API__HOST"] == "127.0.0.1"


@pytest.mark.real_time("waits for the end of a real process")
class TestInterpreter:
    @pytest.fixture
    def python(self, tmp_path: Path) -> str:
        """Return a program that prints its arguments and ends."""
        program = tmp_path / "python"
        program.write_text('#!/bin/sh\necho "arguments: $@"\n')
        program.chmod(0o755)
        return str(program)

    def test_airflow_runs_with_the_given_interpreter(self, tmp_path: Path, python: str) -> None:
        airflow = Standalone(tmp_path / "home", tmp_path, python=python)
        with pytest.raises(StandaloneError, match="arguments: -m airflow standalone"), airflow:
            pass

    def test_home_has_no_database_if_another_is_given(self, tmp_path: Path, python: str) -> None:
        airflow = Standalone(tmp_path / "home", tmp_path, database="postgresql://127.0.0.1/airflow", python=python)
        with pytest.raises(StandaloneError), airflow:
            pass
        assert [path.name for path in airflow.home.iterdir()] == ["standalone.log"]


class TestPorts:
    def test_free_ports_are_different_and_free(self) -> None:
        ports = free_ports(3)
        assert len(set(ports)) == 3
        for port in ports:
            with socket.create_server(("", port)):
                pass


class TestComponents:
    @pytest.mark.parametrize(
        ("command_line", "name"),
        [
            (["/venv/bin/python", "/venv/bin/airflow", "scheduler"], "scheduler"),
            (["/venv/bin/python", "-m", "airflow", "triggerer"], "triggerer"),
            (["airflow api_server -- host:127.0.0.1 port:20000", "", ""], "api-server"),
            (["airflow worker -- LocalExecutor: <idle>", ""], None),
            (["airflow serve-logs", ""], None),
            ([], None),
        ],
    )
    def test_component_is_recognised_by_its_command_line(self, command_line: list[str], name: Component | None) -> None:
        names: tuple[Component, ...] = ("scheduler", "dag-processor", "api-server", "triggerer")
        assert [each for each in names if is_component(command_line, each)] == ([name] if name else [])
