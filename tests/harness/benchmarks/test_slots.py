"""The DAG file of the benchmark for worker slots."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_seedance.operators.seedance import SeedanceTextToVideoOperator
from benchmarks.slots import DAG_FILE
from tests.versions import DagBag


def test_slot_tasks_differ_only_in_where_they_wait(tmp_path: Path) -> None:
    (tmp_path / "slots.py").write_text(DAG_FILE)
    dags = DagBag(tmp_path).dags
    [deferred], [on_worker] = (dags[name].tasks for name in ("deferred", "on_worker"))
    assert isinstance(deferred, SeedanceTextToVideoOperator)
    assert isinstance(on_worker, SeedanceTextToVideoOperator)
    assert (deferred.deferrable, on_worker.deferrable) == (True, False)
    assert (deferred.prompt, deferred.model) == (on_worker.prompt, on_worker.model)
