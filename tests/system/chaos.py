"""Run scenarios in one Airflow, each against a separate emulator, and check the results with its ledger."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.emulator.settings import Settings
from demo.standalone import Component, Standalone
from tests.system.cluster.services import running_postgresql
from tests.system.scenarios import Event, Scenario

DAGS = Path(__file__).parent / "dags"
CHECKOUT = Path(__file__).parents[2]
_END_STATES = ("success", "failed", "upstream_failed", "skipped")
#: Number of scenarios that run at a time: the capacity of two processors.
_MAXIMUM_RUNNING = 8
#: The connection's timeout in seconds; a short one detects lost responses soon.
_TIMEOUT = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    Result of one or more generations.

    :param name: Name of the scenario.
    :param booked: Submissions in the ledger.
    :param delivered: Distinct predictions that the tasks returned.
    :param tries: Tries of all task instances together.
    :param state: Final state.
    :param lost: Tries that Airflow itself lost.
    :param problems: Deviations from the expected result.
    """

    name: str
    booked: int
    delivered: int
    tries: int
    state: str
    lost: int = 0
    problems: tuple[str, ...] = ()


def table(rows: Sequence[Row]) -> str:
    """Return rows as text, with their sums."""
    lines = [f"{'scenario':42} {'booked':>6} {'delivered':>9} {'tries':>5}  state"]
    for row in rows:
        lost = f" ({row.lost} lost by Airflow)" if row.lost else ""
        lines.append(f"{row.name:42} {row.booked:6} {row.delivered:9} {row.tries:5}  {row.state}{lost}")
        lines += [f"    WRONG: {problem}" for problem in row.problems]
    right = sum(not row.problems for row in rows)
    booked, delivered = sum(row.booked for row in rows), sum(row.delivered for row in rows)
    lines.append(f"{f'as expected: {right} of {len(rows)}':42} {booked:6} {delivered:9}")
    return "\n".join(lines)


