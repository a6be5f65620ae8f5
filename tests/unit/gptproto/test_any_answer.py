"""Fuzz test of answers that mix all reported forms: both clients keep the id, and raise only SeedanceError."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.backoff import retry_delay
from airflow_provider_seedance.gptproto.errors import Charge, SeedanceError
from tests.unit.gptproto.any_answer import NO_ID, STATUSES, bodies, named
from tests.unit.gptproto.conftest import CLIENT_KINDS, ClientKind, Exchange, answer
from tests.unit.gptproto.test_any_response import outcome

ID = "task_7f3a"


def is_limit(body: Any, status: int) -> bool:
    """Return whether an answer to a submission is a rate limit, by its status or the code of a success."""
    top = json.loads(body) if isinstance(body, str) else body
    return status == 429 or (status < 300 and isinstance(top, dict) and top.get("code") in (429, "429"))


class TestSubmission:
    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(body=bodies(named(ID)), status=st.sampled_from(STATUSES))
    def test_id_anywhere_in_the_answer_is_in_the_result_or_in_the_error(
        self, kind: ClientKind, body: Any, status: int
    ) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(answer(json.dumps(body), status))
        prediction, error = outcome(exchange.submit)
        assert len(exchange.requests) == 1
        if error is None:
            assert 200 <= status < 300
            assert prediction.id == ID
            return
        assert ID in str(error)
        delay = retry_delay(error, sends=1, elapsed=0.0, source=random.Random(0))  # noqa: S311
        assert delay is None or is_limit(body, status)
        # A later try submits, and pays, again.
        assert not error.retryable or error.prediction_id is None

    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(body=bodies(NO_ID), status=st.sampled_from(STATUSES))
    def test_answer_without_an_id_is_no_success(self, kind: ClientKind, body: Any, status: int) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(answer(json.dumps(body), status))
        _, error = outcome(exchange.submit)
        assert len(exchange.requests) == 1
        assert error is not None
        is_refusal = 400 <= status < 500 and status not in (408, 424, 425, 499)
        assert is_refusal or not error.retryable or is_limit(body, status)


class TestPoll:
    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(body=bodies(named(ID) | NO_ID | named("b2")), status=st.sampled_from(STATUSES))
    def test_poll_is_about_the_prediction_that_was_asked_for(self, kind: ClientKind, body: Any, status: int) -> None:
        exchange = Exchange(kind)
        exchange.will_answer(answer(json.dumps(body), status))
        prediction, error = outcome(lambda: exchange.get_prediction(ID))
        if error is None:
            assert prediction.id == ID
            return
        assert error.prediction_id == ID
        assert ID in str(error)
        assert error.charge is not Charge.NONE

    @pytest.mark.parametrize("kind", CLIENT_KINDS)
    @given(
        answers=st.lists(
            st.tuples(bodies(named(ID) | NO_ID | named("b2")), st.sampled_from(STATUSES)), min_size=1, max_size=6
        )
    )
    def test_wait_ends_with_a_result_or_an_error_of_the_package(
        self, kind: ClientKind, answers: list[tuple[Any, int]]
    ) -> None:
        exchange = Exchange(kind)
        replies = [answer(json.dumps(body), status) for body, status in answers]
        exchange.will_answer(*replies, *[replies[-1]] * 1000)
        _, error = outcome(lambda: exchange.wait(exchange.new_poller(prediction_id=ID, deadline=exchange.now + 600)))
        assert error is None or isinstance(error, SeedanceError)
        assert error is None or error.prediction_id == ID
        assert len(exchange.requests) < 100
