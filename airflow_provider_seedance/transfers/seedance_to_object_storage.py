"""
The transfer: copy generated videos to object storage before their links expire.

The work is in :mod:`~airflow_provider_seedance.tasks.storing.transfer`, which is imported when a task runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_seedance.gptproto.given import given_text
from airflow_provider_seedance.hooks.seedance import MAXIMUM_FILE_BYTES, SeedanceHook
from airflow_provider_seedance.tasks.options import TransferOptions, named_task
from airflow_provider_seedance.tasks.rendering import AuthorsTemplates

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, ObjectStoragePath, XComArg
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_seedance.stored import StoredFiles

#: The default of ``filename``.
DEFAULT_FILENAME = "{prediction_id}-{index}.{ext}"


class SeedanceToObjectStorageOperator(AuthorsTemplates, BaseOperator):
    """
    Copy generated videos to object storage: local, S3, Google Cloud Storage, Azure, or any other that Airflow supports.

    With ``prediction`` or ``prediction_id`` all outputs of that prediction are copied. With ``urls`` these are copied;
    with one of the others in addition, an expired link is replaced by a fresh one. A video is streamed, so it uses
    neither memory nor disk. The target holds the complete file or does not change, and a retry keeps files that exist
    already. The API key is not sent with a download.

    Returned to XCom: the list of paths, for ``ObjectStoragePath``. XCom ``stored`` describes each file, also when the
    task fails at a later one.

    :param destination: The folder: an absolute path, or a URI such as ``s3://bucket/videos``. (templated)
    :param prediction_id: The prediction whose outputs are copied. (templated)
    :param urls: The URL of an output, or a list of them. (templated)
    :param prediction: XCom ``prediction`` of the task that generated the videos, such as
        ``make_video.output["prediction"]``. It has id and links, and what a sidecar says of the generation. (templated)
    :param filename: Name of each file below the destination. It may hold slashes, and in single braces
        ``{prediction_id}``, ``{index}`` (of the output, from 0) and ``{ext}`` (always ``mp4``). (templated)
    :param storage_conn_id: The Airflow connection of the store; ``None`` uses the one in the path, or the environment.
        (templated)
    :param seedance_conn_id: The Airflow connection of the service. (templated)
    :param overwrite: Whether another file with that name is replaced; otherwise the task fails.
    :param max_bytes: The size of the largest file to copy; a larger one fails the task.
    :param allow_private_addresses: Whether links may lead to private addresses (SSRF), or to names that only a proxy
        resolves. The connection's own origin is always allowed, because it receives the API key anyway.
    :param sidecar: Whether a JSON file is stored beside each video, ``boat.mp4.json``, with prompt, model, parameters,
        price and times as far as ``prediction`` or the service says them, and SHA-256 and size of the video.
    :param poster: Whether the first frame is stored beside each video, ``boat.jpg``. It needs the extra ``poster``. A
        poster that cannot be made is a warning.
    """

    template_fields: Sequence[str] = (
        "destination",
        "prediction_id",
        "urls",
        "prediction",
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
        urls: str | Sequence[str] | XComArg | None = None,
        prediction: Mapping[str, Any] | str | XComArg | None = None,
        filename: str | XComArg = DEFAULT_FILENAME,
        storage_conn_id: str | None = None,
        seedance_conn_id: str = SeedanceHook.default_conn_name,
        overwrite: bool = False,
        max_bytes: int = MAXIMUM_FILE_BYTES,
        allow_private_addresses: bool = False,
        sidecar: bool = False,
        poster: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.destination = destination
        self.prediction_id = prediction_id
        self.urls = urls
        self.prediction = prediction
        self.filename = filename
        self.storage_conn_id = storage_conn_id
        self.seedance_conn_id = seedance_conn_id
        self.overwrite = overwrite
        self.max_bytes = max_bytes
        self.allow_private_addresses = allow_private_addresses
        self.sidecar = sidecar
        self.poster = poster
        self._stored: StoredFiles | None = None

        with named_task(self.task_id):
            self._options()

    @cached_property
    def hook(self) -> SeedanceHook:
        """The hook of this task's connection."""
        return SeedanceHook(self.seedance_conn_id)

    def execute(self, context: Context) -> list[str]:
        """Copy the videos, one after the other, and return their paths."""
        from airflow_provider_seedance.tasks.storing.transfer import Transfer, run_transfer

        transfer = Transfer(
            destination=self.destination,
            urls=self.urls,
            prediction_id=given_text(self.prediction_id),
            prediction=self.prediction,
            filename=given_text(self.filename) or DEFAULT_FILENAME,
            storage_conn_id=given_text(self.storage_conn_id) or None,
        )
        return run_transfer(
            transfer,
            self._options(),
            get_settings=self.hook.get_settings,
            log=self.log,
            context=context,
            on_stored=self._note_stored,
        )

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return the datasets of a try, for the OpenLineage provider."""
        if self._stored is None:
            return None
        from airflow_provider_seedance.tasks.lineage import lineage_of_copies

        return lineage_of_copies(self._stored)

    def _note_stored(self, stored: StoredFiles) -> None:
        self._stored = stored

    def _options(self) -> TransferOptions:
        return TransferOptions(
            overwrite=self.overwrite,
            max_bytes=self.max_bytes,
            allow_private_addresses=self.allow_private_addresses,
            sidecar=self.sidecar,
            poster=self.poster,
        )
