"""The result of a cluster run, from its task instances and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.system.cluster.evaluation import Row, evaluate, maximum_running, table

DAG_ID = "cluster_whole"


def task(index: int, state: str = "success", tries: int = 1) -> dict[str, Any]:
    return {"map_index": index, "state": state, "try_number": tries}


def booked(index: int, prediction_id: str, dag_id: str = DAG_ID) -> dict[str, Any]:
    return {"id": prediction_id, "parameters": {"prompt": f"{dag_id} {index}"}}


def video(prediction_id: str) -> list[str]:
    return [f"http://127.0.0.1:1/outputs/{prediction_id}/0.mp4"]


def result_of(
    tasks: Sequence[dict[str, Any]],
    outputs: Mapping[int, Sequence[str]],
    submissions: Sequence[dict[str, Any]],
    unconfirmed: Sequence[int] = (),
) -> Row:
    return evaluate("a run", DAG_ID, tasks, outputs, submissions, seconds=60.0, unconfirmed=unconfirmed)


class TestEvaluate:
    def test_delivered_generations_are_counted(self) -> None:
        row = result_of([task(0), task(1, tries=2)], {0: video("a"), 1: video("b")}, [booked(0, "a"), booked(1, "b")])
        assert (row.requested, row.booked, row.delivered, row.tries) == (2, 2, 2, 3)
        assert (row.lost, row.booked_twice) == (0, 0)
        assert row.is_in_order

    def test_failed_task_is_lost(self) -> None:
        row = result_of([task(0, "failed")], {}, [booked(0, "a")])
        assert (row.delivered, row.lost) == (0, 1)
        assert not row.is_in_order

    def test_task_with_unconfirmed_submission_is_not_lost(self) -> None:
        row = result_of([task(0, "failed")], {}, [booked(0, "a")], unconfirmed=[0])
        assert (row.delivered, row.lost, row.unconfirmed) == (0, 0, 1)

    def test_task_with_the_video_of_another_is_lost(self) -> None:
        row = result_of([task(0), task(1)], {0: video("b"), 1: video("b")}, [booked(0, "a"), booked(1, "b")])
        assert (row.delivered, row.lost) == (1, 1)

    def test_task_that_succeeds_without_output_is_lost(self) -> None:
        assert result_of([task(0)], {}, [booked(0, "a")]).lost == 1

    def test_task_that_paid_twice_is_counted(self) -> None:
        row = result_of([task(0)], {0: video("b")}, [booked(0, "a"), booked(0, "b")])
        assert (row.booked, row.delivered, row.booked_twice) == (2, 1, 1)
        assert not row.is_in_order

    def test_submission_of_another_dag_belongs_to_no_task(self) -> None:
        row = result_of([task(0)], {0: video("a")}, [booked(0, "a", dag_id="cluster_killed")])
        assert (row.booked, row.delivered, row.lost) == (1, 0, 1)


def lasting(begin: float, end: float) -> dict[str, Any]:
    return {"times": {"created": begin, "running": (begin + end) / 2, "succeeded": end}}


class TestMaximumRunning:
    def test_overlapping_generations_are_counted(self) -> None:
        assert maximum_running([lasting(0, 10), lasting(5, 15), lasting(9, 12), lasting(14, 20)]) == 3

    def test_generations_that_touch_do_not_overlap(self) -> None:
        assert maximum_running([lasting(0, 10), lasting(10, 20)]) == 1

    def test_empty_ledger_has_no_generations(self) -> None:
        assert maximum_running([]) == 0


def test_table_has_a_line_for_each_run_and_each_note() -> None:
    row = evaluate("a run", DAG_ID, [task(0)], {0: video("a")}, [booked(0, "a")], seconds=61.4, notes=("quiet",))
    heading, line, note = table([row]).splitlines()
    assert heading.split() == [
        "scenario",
        "booked",
        "delivered",
        "tries",
        "seconds",
        "lost",
        "unconfirmed",
        "booked",
        "twice",
    ]
    assert line.split() == ["a", "run", "1", "1", "1", "61", "0", "0", "0"]
    assert note.strip() == "quiet"
