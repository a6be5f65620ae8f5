"""
From an Airflow connection of type ``seedance`` to a client of the GPTProto API.

Operators import this module where DAG files are parsed, every few seconds; what only a running task needs is imported
where it is needed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection, ObjectStoragePath

    from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
    from airflow_provider_seedance.gptproto.predictions import Prediction
    from airflow_provider_seedance.gptproto.requests import GenerationRequest
    from airflow_provider_seedance.gptproto.settings import ClientSettings

#: The largest output that is downloaded unless told otherwise: several times what half a minute in 1080p can take.
MAXIMUM_FILE_BYTES = 1024 * 1024 * 1024


class SeedanceHook(BaseHook):
    """
    Reach the GPTProto API with the credentials of an Airflow connection.

    The connection's password is the API key and its host the base URL; the extra fields are ``vendor``,
    ``auth_scheme``, ``timeout``, ``verify``, ``proxy`` and ``polls_per_second``. The methods here cost money only where
    they say so.

    :param seedance_conn_id: The Airflow connection.
    """

    conn_name_attr = "seedance_conn_id"
    default_conn_name = "seedance_default"
    conn_type = "seedance"
    hook_name = "Seedance (GPTProto)"

    def __init__(self, seedance_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seedance_conn_id = seedance_conn_id

    def get_settings(self) -> ClientSettings:
        """
        Return the connection's settings.

        :raises ConnectionSettingsError: When a field of the connection cannot be used.
        """
        connection = self.get_connection(self.seedance_conn_id)
        return self._settings(connection, connection.extra_dejson)

    async def aget_settings(self) -> ClientSettings:
        """Return the connection's settings, for an event loop; see :meth:`get_settings`."""
        from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

        connection = await get_async_connection(self.seedance_conn_id, hook=self)
        return self._settings(connection, await get_async_extra_dejson(connection))

    def get_conn(self) -> GPTProtoClient:
        """
        Return a client, which is a context manager.

        :raises ConnectionSettingsError: When a field of the connection cannot be used.
        """
        from airflow_provider_seedance.gptproto.client import GPTProtoClient

        return GPTProtoClient(self.get_settings(), log=self.log)

    async def aget_conn(self) -> AsyncGPTProtoClient:
        """Return an asynchronous client, which is an asynchronous context manager; see :meth:`get_conn`."""
        return self.get_async_client(await self.aget_settings())

    def get_async_client(self, settings: ClientSettings) -> AsyncGPTProtoClient:
        """Return an asynchronous client for settings that were looked up before."""
        from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient

        return AsyncGPTProtoClient(settings, log=self.log)

    def submit(self, request: GenerationRequest) -> Prediction:
        """
        Submit a generation, which costs money, and return the prediction as first reported.

        Unlike the operators this keeps no record: whoever calls it twice pays twice.

        :raises SeedanceError: See :meth:`~airflow_provider_seedance.gptproto.client.GPTProtoClient.submit`.
        """
        from airflow_provider_seedance.tasks.media import with_local_media

        with self.get_conn() as client:
            return client.submit(with_local_media(request))

    def get_prediction(self, prediction_id: str) -> Prediction:
        """
        Return what the service now says of a prediction.

        :raises SeedanceError: When it could not be asked.
        """
        with self.get_conn() as client:
            return client.get_prediction(prediction_id)

    def wait_for_prediction(
        self, prediction_id: str, *, timeout: float = 3600.0, poll_interval: float | None = None
    ) -> Prediction:
        """
        Wait until a prediction is finished, and return it.

        :param prediction_id: What to wait for.
        :param timeout: Seconds to wait at most.
        :param poll_interval: Seconds between polls; ``None`` adapts.
        :raises SeedanceError: When it ends without videos, or not in time.
        """
        from airflow_provider_seedance.gptproto.catalogue import expected_seconds
        from airflow_provider_seedance.gptproto.polling import Done, GiveUp, Poller

        now = time.time()
        wait = Poller(
            prediction_id=prediction_id,
            submitted_at=now,
            deadline=now + timeout,
            expected_seconds=expected_seconds(),
            poll_interval=poll_interval,
        )
        with self.get_conn() as client:
            decision = client.poll(wait)
            if isinstance(decision, Done):
                return decision.prediction
            if isinstance(decision, GiveUp):
                raise decision.error
            return client.wait(wait)

    def download(
        self,
        url: str,
        path: str | ObjectStoragePath,
        *,
        storage_conn_id: str | None = None,
        prediction_id: str | None = None,
        overwrite: bool = False,
        max_bytes: int = MAXIMUM_FILE_BYTES,
        allow_private_addresses: bool = False,
    ) -> ObjectStoragePath:
        """
        Stream an output to object storage, whole or not at all, and return its path.

        A file there that is the same already is kept. The API key is not sent along.

        :param url: The output's link.
        :param path: Where to, with the file's name: a path or URI such as ``s3://bucket/boat.mp4``.
        :param storage_conn_id: The Airflow connection of the store.
        :param prediction_id: Whose output it is: a dead link is asked for anew, once.
        :param overwrite: Whether another file there is replaced.
        :param max_bytes: The largest file that is wanted.
        :param allow_private_addresses: Whether the link may lead to private addresses; those of the connection's own
            origin it may in any case.
        :raises SeedanceError: When it could not be had or stored; errors of the store's own library pass as they are.
        """
        from airflow_provider_seedance.tasks.transfer import Downloader, storage_path

        target = storage_path(path, storage_conn_id)
        with Downloader(
            self.get_settings(),
            log=self.log,
            overwrite=overwrite,
            max_bytes=max_bytes,
            allow_private_addresses=allow_private_addresses,
        ) as downloader:
            downloader.download_to(url, target, prediction_id=prediction_id or "")
        return target

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the service accepts the key, and what was found; free of charge, never an exception."""
        from airflow_provider_seedance.gptproto.errors import SeedanceError

        try:
            with self.get_conn() as client:
                check = client.check_key()
        except (SeedanceError, OSError, ValueError) as error:
            return False, str(error)
        return check.accepted, check.message

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return which fields the form shows, for Airflow 3.1; later ones read the provider's metadata."""
        behaviour = _connection_type()["ui-field-behaviour"]
        return {name.replace("-", "_"): value for name, value in behaviour.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's extra fields, for Airflow 3.1; later ones read the provider's metadata."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import StringField

        return {
            name: StringField(
                lazy_gettext(field["label"]), widget=BS3TextFieldWidget(), description=field["description"]
            )
            for name, field in _connection_type()["conn-fields"].items()
        }

    def _settings(self, connection: Connection, extra: dict[str, Any]) -> ClientSettings:
        from airflow_provider_seedance.gptproto.settings import read_settings

        settings = read_settings(
            password=connection.password,
            host=connection.host,
            schema=connection.schema,
            port=connection.port,
            extra=extra,
        )
        if settings.sends_key_in_the_clear:
            self.log.warning(
                "Connection %s sends its API key unencrypted to %s", self.seedance_conn_id, settings.base_url
            )
        return settings


def _connection_type() -> dict[str, Any]:
    from airflow_provider_seedance.provider_info import get_provider_info

    connection_type: dict[str, Any] = get_provider_info()["connection-types"][0]
    return connection_type
