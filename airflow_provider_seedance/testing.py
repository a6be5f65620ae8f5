"""
Assertions for the tests of your DAGs: nothing that is certain to be refused, and no run above a budget.

.. code-block:: python

    from airflow_provider_seedance.testing import assert_affordable, assert_valid


    def test_my_dag_is_valid_and_affordable():
        assert_valid(my_dag)
        assert_affordable(my_dag, 2.50)

They need no connection, no database and no emulator, and read only what the DAG file says: see
:func:`~airflow_provider_seedance.checks.dags.check_dag`, which the command ``airflow seedance check`` uses as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_seedance.checks.dags import TaskCheck, check_dag
from airflow_provider_seedance.checks.summary import refusals, total, unbounded
from airflow_provider_seedance.gptproto.prices import cents

__all__ = ["TaskCheck", "assert_affordable", "assert_valid", "check_dag"]


def assert_valid(dag: DAG) -> None:
    """
    Assert that no generation of a DAG is certain to be refused. Arguments that are known at a run only are not checked.

    :param dag: The DAG.
    :raises AssertionError: With task, row and argument of every refusal.
    """
    __tracebackhide__ = True
    found = refusals(check_dag(dag))
    if found:
        raise AssertionError(f"DAG {dag.dag_id!r} has generations that Seedance refuses:{_lines(found)}")


def assert_affordable(dag: DAG, usd: float, *, rows: Mapping[str, int] | None = None) -> None:
    """
    Assert that a run of a DAG cannot cost more than an amount.

    Every submission counts with the most that it can cost: those of retries, too, unless ``max_submissions`` limits
    them. A clear pays again and is not counted. Where a price is known at a run only, ``max_cost`` of the task limits
    it.

    :param dag: The DAG.
    :param usd: The amount in USD.
    :param rows: How many rows mapped tasks have whose rows are known at a run only, by task id.
    :raises AssertionError: With the price of each task, or with what makes a price unknown.
    :raises ValueError: When ``rows`` names a task whose rows are not awaited.
    """
    __tracebackhide__ = True
    numbers = dict(rows or {})
    awaited = {check.task_id for check in check_dag(dag) if check.instances is None}
    if set(numbers) - awaited:
        names = ", ".join(map(repr, sorted(set(numbers) - awaited)))
        raise ValueError(f"rows: {names} is not allowed; allowed: tasks whose rows another task returns")
    checks = [
        dataclasses.replace(check, instances=numbers.get(check.task_id, check.instances)) for check in check_dag(dag)
    ]
    unknown = unbounded(checks)
    if unknown:
        raise AssertionError(f"DAG {dag.dag_id!r} can cost any amount:{_lines(unknown)}")
    highest = total(checks).highest or Decimal(0)
    if highest > Decimal(str(usd)):
        prices = [f"{check.name}: up to {cents(check.highest or Decimal(0))} USD" for check in checks if check.highest]
        what = f"DAG {dag.dag_id!r} can cost {cents(highest)} USD, which is more than {usd:g} USD"
        raise AssertionError(f"{what}:{_lines(prices)}")


def _lines(messages: list[str]) -> str:
    return "".join(f"\n  - {message}" for message in messages)
