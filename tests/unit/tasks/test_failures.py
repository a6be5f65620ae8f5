"""``as_airflow_errors``: permanent errors become ``AirflowFailException``, all others follow the retries."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_seedance.gptproto.errors import Charge, SeedanceError
from airflow_provider_seedance.tasks.failures import as_airflow_errors
from tests.unit.gptproto.test_errors import CLASSES


def make_error(cls: type[SeedanceError]) -> SeedanceError:
    return cls("It broke", prediction_id="abc", charge=Charge.POSSIBLE, advice="Try again.")


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if not cls.retryable])
def test_permanent_error_becomes_airflow_fail_exception(cls: type[SeedanceError]) -> None:
    error = make_error(cls)
    with pytest.raises(AirflowFailException) as caught, as_airflow_errors():
        raise error
    assert str(caught.value) == str(error)
    assert caught.value.__context__ is error


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls.retryable])
def test_retryable_error_is_raised_unchanged(cls: type[SeedanceError]) -> None:
    error = make_error(cls)
    with pytest.raises(SeedanceError) as caught, as_airflow_errors():
        raise error
    assert caught.value is error
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("error", [ValueError("foreign"), AirflowException("Airflow's own"), KeyboardInterrupt()])
def test_error_of_another_library_is_raised_unchanged(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, as_airflow_errors():
        raise error
    assert caught.value is error


def test_result_is_unchanged_without_an_error() -> None:
    with as_airflow_errors():
        result = "video"
    assert result == "video"
