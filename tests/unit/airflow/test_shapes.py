"""Each shape of the emulator's table, by a marker in the prompt, through an operator with retries."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from airflow_provider_seedance.emulator.settings import Settings
from airflow_provider_seedance.gptproto.errors import Charge
from tests.unit.airflow.gateway import TRIES, Gateway, Task
from tests.unit.tables import read_table
from tests.versions import needs_store

pytestmark = needs_store

TABLE = {row[0].strip("`"): row[1:] for row in read_table("answer-shapes.md", "| shape | request | answer | meaning |")}


@dataclass(frozen=True)
class Outcome:
    """
    How a task with ``retries=2`` ends.

    :param is_done: Whether it returns the video.
    :param tries: How many tries it takes.
    :param says: A part of the last error.
    :param pays_again: Whether each try submits.
    """

    is_done: bool
    tries: int = 1
    says: str = ""
    pays_again: bool = False


DONE = Outcome(is_done=True)
FAILED = Outcome(is_done=False, tries=TRIES, says="The generation ended as", pays_again=True)
POLICY = Outcome(is_done=False, says="Change the prompt")
#: The meanings of the table.
MEANINGS = {
    "submitted": DONE,
    "done": DONE,
    "submitted; done": DONE,
    "in progress": DONE,
    "done, flagged": DONE,
    "done, not flagged": DONE,
    "the time of the submission": DONE,
    "failed, once it was seen repeatedly": FAILED,
    "expired, once it was seen repeatedly": FAILED,
    "content policy": POLICY,
    "content policy, caused by the sound": Outcome(is_done=False, says="generate_audio=false"),
    "arguments refused": Outcome(is_done=False, says="Correct"),
    "balance": Outcome(is_done=False, says="Top up"),
    "a gateway's refusal, not the service's": Outcome(is_done=False, says="Check the proxy, the firewall"),
    "the request is too large": Outcome(is_done=False, says="too large"),
    "a passing fault of the service, no verdict on the content": Outcome(
        is_done=False, tries=TRIES, says="ContentSecurityDetectionError", pays_again=True
    ),
    "unconfirmed: it is unknown whether the submission was accepted": Outcome(is_done=False, says="It is unknown"),
    "unconfirmed, with the id: the task goes on with it": DONE,
    "a fault of the service: unconfirmed, or a poll that is repeated": Outcome(is_done=False, says="It is unknown"),
}
UNKNOWN_STATUS = "unknown-status"


def meaning_of(name: str) -> str:
    return TABLE[name][-1].removesuffix("; not booked").removesuffix("; booked")


def task_of(prompt: str, *, deferrable: bool) -> Task:
    world = Gateway()
    world.service.settings = Settings(seconds_running=90)
    return Task(world, {"prompt": f"A paper boat [shape:{prompt}]", "deferrable": deferrable}).run_all()


@pytest.mark.parametrize("name", [name for name in TABLE if meaning_of(name) in MEANINGS and name != UNKNOWN_STATUS])
def test_task_ends_as_the_shape_means(name: str, deferrable: bool) -> None:
    task, outcome = task_of(name, deferrable=deferrable), MEANINGS[meaning_of(name)]
    if name == "empty-outputs":
        # The video may still come, so every try reads the same prediction.
        outcome = Outcome(is_done=False, tries=TRIES, says="has no outputs")
    assert (task.outputs is not None) is outcome.is_done, task.errors
    assert task.run.tries == outcome.tries
    posts = outcome.tries if outcome.pays_again else 1
    assert task.world.posts == posts
    is_refused = name.startswith(("refused-", "lost-")) or name == "code-500"
    assert len(task.booked) == (0 if is_refused and not TABLE[name][-1].endswith("; booked") else posts)
    if task.outputs is not None:
        assert task.booked[0] in task.outputs[0]
        assert task.run.xcoms["prediction"]["has_nsfw_contents"] == [meaning_of(name) == "done, flagged"] * (
            name != "nsfw-null"
        )
        assert str(task.run.xcoms["prediction"]["created_at"]).startswith("2027-01-15T08:00:00")
        return
    assert outcome.says in task.message
    charged = [each.value for each in Charge if each.value in task.message]
    if not is_refused:
        assert task.booked[-1] in task.message
        assert charged == [Charge.FAILED.value if name != "empty-outputs" else Charge.ACCEPTED.value]
    else:
        is_open = "unconfirmed" in meaning_of(name)
        assert charged == [Charge.POSSIBLE.value if is_open else Charge.NONE.value]


@pytest.mark.parametrize("name", [name for name in TABLE if meaning_of(name) == "no capacity"])
def test_submission_without_capacity_is_no_verdict(name: str, deferrable: bool) -> None:
    task = task_of(name, deferrable=deferrable)
    assert task.outputs is None
    assert task.booked == []
    assert "Change the prompt" not in task.message
    assert "Top up" not in task.message


@pytest.mark.parametrize("name", [name for name in TABLE if name.startswith("poll-") and name != "poll-unknown"])
def test_poll_that_says_nothing_does_not_end_the_wait(name: str, deferrable: bool) -> None:
    task = task_of(f"{name}*4", deferrable=deferrable)
    assert task.errors == []
    assert task.outputs is not None
    assert task.booked[0] in task.outputs[0]
    assert task.world.posts == 1
    assert task.world.hosts == {"gptproto.example"}


@pytest.mark.parametrize("name", ["failed", "string-error", "expired", "failed-sensitive", "failed-500", "code-500"])
def test_one_wrong_answer_is_not_believed(name: str, deferrable: bool) -> None:
    task = task_of(f"{name}*1", deferrable=deferrable)
    assert task.errors == []
    assert task.outputs is not None
    assert len(task.booked) == task.world.posts == 1


def test_status_that_nobody_knows_is_waited_for_and_paid_once(deferrable: bool) -> None:
    task = task_of(UNKNOWN_STATUS, deferrable=deferrable)
    assert task.outputs is None
    assert "warming_up" in task.message
    assert len(task.booked) == task.world.posts == 1


def test_unknown_marker_is_an_error_for_the_author(deferrable: bool) -> None:
    task = task_of("output-txt", deferrable=deferrable)
    assert task.is_final
    assert "did you mean output-text" in task.message
    assert task.booked == []


def test_every_meaning_of_the_table_is_tested() -> None:
    others = {meaning_of(name) for name in TABLE} - set(MEANINGS)
    assert others == {
        "no capacity",
        "nothing about the prediction: the wait goes on",
        "unknown, once it was seen repeatedly",
    }
