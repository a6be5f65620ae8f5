"""
The base class of all errors, and what an error says of the bill.

The errors themselves are in :mod:`~airflow_provider_seedance.gptproto.errors`, from which these names are imported.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Literal

Fault = Literal["author", "account", "service", "network"]


class Charge(StrEnum):
    """Whether a generation was charged; the values are the sentences in error messages."""

    NONE = "Nothing was charged."
    EARLIER = "This try charged nothing, but what earlier tries submitted is billed."
    POSSIBLE = "A generation may have been started and charged."
    ACCEPTED = "The generation was accepted and is billed whatever happens to this task."
    FAILED = "The service decides whether it bills a failed generation; its dashboard shows the charge."


class SeedanceError(Exception):
    """
    Base class of all errors of this provider.

    :param what: What happened, in one sentence without the full stop.
    :param prediction_id: The id of the affected prediction, or ``None``.
    :param charge: Whether money was spent.
    :param advice: What to do next; default: the advice of the class.
    :param retry_after: The service's ``Retry-After``: seconds to wait before the next request.
    """

    #: Whether a later retry can help.
    retryable: ClassVar[bool] = False
    #: Who can solve the problem.
    at_fault: ClassVar[Fault] = "service"
    default_advice: ClassVar[str] = ""

    def __init__(
        self,
        what: str,
        *,
        prediction_id: str | None = None,
        charge: Charge = Charge.NONE,
        advice: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.prediction_id = prediction_id
        self.charge = charge
        self.advice = self.default_advice if advice is None else advice
        self.retry_after = retry_after

    def __str__(self) -> str:
        subject = f" (prediction {self.prediction_id})" if self.prediction_id else ""
        return " ".join(part for part in (f"{self.what}{subject}.", self.charge.value, self.advice) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as a dict of JSON scalars; :func:`restore` reads it."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "prediction_id": self.prediction_id,
            "charge": self.charge.name,
            "advice": self.advice,
            "retry_after": self.retry_after,
        }
