"""Values with thousands of levels, as JSON from another task may have: refused as any other invalid argument."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, task

from airflow_provider_seedance.emulator.handle import Emulator
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import text_to_video
from tests.unit.gptproto.test_nesting import nested


@pytest.mark.parametrize("levels", [101, 300, 5000])
@pytest.mark.parametrize("name", ["extra_parameters", "prompt", "seed"])
def test_operator_refuses_an_argument_of_many_levels(emulator: Emulator, name: str, levels: int) -> None:
    operator = text_to_video()
    # Not by an assignment, for which Airflow searches the value for outputs of other tasks.
    vars(operator)[name] = nested(levels)
    run = Run()
    with pytest.raises(AirflowFailException, match=rf"{name}: <a value with more than 100 nested levels>.*") as raised:
        run.try_once(operator)
    assert "Nothing was sent" in str(raised.value)
    assert emulator.ledger() == []
    assert str(getattr(run.operator, name)) == "<a value with more than 100 nested levels>"
    assert "100 nested levels" in run.xcoms["prediction"]["error"]


def decorated(function: Any, *arguments: Any) -> Any:
    with DAG("dag", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
        output: Any = task.seedance(function)(*arguments)
        return output.operator


def test_function_that_returns_many_levels_is_refused(emulator: Emulator) -> None:
    def write() -> dict[str, Any]:
        return {"prompt": "A paper boat", "extra_parameters": nested(5000)}

    with pytest.raises(AirflowFailException, match="extra_parameters: <a value with more than 100 nested levels>"):
        Run().try_once(decorated(write))
    assert emulator.ledger() == []


def test_function_with_arguments_of_many_levels_is_refused(emulator: Emulator) -> None:
    def write(rows: Any) -> str:
        raise AssertionError(rows)

    operator = decorated(write, "rows")
    vars(operator)["op_args"] = (nested(5000, "list"),)
    with pytest.raises(AirflowFailException, match="the function's arguments: <a value with more than 100"):
        Run().try_once(operator)
    assert emulator.ledger() == []
