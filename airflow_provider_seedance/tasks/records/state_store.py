"""
What makes Airflow's task state store keep the record of a submission: a backend in the database, and careful clears.

The database accepts a record only from the current try. A backend in object storage writes the object before Airflow
checks that: a stale try overwrites the record of a newer one. A lost object would take the record with it.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import conf
from airflow.providers.common.compat.version_compat import get_base_airflow_version_tuple

from airflow_provider_seedance.gptproto.errors import UnsafeStateStoreError
from airflow_provider_seedance.gptproto.log import Log

#: Bytes that the JSON of a record never reaches.
MAXIMUM_RECORD_SIZE = 8192
_BACKEND_OPTION = "[workers] state_store_backend"
_THRESHOLD_OPTION = "[common.io] state_store_objectstorage_threshold"
_OBJECT_STORAGE_MODULE = "airflow.providers.common.io.state_store.backend"
#: The first Airflow that deletes the task state of a cleared task, unless the person who clears it keeps it.
_DELETES_AT_CLEAR = (3, 4, 0)
_KEEP = (
    'Unless the record is in a ledger, choose "Keep task state and resume" in a clear (keep_task_state in the API): '
    "otherwise Airflow deletes the record, and the task pays again."
)
#: The method that decides where a backend keeps a value.
_DECIDING_METHOD = "serialize_task_state_store_to_ref"


def keeps_record_in_database(deciding_module: str, threshold: int) -> bool | None:
    """
    Return whether a backend keeps the record in the database; ``None`` if that is unknown.

    :param deciding_module: The module of the method that decides where the backend keeps a value.
    :param threshold: Size in bytes from which Airflow's own backend moves a value to object storage.
    """
    if deciding_module.startswith("airflow.sdk."):
        # The default of the base class: every value stays in the database.
        return True
    return threshold >= MAXIMUM_RECORD_SIZE if deciding_module == _OBJECT_STORAGE_MODULE else None


def check_state_store(log: Log) -> None:
    """
    Refuse to submit if the record would be kept in object storage.

    A backend whose behaviour is unknown is a warning, as it may be safe and has no way to say so.

    :raises UnsafeStateStoreError: When the record would be kept in object storage.
    """
    backend = conf.getimport("workers", "state_store_backend", fallback=None)
    if backend is None:
        return
    deciding_module = getattr(getattr(backend, _DECIDING_METHOD, None), "__module__", "")
    threshold = conf.getint("common.io", "state_store_objectstorage_threshold", fallback=0)
    is_safe = keeps_record_in_database(deciding_module, threshold)
    name = f"{_BACKEND_OPTION} = {backend.__module__}.{backend.__qualname__}"
    if is_safe is None:
        log.warning(
            "%s is not a backend of Airflow. If it keeps values of up to %d bytes outside the database, a stale try "
            "can overwrite the record of the submission, and then a retry pays again",
            name,
            MAXIMUM_RECORD_SIZE,
        )
    elif not is_safe:
        raise UnsafeStateStoreError(
            f"{name} would keep the record of the submission in object storage, because {_THRESHOLD_OPTION} is "
            f"{threshold}. There a stale try can overwrite it, and then a retry pays again"
        )


def advice_on_clear() -> str:
    """Return what a person has to do in a clear so that the record survives it; empty if nothing."""
    return _KEEP if get_base_airflow_version_tuple() >= _DELETES_AT_CLEAR else ""
