"""Runs scenarios in one Airflow, each against an emulator of its own, whose ledger is the judge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from demo.standalone import Standalone
from tests.system.scenarios import Event, Scenario

DAGS = Path(__file__).parent / "dags"
CHECKOUT = Path(__file__).parents[2]
_ENDED = ("success", "failed", "upstream_failed", "skipped")
#: How many scenarios are under way at a time: what two processors can do.
_AT_ONCE = 8
#: The connection's timeout, in seconds, so that lost answers are noticed soon.
_TIMEOUT = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    What came of one or more generations.

    :param name: Of the scenario.
    :param booked: Submissions in the ledger.
    :param delivered: Different predictions that were handed on.
    :param tries: Tries of the task instances, all together.
    :param state: State in which they ended.
    :param lost: How many of the tries Airflow lost without the task's doing.
    :param problems: What is not as it must be.
    """

    name: str
    booked: int
    delivered: int
    tries: int
    state: str
    lost: int = 0
    problems: tuple[str, ...] = ()


def table(rows: Iterable[Row]) -> str:
    """Return rows as text."""
    lines = [f"{'scenario':42} {'booked':>6} {'delivered':>9} {'tries':>5}  state"]
    for row in rows:
        lost = f" ({row.lost} lost by Airflow)" if row.lost else ""
        lines.append(f"{row.name:42} {row.booked:6} {row.delivered:9} {row.tries:5}  {row.state}{lost}")
        lines += [f"    WRONG: {problem}" for problem in row.problems]
    return "\n".join(lines)


