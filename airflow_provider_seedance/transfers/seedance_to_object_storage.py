"""
Bring generated videos into object storage before their links die.

What downloads and stores them is in :mod:`~airflow_provider_seedance.tasks.transfer`, which is imported where a task
runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_seedance.hooks.seedance import MAXIMUM_FILE_BYTES, SeedanceHook

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, ObjectStoragePath, XComArg


class SeedanceToObjectStorageOperator(BaseOperator):
    """
    Copy generated videos to object storage: local, S3, Google Cloud Storage, Azure, or whatever else Airflow reaches.

    With ``prediction_id`` all outputs of that prediction are copied; with ``urls`` these are, and ``prediction_id``
    besides lets a dead link be asked for anew. A video is streamed, so it needs neither memory nor disk; it appears
    under its name whole or not at all; and a retry keeps what is there already. The API key is not sent along.

    Returned to XCom: the list of paths, each of which ``ObjectStoragePath`` takes.

    :param destination: The folder, as a path or URI: ``s3://bucket/videos``. (templated)
    :param prediction_id: Whose outputs to copy. (templated)
    :param urls: An output's address, or a list of them. (templated)
    :param filename: Name of each file below the destination; it may hold slashes, and in single braces
        ``{prediction_id}``, ``{index}`` (of the output, from 0) and ``{ext}`` (``mp4``, as nothing else is stored).
        (templated)
    :param storage_conn_id: The Airflow connection of the store; ``None`` takes what the path or the environment says.
        (templated)
    :param seedance_conn_id: The Airflow connection of the service. (templated)
    :param overwrite: Whether a file that has the name, and is another one, is replaced; else the task fails.
    :param max_bytes: The largest file that is wanted; a larger one fails the task.
    :param allow_private_addresses: Whether links may lead to private addresses. They may lead to the connection's own
        origin in any case: whoever configured it trusts it with the API key.
    """

    template_fields: Sequence[str] = (
        "destination",
        "prediction_id",
        "urls",
        "filename",
        "storage_conn_id",
        "seedance_conn_id",
    )
    ui_color = "#e8e1f5"

    def __init__(
        self,
        *,
        destination: str | ObjectStoragePath,
        prediction_id: str | XComArg | None = None,
        urls: str | list[str] | XComArg | None = None,
        filename: str | XComArg = "{prediction_id}-{index}.{ext}",
        storage_conn_id: str | None = None,
        seedance_conn_id: str = SeedanceHook.default_conn_name,
        overwrite: bool = False,
        max_bytes: int = MAXIMUM_FILE_BYTES,
        allow_private_addresses: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.destination = destination
        self.prediction_id = prediction_id
        self.urls = urls
        self.filename = filename
        self.storage_conn_id = storage_conn_id
        self.seedance_conn_id = seedance_conn_id
        self.overwrite = overwrite
        self.max_bytes = max_bytes
        self.allow_private_addresses = allow_private_addresses

    @cached_property
    def hook(self) -> SeedanceHook:
        """The hook of this task's connection."""
        return SeedanceHook(self.seedance_conn_id)

    def execute(self, context: Context) -> list[str]:
        """Copy the videos, one after the other, and return where they are."""
        from airflow_provider_seedance.tasks.transfer import Transfer

        return Transfer(self).run()
