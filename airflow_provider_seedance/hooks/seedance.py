"""
The hook: it creates a client of the GPTProto API from an Airflow connection of type ``seedance``.

Operators import this module when DAG files are parsed, every few seconds. Imports that only a running task needs are
inside the methods.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Connection, ObjectStoragePath

    from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient, GPTProtoClient
    from airflow_provider_seedance.gptproto.log import Log
    from airflow_provider_seedance.gptproto.modes import Validation
    from airflow_provider_seedance.gptproto.predictions import Prediction
    from airflow_provider_seedance.gptproto.requests import GenerationRequest
    from airflow_provider_seedance.gptproto.settings import ClientSettings

#: Default size of the largest download: several times the size of a video of 30 s in 1080p.
MAXIMUM_FILE_BYTES = 1024 * 1024 * 1024


class SeedanceHook(BaseHook):
    """
    Reach the GPTProto API with the credentials of an Airflow connection.

    The connection's password is the API key and its host the base URL; the extra fields are ``vendor``,
    ``auth_scheme``, ``timeout``, ``verify``, ``proxy``, ``polls_per_second``, ``ledger``, ``daily_budget_usd``,
    ``monthly_budget_usd`` and ``budget_timezone``. Only :meth:`submit` costs money.

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
        :raises ConnectionUnavailableError: When Airflow does not return the connection.
        """
        with self._connection_errors():
            connection = self.get_connection(self.seedance_conn_id)
            extra = connection.extra_dejson
        return self._settings(connection, extra)

    async def aget_settings(self) -> ClientSettings:
        """Return the connection's settings, on an event loop; see :meth:`get_settings`."""
        from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

        with self._connection_errors():
            connection = await get_async_connection(self.seedance_conn_id, hook=self)
            extra = await get_async_extra_dejson(connection)
        return self._settings(connection, extra)

    def get_conn(self) -> GPTProtoClient:
        """
        Return a client, which is a context manager.

        :raises ConnectionSettingsError: See :meth:`get_settings`.
        """
        return self.get_client(self.get_settings())

    def get_client(self, settings: ClientSettings) -> GPTProtoClient:
        """Return a client for settings that were read before; see :meth:`get_conn`."""
        from airflow_provider_seedance.gptproto.client import GPTProtoClient

        return GPTProtoClient(settings, log=self.log)

    async def aget_conn(self) -> AsyncGPTProtoClient:
        """Return an asynchronous client, which is an asynchronous context manager; see :meth:`get_conn`."""
        return self.get_async_client(await self.aget_settings())

    def get_async_client(self, settings: ClientSettings, *, log: Log | None = None) -> AsyncGPTProtoClient:
        """
        Return an asynchronous client for settings that were read before.

        :param settings: The connection's settings.
        :param log: Receives the status changes of a wait; ``None`` for the hook's log.
        """
        from airflow_provider_seedance.gptproto.client import AsyncGPTProtoClient

        return AsyncGPTProtoClient(settings, log=self.log if log is None else log)

    def submit(self, request: GenerationRequest, *, validation: Validation = "strict") -> Prediction:
        """
        Submit a generation, which costs money, and return the new prediction.

        It is sent again only if it provably was not accepted: no connection was made, or the response was 429. Unlike
        the operators it keeps no record: a second call, as by a retry of the calling task, pays a second time. So
        submit in a task with ``retries=0``, return the id, and wait for it in another task. The connection's ledger
        books it, and its budgets count it.

        :param request: What to generate: ``TextToVideo``, ``ImageToVideo`` or ``ReferenceToVideo`` of
            :mod:`~airflow_provider_seedance.gptproto.requests`.
        :param validation: ``warn`` logs the refusals of the catalogue and submits.
        :raises BudgetExceededError: When it would exceed a budget of the connection.
        :raises SeedanceError: See :meth:`~airflow_provider_seedance.gptproto.client.GPTProtoClient.submit`.
        """
        from airflow_provider_seedance.gptproto.leaks import arguments_of
        from airflow_provider_seedance.gptproto.requests import REQUESTS, GenerationRequest
        from airflow_provider_seedance.tasks.media import with_local_media
        from airflow_provider_seedance.tasks.records.opening import unshared_record
        from airflow_provider_seedance.tasks.sending import send_unrecorded

        if not isinstance(request, GenerationRequest):
            allowed = ", ".join(each.__name__ for each in REQUESTS.values())
            raise TypeError(
                f"request: a {type(request).__name__} is not allowed; allowed: {allowed} of gptproto.requests"
            )
        with _errors_for_caller(), self._connect(arguments_of(request)) as client:
            record = unshared_record(self.seedance_conn_id, lambda: client.settings, self.log)
            return send_unrecorded(client, with_local_media(request), record, validation=validation, log=self.log)

    def get_prediction(self, prediction_id: str) -> Prediction:
        """
        Return the current state of a prediction.

        :raises SeedanceError: When the request failed.
        """
        with _errors_for_caller(prediction_id), self._connect({"prediction_id": prediction_id}) as client:
            return client.get_prediction(prediction_id)

    def wait_for_prediction(
        self, prediction_id: str, *, timeout: timedelta | float = 3600.0, poll_interval: timedelta | float | None = None
    ) -> Prediction:
        """
        Wait until a prediction is finished, and return it.

        :param prediction_id: The prediction to wait for.
        :param timeout: Longest wait in seconds, or as a ``timedelta``.
        :param poll_interval: Seconds between polls, or a ``timedelta``; ``None`` adapts.
        :raises SeedanceError: When it ends without videos, or not in time.
        :raises ValueError: When a time is not allowed.
        """
        from airflow_provider_seedance.gptproto.polling import Done, GiveUp, Poller
        from airflow_provider_seedance.gptproto.times import expected_seconds
        from airflow_provider_seedance.tasks.options import WaitOptions

        options = WaitOptions(timeout=timeout, poll_interval=poll_interval)
        now = time.time()
        poller = Poller(
            prediction_id=prediction_id,
            submitted_at=now,
            deadline=now + options.budget_seconds,
            expected_seconds=expected_seconds(),
            poll_interval=options.poll_interval_seconds,
        )
        with _errors_for_caller(prediction_id), self._connect({"prediction_id": prediction_id}) as client:
            decision = client.poll(poller)
            if isinstance(decision, Done):
                return decision.prediction
            if isinstance(decision, GiveUp):
                raise decision.error
            return client.wait(poller)

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

        If the store holds the same file already, it is kept. The API key is not sent with a download.

        :param url: The output's link.
        :param path: The target with the file's name: an absolute path, or a URI such as ``s3://bucket/boat.mp4``.
        :param storage_conn_id: The Airflow connection of the store.
        :param prediction_id: The prediction of this output: an expired link is replaced by a fresh one, once.
        :param overwrite: Whether another file with that name is replaced.
        :param max_bytes: The size of the largest file to download.
        :param allow_private_addresses: Whether the link may lead to private addresses; the connection's own origin is
            always allowed.
        :raises SeedanceError: When it could not be downloaded or stored.
        """
        from airflow_provider_seedance.tasks.options import TransferOptions
        from airflow_provider_seedance.tasks.storing.transfer import download

        return download(
            url,
            path,
            storage_conn_id=storage_conn_id,
            prediction_id=prediction_id or "",
            options=TransferOptions(
                overwrite=overwrite, max_bytes=max_bytes, allow_private_addresses=allow_private_addresses
            ),
            get_settings=self.get_settings,
            log=self.log,
        )

    def test_connection(self) -> tuple[bool, str]:
        """
        Return whether the service accepts the API key and the ledger can be used, with a message.

        It is free of charge and never raises. A ledger is written to and read, in its folder ``probe``.
        """
        from airflow_provider_seedance.gptproto.errors import SeedanceError
        from airflow_provider_seedance.ledger.probe import probe
        from airflow_provider_seedance.ledger.store import open_store

        try:
            settings = self.get_settings()
            with self.get_client(settings) as client:
                check = client.check_key()
            messages = [text for text in (check.message, settings.unknown_fields_warning) if text]
            if settings.ledger is None:
                return check.accepted, ". ".join(messages)
            problem = probe(open_store(settings.ledger.uri))
        except (SeedanceError, OSError, ValueError) as error:
            return False, str(error)
        messages.append(
            f"The ledger {settings.ledger.uri} " + (f"has a problem: {problem}" if problem else "can be used")
        )
        return check.accepted and problem is None, ". ".join(messages)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the fields of the connection form, for Airflow 3.1; later versions read the provider's metadata."""
        behaviour = _connection_type()["ui-field-behaviour"]
        return {name.replace("-", "_"): value for name, value in behaviour.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the form, for Airflow 3.1; later versions read the provider's metadata."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import StringField

        return {
            name: StringField(
                lazy_gettext(field["label"]), widget=BS3TextFieldWidget(), description=field["description"]
            )
            for name, field in _connection_type()["conn-fields"].items()
        }

    @contextmanager
    def _connection_errors(self) -> Iterator[None]:
        """Turn every error of Airflow while it reads the connection into one that says which connection it is."""
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        from airflow_provider_seedance.gptproto.errors import ConnectionNotFoundError, ConnectionUnavailableError
        from airflow_provider_seedance.gptproto.redaction import redacted

        try:
            yield
        except AirflowNotFoundException:
            raise ConnectionNotFoundError(
                f"Airflow did not find the connection {redacted(self.seedance_conn_id)}"
            ) from None
        except Exception as error:  # a refusal by Airflow's API, or any error of a secrets backend
            # The text of the error is left out of the message, because it may contain the password.
            raise ConnectionUnavailableError(
                f"Airflow could not read the connection {redacted(self.seedance_conn_id)} ({type(error).__name__})"
            ) from error

    def _connect(self, arguments: Mapping[str, object]) -> GPTProtoClient:
        """Return a client, if no argument holds a secret of the connection, which an error would repeat."""
        from airflow_provider_seedance.gptproto.leaks import refuse_secrets_of

        get_settings = functools.cache(self.get_settings)
        refuse_secrets_of(get_settings, arguments)
        return self.get_client(get_settings())

    def _settings(self, connection: Connection, extra: dict[str, Any]) -> ClientSettings:
        from airflow_provider_seedance.gptproto.ledger_settings import check_extra
        from airflow_provider_seedance.gptproto.settings import read_settings

        check_extra(connection.extra)
        settings = read_settings(
            password=connection.password,
            host=connection.host,
            schema=connection.schema,
            port=connection.port,
            extra=extra,
        )
        if settings.unknown_fields_warning:
            self.log.warning("Connection %s: %s", self.seedance_conn_id, settings.unknown_fields_warning)
        if settings.sends_key_in_the_clear:
            self.log.warning(
                "Connection %s sends its API key unencrypted to %s", self.seedance_conn_id, settings.base_url
            )
        elif settings.verify is False and settings.base_url.startswith("https:"):
            self.log.warning(
                "Connection %s sends its API key to %s without verifying that it is this host (verify is false)",
                self.seedance_conn_id,
                settings.base_url,
            )
        return settings


@contextmanager
def _errors_for_caller(prediction_id: str | None = None) -> Iterator[None]:
    """
    Give errors the advice that is true without an operator and its record.

    :param prediction_id: The prediction that the call is about; ``None`` before a submission.
    """
    from airflow_provider_seedance.gptproto.errors import SeedanceError
    from airflow_provider_seedance.tasks.advice import advise_caller, name_paid

    try:
        yield
    except SeedanceError as error:
        error.advice = advise_caller(error) or error.advice
        if prediction_id:
            name_paid(error, prediction_id)
        raise


def _connection_type() -> dict[str, Any]:
    from airflow_provider_seedance.provider_info import get_provider_info

    connection_type: dict[str, Any] = get_provider_info()["connection-types"][0]
    return connection_type