@dataclass
class Course:
    """One scenario on its way."""

    scenario: Scenario
    emulator: Emulator
    airflow: Standalone
    run_id: str = ""
    pending: list[Event] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Order the faults, and start the run."""
        self.emulator.faults([dict(fault) for fault in self.scenario.faults])
        self.pending = list(self.scenario.events)
        self.run_id = self.airflow.api.trigger(self.scenario.dag_id)

    def go_on(self) -> bool:
        """Do what is due, and return whether the end is reached."""
        # The run's state before the task's: a run that has ended stays so, and its task's state is the last one.
        ended = self.airflow.api.run_state(*self._run) in _ENDED
        state = self._task()["state"]
        if state == "success":
            self.delivered |= self._handed_on()
        if not self.pending:
            return ended and state in _ENDED
        # A clear while the scheduler is about to end the run would be lost.
        if state == self.pending[0].state and (ended or state not in _ENDED):
            self._do(self.pending.pop(0))
        return False

    def row(self) -> Row:
        """Return what came of it."""
        wanted, task, ledger = self.scenario, self._task(), self.emulator.ledger()
        found = {
            "booked": len(ledger),
            "delivered": len(self.delivered),
            "tries": task["try_number"],
            "state": task["state"],
        }
        lost = lost_tries(self.airflow, wanted.dag_id)
        required = {
            "booked": wanted.booked,
            "delivered": wanted.delivered,
            "tries": wanted.tries + lost,
            "state": wanted.state,
        }
        problems = [
            f"{name} is {found[name]}, must be {value}" for name, value in required.items() if found[name] != value
        ]
        log = "\n".join(self.airflow.api.log_lines(*self._run, "make_video", task["try_number"]))
        if wanted.says not in log:
            problems.append(f"the log of the last try does not say {wanted.says!r}")
        if foreign := self.delivered - {entry["id"] for entry in ledger}:
            problems.append(f"delivered, but not booked: {foreign}")
        if leaks := self.emulator.leaks():
            problems.append(f"the key leaked: {leaks}")
        return Row(name=wanted.name, problems=tuple(problems), lost=lost, **found)

    @property
    def _run(self) -> tuple[str, str]:
        return self.scenario.dag_id, self.run_id

    def _task(self) -> dict[str, Any]:
        [task] = self.airflow.api.task_instances(*self._run)
        return task

    def _handed_on(self) -> set[str]:
        outputs = self.airflow.api.xcom(*self._run, "make_video")
        return {address.split("/")[-2] for address in outputs}

    def _do(self, event: Event) -> None:
        api, (dag_id, run_id) = self.airflow.api, self._run
        match event.deed:
            case "stop answering":
                self.emulator.stop_answering(30)
            case "clear":
                clear_task(self.airflow, dag_id, run_id)
            case "mark failed":
                api.patch(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/make_video", {"new_state": "failed"})


def clear_task(airflow: Standalone, dag_id: str, run_id: str) -> None:
    """Clear the task of a run, as a person does in the UI."""
    order = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
    airflow.api.post(f"dags/{dag_id}/clearTaskInstances", order)


def lost_tries(airflow: Standalone, dag_id: str) -> int:
    """
    Return how many tries of a DAG's task the scheduler gave up because it was late.

    It then hears of the end of the leg that deferred only when the next leg is queued already, and takes it for that
    one's end: Airflow's own race, which no operator can prevent.
    """
    mark = f"reported that the task instance <TaskInstance: {dag_id}.make_video "
    return sum(
        mark in line and "finished with state success, but the task instance's state attribute is queued" in line
        for line in airflow.log.read_text(errors="replace").splitlines()
    )


@contextmanager
def chaos(home: Path, scenarios: Sequence[Scenario]) -> Iterator[tuple[Standalone, dict[str, Emulator]]]:
    """
    Start Airflow, and an emulator for each DAG.

    :param home: Airflow's home.
    :param scenarios: Each gets an emulator; so do the DAGs of many generations.
    """
    seconds = {scenario.dag_id: scenario.seconds for scenario in scenarios} | {"chaos_waits": 25.0, "chaos_storm": 20.0}
    with ExitStack() as stack:
        emulators = {
            dag_id: stack.enter_context(
                running_emulator(Settings(seconds_created=0.1, seconds_queued=0.1, seconds_running=running))
            )
            for dag_id, running in seconds.items()
        }
        environment = {
            f"AIRFLOW_CONN_{dag_id.upper()}": json.dumps(emulator.connection | {"extra": {"timeout": _TIMEOUT}})
            for dag_id, emulator in emulators.items()
        }
        airflow = Standalone(
            home,
            DAGS,
            environment
            | {
                "PYTHONPATH": str(CHECKOUT),
                "AIRFLOW__CORE__PARALLELISM": "6",
                # A leak of the key must not be hidden by Airflow's masking of what it knows to be secret.
                "AIRFLOW__LOGGING__MIN_LENGTH_MASKED_SECRET": "1000",
                # A worker that died with its supervisor is noticed only by the silence.
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            },
        )
        yield stack.enter_context(airflow), emulators


def run_scenarios(airflow: Standalone, emulators: dict[str, Emulator], scenarios: Sequence[Scenario]) -> list[Row]:
    """Run scenarios at the same time and return what came of each."""
    courses = [Course(scenario, emulators[scenario.dag_id], airflow) for scenario in scenarios]
    waiting, under_way = list(courses), list[Course]()
    for course in courses:
        airflow.wait_for_dag(course.scenario.dag_id)

    def is_done() -> bool:
        under_way[:] = [course for course in under_way if not course.go_on()]
        while waiting and len(under_way) < _AT_ONCE:
            under_way.append(waiting.pop(0))
            under_way[-1].begin()
        return not under_way

    airflow.wait_for("end of all scenarios", is_done, 600)
    return [course.row() for course in courses]


def many_row(airflow: Standalone, emulator: Emulator, name: str, dag_id: str, run_id: str) -> Row:
    """Return what came of a run with many generations: each is told by its prompt."""
    tasks = airflow.api.task_instances(dag_id, run_id)
    ledger: dict[str, list[str]] = {}
    for entry in emulator.ledger():
        ledger.setdefault(entry["parameters"]["prompt"], []).append(entry["id"])
    problems, delivered = [], 0
    for task in tasks:
        index = task["map_index"]
        prompt = f"{dag_id} {index}"
        booked = ledger.get(prompt, [])
        if len(booked) > 1:
            problems.append(f"{prompt!r} is booked {len(booked)} times")
        if task["state"] == "success":
            handed_on = airflow.api.xcom(dag_id, run_id, "make_video", map_index=index)
            if [address.split("/")[-2] for address in handed_on] != booked:
                problems.append(f"{prompt!r} delivered {handed_on}, booked {booked}")
            else:
                delivered += 1
        else:
            log = "\n".join(airflow.api.log_lines(dag_id, run_id, "make_video", task["try_number"], map_index=index))
            told = (*booked, "may have been started and charged") if booked else ("charged",)
            if not any(each in log for each in told):
                problems.append(f"{prompt!r} is lost: {task['state']}, booked {booked}")
    states = sorted({task["state"] for task in tasks})
    return Row(
        name=name,
        booked=sum(len(booked) for booked in ledger.values()),
        delivered=delivered,
        tries=sum(task["try_number"] for task in tasks),
        state=", ".join(states),
        lost=lost_tries(airflow, dag_id),
        problems=tuple(problems),
    )
