"""
Every row of the two tables on retries and clears is a scenario: what the new try books, returns, or fails with.

A row's words are the expectation, and the emulator's ledger is the judge. To add a row, write it in the guide, with the
row of the record table that decides it, and add to ``EVENTS`` the steps that lead to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from airflow.providers.common.compat.sdk import AirflowException, BaseOperator

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.polling import Poller
from airflow_provider_seedance.operators.seedance import SeedanceImageToVideoOperator
from airflow_provider_seedance.sensors.seedance import SeedancePredictionSensor
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.clock import Clock
from tests.unit.airflow.driving import FailingStore, FakeStore, Run, WorkerDiedError
from tests.unit.airflow.operators import PNG, text_to_video
from tests.unit.gptproto.samples import picture
from tests.unit.tables import read_table
from tests.versions import needs_store

pytestmark = pytest.mark.usefixtures("short_waits")

KEY = "seedance_submission"
#: The words of both pages for each result of a try.
RESULTS = {
    "submits": ("**submits**", "**yes**"),
    "submits once": ("**submits once more**", "**perhaps, once**"),
    "continues": ("**continues**", "**no**"),
    "fails": ("**fails**", "**no, the task fails**"),
}
VERDICT = re.compile(r'(?:with `(\w+="\w+")` (?:it )?)?(\*\*.*?\*\*)')


def verdicts_of(cell: str) -> dict[str, str]:
    """Return a cell's result for each option that it names, such as ``on_clear="regenerate"``; "" for the defaults."""
    found = VERDICT.findall(cell)
    assert found, f"no verdict in {cell!r}"
    assert cell.startswith(found[0][1]), f"{cell!r} does not begin with its verdict"
    assert len(dict(found)) == len(found) == cell.count("**") / 2, f"an option has two verdicts in {cell!r}"
    assert len(found) == cell.count("with `") + 1, f"an option has no verdict in {cell!r}"
    return {option: next(name for name, words in RESULTS.items() if word in words) for option, word in found}


RECORD = {record: verdicts_of(cell) for record, cell in read_table("when-things-break.md", "| record | the new try |")}
GUIDE = {
    event: (verdicts_of(cell), record)
    for event, cell, record in read_table("guide/pick-up-retry-clear.md", "| event | paid again | record |")
}
OPTIONS = {option for verdicts in RECORD.values() for option in verdicts} - {""}


@dataclass
class Task:
    """
    A task before the try that a row describes.

    :param arguments: Arguments of its operator, at every try.
    :param last: The operator of the row's try; ``None`` for the same operator as before.
    """

    emulator: Emulator
    clock: Clock
    folder: Path
    arguments: dict[str, Any]
    run: Run = field(default_factory=Run)
    last: BaseOperator | None = None
    #: The prediction that the try returns, if it is not the one that was booked last.
    returned: str | None = None

    def try_once(self, **arguments: Any) -> Any:
        return self.run.try_once(text_to_video(**self.arguments, **arguments))

    def fail(self, **arguments: Any) -> None:
        """Run a try that fails, or whose worker dies."""
        with pytest.raises((SeedanceError, AirflowException, ConnectionError, WorkerDiedError)):
            self.try_once(**arguments)

    def booked(self) -> list[str]:
        return [entry["id"] for entry in self.emulator.ledger()]

    def record(self) -> Any:
        return None if self.run.store is None else json.loads(self.run.store.values.get(KEY, "null"))


Step = Callable[[Task], Any]
succeed = Task.try_once


def clear(task: Task) -> None:
    task.run.clear()


def clear_another(task: Task) -> None:
    task.run.clear_number += 1


def die(task: Task, **arguments: Any) -> None:
    """Run a try whose worker or triggerer dies while it waits."""
    with mock.patch.object(Poller, "first_poll", side_effect=WorkerDiedError):
        task.fail(**arguments)


def write(*results: str) -> Step:
    """Run a try in which these are the results of writing the record: the intent, the id, the delivery."""

    def fail(task: Task) -> None:
        task.run.store = FailingStore(failures=list(results))
        task.fail()

    return fail


def time_out(task: Task) -> None:
    task.emulator.settings(seconds_running=60)
    task.fail(timeout=0.2, poll_interval=0.1)
    task.clock.pause(60)


def respond(*, times: int | None = None, **response: Any) -> Step:
    """Set the response to polls of the generation."""
    return lambda task: task.emulator.fault(endpoint="result", prediction_id=task.booked()[-1], times=times, **response)


forget = respond(status=404, body={"code": 404, "message": "no such prediction", "type": "error"})


def refuse(code: str) -> Step:
    """Let the generation fail with a code of the vendor that a retry does not cure."""

    def respond_failed(task: Task) -> None:
        data = {"id": task.booked()[-1], "status": "failed", "error": {"code": code, "message": code}}
        respond(body={"code": 200, "data": data})(task)

    return respond_failed


