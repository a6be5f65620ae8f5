"""Configure Airflow's task state store in object storage, as an administrator does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

OBJECT_STORAGE = "airflow.providers.common.io.state_store.backend.StateStoreObjectStorageBackend"

Configure = Callable[..., None]


@contextmanager
def configurable_backend(folder: Path) -> Iterator[Configure]:
    """Yield a function that sets the backend, and the threshold in bytes from which it uses the folder."""
    from airflow.sdk.execution_time import context

    backend = pytest.importorskip("airflow.providers.common.io.state_store.backend")
    caches = [context._get_worker_state_store_backend, backend._get_base_path, backend._get_threshold]

    with pytest.MonkeyPatch.context() as environment:

        def configure(name: str, threshold: int | None = None) -> None:
            environment.setenv("AIRFLOW__WORKERS__STATE_STORE_BACKEND", name)
            environment.setenv("AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH", folder.as_uri())
            if threshold is not None:
                environment.setenv("AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_THRESHOLD", str(threshold))
            for cache in caches:
                cache.cache_clear()

        yield configure
    for cache in caches:
        cache.cache_clear()
