"""What many checks say together: refusals and warnings with their task or row, and the sum of the prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from airflow_provider_seedance.checks.generations import GenerationCheck
from airflow_provider_seedance.gptproto.prices import Price, cents


class Check(Protocol):
    """A check of a task, or of a row."""

    @property
    def name(self) -> str:
        """The task or the row."""

    @property
    def instances(self) -> int | None:
        """The number of generations; ``None`` if it is not known."""

    @property
    def generation(self) -> GenerationCheck:
        """What is certain about one generation."""

    @property
    def estimate(self) -> Decimal | None:
        """The list price in USD; ``None`` if it is not known."""

    @property
    def highest(self) -> Decimal | None:
        """The most that it can cost in USD; ``None`` if there is no such limit."""


def refusals(checks: Iterable[Check]) -> list[str]:
    """Return all refusals, each with its task or row."""
    return [f"{check.name}: {refusal}" for check in checks for refusal in check.generation.refusals]


def warnings(checks: Iterable[Check]) -> list[str]:
    """Return all warnings, each with its task or row."""
    return [f"{check.name}: {warning}" for check in checks for warning in check.generation.warnings]


def unbounded(checks: Iterable[Check]) -> list[str]:
    """Return each task or row that can cost any amount, with the reason."""
    return [f"{check.name}: {_why_unbounded(check)}" for check in checks if check.highest is None]


def total(checks: Sequence[Check]) -> Price:
    """
    Return the price of all together. A clear pays again and is not counted.

    :param checks: The checks. The estimate leaves out those whose price is not known.
    """
    highest = [check.highest for check in checks]
    without_limit = tuple(check.name for check in checks if check.highest is None)
    return Price(
        estimate=sum((check.estimate or Decimal(0) for check in checks), Decimal(0)),
        highest=None if without_limit else sum((usd for usd in highest if usd is not None), Decimal(0)),
        unbounded_by=without_limit,
    )


def sum_line(checks: Sequence[Check]) -> str:
    """Return the sum as a sentence."""
    price, unknown = total(checks), sum(check.estimate is None for check in checks)
    listed = f"Together about {price.estimate or 0:.2f} USD at list price"
    if unknown:
        listed += f", without {unknown} of {len(checks)} whose price is not known"
    limit = "no upper limit" if price.highest is None else f"at most {cents(price.highest)} USD"
    return f"{listed}; {limit}"


def _why_unbounded(check: Check) -> str:
    price = check.generation.price
    if price.highest is None:
        return f"no upper limit because of {' and '.join(price.unbounded_by)}; set max_cost"
    return "the number of its rows is known when the DAG runs"