refuse_content = refuse("OutputVideoSensitiveContentDetected")
refuse_audio = refuse("OutputAudioSensitiveContentDetected")
refuse_arguments = refuse("InvalidParameter.TaskTypeConstraint")


def submit(**response: Any) -> Step:
    """Run a try that gets this response to its submission, or none."""

    def fail(task: Task) -> None:
        task.emulator.fault(endpoint="submit", times=None, **response)
        task.fail()
        task.emulator.clear_faults()

    return fail


def change(**arguments: Any) -> Step:
    """Change an argument after a success."""

    def succeed_and_change(task: Task) -> None:
        task.try_once()
        task.last = text_to_video(**task.arguments, **arguments)

    return succeed_and_change


def change_image(task: Task) -> None:
    first, task.last = (
        SeedanceImageToVideoOperator(task_id="make_video", prompt="A boat", image=image, **task.arguments)
        for image in (PNG, PNG[:-4])
    )
    task.run.try_once(first)


def set_prediction_id(task: Task) -> None:
    """Wait for a generation of the task itself, then set the id of another one."""
    die(task)
    prediction_id = Run().try_once(text_to_video(wait_for_completion=False))
    task.last = text_to_video(**task.arguments, prediction_id=prediction_id)


def generate_slowly(task: Task) -> None:
    """Let no generation finish before :func:`remove_prediction_id`, however slow this machine is."""
    task.emulator.settings(seconds_running=60)


def remove_prediction_id(task: Task) -> None:
    """Remove the id while the task waits for it: its own generation was booked first."""
    die(task, prediction_id=task.booked()[-1])
    task.last, task.returned = None, task.booked()[0]
    task.clock.pause(60)


def limit_submissions(task: Task) -> None:
    task.arguments["max_submissions"] = 1


def lose_file(task: Task) -> None:
    """Wait for a generation from a local file, which is gone at the next try."""
    image = task.folder / "boat.png"
    image.write_bytes(picture("PNG"))
    task.last = SeedanceImageToVideoOperator(task_id="make_video", prompt="A boat", image=str(image), **task.arguments)
    with mock.patch.object(Poller, "first_poll", side_effect=WorkerDiedError), pytest.raises(WorkerDiedError):
        task.run.try_once(task.last)
    image.unlink()


def expire_links(task: Task) -> None:
    task.emulator.settings(link_seconds=0)


def delete_record(task: Task) -> None:
    task.run.store = FakeStore()


def damage_record(task: Task) -> None:
    task.run.store = FakeStore({KEY: "{}"})


def break_store(task: Task) -> None:
    unreadable = mock.Mock(side_effect=ConnectionError("the API server is away"))
    task.run.store = mock.Mock(values={KEY: "{}"}, get=unreadable)


def start_dag_run(task: Task) -> None:
    task.run = Run()


def wait_with_sensor(task: Task) -> None:
    task.last = SeedancePredictionSensor(
        task_id="wait",
        prediction_id=Run().try_once(text_to_video(wait_for_completion=False)),
        poke_interval=0.05,
        deferrable=task.arguments["deferrable"],
    )
    task.run.try_once(task.last)


def store_video(task: Task) -> None:
    Run().try_once(text_to_video())
    task.last = SeedanceToObjectStorageOperator(
        task_id="store", destination=str(task.folder), prediction_id=task.booked()[-1]
    )
    task.run.try_once(task.last)


def without_store(task: Task) -> None:
    task.run.store = None


def not_durable(task: Task) -> None:
    task.arguments["durable"] = False


