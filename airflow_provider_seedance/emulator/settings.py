"""Settings of the emulator; the control API can change them at run time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

DEFAULT_KEY = "sk-emulator"


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Settings of the emulator.

    :param seconds_created: Seconds that a prediction stays ``created``.
    :param seconds_queued: Seconds that it then stays ``queued``.
    :param seconds_running: Seconds that it then stays ``running``.
    :param requests_per_second: Rate limit of all API requests; ``None`` for no limit.
    :param submissions_per_second: Rate limit of submissions; ``None`` for no limit.
    :param link_seconds: Lifetime of output links after the end of the prediction; ``None`` for no expiry.
    :param public_url: Base URL of output links; ``None`` uses the ``Host`` header of the request.
    :param api_keys: Accepted API keys.
    """

    seconds_created: float = 0.5
    seconds_queued: float = 1.0
    seconds_running: float = 3.0
    requests_per_second: float | None = None
    submissions_per_second: float | None = None
    link_seconds: float | None = 86400.0
    public_url: str | None = None
    api_keys: tuple[str, ...] = (DEFAULT_KEY,)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON; the number of accepted keys replaces the keys."""
        values = asdict(self)
        values["api_keys"] = len(self.api_keys)
        return values


class SettingsError(ValueError):
    """Raised for an unknown setting or an invalid value."""


_SECONDS = ("seconds_created", "seconds_queued", "seconds_running")
_RATES = ("requests_per_second", "submissions_per_second")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise SettingsError(f"{name}: must be a number of at least 0")
    return float(value)


def _check(name: str, value: object) -> object:
    if name in _SECONDS:
        return _number(name, value)
    if name == "link_seconds":
        return None if value is None else _number(name, value)
    if name in _RATES:
        rate = None if value is None else _number(name, value)
        if rate == 0:
            raise SettingsError(f"{name}: must be a number above 0, or null for no limit")
        return rate
    if name == "public_url":
        if value is not None and not (isinstance(value, str) and value.startswith(("http://", "https://"))):
            raise SettingsError("public_url: must be an http or https URL, or null")
        return value.rstrip("/") if isinstance(value, str) else None
    if name == "api_keys":
        if not isinstance(value, list | tuple) or not all(isinstance(key, str) and key for key in value):
            raise SettingsError("api_keys: must be a list of non-empty strings")
        return tuple(value)
    raise SettingsError(f"{name}: unknown setting; known: {', '.join(asdict(Settings()))}")


def change(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """
    Return a copy of the settings with new values.

    :param settings: The settings to copy.
    :param changes: New values by name.
    :raises SettingsError: A name is unknown or a value is invalid.
    """
    checked: dict[str, Any] = {name: _check(name, value) for name, value in changes.items()}
    return replace(settings, **checked)
