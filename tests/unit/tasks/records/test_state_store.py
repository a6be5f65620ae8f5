"""The state store in object storage: what is refused, and what Airflow's backend does with a record."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_seedance.gptproto.errors import UnreadableRecordError, UnsafeStateStoreError
from airflow_provider_seedance.tasks.records.state_store import MAXIMUM_RECORD_SIZE, check_state_store
from airflow_provider_seedance.tasks.records.state_store_record import StateStoreRecord
from airflow_provider_seedance.tasks.records.submission import STORE_KEY, Submission
from tests.state_backend import OBJECT_STORAGE, Configure
from tests.versions import needs_store

pytestmark = needs_store

LOG = logging.getLogger(__name__)
#: Every field at its longest: an id has at most 256 characters, each of which JSON may escape to twelve.
LARGEST = Submission(
    fingerprint="f" * 64,
    submitted_at=1_800_000_000.123456,
    max_tries=2**63,
    prediction_id="\U0001d49c" * 256,
    delivered=False,
    is_resubmission=False,
    is_refused=False,
)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return Airflow's own store, above a database of one row."""
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import comms, task_runner
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor
    from airflow.sdk.state import TaskScope

    class Database:
        row: Any = None

        def send(self, message: Any) -> Any:
            if isinstance(message, comms.SetTaskStateStore):
                self.row = message.value
                return None
            if self.row is None:
                return comms.ErrorResponse(error=ErrorType.TASK_STORE_NOT_FOUND)
            return comms.TaskStateStoreResult(value=self.row)

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Database(), raising=False)
    return TaskStateStoreAccessor(ti_id=uuid4(), scope=TaskScope(dag_id="dag", run_id="run", task_id="task"))


def inherited() -> type:
    from airflow.sdk.state import BaseStoreBackend

    return type("Inherited", (BaseStoreBackend,), {})


def derived() -> type:
    from airflow.providers.common.io.state_store.backend import StateStoreObjectStorageBackend

    return type("Derived", (StateStoreObjectStorageBackend,), {})


def other() -> type:
    return type("Other", (inherited(),), {"serialize_task_state_store_to_ref": lambda _, value, **__: "ref"})


class TestCheck:
    def test_no_backend_is_accepted(self, caplog: pytest.LogCaptureFixture) -> None:
        check_state_store(LOG)
        assert caplog.messages == []

    @pytest.mark.parametrize("threshold", [None, 0, -1, 600, MAXIMUM_RECORD_SIZE - 1])
    def test_threshold_below_the_largest_record_is_refused(
        self, state_backend: Configure, threshold: int | None
    ) -> None:
        state_backend(OBJECT_STORAGE, threshold)
        with pytest.raises(UnsafeStateStoreError) as caught:
            check_state_store(LOG)
        assert str(caught.value) == (
            f"[workers] state_store_backend = {OBJECT_STORAGE} would keep the record of the submission in object "
            f"storage, because [common.io] state_store_objectstorage_threshold is {threshold or 0}. There a stale try "
            "can overwrite it, and then a retry pays again. Nothing was charged. Nothing was sent. Set [common.io] "
            "state_store_objectstorage_threshold to 8192 or more on all workers, so that the record stays in the "
            "database. Then run the task again."
        )

    @pytest.mark.parametrize("threshold", [8192, 1_000_000])
    def test_threshold_above_the_largest_record_is_accepted(
        self, state_backend: Configure, threshold: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        state_backend(OBJECT_STORAGE, threshold)
        check_state_store(LOG)
        assert caplog.messages == []

    @pytest.mark.parametrize(
        ("make", "is_refused", "is_warned"),
        [(inherited, False, False), (derived, True, False), (other, False, True)],
        ids=["values stay in the database", "derived from object storage", "unknown"],
    )
    def test_backend_of_a_user_is_judged_by_its_method(
        self,
        state_backend: Configure,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        make: Callable[[], type],
        is_refused: bool,
        is_warned: bool,
    ) -> None:
        monkeypatch.setitem(globals(), "UserBackend", make())
        state_backend(f"{__name__}.UserBackend", 0)
        if is_refused:
            with pytest.raises(UnsafeStateStoreError):
                check_state_store(LOG)
        else:
            check_state_store(LOG)
        assert ["a retry pays again" in message for message in caplog.messages] == [True] * is_warned


class TestBackendOfAirflow:
    def test_record_is_never_as_large_as_the_threshold(self) -> None:
        assert {each.name for each in dataclasses.fields(Submission)} == set(LARGEST.to_dict())
        assert len(json.dumps(LARGEST.to_dict()).encode()) < MAXIMUM_RECORD_SIZE / 2

    def test_accepted_threshold_keeps_the_largest_record_in_the_row(
        self, state_backend: Configure, store: Any, tmp_path: Path
    ) -> None:
        state_backend(OBJECT_STORAGE, MAXIMUM_RECORD_SIZE)
        StateStoreRecord(store).write(LARGEST)
        assert list(tmp_path.iterdir()) == []
        assert StateStoreRecord(store).read() == LARGEST

    def test_lost_object_is_not_a_missing_record(self, state_backend: Configure, store: Any, tmp_path: Path) -> None:
        state_backend(OBJECT_STORAGE, 0)
        record = StateStoreRecord(store)
        assert record.read() is None
        record.write(LARGEST)
        assert record.read() == LARGEST
        [path] = tmp_path.rglob(STORE_KEY)
        path.unlink()
        with pytest.raises(UnreadableRecordError, match="may have been started and charged"):
            record.read()
