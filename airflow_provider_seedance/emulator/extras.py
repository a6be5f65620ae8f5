"""The packages that the emulator needs and the provider does not."""

from __future__ import annotations

from importlib.util import find_spec

EXTRA = "airflow-provider-seedance[emulator]"
_NEEDED = {"av": "av", "PIL": "pillow", "starlette": "starlette", "uvicorn": "uvicorn"}


class MissingExtraError(ImportError):
    """Raised when the emulator is started without the packages of its extra."""


def require_extra() -> None:
    """
    Check that the packages of the extra ``emulator`` are installed.

    :raises MissingExtraError: One is missing; the message names it and the extra.
    """
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise MissingExtraError(f"The emulator needs {', '.join(missing)}: install {EXTRA}")
