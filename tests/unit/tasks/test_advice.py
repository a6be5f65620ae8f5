"""``name_paid``: what an error says of a video that was paid for before."""

from __future__ import annotations

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, InvalidRequestError, StorageError
from airflow_provider_seedance.tasks.advice import name_paid


def test_error_without_prediction_and_bill_gets_both() -> None:
    error = StorageError("No space")
    name_paid(error, "abc")
    assert (error.prediction_id, error.charge) == ("abc", Charge.ACCEPTED)


def test_prediction_of_the_error_is_kept() -> None:
    error = StorageError("No space", prediction_id="its own")
    name_paid(error, "abc")
    assert error.prediction_id == "its own"


def test_refused_arguments_do_not_name_the_prediction() -> None:
    """The id may be the API key that they refuse."""
    error = InvalidRequestError("prediction_id: holds the API key")
    name_paid(error, "abc")
    assert (error.prediction_id, error.charge) == (None, Charge.ACCEPTED)


@pytest.mark.parametrize("charge", [charge for charge in Charge if charge is not Charge.NONE])
def test_bill_of_the_error_is_kept(charge: Charge) -> None:
    error = StorageError("No space", charge=charge)
    name_paid(error, "abc")
    assert error.charge is charge


def test_link_without_a_prediction_adds_the_bill_alone() -> None:
    error = StorageError("No space")
    name_paid(error, "")
    assert (error.prediction_id, error.charge) == (None, Charge.ACCEPTED)
