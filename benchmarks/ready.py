"""
Measure the time from the end of a generation to the success of its task, in a real ``airflow standalone`` at rest.

One generation runs at a time, of 20-40 s in real time, with the default poll schedule. Its time is split at moments in
the emulator's ledger (the end, and the poll that found it), in Airflow's table ``task_instance``, and in its audit log.

===============  ============================================================  ===================
step             from, to                                                      whose
===============  ============================================================  ===================
``detection``    the generation ends; a poll finds it                          the provider's
``event``        the poll; Airflow schedules the task again                    Airflow's
``scheduling``   scheduled; queued                                             Airflow's
``start``        queued; the process of the task runs                          Airflow's
``leg``          the process runs, parses the DAG and resumes; the task ends   of both
===============  ============================================================  ===================

Task instances that wait in the triggerer and do nothing else show Airflow's part of the last leg. The provider's part
is the rest, which includes the import of its modules.

The usual time of these generations is 75 s. So at first some start together, from which the triggerer learns when such
generations end; they only count for the detection by the first guess. The other ones are measured.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from benchmarks.case import durations
from demo.standalone import Standalone, StandaloneError

#: The steps in their order; those before the last one are either the provider's or Airflow's.
DETECTION, *_AIRFLOWS, LEG = STEPS = ("detection", "event", "scheduling", "start", "leg")
#: Seconds of each step of a task instance.
Steps = Mapping[str, float]

_WAIT_SECONDS = 10.0
GENERATION = "generation"
WAIT = "wait"
#: One file for each DAG, because a task imports what its file imports.
DAG_FILES = {
    GENERATION: f"""
from airflow.sdk import DAG
from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator

with DAG({GENERATION!r}, schedule=None):
    SeedanceTextToVideoOperator(task_id="task", prompt="A boat", deferrable=True)
""",
    WAIT: f"""
from datetime import timedelta
from airflow.sdk import DAG, BaseOperator

class WaitOperator(BaseOperator):
    def execute(self, context):
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds={_WAIT_SECONDS})), method_name="execute_complete")

    def execute_complete(self, context, event=None):
        pass

with DAG({WAIT!r}, schedule=None):
    WaitOperator(task_id="task")
""",
}
#: Shortest duration of a generation in seconds, and the difference to the longest.
_SECONDS = 20.0
_SPREAD = 20.0
#: After ten observations of a kind, the range of their durations is known.
_LEARNING = 12
#: Nobody calls Airflow's API for these seconds after the end of a wait, so that Airflow is at rest.
_SETTLE_SECONDS = 12.0
_END_STATES = ("success", "failed")


def split(
    instances: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    entries: Mapping[int, Mapping[str, Any]],
) -> list[Steps]:
    """
    Return the steps of each task instance that was deferred and succeeded.

    :param instances: Task instances of one task, as Airflow's API returns them.
    :param events: Audit log of their run, the oldest entry first.
    :param entries: Generations in the ledger, by map index. A task instance without one only waited: it has no
        detection and no event.
    """
    # The last one of each is that of the leg after the deferral.
    running = {each["map_index"]: each["when"] for each in events if each["event"] == "running"}
    found: list[Steps] = []
    for instance in instances:
        if instance["state"] != "success":
            continue
        index = instance["map_index"]
        moments = instance["scheduled_when"], instance["queued_when"], running[index], instance["end_date"]
        times = [datetime.fromisoformat(each).timestamp() for each in moments]
        if entry := entries.get(index):
            times = [max(entry["times"].values()), entry["delivered_at"], *times]
        seconds = [after - before for before, after in pairwise(times)]
        found.append(dict(zip(STEPS[-len(seconds) :], seconds, strict=True)))
    return found


def provider_part(steps: Steps, waits: Sequence[Steps]) -> float:
    """Return the provider's seconds: the detection, and what the last leg takes longer than that of a mere wait."""
    return steps[DETECTION] + steps[LEG] - _median(waits, LEG)


