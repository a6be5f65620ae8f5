"""Build the published files from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Self

CHECKOUT = Path(__file__).parents[2]
CONSTRAINTS = CHECKOUT / "constraints.txt"
PACKAGE = "airflow_provider_seedance"


def uv(*arguments: str | Path) -> None:
    """
    Run uv as the Makefile does.

    :raises RuntimeError: uv failed; the message contains its stderr.
    """
    command = [CHECKOUT / ".ci/uv", *arguments]
    ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)  # noqa: S603 - uv
    if ran.returncode:
        raise RuntimeError(f"uv {arguments[0]}: {ran.stderr}")


@dataclass(frozen=True, slots=True)
class Distributions:
    """
    Files of one build.

    :param sdist: The source distribution.
    :param wheel: Wheel built from the source distribution, as ``pip`` does without a published wheel.
    :param wheel_of_checkout: Wheel built from the checkout.
    """

    sdist: Path
    wheel: Path
    wheel_of_checkout: Path

    @classmethod
    def build(cls, folder: Path) -> Self:
        """Build all files, with the versions of constraints.txt."""
        for way, options in {"sdist": (), "checkout": ("--wheel",)}.items():
            uv("build", *options, "--out-dir", folder / way, "--build-constraints", CONSTRAINTS)
        [sdist] = (folder / "sdist").glob("*.tar.gz")
        [wheel] = (folder / "sdist").glob("*.whl")
        [wheel_of_checkout] = (folder / "checkout").glob("*.whl")
        return cls(sdist, wheel, wheel_of_checkout)

    def keep(self, folder: Path) -> None:
        """Replace the content of a folder by the published files, so that a release publishes the tested files."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in (self.sdist, self.wheel):
            shutil.copy(file, folder)

    @property
    def metadata(self) -> Message:
        """The wheel's metadata; its payload is the description."""
        with zipfile.ZipFile(self.wheel) as archive:
            [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            return HeaderParser().parsestr(archive.read(name).decode())


def files_of_wheel(wheel: Path) -> dict[str, bytes]:
    """Return the content of each file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_of_sdist(sdist: Path) -> set[str]:
    """Return the names of the files of a source distribution, relative to its top folder."""
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def files_of_package() -> set[str]:
    """Return the names of the package's files in the checkout, without compiled modules."""
    files = [path for path in (CHECKOUT / PACKAGE).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(CHECKOUT).as_posix() for path in files}
