"""The chaos scenarios: faults and events of a generation, and the expected result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tests.system.worker_kill import KillPoint

if TYPE_CHECKING:
    from demo.standalone import Component

Action = Literal["clear", "mark failed", "stop answering"]

#: Message in the last log of a task that failed with an unconfirmed submission.
UNCONFIRMED = "A generation may have been started and charged"


@dataclass(frozen=True, kw_only=True)
class Event:
    """
    A single action on a task instance.

    :param action: The action.
    :param state: State of the task instance in which the action takes place.
    """

    action: Action
    state: str


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """
    One generation with faults.

    :param name: Name in the table.
    :param booked: Expected submissions in the ledger at the end.
    :param delivered: Expected number of predictions that the task returns, over all tries.
    :param tries: Expected tries, not counting those that Airflow itself lost.
    :param state: Expected final state.
    :param log_text: Text that the log of the last try must contain.
    :param kill_at: Point of the first try at which the worker is killed; ``None`` for never.
    :param faults: Faults of the service.
    :param events: Actions on the task instance.
    :param seconds: Duration of the generation.
    :param arguments: Further arguments of the operator.
    """

    name: str
    booked: int = 1
    delivered: int = 1
    tries: int = 1
    state: str = "success"
    log_text: str = ""
    kill_at: KillPoint | None = None
    faults: tuple[Mapping[str, Any], ...] = ()
    events: tuple[Event, ...] = ()
    seconds: float = 6.0
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dag_id(self) -> str:
        """Id of its DAG and of its connection."""
        return "chaos_" + "".join(char if char.isalnum() else "_" for char in self.name.lower())


def _unconfirmed(name: str, *, booked: int, tries: int = 1, **values: Any) -> Scenario:
    return Scenario(name=name, booked=booked, delivered=0, tries=tries, state="failed", log_text=UNCONFIRMED, **values)


def _on_submit(name: str, *, booked: int, **fault: Any) -> Scenario:
    return _unconfirmed(f"submit: {name}", booked=booked, faults=({"endpoint": "submit", **fault},))


def _on_poll(name: str, **fault: Any) -> Scenario:
    return Scenario(name=f"poll: storm of {name}", faults=({"endpoint": "result", "times": 6, **fault},))


#: An answer to a submission whose first half does not contain the id.
_ID_LAST = {
    "code": 200,
    "message": "success",
    "data": {"model": "doubao-seedance-2-0-fast-260128", "status": "created", "id": "{id}"},
}
_SYNCHRONOUS: dict[str, Any] = {"deferrable": False}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(name="no faults"),
    Scenario(name="no faults, adaptive polls", arguments={"poll_interval": None}),
    Scenario(name="no faults, on the worker", arguments=_SYNCHRONOUS),
    # The worker dies.
    _unconfirmed("SIGKILL before the POST", booked=0, tries=2, kill_at="before the POST"),
    _unconfirmed("SIGKILL between POST and record", booked=1, tries=2, kill_at="between POST and record"),
    Scenario(name="SIGKILL after the record", tries=2, kill_at="after the record"),
    Scenario(name="SIGKILL with supervisor", tries=2, kill_at="after the record, with the supervisor"),
    Scenario(name="SIGKILL while polling", tries=2, kill_at="while polling", arguments=_SYNCHRONOUS),
    Scenario(name="SIGKILL in execute_complete", tries=2, kill_at="in execute_complete"),
    # The service fails.
    Scenario(
        name="submit: storm of 429",
        faults=({"endpoint": "submit", "status": 429, "retry_after": 2, "times": 4},),
    ),
    _on_submit("500, not booked", booked=0, status=500),
    _on_submit("500, booked", booked=1, status=500, book=True),
    _on_submit("502", booked=1, status=502, book=True),
    _on_submit("503", booked=1, status=503, book=True),
    _on_submit("HTML", booked=1, body="html", book=True),
    _on_submit("200 with code 500", booked=1, answer="code-500", book=True),
    _on_submit("timeout", booked=1, latency=20),
    _on_submit("dropped before", booked=0, drop="before"),
    _on_submit("dropped after", booked=1, drop="after"),
    _on_submit("answer cut before the id", booked=1, body=_ID_LAST, truncate=True, book=True),
    Scenario(name="submit: answer cut after the id", faults=({"endpoint": "submit", "truncate": True},)),
    Scenario(
        name="submit: dropped after, resubmit",
        booked=2,
        tries=2,
        faults=({"endpoint": "submit", "drop": "after"},),
        arguments={"on_unconfirmed_submission": "resubmit"},
    ),
    _on_poll("429", status=429, retry_after=2),
    _on_poll("500", status=500),
    _on_poll("502", status=502),
    _on_poll("503", status=503),
    _on_poll("HTML", body="html"),
    _on_poll("timeouts", latency=20, times=2),
    _on_poll("dropped connections", drop="before"),
    Scenario(name="poll: 401 for a moment", faults=({"endpoint": "result", "status": 401, "times": 2},)),
    Scenario(name="poll: success without outputs", faults=({"endpoint": "result", "answer": "empty-outputs"},)),
    Scenario(name="service away for 30 s", events=(Event(action="stop answering", state="deferred"),), seconds=8),
    Scenario(name="poll: one wrong failure", faults=({"endpoint": "result", "answer": "failed"},)),
    Scenario(
        name="poll: one wrong failure, on the worker",
        faults=({"endpoint": "result", "answer": "failed"},),
        arguments=_SYNCHRONOUS,
    ),
    Scenario(
        name="SIGKILL after the record, wrong failure at the retry",
        tries=2,
        kill_at="after the record",
        faults=({"endpoint": "result", "answer": "failed", "times": 3},),
    ),
    # Three polls of the first try, and the five that confirm it at the retry.
    Scenario(
        name="failed generation, retried",
        booked=2,
        tries=2,
        faults=({"endpoint": "result", "answer": "failed", "times": 8},),
    ),
    Scenario(
        name="forgotten prediction",
        delivered=0,
        state="failed",
        log_text="GPTProto does not know the prediction",
        tries=2,
        kill_at="after the record",
        faults=({"endpoint": "result", "status": 404, "body": {"error": {"message": "no such task"}}, "times": None},),
    ),
    # A user interferes.
    Scenario(name="clear while deferred", tries=2, events=(Event(action="clear", state="deferred"),), seconds=20),
    Scenario(name="clear after success, reuse", delivered=1, tries=2, events=(Event(action="clear", state="success"),)),
    Scenario(
        name="clear after success, regenerate",
        booked=2,
        delivered=2,
        tries=2,
        events=(Event(action="clear", state="success"),),
        arguments={"on_clear": "regenerate"},
    ),
    Scenario(
        name="mark failed while deferred",
        delivered=0,
        state="failed",
        events=(Event(action="mark failed", state="deferred"),),
        seconds=20,
    ),
    Scenario(
        name="mark failed, then clear",
        tries=2,
        events=(Event(action="mark failed", state="deferred"), Event(action="clear", state="failed")),
        seconds=20,
    ),
    Scenario(name="timeout, then a retry", tries=2, seconds=12, arguments={"timeout": 8}),
)

#: Restarts of a component while tasks are deferred: name, component, signal. No task notices them.
RESTARTS: tuple[tuple[str, Component, str], ...] = (
    ("SIGTERM of the triggerer while deferred", "triggerer", "SIGTERM"),
    ("SIGKILL of the triggerer while deferred", "triggerer", "SIGKILL"),
    ("SIGTERM of the scheduler while deferred", "scheduler", "SIGTERM"),
    ("SIGKILL of the scheduler while deferred", "scheduler", "SIGKILL"),
)
