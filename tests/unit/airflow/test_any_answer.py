"""Fuzz test of a task with retries: whatever the service answers, one generation is paid once, and its id is kept."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.airflow.gateway import Gateway, Task
from tests.unit.gptproto.any_answer import FAILED, NO_ID, STATUSES, accepted, bodies, named
from tests.versions import needs_store

pytestmark = needs_store

OWN = named("{id}")
#: Fewer examples, because each one runs up to three tries of a task.
FEWER = settings(max_examples=max(settings().max_examples // 4, 50))


def fault(body: Any, status: int) -> dict[str, Any]:
    """Return the fault with this answer; a body that is no object or list stands in a list."""
    return {"status": status, "body": body if isinstance(body, dict | list) else [body]}


def spelled(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False).replace("\\", "").lower()


def is_failure(body: Any) -> bool:
    """Return whether an answer can be read as the failure of a prediction."""
    text = spelled(body)
    return any(f'"{word.lower()}"' in text for word in FAILED)


def is_refusal(status: int) -> bool:
    return 400 <= status < 500 and status not in (408, 424, 425, 499)


@FEWER
@given(body=bodies(OWN), status=st.sampled_from(STATUSES), deferrable=st.booleans())
def test_id_of_a_submission_is_in_the_result_or_in_the_error(body: Any, status: int, deferrable: bool) -> None:
    world = Gateway(submission={**fault(body, status), "book": True})
    task = Task(world, {"deferrable": deferrable}).run_all()
    assert len(task.booked) == world.posts >= 1
    # A 429 was not accepted, whatever else the answer says.
    assert world.posts == 1 or is_refusal(status) or "429" in spelled(body)
    if task.outputs is not None:
        # A submission can be answered with its video.
        assert task.run.xcoms["prediction_id"] == task.booked[-1]
    else:
        assert task.booked[-1] in task.message


@FEWER
@given(body=accepted(OWN), status=st.sampled_from(STATUSES), deferrable=st.booleans())
def test_submission_whose_answer_names_the_prediction_is_paid_once(body: Any, status: int, deferrable: bool) -> None:
    world = Gateway(submission={**fault(body, status), "book": True})
    task = Task(world, {"deferrable": deferrable}).run_all()
    assert len(task.booked) == world.posts == 1
    if task.outputs is None:
        assert task.booked[0] in task.message


@FEWER
@given(body=bodies(NO_ID), status=st.sampled_from(STATUSES), deferrable=st.booleans())
def test_submission_that_may_have_been_accepted_is_sent_once(body: Any, status: int, deferrable: bool) -> None:
    world = Gateway(submission={**fault(body, status), "book": True})
    task = Task(world, {"deferrable": deferrable}).run_all()
    assert task.outputs is None
    if not is_refusal(status) and "429" not in spelled(body):
        assert task.is_final
        assert len(task.booked) == world.posts == 1


@FEWER
@given(
    answers=st.lists(st.tuples(bodies(OWN | NO_ID | named("b2")), st.sampled_from(STATUSES)), max_size=6),
    deferrable=st.booleans(),
)
def test_polls_never_make_a_task_pay_again(answers: list[tuple[Any, int]], deferrable: bool) -> None:
    polls = [fault(body, status) for body, status in answers]
    world = Gateway(polls=polls)
    task = Task(world, {"deferrable": deferrable}).run_all()
    # Three answers that it failed are believed.
    failures = sum(is_failure(body) for body, _ in answers)
    assert len(task.booked) == world.posts
    assert world.posts == 1 or failures >= 3
    if task.outputs is None:
        assert task.booked[-1] in task.message
        assert task.is_final
