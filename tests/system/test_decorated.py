"""A deferred ``@task.seedance`` in a real Airflow, where the leg after the deferral is another process."""

from __future__ import annotations

from airflow_provider_seedance.emulator.handle import Emulator
from demo.standalone import Standalone

DAG_ID = "decorated_label"


def test_mapped_decorated_task_shows_the_returned_prompt(stage: tuple[Standalone, dict[str, Emulator]]) -> None:
    airflow, emulators = stage
    emulators["chaos_waits"].reset()
    airflow.wait_for_dag(DAG_ID)
    run_id = airflow.api.trigger(DAG_ID)
    states = ("success", "failed")
    airflow.wait_for("end of the run", lambda: airflow.api.run_state(DAG_ID, run_id) in states)

    tasks = airflow.api.task_instances(DAG_ID, run_id)
    assert [task["state"] for task in tasks] == ["success", "success"]
    # Fifty characters with the ellipsis, cut at a word: Jinja's filter.
    assert sorted(task["rendered_map_index"] for task in tasks) == [
        "A leaf drifts down a rainy street at dawn,...",
        "A paper boat drifts down a rainy street at...",
    ]
    prompts = sorted(task["rendered_fields"]["prompt"] for task in tasks)
    assert prompts == [
        f"{subject} drifts down a rainy street at dawn, past a red door" for subject in ("A leaf", "A paper boat")
    ]
    assert len(emulators["chaos_waits"].ledger()) == 2
