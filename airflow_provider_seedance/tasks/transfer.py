"""Bring outputs into object storage: which links, to which names, and whom to ask when a link died."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    DeadLinkError,
    InvalidTransferError,
    MissingOutputsError,
    PredictionNotFoundError,
    SeedanceError,
)
from airflow_provider_seedance.gptproto.flows import Log
from airflow_provider_seedance.gptproto.http.download import EXTENSION, Download
from airflow_provider_seedance.gptproto.http.fetch import PublicFetcher
from airflow_provider_seedance.gptproto.polling import failure
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED, as_airflow_errors
from airflow_provider_seedance.tasks.object_storage import store

if TYPE_CHECKING:
    from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator

_GENERATION_ENDED_ADVICE = (
    "There is nothing to store. Clear the task that submitted it, which pays for a new generation."
)
_DEAD_WITHOUT_PREDICTION = (
    "Links live about a day. Set prediction_id to the prediction whose output it is, and the service is asked for "
    "another link."
)
_UNFINISHED = "Put a SeedancePredictionSensor before this task; a retry asks again."
_PLACEHOLDERS = "{prediction_id}, {index} and {ext}"
#: What stays of a prediction's id in a file's name; some have a colon.
_UNFIT = re.compile(r"[^\w.-]")


class Downloader:
    """
    Carries outputs to where they are stored. A context manager.

    :param settings: The connection's.
    :param log: Where news go.
    :param overwrite: Whether a file that is there is replaced by another one.
    :param max_bytes: The largest file that is wanted.
    :param allow_private_addresses: Whether links may lead to private addresses.
    """

    def __init__(
        self, settings: ClientSettings, *, log: Log, overwrite: bool, max_bytes: int, allow_private_addresses: bool
    ) -> None:
        self._client = GPTProtoClient(settings, log=log)
        self._links = PublicFetcher(settings, allow_private_addresses=allow_private_addresses)
        self._log = log
        self._overwrite = overwrite
        self._max_bytes = max_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def outputs(self, prediction_id: str) -> list[str]:
        """
        Return the links to a prediction's outputs.

        :raises SeedanceError: When it has none, or could not be asked.
        """
        prediction = self._client.get_confirmed(prediction_id)
        if prediction is None:
            what = "GPTProto does not know the prediction whose outputs are to be stored"
            raise PredictionNotFoundError(what, prediction_id=prediction_id, charge=Charge.POSSIBLE)
        if prediction.status.is_final and not prediction.is_complete:
            raise failure(prediction)
        if not prediction.is_complete:
            what = f"The prediction is {prediction.reported_status} and has no outputs yet"
            raise MissingOutputsError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED, advice=_UNFINISHED)
        return list(prediction.outputs)

    def download_to(
        self,
        link: str,
        target: ObjectStoragePath,
        *,
        prediction_id: str = "",
        index: int = 0,
        count: int = 1,
    ) -> None:
        """
        Store what is behind a link.

        :param link: The link.
        :param target: Where to.
        :param prediction_id: Whose output it is; without it a dead link stays dead.
        :param index: Which of its outputs.
        :param count: How many of its outputs are carried.
        :raises SeedanceError: When it could not be had or stored.
        """

        def refresh(dead: str) -> str | None:
            prediction = self._client.get_confirmed(prediction_id)
            outputs = prediction.outputs if prediction else ()
            # A link that was signed anew differs in its query only.
            same = [output for output in outputs if _without_query(output) == _without_query(dead)]
            if same:
                return same[0]
            return outputs[index] if len(outputs) == count else None

        with Download(
            link,
            self._links,
            max_bytes=self._max_bytes,
            log=self._log,
            refresh=refresh if prediction_id else None,
        ) as download:
            store(download, target, overwrite=self._overwrite, log=self._log)


class Transfer:
    """
    Does the work of one try of the task.

    :param task: The operator, whose templates are rendered.
    """

    def __init__(self, task: SeedanceToObjectStorageOperator) -> None:
        self._task = task
        self._prediction_id = str(task.prediction_id or "").strip()
        self._filename = str(task.filename)

    def run(self) -> list[str]:
        """Store all outputs, one after the other, and return where."""
        task = self._task
        with self._failures():
            links = _links(task.urls)
            self._check(links)
            folder = storage_path(task.destination, task.storage_conn_id)
            with Downloader(
                task.hook.get_settings(),
                log=task.log,
                overwrite=task.overwrite,
                max_bytes=task.max_bytes,
                allow_private_addresses=task.allow_private_addresses,
            ) as downloader:
                links = downloader.outputs(self._prediction_id) if links is None else links
                targets = [folder / name for name in self._names(len(links))]
                for index, (link, target) in enumerate(zip(links, targets, strict=True)):
                    downloader.download_to(
                        link, target, prediction_id=self._prediction_id, index=index, count=len(links)
                    )
        return [str(target) for target in targets]

    def _check(self, links: list[str] | None) -> None:
        problems = []
        if links is None and not self._prediction_id:
            problems.append("urls or prediction_id: one of them is needed")
        if links is not None and not (links and all(isinstance(link, str) and link.strip() for link in links)):
            problems.append("urls: an address or a list of addresses is allowed, and not an empty one")
        if not self._prediction_id and _uses("prediction_id", self._filename):
            problems.append("filename: holds {prediction_id}; set prediction_id as well, or another filename")
        if not isinstance(self._task.max_bytes, int) or self._task.max_bytes <= 0:
            problems.append(f"max_bytes: {self._task.max_bytes!r} is not allowed; allowed: a number of bytes above 0")
        if problems:
            raise InvalidTransferError("; ".join(problems))
        self._names(len(links or [""]))

    def _names(self, count: int) -> list[str]:
        """Return the names of so many outputs below the destination."""
        names = [self._name(index) for index in range(count)]
        if len(set(names)) < count:
            what = f"filename: {self._filename!r} is the same for each of {count} files; let it hold {{index}}"
            raise InvalidTransferError(what)
        return names

    def _name(self, index: int) -> str:
        identity = _UNFIT.sub("_", self._prediction_id)
        try:
            name = self._filename.format(prediction_id=identity, index=index, ext=EXTENSION)
        except (AttributeError, IndexError, KeyError, ValueError):
            what = f"filename: {self._filename!r} is not allowed; between braces it can hold {_PLACEHOLDERS}"
            raise InvalidTransferError(what) from None
        if not name.isprintable() or any(part.strip() in ("", ".", "..") for part in name.split("/")):
            raise InvalidTransferError(f"filename: {name!r} is not the name of a file below the destination")
        return name

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn errors into Airflow's terms, with advice that is true of this task."""

        def advise(error: SeedanceError) -> str | None:
            error.prediction_id = error.prediction_id or self._prediction_id or None
            if isinstance(error, GENERATION_ENDED):
                return _GENERATION_ENDED_ADVICE
            if isinstance(error, DeadLinkError) and not self._prediction_id:
                return _DEAD_WITHOUT_PREDICTION
            return None

        with as_airflow_errors(advise, final=GENERATION_ENDED):
            yield


