"""A new environment outside the checkout, with the wheel installed, and an empty home directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.settings import DEFAULT_KEY
from tests.package.distributions import CONSTRAINTS, uv


@dataclass(frozen=True, slots=True)
class Installation:
    """
    A virtual environment.

    :param folder: Folder of the environment and of the home directory.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path, wheel: Path, extra: str = "", packages: Sequence[str] = ()) -> Self:
        """
        Install a wheel and its dependencies, with the versions of constraints.txt, and nothing else.

        :param folder: An empty folder.
        :param wheel: The wheel.
        :param extra: An extra in brackets, or an empty string.
        :param packages: Further packages to install.
        """
        made = cls(folder)
        made.home.mkdir(parents=True)
        uv("venv", "--quiet", "--python", sys.executable, made.python.parents[1])
        requirement = f"airflow-provider-seedance{extra} @ {wheel.as_uri()}"
        uv("pip", "install", "--quiet", "--python", made.python, "--constraints", CONSTRAINTS, requirement, *packages)
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "environment" / "bin" / "python"

    @property
    def home(self) -> Path:
        """The home directory, in which commands start."""
        return self.folder / "home"

    @property
    def database(self) -> Path:
        """Airflow's database."""
        return self.home / "airflow" / "airflow.db"

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment of a command, without variables of the test process."""
        return {
            "PATH": os.pathsep.join([str(self.python.parent), os.defpath]),
            "HOME": str(self.home),
            "AIRFLOW_HOME": str(self.database.parent),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            **settings,
        }

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """
        Run Python, and return the completed process for any exit code.

        :param arguments: Command line arguments.
        :param settings: Further environment variables.
        """
        return subprocess.run(  # noqa: S603 - the interpreter of the environment
            [self.python, *arguments],
            cwd=self.home,
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            check=False,
        )

    def output(self, *arguments: str, **settings: str) -> str:
        """Run Python as :meth:`run` does, and return its stdout; on an error, fail with its output."""
        ran = self.run(*arguments, **settings)
        assert ran.returncode == 0, f"{ran.stdout[-5000:]}\n{ran.stderr[-5000:]}"
        return ran.stdout

    def airflow(self, *arguments: str, **settings: str) -> str:
        """Run Airflow's command line, and return its stdout."""
        return self.output("-m", "airflow", *arguments, **settings)

    @contextmanager
    def running_emulator(self) -> Iterator[Emulator]:
        """Run the emulator of this environment, with default settings, for the duration of a ``with`` block."""
        command = [str(self.python), "-m", "airflow_provider_seedance.emulator", "--port", "0"]
        with subprocess.Popen(  # noqa: S603 - the interpreter of the environment
            command, cwd=self.home, env=self.environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                first_line = process.stdout.readline().split()
                assert first_line, "the emulator has ended"
                yield Emulator(first_line[-1], DEFAULT_KEY)
            finally:
                process.terminate()