#: For each event of the guide, the ways to it: the steps before its try.
EVENTS: dict[str, list[list[Step]]] = {
    "retry after a crash of worker, triggerer or scheduler during the wait": [[write("none", "dies after")], [die]],
    "retry after `timeout` passed": [[time_out]],
    "retry that gets one wrong *failed*": [[die, respond(answer="failed", times=1)]],
    "retry after the generation failed or expired": [[die, respond(answer=end)] for end in ("failed", "expired")],
    "retry after the generation failed, and `max_submissions` is reached": [
        [limit_submissions, die, respond(answer="failed")]
    ],
    "retry after a local file of the request is gone": [[lose_file]],
    "retry after the generation failed because of its content or arguments": [
        [die, refuse_content],
        [die, refuse_arguments],
    ],
    "retry after the generated audio was refused": [[die, refuse_audio]],
    "clear after the generation failed because of its content or arguments": [
        [die, refuse_content, clear],
        [die, refuse_arguments, clear],
    ],
    "retry or clear after the service forgot the prediction": [[die, forget], [die, forget, clear]],
    "retry or clear while the service does not answer": [
        [die, respond(status=503)],
        [die, respond(drop="before"), clear],
    ],
    "the response to a submission was lost, or its id could not be recorded": [
        [submit(drop="after")],
        [submit(drop="after"), submit(drop="after")],
        [write("dies after")],
        [write("none", "dies before")],
        [write("none", "fails", "fails", "fails")],
    ],
    "the service refused the submission, or the worker crashed before it": [
        [submit(status=429, retry_after=0)],
        [write("dies before")],
    ],
    "clear during the wait, or after the task was marked failed during the wait": [[die, clear]],
    "clear of another task of the run during the wait": [[die, clear_another]],
    "clear of another task of the run after success": [[succeed, clear_another]],
    "retry after a crash right after the delivery": [[write("none", "none", "dies after")]],
    "... and its links have expired": [[write("none", "none", "dies after"), expire_links]],
    "... and the service does not have the video any more": [[write("none", "none", "dies after"), forget]],
    "clear after success": [[succeed, clear]],
    "clear after success, and the service does not have the video any more": [
        [succeed, clear, forget],
        [succeed, clear, respond(answer="expired")],
    ],
    "clear after success, and the links have expired": [[succeed, clear, expire_links]],
    "another try with another prompt, model, seed, connection, or image": [
        [change(prompt="A kite")],
        [change(model="seedance-1-5-pro")],
        [change(seed=7)],
        [change(seedance_conn_id="another")],
        [change_image],
    ],
    "`prediction_id` is set": [[set_prediction_id]],
    "`prediction_id` was set during a wait, and is removed again": [
        [generate_slowly, set_prediction_id, remove_prediction_id, clear]
    ],
    "clear after the record was deleted": [[succeed, clear, delete_record]],
    "clear after the record was damaged, or while Airflow cannot read it": [
        [succeed, clear, damage_record],
        [succeed, clear, break_store],
    ],
    "a new DAG run": [[succeed, start_dag_run]],
    "retry or clear of a sensor, or of a task that stores videos": [
        [first, *steps] for first in (wait_with_sensor, store_video) for steps in ([], [clear])
    ],
    "retry or clear without a record: Airflow 3.1 and 3.2 without a ledger, or `durable=False`": [
        [first, *steps] for first in (without_store, not_durable) for steps in ([die], [succeed, clear])
    ],
}


def test_every_event_of_the_guide_has_scenarios() -> None:
    assert list(EVENTS) == list(GUIDE)


def test_pages_agree_and_every_row_of_the_record_table_has_an_event() -> None:
    assert {record: verdicts for verdicts, record in GUIDE.values()} == RECORD
    assert [event for event, (verdicts, record) in GUIDE.items() if verdicts != RECORD[record]] == []


def scenarios() -> Iterator[Any]:
    """Yield each way to each event: with the defaults, each option that the row names, and all others together."""
    for event, (verdicts, record) in GUIDE.items():
        cases = [({option} - {""}, expected) for option, expected in verdicts.items()]
        cases.append((OPTIONS - verdicts.keys(), verdicts[""]))
        marks = () if record.startswith(("no record is kept", "no record, and the task")) else needs_store
        for number, steps in enumerate(EVENTS.get(event, ())):
            for options, expected in cases:
                name = f"{event} {number} {' '.join(sorted(options))}"
                yield pytest.param(steps, options, record, expected, id=name, marks=marks)


@pytest.mark.parametrize(("steps", "options", "row", "expected"), list(scenarios()))
def test_try_ends_as_its_row_says(
    steps: list[Step],
    options: set[str],
    row: str,
    expected: str,
    deferrable: bool,
    emulator: Emulator,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ANOTHER", emulator.connection_json)
    arguments = {name: json.loads(value) for name, _, value in (option.partition("=") for option in options)}
    task = Task(emulator, clock, tmp_path, {"deferrable": deferrable, **arguments})
    for step in steps:
        step(task)
    paid, record = task.booked(), task.record()
    outputs, error = [""], None
    try:
        outputs = task.run.try_once(task.last or text_to_video(**task.arguments))
    except (SeedanceError, AirflowException, ConnectionError) as failure:
        error = failure
    content, new = content_of(record, task.record()), task.booked()[len(paid) :]

    # The request without audio is another one.
    assert row.startswith(content) or ("audio" in row and content == "another fingerprint")
    if expected == "submits once":
        expected = "submits" if len(paid) < 2 else "fails"
    assert len(new) == (expected == "submits"), error
    assert (error is None) == (expected != "fails"), error
    if error is None:
        assert (task.returned or [*paid, *new][-1]) in outputs[0]
    elif content != "not valid":
        assert ("may have been started and charged" if content == "no id" else paid[-1]) in str(error)


def content_of(record: Any, later: Any) -> str:
    """Return how a row of the record table begins, for the record before and after its try."""
    if record is None or record.get("is_refused"):
        return "no record"
    if "prediction_id" not in record:
        return "not valid"
    if later["fingerprint"] != record["fingerprint"]:
        return "another fingerprint"
    return "delivered" if record["delivered"] else "an id" if record["prediction_id"] else "no id"
