"""What can be set when the emulator starts, and changed while it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

DEFAULT_KEY = "sk-emulator"


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How the emulator behaves.

    :param seconds_created: How long a prediction stays ``created``.
    :param seconds_queued: How long it then stays ``queued``.
    :param seconds_running: How long it then stays ``running``.
    :param requests_per_second: Limit on requests to the API, or ``None`` for no limit.
    :param submissions_per_second: Limit on submissions alone, or ``None`` for no limit.
    :param link_seconds: How long output links live after the video is made, or ``None`` for ever.
    :param public_url: Address that output links begin with; ``None`` takes it from the request's ``Host``.
    :param api_keys: Accepted keys.
    """

    seconds_created: float = 0.5
    seconds_queued: float = 1.0
    seconds_running: float = 3.0
    requests_per_second: float | None = None
    submissions_per_second: float | None = None
    link_seconds: float | None = 86400.0
    public_url: str | None = None
    api_keys: tuple[str, ...] = (DEFAULT_KEY,)

    def shown(self) -> dict[str, Any]:
        """Return the settings as JSON, with the number of accepted keys in place of the keys."""
        values = asdict(self)
        values["api_keys"] = len(self.api_keys)
        return values


class SettingsError(ValueError):
    """Raised for a setting that does not exist or has a wrong value."""


_SECONDS = ("seconds_created", "seconds_queued", "seconds_running")
_RATES = ("requests_per_second", "submissions_per_second")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise SettingsError(f"{name}: a number of at least 0 is allowed")
    return float(value)


def _checked(name: str, value: object) -> object:
    if name in _SECONDS:
        return _number(name, value)
    if name == "link_seconds":
        return None if value is None else _number(name, value)
    if name in _RATES:
        rate = None if value is None else _number(name, value)
        if rate == 0:
            raise SettingsError(f"{name}: a number above 0 is allowed, or null for no limit")
        return rate
    if name == "public_url":
        if value is not None and not (isinstance(value, str) and value.startswith(("http://", "https://"))):
            raise SettingsError("public_url: an http or https address is allowed, or null")
        return value.rstrip("/") if isinstance(value, str) else None
    if name == "api_keys":
        if not isinstance(value, list | tuple) or not all(isinstance(key, str) and key for key in value):
            raise SettingsError("api_keys: a list of non-empty strings is allowed")
        return tuple(value)
    raise SettingsError(f"{name}: no such setting; there are {', '.join(asdict(Settings()))}")


def change(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """
    Return settings with some of them changed.

    :param settings: The settings so far.
    :param changes: New values by name; what is not named stays.
    :raises SettingsError: A name is unknown or a value not allowed; nothing is changed then.
    """
    checked: dict[str, Any] = {name: _checked(name, value) for name, value in changes.items()}
    return replace(settings, **checked)
