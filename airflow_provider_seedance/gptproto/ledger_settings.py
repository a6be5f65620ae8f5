"""The settings of an account's ledger and budgets, in the extra of the Airflow connection."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError

#: The fields of the connection's extra that this module reads.
LEDGER_FIELDS = ("ledger", "daily_budget_usd", "monthly_budget_usd", "budget_timezone")
_ALLOWED = "allowed: a folder, such as s3://aws_default@bucket/seedance or file:///var/seedance"
#: A URI without a folder, such as ``/``, ``s3://`` or ``file://connection@/``.
_NO_FOLDER = re.compile(r"(?:[^:/]+:)?/*(?:[^/@]*@)?/*")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """
    Where the account's ledger is, and what the account may spend.

    :param uri: The folder of the ledger, such as ``s3://aws_default@bucket/seedance`` or ``file:///var/seedance``.
    :param daily_budget_usd: The most that submissions of a day may cost; ``None`` for no limit.
    :param monthly_budget_usd: The most that submissions of a calendar month may cost; ``None`` for no limit.
    :param budget_timezone: The time zone of these days and months, e.g. ``Europe/Berlin``.
    """

    uri: str
    daily_budget_usd: Decimal | None = None
    monthly_budget_usd: Decimal | None = None
    budget_timezone: str = "UTC"

    @property
    def has_budget(self) -> bool:
        """Whether spending is limited."""
        return self.daily_budget_usd is not None or self.monthly_budget_usd is not None


def check_extra(text: str | None) -> None:
    """
    Check that a connection's extra is a JSON object. Airflow ignores text that is no JSON, and the budgets with it.

    :param text: The extra; empty or ``None`` without one.
    :raises ConnectionSettingsError: When it is not.
    """
    try:
        extra = json.loads((text or "").strip() or "{}")
    except ValueError:
        # Its text may contain the proxy's password.
        raise ConnectionSettingsError("The connection's extra is not valid JSON") from None
    if not isinstance(extra, dict):
        raise ConnectionSettingsError("The connection's extra is not a JSON object")


def read_ledger_settings(extra: Mapping[str, Any]) -> LedgerSettings | None:
    """
    Return the settings in a connection's extra; ``None`` without a ledger.

    :param extra: A mapping with ``ledger``, ``daily_budget_usd``, ``monthly_budget_usd`` and ``budget_timezone``, each
        optional.
    :raises ConnectionSettingsError: When a field is invalid, or a budget has no ledger.
    """
    uri = extra.get("ledger")
    if uri is not None and not isinstance(uri, str):
        raise ConnectionSettingsError(f"ledger in the connection's extra is no text; {_ALLOWED}")
    daily, monthly = (_budget(name, extra.get(name)) for name in ("daily_budget_usd", "monthly_budget_usd"))
    timezone = _timezone(extra.get("budget_timezone"))
    if uri is None or not uri.strip():
        if daily is not None or monthly is not None:
            raise ConnectionSettingsError(
                "A budget in the connection's extra needs a ledger: without one nothing is known of other tasks"
            )
        return None
    if _NO_FOLDER.fullmatch(uri.strip()):
        raise ConnectionSettingsError(f"ledger in the connection's extra names no folder; {_ALLOWED}")
    return LedgerSettings(
        uri=uri.strip().rstrip("/"), daily_budget_usd=daily, monthly_budget_usd=monthly, budget_timezone=timezone
    )


def _budget(name: str, value: Any) -> Decimal | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        # A float by its shortest text: 0.1 is a tenth.
        budget = Decimal(str(value).strip()) if not isinstance(value, bool) else Decimal("nan")
    except InvalidOperation:
        budget = Decimal("nan")
    if not (budget.is_finite() and 0 <= budget < Decimal(10) ** 9):
        raise ConnectionSettingsError(f"{name} in the connection's extra is invalid; allowed: USD, 0 or more")
    return budget


def _timezone(value: Any) -> str:
    name = str(value or "").strip() or "UTC"
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ConnectionSettingsError(
            "budget_timezone in the connection's extra is not known here; allowed: a name such as Europe/Berlin"
        ) from None
    return name
