"""Responses of every reported form, with both clients: what each one means, and that a submission is sent once."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from airflow_provider_seedance.gptproto.backoff import retry_delay
from airflow_provider_seedance.gptproto.errors import (
    AudioPolicyError,
    BadRequestError,
    Charge,
    ContentPolicyError,
    GenerationFailedError,
    InsufficientBalanceError,
    PredictionNotFoundError,
    RateLimitError,
    SeedanceError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from airflow_provider_seedance.gptproto.predictions import Prediction
from tests.unit.gptproto import more_answers, service_answers
from tests.unit.gptproto.answers import ID, POLLS, SUBMISSIONS, VIDEO, Case, data
from tests.unit.gptproto.conftest import Exchange, answer

#: The class of an error, and whether a later try can help.
ERRORS: Mapping[str, tuple[type[SeedanceError], bool]] = {
    "content": (ContentPolicyError, False),
    "sound": (AudioPolicyError, False),
    "arguments": (BadRequestError, False),
    "gateway": (BadRequestError, False),
    "balance": (InsufficientBalanceError, False),
    "fault": (ServiceError, True),
    "failed": (GenerationFailedError, True),
    "unknown": (PredictionNotFoundError, False),
    "unconfirmed": (UnconfirmedSubmissionError, False),
}


def assert_error(error: SeedanceError, case: Case) -> None:
    cls, is_retryable = ERRORS[case.means]
    assert type(error) is cls, error
    assert error.retryable is is_retryable
    assert ("generate_audio" in str(error)) is (case.means == "sound")
    assert case.means != "gateway" or "API key" not in str(error)
    for part in case.says:
        assert part in str(error)


def assert_values(prediction: Prediction, case: Case) -> None:
    assert {name: getattr(prediction, name) for name in case.values} == case.values


@pytest.mark.parametrize(
    "case", [*SUBMISSIONS, *more_answers.SUBMISSIONS, *service_answers.SUBMISSIONS], ids=lambda case: case.name
)
def test_response_to_a_submission_has_its_meaning(exchange: Exchange, case: Case) -> None:
    exchange.will_answer(answer(case.body, case.status, **case.headers))
    if case.means == "submitted":
        assert_values(exchange.submit(), case)
        return
    with pytest.raises(SeedanceError) as caught:
        exchange.submit()
    error, delay = caught.value, retry_delay(caught.value, sends=1, elapsed=0.0, source=random.Random(0))  # noqa: S311
    assert len(exchange.requests) == 1
    if case.means == "capacity":
        assert type(error) in (RateLimitError, ServiceError, UnconfirmedSubmissionError)
        assert (delay is not None) is (type(error) is RateLimitError)
    else:
        assert_error(error, case)
        assert delay is None
    assert error.charge is (Charge.POSSIBLE if isinstance(error, UnconfirmedSubmissionError) else Charge.NONE)


@pytest.mark.parametrize("case", [*POLLS, *more_answers.POLLS, *service_answers.POLLS], ids=lambda case: case.name)
def test_response_to_a_poll_has_its_meaning(exchange: Exchange, case: Case) -> None:
    response = answer(case.body, case.status, **case.headers)
    done = answer(data("succeeded", outputs=[VIDEO]))
    if case.means == "in progress":
        exchange.will_answer(response, done)
        assert not exchange.get_prediction(ID).status.is_final
        assert exchange.wait(exchange.new_poller(prediction_id=ID)).outputs == (VIDEO,)
    elif case.means == "done":
        exchange.will_answer(*[response] * (1 if case.times is None else case.times), done)
        prediction = exchange.wait(exchange.new_poller(prediction_id=ID))
        assert (prediction.id, prediction.outputs) == (ID, (VIDEO,))
        assert len(exchange.requests) == (case.times or 0) + 1
        assert_values(prediction, case)
    else:
        exchange.will_answer(*[response] * 20)
        with pytest.raises(SeedanceError) as caught:
            exchange.wait(exchange.new_poller(prediction_id=ID))
        assert_error(caught.value, case)
        assert len(exchange.requests) >= 3
        assert sum(exchange.pauses[1:]) >= 10
        assert caught.value.prediction_id == ID
        assert caught.value.charge is (Charge.POSSIBLE if case.means == "unknown" else Charge.FAILED)
    assert {request.url.host for request in exchange.requests} == {"gptproto.example"}