def storage_path(path: str | ObjectStoragePath, conn_id: str | None) -> ObjectStoragePath:
    """
    Return a path whose store can be used.

    :param path: A path or URI, which may name its connection before an ``@``.
    :param conn_id: The store's Airflow connection.
    :raises InvalidTransferError: When it is no path, or no installed provider knows its store.
    """
    try:
        found = path if isinstance(path, ObjectStoragePath) else ObjectStoragePath(path, conn_id=conn_id)
        _ = found.fs
    except (ImportError, TypeError, ValueError) as error:
        raise InvalidTransferError(f"destination: {str(path)!r} cannot be used ({error})") from error
    return found


def _links(urls: Any) -> list[Any] | None:
    """Return the links of the argument, which may be the text that a template makes of a list."""
    if isinstance(urls, str) and urls.lstrip().startswith("["):
        try:
            urls = ast.literal_eval(urls.strip())
        except (SyntaxError, ValueError):
            return []
    if isinstance(urls, str):
        return [urls.strip()] if urls.strip() else None
    if isinstance(urls, (list, tuple)):
        return list(urls)
    return None if urls is None else []


def _uses(name: str, filename: str) -> bool:
    return re.search(rf"\{{{name}[}}!:]", filename) is not None


def _without_query(link: str) -> str:
    return link.partition("#")[0].partition("?")[0]