@dataclass
class ScenarioRun:
    """One running scenario."""

    scenario: Scenario
    emulator: Emulator
    airflow: Standalone
    run_id: str = ""
    pending: list[Event] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Set the faults, and start the DAG run."""
        self.emulator.faults([dict(fault) for fault in self.scenario.faults])
        self.pending = list(self.scenario.events)
        self.run_id = self.airflow.api.trigger(self.scenario.dag_id)

    def advance(self) -> bool:
        """Trigger the next event if it is due, and return whether the scenario has ended."""
        # Read the run's state first: if the run has ended, the task's state is final.
        ended = self.airflow.api.run_state(*self._run) in _END_STATES
        state = self._task()["state"]
        if state == "success":
            self.delivered |= self._returned()
        if not self.pending:
            return ended and state in _END_STATES
        # A clear is lost while the scheduler is about to end the run.
        if state == self.pending[0].state and (ended or state not in _END_STATES):
            self._trigger(self.pending.pop(0))
        return False

    def row(self) -> Row:
        """Return the result."""
        scenario, task, ledger = self.scenario, self._task(), self.emulator.ledger()
        actual = {
            "booked": len(ledger),
            "delivered": len(self.delivered),
            "tries": task["try_number"],
            "state": task["state"],
        }
        lost = lost_tries(self.airflow, scenario.dag_id)
        expected = {
            "booked": scenario.booked,
            "delivered": scenario.delivered,
            "tries": scenario.tries + lost,
            "state": scenario.state,
        }
        problems = [
            f"{name} is {actual[name]}, must be {value}" for name, value in expected.items() if actual[name] != value
        ]
        log = "\n".join(self.airflow.api.log_lines(*self._run, "make_video", task["try_number"]))
        if scenario.log_text not in log:
            problems.append(f"the log of the last try does not contain {scenario.log_text!r}")
        if unbooked := self.delivered - {entry["id"] for entry in ledger}:
            problems.append(f"delivered, but not booked: {unbooked}")
        if leaks := self.emulator.leaks():
            problems.append(f"the API key leaked: {leaks}")
        return Row(name=scenario.name, problems=tuple(problems), lost=lost, **actual)

    @property
    def _run(self) -> tuple[str, str]:
        return self.scenario.dag_id, self.run_id

    def _task(self) -> dict[str, Any]:
        [task] = self.airflow.api.task_instances(*self._run)
        return task

    def _returned(self) -> set[str]:
        outputs = self.airflow.api.xcom(*self._run, "make_video")
        return {address.split("/")[-2] for address in outputs}

    def _trigger(self, event: Event) -> None:
        api, (dag_id, run_id) = self.airflow.api, self._run
        match event.action:
            case "stop answering":
                self.emulator.stop_answering(30)
            case "clear":
                clear_task(self.airflow, dag_id, run_id)
            case "mark failed":
                api.patch(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/make_video", {"new_state": "failed"})


def clear_task(airflow: Standalone, dag_id: str, run_id: str) -> None:
    """Clear the task of a run, as a user does in the UI."""
    parameters = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
    airflow.api.post(f"dags/{dag_id}/clearTaskInstances", parameters)


def lost_tries(airflow: Standalone, dag_id: str) -> int:
    """
    Return the number of tries of a DAG's task that the scheduler lost because it was late.

    A late scheduler processes the end of the deferred process when the resumed task is already queued, and takes it for
    the end of the resumed task. If the resumed task runs when its next try starts, Airflow refuses that start: another
    lost try. These are race conditions in Airflow that no operator can prevent.
    """
    return lost_tries_in(airflow.log.read_text(errors="replace"), dag_id)


def lost_tries_in(log: str, dag_id: str) -> int:
    """Return the number of lost tries in the log of a scheduler."""
    lost, losers = 0, set[str]()
    for found in re.finditer(
        rf"reported that the task instance <TaskInstance: ({re.escape(dag_id)}\.make_video [^\[]*)\[.*?> "
        r"finished with state (\w+), but the task instance's state attribute is (\w+)",
        log,
    ):
        instance, ended, state = found.groups()
        if (ended, state) == ("success", "queued"):
            losers.add(instance)
        elif (ended, state) != ("failed", "running") or instance not in losers:
            continue
        lost += 1
    return lost


@contextmanager
def chaos(
    home: Path,
    scenarios: Sequence[Scenario],
    *,
    python: str = sys.executable,
    extra: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[Standalone, dict[str, Emulator]]]:
    """
    Run Airflow on PostgreSQL, and an emulator for each DAG.

    :param home: Airflow home.
    :param scenarios: The scenarios; the DAGs with many generations also get an emulator each.
    :param python: Interpreter of the environment in which Airflow is installed.
    :param extra: Further extra of all connections.
    :param environment: Further environment variables of Airflow.
    """
    seconds = {scenario.dag_id: scenario.seconds for scenario in scenarios} | {"chaos_waits": 25.0, "chaos_storm": 20.0}
    with ExitStack() as stack:
        emulators = {
            dag_id: stack.enter_context(
                running_emulator(Settings(seconds_created=0.1, seconds_queued=0.1, seconds_running=running))
            )
            for dag_id, running in seconds.items()
        }
        connections = {
            f"AIRFLOW_CONN_{dag_id.upper()}": json.dumps(
                emulator.connection | {"extra": {"timeout": _TIMEOUT, **(extra or {})}}
            )
            for dag_id, emulator in emulators.items()
        }
        postgresql = stack.enter_context(running_postgresql(home / "postgresql.log"))
        airflow = Standalone(
            home,
            DAGS,
            {
                **connections,
                **(environment or {}),
                "PYTHONPATH": str(CHECKOUT),
                "AIRFLOW__CORE__PARALLELISM": "6",
                # A busy machine takes longer than the default of 5 seconds.
                "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
                # Disable Airflow's masking of secrets, which would hide a leak of the API key.
                "AIRFLOW__LOGGING__MIN_LENGTH_MASKED_SECRET": "1000",
                # A worker that dies with its supervisor is detected by the missing heartbeat only.
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            },
            database=f"postgresql+psycopg2://{postgresql.url}",
            python=python,
        )
        yield stack.enter_context(airflow), emulators


def run_scenarios(airflow: Standalone, emulators: dict[str, Emulator], scenarios: Sequence[Scenario]) -> list[Row]:
    """Run scenarios in parallel, and return the result of each."""
    runs = [ScenarioRun(scenario, emulators[scenario.dag_id], airflow) for scenario in scenarios]
    waiting, running = list(runs), list[ScenarioRun]()
    for run in runs:
        airflow.wait_for_dag(run.scenario.dag_id)

    def is_done() -> bool:
        running[:] = [run for run in running if not run.advance()]
        while waiting and len(running) < _MAXIMUM_RUNNING:
            running.append(waiting.pop(0))
            running[-1].start()
        return not running

    airflow.wait_for("end of all scenarios", is_done, 1800)
    return [run.row() for run in runs]


def restart(airflow: Standalone, emulators: dict[str, Emulator], name: str, component: Component, signal: str) -> Row:
    """
    End a component while tasks are deferred, start it again, and return the result.

    :param name: Name in the table.
    :param component: The component.
    :param signal: ``SIGTERM``, as in a regular restart, or ``SIGKILL``.
    """
    emulator = emulators["chaos_waits"]
    emulator.reset()
    airflow.wait_for_dag("chaos_waits")
    run_id = airflow.api.trigger("chaos_waits")

    def states() -> set[str]:
        return {task["state"] for task in airflow.api.task_instances("chaos_waits", run_id)}

    airflow.wait_for("deferral of all", lambda: states() == {"deferred"})
    end = _terminate if signal == "SIGTERM" else Standalone.kill
    end(airflow, component)
    airflow.start(component)
    airflow.wait_for("end of all", lambda: airflow.api.run_state("chaos_waits", run_id) in ("success", "failed"), 300)

    row = many_row(airflow, emulator, name, "chaos_waits", run_id)
    actual = (row.booked, row.delivered, row.tries - row.lost, row.state)
    if actual == (3, 3, 3, "success"):
        return row
    return dataclasses.replace(row, problems=(*row.problems, f"{actual} must be (3, 3, 3, 'success')"))


def _terminate(airflow: Standalone, component: Component) -> None:
    """Terminate a component as a regular restart does, and wait for its end."""
    processes = airflow.component(component)
    processes[0].terminate()
    _, alive = psutil.wait_procs(processes, timeout=60)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def many_row(airflow: Standalone, emulator: Emulator, name: str, dag_id: str, run_id: str) -> Row:
    """Return the result of a run with many generations, which are identified by their prompts."""
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
            returned = airflow.api.xcom(dag_id, run_id, "make_video", map_index=index)
            if [address.split("/")[-2] for address in returned] != booked:
                problems.append(f"{prompt!r} delivered {returned}, booked {booked}")
            else:
                delivered += 1
        else:
            log = "\n".join(airflow.api.log_lines(dag_id, run_id, "make_video", task["try_number"], map_index=index))
            messages = (*booked, "may have been started and charged") if booked else ("charged",)
            if not any(each in log for each in messages):
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
