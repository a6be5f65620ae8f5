"""The packages of the extra ``emulator``, and the check that they are installed."""

from __future__ import annotations

from importlib.util import find_spec

EXTRA = "airflow-provider-seedance[emulator]"
_PACKAGES = {"av": "av", "PIL": "pillow", "starlette": "starlette", "uvicorn": "uvicorn"}


class MissingExtraError(ImportError):
    """Raised when a package of the extra ``emulator`` is missing."""


def require_extra() -> None:
    """
    Check that the packages of the extra ``emulator`` are installed.

    :raises MissingExtraError: A package is missing; the message names the package and the extra.
    """
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise MissingExtraError(f"The emulator needs {', '.join(missing)}: install {EXTRA}")
