"""
Which record a task has: in the account's ledger if its connection names one, else in Airflow's task state store.

A task without a ledger does not import it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_seedance.gptproto.errors import SeedanceError
from airflow_provider_seedance.gptproto.given import is_missing
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.ledger.errors import IdempotencyKeyError
from airflow_provider_seedance.tasks.options import GenerationOptions
from airflow_provider_seedance.tasks.records.record import SubmissionRecord
from airflow_provider_seedance.tasks.records.state_store_record import StateStoreRecord
from airflow_provider_seedance.tasks.records.submission import Submission

if TYPE_CHECKING:
    from uuid import UUID

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_seedance.gptproto.settings import ClientSettings
    from airflow_provider_seedance.ledger.entries import Owner
    from airflow_provider_seedance.tasks.records.ledger_record import LedgerRecord

_NO_LEDGER_ADVICE = (
    "Nothing was sent. Name a ledger in the connection's extra, such as s3://aws_default@bucket/seedance, or remove "
    "idempotency_key."
)


class Records:
    """
    Opens the record of one task instance.

    :param options: The options of the task.
    :param context: The task's context.
    :param get_settings: Reads the settings of the connection.
    :param log: The task's log.
    """

    def __init__(
        self, options: GenerationOptions, context: Context, get_settings: Callable[[], ClientSettings], log: Log
    ) -> None:
        self._options = options
        self._task_instance: Any = context["ti"]
        self._max_tries: int | None = getattr(self._task_instance, "max_tries", None)
        self._retries: int = getattr(context.get("task"), "retries", 0)
        self._get_settings = get_settings
        self._log = log
        store = context.get("task_state_store") if options.durable else None
        #: The record where Airflow keeps it, if it does.
        self.in_airflow = SubmissionRecord() if store is None else StateStoreRecord(store)

    def open(self) -> SubmissionRecord:
        """
        Return the record of a task that may submit.

        :raises ConnectionSettingsError: When the connection or its ledger cannot be used.
        :raises IdempotencyKeyError: When there is a key, but no ledger.
        :raises LedgerUnavailableError: When the store of the ledger fails.
        """
        ledger, key = self._get_settings().ledger, self._options.idempotency_key
        if key is not None and is_missing(key):
            # An empty cell or template: other tasks would have the same key, or this one none.
            raise IdempotencyKeyError(f"idempotency_key is blank: {key!r}")
        if ledger is None:
            if key is not None:
                what = f"idempotency_key is {key!r}, but the connection {self._options.connection_id} has no ledger"
                raise IdempotencyKeyError(what, advice=_NO_LEDGER_ADVICE)
            return self.in_airflow
        return self._in_ledger(ledger.uri, self._generation())

    def open_again(self, pointer: str) -> SubmissionRecord:
        """
        Return the record in the leg after a deferral, without the connection.

        :param pointer: :attr:`LedgerRecord.pointer` of the leg before; empty without a ledger.
        """
        if not pointer:
            return self.in_airflow
        from airflow_provider_seedance.ledger.layout import GENERATIONS

        uri, _, generation = pointer.rpartition(f"/{GENERATIONS}/")
        return self._in_ledger(uri, generation)

    def _generation(self) -> str:
        from airflow_provider_seedance.ledger.layout import generation_of_key, generation_of_task

        if self._options.idempotency_key is not None:
            return generation_of_key(self._options.idempotency_key)
        owner = self._owner()
        # Without durable, each try is a generation of its own.
        once = () if self._options.durable else (owner.try_number, random.SystemRandom().getrandbits(64))
        return generation_of_task(*owner.identity, *once)

    def _in_ledger(self, uri: str, generation: str) -> LedgerRecord:
        from airflow_provider_seedance.ledger.store import open_store
        from airflow_provider_seedance.tasks.records.ledger_record import LedgerRecord

        self.in_airflow.ledger = uri
        return LedgerRecord(
            open_store(uri),
            generation,
            self._owner(),
            max_tries=self._max_tries,
            # A clear sets max_tries to the tries so far plus retries.
            cleared_after=0 if self._max_tries is None else self._max_tries - self._retries,
            idempotency_key=self._options.idempotency_key or "",
            connection_id=self._options.connection_id,
            get_settings=self._get_settings,
            earlier=self.in_airflow,
            is_kept=self._options.durable,
            log=self._log,
        )

    def _owner(self) -> Owner:
        return owner_of(self._task_instance)


def unshared_record(connection_id: str, get_settings: Callable[[], ClientSettings], log: Log) -> SubmissionRecord:
    """
    Return a record that books one submission in the ledger, if there is one, and that no later call finds.

    :param connection_id: The Airflow connection. The other parameters are those of :class:`Records`.
    """
    ledger = get_settings().ledger
    if ledger is None:
        return SubmissionRecord()
    from airflow_provider_seedance.ledger.layout import generation_of_task
    from airflow_provider_seedance.ledger.store import open_store
    from airflow_provider_seedance.tasks.records.ledger_record import LedgerRecord

    owner = _current_owner()
    return LedgerRecord(
        open_store(ledger.uri),
        generation_of_task(*owner.identity, random.SystemRandom().getrandbits(64)),
        owner,
        max_tries=None,
        connection_id=connection_id,
        get_settings=get_settings,
        earlier=SubmissionRecord(),
        is_kept=False,
        log=log,
    )


def _current_owner() -> Owner:
    """Return the task instance that runs in this process; one without names outside of tasks."""
    from airflow.providers.common.compat.sdk import AirflowException, get_current_context

    from airflow_provider_seedance.ledger.entries import Owner

    try:
        return owner_of(get_current_context()["ti"])
    except (AirflowException, RuntimeError):
        return Owner(dag_id="", run_id="", task_id="")


def owner_of(task_instance: Any) -> Owner:
    """Return the owner of the submissions of a task instance."""
    from airflow_provider_seedance.ledger.entries import Owner

    # Airflow 3.4 counts the tasks of a loop, or of an expansion, in a region; region 0 is that of all others.
    region_id: UUID | None = getattr(task_instance, "region_id", None)
    index = getattr(task_instance, "region_index", None)
    return Owner(
        dag_id=task_instance.dag_id,
        run_id=task_instance.run_id,
        task_id=task_instance.task_id,
        map_index=task_instance.map_index if index is None else index,
        region_id=str(region_id) if region_id and region_id.int else "",
        try_number=task_instance.try_number,
    )


def read_if_possible(record: SubmissionRecord, log: Log) -> Submission | None:
    """Return the recorded submission where the task can do without it: an error is a warning."""
    try:
        return record.read()
    except Exception as error:  # any error of the store
        log.warning("The record of the submission could not be read: %r", error)
        return None


def mark_delivered_if_possible(
    record: SubmissionRecord, prediction_id: str, max_tries: int | None, outputs: tuple[str, ...], log: Log
) -> None:
    """Record the delivery. A task that is done does not fail if the store does."""
    try:
        record.mark_delivered(prediction_id, max_tries, outputs)
    except Exception as error:  # any error of the store
        log.warning("The delivery could not be recorded (prediction %s): %r", prediction_id, error)


def mark_failed_if_possible(record: SubmissionRecord, error: SeedanceError, log: Log) -> None:
    """Record the error that ended a generation. The task fails with that error, not with one of the store."""
    try:
        record.mark_failed(error)
    except Exception as failure:  # any error of the store
        log.warning("The error could not be recorded: %r", failure)
