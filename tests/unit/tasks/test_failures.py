"""From the error tree to Airflow's terms: permanent errors end a task for good, the rest follows its retries."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_seedance.gptproto.errors import Charge, SeedanceError
from airflow_provider_seedance.tasks.failures import as_airflow_errors
from tests.unit.gptproto.test_errors import CLASSES


def broken(cls: type[SeedanceError]) -> SeedanceError:
    return cls("It broke", prediction_id="abc", charge=Charge.POSSIBLE, advice="Ask again.")


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if not cls.retryable])
def test_a_permanent_error_ends_the_task(cls: type[SeedanceError]) -> None:
    error = broken(cls)
    with pytest.raises(AirflowFailException) as caught, as_airflow_errors():
        raise error
    assert str(caught.value) == str(error)
    assert caught.value.__context__ is error


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls.retryable])
def test_any_other_error_of_ours_passes_as_it_is(cls: type[SeedanceError]) -> None:
    error = broken(cls)
    with pytest.raises(SeedanceError) as caught, as_airflow_errors():
        raise error
    assert caught.value is error
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("error", [ValueError("not ours"), AirflowException("Airflow's own"), KeyboardInterrupt()])
def test_errors_of_others_pass_as_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, as_airflow_errors():
        raise error
    assert caught.value is error


def test_nothing_happens_where_nothing_fails() -> None:
    with as_airflow_errors():
        result = "video"
    assert result == "video"
