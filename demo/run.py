"""Runs the example DAG through the REST API, reports each step, and returns the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from airflow_provider_seedance.emulator.handle import Emulator
from demo.standalone import Standalone, StandaloneError
from demo.video import Measurement, download, measure

DAG_ID = "seedance_text_to_video"
TASK_ID = "make_video"
_RUN_TIMEOUT = 300.0
_LOG_LINES = 15
_STATE_NOTES = {
    "scheduled": "by the scheduler",
    "queued": "until a worker takes it",
    "running": "on a worker",
    "deferred": "to the triggerer, occupies no worker",
}


@dataclass(frozen=True, slots=True)
class Step:
    """
    A step of the run.

    :param key: Identifies the step.
    :param at: Time in seconds since the epoch.
    :param text: Description.
    """

    key: Hashable
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    Outcome of a successful run.

    :param seconds: Seconds of the task in each state, by Airflow's audit log.
    :param prediction_id: XCom ``prediction_id``.
    :param url: XCom ``video_url``.
    :param returned: Return value of the task.
    :param file: The downloaded video.
    :param measured: Frame size and length of the video.
    :param submissions: The emulator's ledger.
    :param leaks: Requests that sent an API key to a place that must not get it.
    """

    seconds: dict[str, float]
    prediction_id: str
    url: str
    returned: Any
    file: Path
    measured: Measurement
    submissions: list[dict[str, Any]]
    leaks: list[dict[str, Any]]


def run_example(airflow: Standalone, emulator: Emulator, file: Path, show: Callable[[str], None]) -> Outcome:
    """
    Run the example DAG and return its outcome.

    :param airflow: A running Airflow.
    :param emulator: The service of its connection.
    :param file: Destination of the video.
    :param show: Called with the text of each step.
    :raises StandaloneError: The run did not succeed; the message contains the end of the task's log.
    """
    api = airflow.api
    airflow.wait_for_dag(DAG_ID)
    run_id = api.trigger(DAG_ID)
    show(f"DAG {DAG_ID} is triggered: {airflow.url}/dags/{DAG_ID}/runs/{run_id}")
    _follow(airflow, emulator, run_id, show)
    url = api.xcom(DAG_ID, run_id, TASK_ID, "video_url")
    download(url, file)
    measured = measure(file)
    show("the video is downloaded from its link, without the API key, and decoded")
    return Outcome(
        seconds=seconds_by_state(api.events(DAG_ID, run_id)),
        prediction_id=api.xcom(DAG_ID, run_id, TASK_ID, "prediction_id"),
        url=url,
        returned=api.xcom(DAG_ID, run_id, TASK_ID),
        file=file,
        measured=measured,
        submissions=emulator.ledger(),
        leaks=emulator.leaks(),
    )


def _follow(airflow: Standalone, emulator: Emulator, run_id: str, show: Callable[[str], None]) -> None:
    api = airflow.api
    seen: set[Hashable] = set()

    def poll() -> str | None:
        state = api.run_state(DAG_ID, run_id)
        steps = [
            *task_steps(api.events(DAG_ID, run_id), api.task_instances(DAG_ID, run_id), time.time()),
            *service_steps(emulator.ledger()),
        ]
        for step in sorted(steps, key=lambda step: step.at):
            if step.key not in seen:
                seen.add(step.key)
                show(step.text)
        return state if state in ("success", "failed") else None

    if airflow.wait_for("end of the run", poll, _RUN_TIMEOUT) == "failed":
        log = api.log_lines(DAG_ID, run_id, TASK_ID, try_number=1)
        raise StandaloneError("\n".join(["The run failed; end of the task's log:", *log[-_LOG_LINES:]]))


def task_steps(
    events: Sequence[dict[str, Any]], task_instances: Sequence[dict[str, Any]], now: float
) -> Iterator[Step]:
    """
    Yield the steps of the task.

    :param events: The run's audit log, the oldest event first. It contains all states from the first start on.
    :param task_instances: The run's task instances, for the states before the first start.
    :param now: Time in seconds since the epoch.
    """
    task_events = [event for event in events if event["task_id"]]
    for event in task_events:
        yield Step(event["event_log_id"], _at(event), _state_text(event["task_id"], event["event"]))
    for task in task_instances:
        if task["state"] in ("scheduled", "queued"):
            yield Step((task["state"], len(task_events)), now, _state_text(task["task_id"], task["state"]))


def service_steps(submissions: Sequence[dict[str, Any]]) -> Iterator[Step]:
    """
    Yield the steps of the emulated service.

    :param submissions: The emulator's ledger.
    """
    for entry in submissions:
        name = f"prediction {entry['id']}"
        for status, at in entry["times"].items():
            price = f", booked at {entry['cost']} USD" if status == "created" else ""
            yield Step((name, status), at, f"service: {name}: {status}{price}")
        if entry["delivered"]:
            yield Step((name, "delivered"), entry["delivered_at"], f"service: {name}: delivered")


def seconds_by_state(events: Sequence[dict[str, Any]]) -> dict[str, float]:
    """
    Return the seconds of a run's only task in each state.

    :param events: The run's audit log, the oldest event first.
    """
    seconds: dict[str, float] = {}
    for event, following in pairwise(event for event in events if event["task_id"]):
        seconds[event["event"]] = seconds.get(event["event"], 0.0) + _at(following) - _at(event)
    return seconds


def _at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["when"]).timestamp()


def _state_text(task_id: str, state: str) -> str:
    return " ".join(filter(None, [f"task {task_id}: {state}", _STATE_NOTES.get(state)]))
