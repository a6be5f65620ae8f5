"""One try of a task that copies videos to object storage: links, file names, and the refresh of expired links."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    DeadLinkError,
    InvalidTransferError,
    MissingOutputsError,
    SeedanceError,
)
from airflow_provider_seedance.gptproto.failures import failure
from airflow_provider_seedance.gptproto.given import given_text, is_missing, keyed
from airflow_provider_seedance.gptproto.http.download import EXTENSION, Download
from airflow_provider_seedance.gptproto.http.fetch import PublicFetcher
from airflow_provider_seedance.gptproto.leaks import refuse_secrets_of
from airflow_provider_seedance.gptproto.log import Log
from airflow_provider_seedance.gptproto.media.film import film_frame_size, film_seconds
from airflow_provider_seedance.gptproto.predictions import Prediction
from airflow_provider_seedance.gptproto.settings import ClientSettings
from airflow_provider_seedance.gptproto.values import as_list, problem
from airflow_provider_seedance.storage import storage_path
from airflow_provider_seedance.stored import STORED, StoredFile, StoredFiles, without_query
from airflow_provider_seedance.tasks.advice import name_paid
from airflow_provider_seedance.tasks.failures import GENERATION_ENDED, as_airflow_errors
from airflow_provider_seedance.tasks.options import TransferOptions
from airflow_provider_seedance.tasks.report import GenerationReport
from airflow_provider_seedance.tasks.storing.object_storage import VideoContent, store
from airflow_provider_seedance.tasks.storing.posters import require_extra, store_poster
from airflow_provider_seedance.tasks.storing.sidecars import store_sidecar

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_GENERATION_ENDED_ADVICE = (
    "There is nothing to store. Clear the task that submitted it, which pays for a new generation."
)
_DEAD_WITHOUT_PREDICTION = (
    "Links live about a day. Set prediction_id to the prediction of this output, and the task gets another link, for "
    "7 days and without a charge."
)
_UNFINISHED = "Put a SeedancePredictionSensor before this task; a retry polls again."
_ALLOWED_PREDICTION = (
    "XCom 'prediction' of one generation, such as make_video.output['prediction']; map this task to copy several"
)
_PLACEHOLDERS = "{prediction_id}, {index} and {ext}"
#: Characters of a prediction's id that are replaced in a file name; some ids have a colon.
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.-]")


class Downloader:
    """
    Downloads outputs into object storage. A context manager.

    :param settings: The connection's settings.
    :param options: The options of the task.
    :param log: The task's log.
    """

    def __init__(self, settings: ClientSettings, options: TransferOptions, *, log: Log) -> None:
        self._client = GPTProtoClient(settings, log=log)
        self._fetcher = PublicFetcher(settings, allow_private_addresses=options.allow_private_addresses)
        self._options = options
        self._log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def prediction(self, prediction_id: str) -> Prediction:
        """
        Return a prediction with outputs.

        :raises SeedanceError: When it has none, or could not be read.
        """
        prediction = self._client.get_confirmed(prediction_id)
        if prediction.status.is_final and not prediction.is_complete:
            raise failure(prediction)
        if not prediction.is_complete:
            what = f"The prediction is {prediction.reported_status} and has no outputs yet"
            raise MissingOutputsError(what, prediction_id=prediction_id, charge=Charge.ACCEPTED, advice=_UNFINISHED)
        return prediction

    def download_to(
        self, target: ObjectStoragePath, link: str, *, prediction_id: str = "", index: int = 0, count: int = 1
    ) -> VideoContent:
        """
        Store the file behind a link, and return what is known of its content.

        :param target: The file to write.
        :param link: The link.
        :param prediction_id: The prediction of this output; without it a dead link is not replaced.
        :param index: The output's index.
        :param count: The number of outputs that are downloaded.
        :raises SeedanceError: When the file could not be downloaded or stored.
        """

        def refresh(dead: str) -> str | None:
            outputs = self._client.get_confirmed(prediction_id).outputs
            # A link that was signed again differs in its query only.
            same = [output for output in outputs if without_query(output) == without_query(dead)]
            if same:
                return same[0]
            return outputs[index] if len(outputs) == count else None

        with Download(
            link,
            self._fetcher,
            max_bytes=self._options.max_bytes,
            log=self._log,
            refresh=refresh if prediction_id else None,
        ) as download:
            return store(download, target, overwrite=self._options.overwrite, log=self._log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """
    The rendered arguments of a transfer.

    :param destination: The folder.
    :param urls: An output's URL, a sequence of them, the text of a list, or a missing value for all outputs of the
        prediction.
    :param prediction_id: The prediction of the outputs; may be empty.
    :param filename: The pattern of the files' names.
    :param storage_conn_id: The Airflow connection of the store.
    :param prediction: XCom ``prediction`` of the task that generated them, its text, or a missing value.
    """

    destination: str | ObjectStoragePath
    urls: Any
    prediction_id: str
    filename: str
    storage_conn_id: str | None
    prediction: Any = None

    @property
    def report(self) -> GenerationReport:
        """The report in ``prediction``; an empty one if it cannot be used."""
        value = keyed(self.prediction) if isinstance(self.prediction, str) else self.prediction
        try:
            return GenerationReport.from_dict(value)
        except ValueError:
            return GenerationReport()

    def completed(self) -> Transfer:
        """Return the arguments with the values in ``prediction`` in place of those that are not given."""
        # A lazy sequence is read once.
        links = list(self.report.outputs) or None if is_missing(self.urls) else as_list(self.urls)
        return dataclasses.replace(self, urls=links, prediction_id=self.prediction_id or given_text(self.report.id))

    def links(self) -> list[str] | None:
        """
        Return the links to copy, or ``None`` for all outputs of the prediction.

        :raises InvalidTransferError: With all problems of the arguments.
        """
        links = None if is_missing(self.urls) else as_list(self.urls)
        problems = []
        if is_missing(self.destination):
            problems.append(f"destination: {self.destination!r} is not allowed; allowed: a path or URI")
        report = self.report
        if not is_missing(self.prediction) and report == GenerationReport():
            problems.append(problem("prediction", self.prediction, _ALLOWED_PREDICTION))
        elif links is None and not self.prediction_id:
            problems.append(
                "prediction, prediction_id or urls: one of them is needed"
                if is_missing(self.prediction)
                else "prediction: has no id and no outputs, so nothing was submitted; clear the task that generates"
            )
        if self.prediction_id and report.id and self.prediction_id != report.id:
            problems.append(
                problem("prediction_id", self.prediction_id, f"the id in prediction, {report.id!r}, or none")
            )
        if links is not None and not (isinstance(links, list) and links and all(map(_is_link, links))):
            problems.append("urls: a URL or a list of URLs is allowed, and it must not be empty")
        # Without a source there is no id either.
        if not problems and not self.prediction_id and _uses("prediction_id", self.filename):
            problems.append("filename: holds {prediction_id}; set prediction_id as well, or another filename")
        if problems:
            raise InvalidTransferError("; ".join(problems))
        self.names(len(links or [""]))
        return None if links is None else [link.strip() for link in links]

    def names(self, count: int) -> list[str]:
        """
        Return the file names of ``count`` outputs, relative to the destination.

        :raises InvalidTransferError: When the pattern is invalid, or gives two outputs the same name.
        """
        names = [self._name(index) for index in range(count)]
        if len(set(names)) < count:
            what = f"filename: {self.filename!r} is the same for each of {count} files; add {{index}} to it"
            raise InvalidTransferError(what)
        return names

    def _name(self, index: int) -> str:
        identity = _NOT_IN_FILE_NAMES.sub("_", self.prediction_id)
        try:
            name = self.filename.format(prediction_id=identity, index=index, ext=EXTENSION)
        except (AttributeError, IndexError, KeyError, ValueError):
            what = f"filename: {self.filename!r} is not allowed; allowed between braces: {_PLACEHOLDERS}"
            raise InvalidTransferError(what) from None
        if not name.isprintable() or any(part.strip() in ("", ".", "..") for part in name.split("/")):
            raise InvalidTransferError(f"filename: {name!r} is not the name of a file below the destination")
        return name


def run_transfer(
    transfer: Transfer,
    options: TransferOptions,
    *,
    get_settings: Callable[[], ClientSettings],
    log: Log,
    context: Context | None = None,
    on_stored: Callable[[StoredFiles], None] = lambda _: None,
) -> list[str]:
    """
    Store all outputs, one after the other, and return their paths.

    :param transfer: The rendered arguments.
    :param options: The options of the task.
    :param get_settings: Returns the settings of the service's connection.
    :param log: The task's log.
    :param context: The task's context, for XCom ``stored``, which is pushed also when a later output fails.
    :param on_stored: Called with the stored files, also when a later output fails.
    """
    get_settings = functools.cache(get_settings)
    transfer = transfer.completed()
    with _errors(transfer):
        values = {each.name: getattr(transfer, each.name) for each in dataclasses.fields(transfer)}
        refuse_secrets_of(get_settings, values)
        links, report = transfer.links(), transfer.report
        if options.poster:
            require_extra()
        folder = storage_path(transfer.destination, transfer.storage_conn_id)
        files: list[StoredFile] = []
        with Downloader(get_settings(), options, log=log) as downloader:
            if links is None:
                prediction = downloader.prediction(transfer.prediction_id)
                links, report = list(prediction.outputs), report.with_prediction(prediction)
            report = dataclasses.replace(report, id=transfer.prediction_id or None)
            targets = [folder / name for name in transfer.names(len(links))]
            try:
                for index, (link, target) in enumerate(zip(links, targets, strict=True)):
                    content = downloader.download_to(
                        target, link, prediction_id=transfer.prediction_id, index=index, count=len(links)
                    )
                    files.append(_described(target, link, index, content))
                    if options.poster:
                        poster = store_poster(target, overwrite=options.overwrite, log=log)
                        files[-1] = dataclasses.replace(files[-1], poster=poster)
                    if options.sidecar:
                        sidecar = store_sidecar(target, files[-1], report, overwrite=options.overwrite)
                        files[-1] = dataclasses.replace(files[-1], sidecar=sidecar)
            finally:
                stored = StoredFiles(prediction_id=report.id, files=tuple(files))
                on_stored(stored)
                _push(stored, context, log)
    return [str(target) for target in targets]


def download(
    url: str,
    path: str | ObjectStoragePath,
    *,
    storage_conn_id: str | None,
    prediction_id: str,
    options: TransferOptions,
    get_settings: Callable[[], ClientSettings],
    log: Log,
) -> ObjectStoragePath:
    """
    Store one output, and return its path; further parameters as in :func:`run_transfer`.

    :param url: The output's link.
    :param path: The target with the file's name.
    :param storage_conn_id: The Airflow connection of the store.
    :param prediction_id: The prediction of the output; may be empty.
    :raises SeedanceError: When it could not be downloaded or stored.
    """
    get_settings = functools.cache(get_settings)
    with _named(prediction_id, is_paid=True):
        values = {"url": url, "path": path, "storage_conn_id": storage_conn_id, "prediction_id": prediction_id}
        refuse_secrets_of(get_settings, values)
        target = storage_path(path, storage_conn_id)
        with Downloader(get_settings(), options, log=log) as downloader:
            downloader.download_to(target, url, prediction_id=prediction_id)
    return target


@contextmanager
def _named(prediction_id: str, *, is_paid: bool) -> Iterator[None]:
    """
    Add prediction and bill to errors that do not name them.

    :param is_paid: Whether a prediction or a link is known: then the video was paid for.
    """
    try:
        yield
    except SeedanceError as error:
        if is_paid:
            name_paid(error, prediction_id)
        raise


@contextmanager
def _errors(transfer: Transfer) -> Iterator[None]:
    """Turn errors into Airflow's exceptions, with prediction and bill, and advice for a task that copies."""

    def advise(error: SeedanceError) -> str | None:
        if isinstance(error, GENERATION_ENDED):
            return _GENERATION_ENDED_ADVICE
        if isinstance(error, DeadLinkError) and not transfer.prediction_id:
            return _DEAD_WITHOUT_PREDICTION
        return None

    is_paid = bool(transfer.prediction_id or transfer.urls)
    with as_airflow_errors(advise, final=GENERATION_ENDED), _named(transfer.prediction_id, is_paid=is_paid):
        yield


def _described(target: ObjectStoragePath, link: str, index: int, content: VideoContent) -> StoredFile:
    width, height = film_frame_size(content.movie) or (None, None)
    seconds = film_seconds(content.movie)
    return StoredFile(
        path=str(target),
        source=without_query(link),
        index=index,
        bytes=content.size,
        sha256=content.sha256,
        width=width,
        height=height,
        seconds=None if seconds is None else round(seconds, 3),
    )


def _push(files: StoredFiles, context: Context | None, log: Log) -> None:
    """Push XCom ``stored``. A task whose files are stored never fails because of it."""
    if context is None or not files.files:
        return
    try:
        context["ti"].xcom_push(key=STORED, value=files.to_dict())
    except Exception as error:  # any error of Airflow's API
        log.warning("The stored files could not be pushed to XCom: %r", error)


def _is_link(value: object) -> bool:
    """Return whether a value can be a link; text that begins with a bracket is a broken list."""
    return isinstance(value, str) and not is_missing(value) and not value.lstrip().startswith("[")


def _uses(name: str, filename: str) -> bool:
    return re.search(rf"\{{{name}[}}!:]", filename) is not None
