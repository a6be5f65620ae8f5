"""A fresh environment outside the checkout, with the wheel, and an account that has never seen Airflow."""

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

    :param folder: Where it is, with a home beside it.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path, wheel: Path, extra: str = "", packages: Sequence[str] = ()) -> Self:
        """
        Install a wheel and what it asks for, at the versions of constraints.txt, and nothing that is not named.

        :param folder: A folder that is empty.
        :param wheel: The wheel.
        :param extra: An extra in brackets, or none.
        :param packages: What is installed beside it.
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
        """The home of the account, which commands start in."""
        return self.folder / "home"

    @property
    def database(self) -> Path:
        """Airflow's database."""
        return self.home / "airflow" / "airflow.db"

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment of a command: nothing of whoever runs the tests."""
        return {
            "PATH": os.pathsep.join([str(self.python.parent), os.defpath]),
            "HOME": str(self.home),
            "AIRFLOW_HOME": str(self.database.parent),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            **settings,
        }

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """
        Run Python, whatever its exit code.

        :param arguments: What it is given.
        :param settings: More of the environment.
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
        """Run Python as :meth:`run` does, and return what it printed, or fail with what it complained of."""
        ran = self.run(*arguments, **settings)
        assert ran.returncode == 0, f"{ran.stdout[-5000:]}\n{ran.stderr[-5000:]}"
        return ran.stdout

    def airflow(self, *arguments: str, **settings: str) -> str:
        """Run Airflow's command line, and return what it printed."""
        return self.output("-m", "airflow", *arguments, **settings)

    @contextmanager
    def running_emulator(self) -> Iterator[Emulator]:
        """Run the emulator of this environment, at its usual pace, for the length of a ``with`` block."""
        command = [str(self.python), "-m", "airflow_provider_seedance.emulator", "--port", "0"]
        with subprocess.Popen(  # noqa: S603 - the interpreter of the environment
            command, cwd=self.home, env=self.environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                said = process.stdout.readline().split()
                assert said, "the emulator has ended"
                yield Emulator(said[-1], DEFAULT_KEY)
            finally:
                process.terminate()
