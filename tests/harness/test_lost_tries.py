"""Tries that the scheduler of a real Airflow lost, by what it logged on a busy machine."""

from __future__ import annotations

import pytest

from tests.system.chaos import lost_tries_in

#: The message of Airflow 3.3; that of 3.1 has no ``ti_id``.
MISMATCH = (
    "scheduler  | 2026-11-27T12:42:10.159330Z [error    ] Executor LocalExecutor(parallelism=6) reported that the task "
    "instance <TaskInstance: {task} manual__2026-11-27T12:40:56.428866+00:00 [{state}]{ti_id}> finished with state "
    "{ended}, but the task instance's state attribute is {state}. Learn more: https://airflow.apache.org/docs/"
)


def log(*ends: tuple[str, str], task: str = "resubmit.make_video", ti_id: str = " ti_id=01a21d06-595a") -> str:
    return "\n".join(MISMATCH.format(task=task, ended=ended, state=state, ti_id=ti_id) for ended, state in ends)


@pytest.mark.parametrize("ti_id", ["", " ti_id=01a21d06-595a"])
@pytest.mark.parametrize(
    ("ends", "lost"),
    [
        ([("success", "queued")], 1),
        ([("success", "queued"), ("failed", "running")], 2),
        ([("success", "queued"), ("success", "running")], 1),
        ([("success", "running")], 0),
        ([("failed", "running")], 0),
        ([("failed", "running"), ("success", "queued")], 1),
        ([], 0),
    ],
)
def test_only_what_a_late_scheduler_loses_counts(ends: list[tuple[str, str]], lost: int, ti_id: str) -> None:
    assert lost_tries_in(log(*ends, ti_id=ti_id), "resubmit") == lost


@pytest.mark.parametrize("task", ["resubmit_2.make_video", "resubmit.other_task", "a_resubmit.make_video"])
def test_tries_of_other_tasks_do_not_count(task: str) -> None:
    assert lost_tries_in(log(("success", "queued"), task=task), "resubmit") == 0


def test_refused_start_of_another_run_does_not_count() -> None:
    other_run = log(("failed", "running")).replace("12:40:56", "12:50:56")
    assert lost_tries_in(f"{log(('success', 'queued'))}\n{other_run}", "resubmit") == 1
