"""
Answers of every reported form through an operator with retries, on the worker and deferred.

What was paid is in the ledger of the emulator. The cases and their meanings are those of the clients' tests.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import Charge
from tests.unit.airflow.gateway import TRIES, Gateway, Task
from tests.unit.gptproto import more_answers, service_answers
from tests.unit.gptproto.answers import ID, POLLS, SUBMISSIONS, VIDEO, Case
from tests.versions import needs_store

pytestmark = needs_store

#: Parts of an error, by meaning.
SAYS = {
    "content": "Change the prompt or the media",
    "sound": "generate_audio=false",
    "balance": "Top up",
    "unconfirmed": "It is unknown whether the submission was accepted",
    "failed": "The generation ended as",
    "unknown": "Check the id",
}
#: Meanings that the next try cannot change.
FINAL = ("content", "sound", "arguments", "gateway", "balance", "unconfirmed", "unknown")


def fault_of(case: Case, own_id: str = ID) -> dict[str, Any]:
    """Return the fault that answers like a case, with the id of the booked prediction for the case's own."""
    if "location" in case.headers:
        return {"answer": "redirect", "status": case.status, "location": case.headers["location"]}
    if isinstance(case.body, str):
        body = "html" if case.body.startswith("<") else "not-json" if case.body else "empty"
        return {"status": case.status, "body": body}
    text = json.dumps(case.body).replace(f'"{own_id}"', '"{id}"').replace(f'\\"{own_id}\\"', '\\"{id}\\"')
    # An integer.
    return {"status": case.status, "body": json.loads(text.replace(f": {own_id}}}", ': "{id}"}'))}


def assert_says(task: Task, case: Case) -> None:
    assert SAYS.get(case.means, "") in task.message
    # The title of a page is the emulator's own.
    for part in case.says if not isinstance(case.body, str) else ():
        assert part in task.message
    if case.means in ("fault", "capacity", "arguments", "gateway"):
        assert "Change the prompt or the media" not in task.message
        assert "Top up" not in task.message


@pytest.mark.parametrize(
    "case", [*SUBMISSIONS, *more_answers.SUBMISSIONS, *service_answers.SUBMISSIONS], ids=lambda case: case.name
)
def test_answer_to_a_submission(case: Case, deferrable: bool) -> None:
    if case.means == "submitted":
        fault = {**fault_of(case, case.values["id"]), "book": True}
        task = Task(Gateway(submission=fault), {"deferrable": deferrable}).run_all()
        assert task.world.posts == 1
        assert task.errors == []
        assert task.outputs is not None
        assert task.booked[0] in task.outputs[0]
        assert set(task.world.polled) == set(task.booked)
        return
    # The worst case of an unknown outcome: it was accepted.
    booked = 1 if case.means == "unconfirmed" else 0
    world = Gateway(submission={**fault_of(case), "book": bool(booked)})
    task = Task(world, {"deferrable": deferrable}).run_all()
    assert task.outputs is None
    assert len(task.booked) == booked
    if case.means in FINAL:
        assert task.is_final
        assert (world.posts, task.run.tries) == (1, 1)
    elif case.means == "fault":
        assert (world.posts, task.run.tries) == (TRIES, TRIES)
    elif task.is_final:
        assert world.posts == 1
    charge = Charge.POSSIBLE if task.is_final and case.means in ("unconfirmed", "capacity") else Charge.NONE
    assert charge.value in task.message
    assert_says(task, case)


@pytest.mark.parametrize("case", [*POLLS, *more_answers.POLLS, *service_answers.POLLS], ids=lambda case: case.name)
def test_answer_to_a_poll(case: Case, deferrable: bool) -> None:
    world = Gateway(poll=fault_of(case), times=case.times)
    task = Task(world, {"deferrable": deferrable, **({"timeout": 60.0} if case.means == "in progress" else {})})
    if case.means == "in progress":
        assert task.try_once()
        assert task.booked[0] in task.message
        assert "waits for the same prediction and pays nothing" in task.message
        world.poll = None
    task.run_all()
    assert world.hosts == {"gptproto.example"}
    # A generation that really failed is the only reason to pay for another one.
    assert len(task.booked) == world.posts == (TRIES if case.means == "failed" else 1)
    if case.means in ("done", "in progress"):
        assert task.outputs is not None
        assert task.booked[0] in task.outputs[0] or task.outputs == [VIDEO]
        assert (task.outputs == [VIDEO]) is (case.means == "done" and case.times is None)
        assert task.run.tries == (1 if case.means == "done" else 2)
        for name, value in case.values.items():
            if name == "created_at":
                assert task.run.xcoms["prediction"]["created_at"] == value.isoformat()
            elif name == "has_nsfw_contents":
                assert task.run.xcoms["prediction"][name] == list(value)
        return
    assert task.is_final is (case.means in FINAL)
    assert task.booked[-1] in task.message
    charge = Charge.POSSIBLE if case.means == "unknown" else Charge.FAILED
    assert charge.value in task.message
    assert_says(task, case)


def test_prediction_that_is_unknown_for_ten_seconds_of_a_wait_is_delivered(deferrable: bool) -> None:
    world = Gateway(poll={"answer": "poll-unknown"}, times=4)
    task = Task(world, {"deferrable": deferrable}).run_all()
    assert task.outputs is not None
    assert len(task.booked) == world.posts == 1


def test_prediction_that_is_unknown_for_ten_seconds_of_a_retry_is_delivered(deferrable: bool) -> None:
    world = Gateway(poll={"answer": "code-500"})
    task = Task(world, {"deferrable": deferrable})
    assert task.try_once()
    world.poll, world.times = {"answer": "poll-unknown"}, len(world.polled) + 4
    task.run_all()
    assert task.outputs is not None
    assert len(task.booked) == world.posts == 1