def table(generations: Sequence[Steps], waits: Sequence[Steps]) -> str:
    """
    Format the steps, and whose part they are.

    :param generations: Steps of the generations.
    :param waits: Steps of the task instances that only waited.
    """
    lines = [f"{'from ready to done, seconds':28} {'median':>8} {'longest':>8} {'only wait':>10}  whose"]
    whose = {DETECTION: "the provider's", LEG: "both", **dict.fromkeys(_AIRFLOWS, "Airflow's")}
    for name in STEPS:
        wait = f"{_median(waits, name):.2f}" if name in waits[0] else "-"
        longest = max(each[name] for each in generations)
        lines.append(f"{name:28} {_median(generations, name):8.2f} {longest:8.2f} {wait:>10}  {whose[name]}")
    totals = [sum(each.values()) for each in generations]
    parts = [provider_part(each, waits) for each in generations]
    rests = [total - part for total, part in zip(totals, parts, strict=True)]
    for name, values in (("all", totals), ("the provider's part", parts), ("Airflow's part", rests)):
        lines.append(f"{name:28} {statistics.median(values):8.2f} {max(values):8.2f}")
    lines.append(f"{len(generations)} generations, {len(waits)} task instances that only wait")
    return "\n".join(lines)


def measure(count: int) -> tuple[list[Steps], list[Steps], list[Steps]]:
    """
    Return the steps of the generations before the triggerer has learnt, of those after, and of the mere waits.

    :param count: Number of measured generations, and of mere waits.
    :raises StandaloneError: A run did not succeed.
    """
    with tempfile.TemporaryDirectory(prefix="seedance-ready-") as folder, running_emulator() as emulator:
        dags = Path(folder) / "dags"
        dags.mkdir()
        for name, content in DAG_FILES.items():
            (dags / f"{name}.py").write_text(content)
        environment = {
            "AIRFLOW_CONN_SEEDANCE_DEFAULT": emulator.connection_json,
            # Airflow's default.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
        }
        with Standalone(Path(folder) / "airflow", dags, environment) as airflow:
            for name in DAG_FILES:
                airflow.wait_for_dag(name)
            first = _generate(airflow, emulator, durations(_SECONDS, _LEARNING, spread=_SPREAD))
            generations: list[Steps] = []
            waits: list[Steps] = []
            # In turn, so that a change of the machine's load affects both alike.
            for seconds in durations(_SECONDS, count, spread=_SPREAD):
                generations += _generate(airflow, emulator, [seconds])
                waits += _wait(airflow)
    return first, generations, waits


def _generate(airflow: Standalone, emulator: Emulator, seconds: Sequence[float]) -> list[Steps]:
    """Run generations of the given durations together, and return their steps."""
    emulator.reset()
    runs: list[str] = []
    for each in seconds:
        emulator.settings(seconds_created=0, seconds_queued=0, seconds_running=each)
        runs.append(airflow.api.trigger(GENERATION))
        airflow.wait_for("submission", lambda: len(emulator.ledger()) == len(runs))
    time.sleep(max(seconds) + _SETTLE_SECONDS)
    steps = [
        _steps(airflow, GENERATION, run_id, {-1: entry}) for run_id, entry in zip(runs, emulator.ledger(), strict=True)
    ]
    return list(chain(*steps))


def _wait(airflow: Standalone) -> list[Steps]:
    run_id = airflow.api.trigger(WAIT)
    time.sleep(_WAIT_SECONDS + _SETTLE_SECONDS)
    return _steps(airflow, WAIT, run_id, {})


def _steps(airflow: Standalone, dag_id: str, run_id: str, entries: Mapping[int, Mapping[str, Any]]) -> list[Steps]:
    api = airflow.api
    airflow.wait_for(f"end of {run_id}", lambda: api.run_state(dag_id, run_id) in _END_STATES)
    if steps := split(api.task_instances(dag_id, run_id), api.events(dag_id, run_id), entries):
        return steps
    raise StandaloneError(f"Run {run_id} of {dag_id} failed")


def _median(all_steps: Iterable[Steps], name: str) -> float:
    return statistics.median(each[name] for each in all_steps)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ready", description="From ready to done.")
    parser.add_argument("--generations", type=int, default=10, help="number of measured generations")
    first, generations, waits = measure(parser.parse_args().generations)
    print(table(generations, waits))
    print(f"detection by the first guess, of 75 s: median {_median(first, DETECTION):.2f}")


if __name__ == "__main__":
    main()
