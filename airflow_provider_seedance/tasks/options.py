"""What an author decides that is no parameter of the API: the choices, and how they are checked."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, Literal, get_args

OnClear = Literal["reuse", "regenerate"]
OnUnconfirmedSubmission = Literal["fail", "resubmit"]

#: Ten years, in seconds: more would not fit into a date.
_LONGEST = 10 * 365 * 24 * 3600.0


def check_policies(
    *, on_unconfirmed_submission: Any, on_clear: Any, timeout: Any, poll_interval: Any, max_cost: Any
) -> None:
    """
    Refuse a policy that is none: when the DAG is parsed, or, where the task is mapped, before anything is sent.

    Policies are no templates.

    :raises ValueError: With the argument, its value and what is allowed.
    """
    for name, value, choice in (
        ("on_unconfirmed_submission", on_unconfirmed_submission, OnUnconfirmedSubmission),
        ("on_clear", on_clear, OnClear),
    ):
        allowed = get_args(choice)
        if value not in allowed:
            raise ValueError(f"{name}: {value!r} is not allowed; allowed: {', '.join(allowed)}")
    if not _is_positive(timeout):
        raise ValueError(f"timeout: {timeout!r} is not allowed; allowed: seconds above 0, or a timedelta")
    if poll_interval is not None and not _is_positive(poll_interval):
        raise ValueError(f"poll_interval: {poll_interval!r} is not allowed; allowed: seconds above 0, or None")
    is_number = isinstance(max_cost, (int, float)) and not isinstance(max_cost, bool)
    if max_cost is not None and not (is_number and 0 <= max_cost < math.inf):
        raise ValueError(f"max_cost: {max_cost!r} is not allowed; allowed: USD, 0 or more, or None")


def seconds(time_span: timedelta | float) -> float:
    """Return a time span in seconds."""
    return time_span.total_seconds() if isinstance(time_span, timedelta) else time_span


def _is_positive(time_span: object) -> bool:
    if isinstance(time_span, timedelta):
        return time_span > timedelta(0)
    return isinstance(time_span, (int, float)) and not isinstance(time_span, bool) and 0 < time_span < _LONGEST
