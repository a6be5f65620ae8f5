"""Downloads to object storage: a video is stored completely or not at all, once, and without sending the key."""

from __future__ import annotations

import errno
import gc
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.local import LocalFileOpener
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
from fsspec.spec import AbstractBufferedFile

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.emulator.server import running_emulator
from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ConnectionUnavailableError,
    DeadLinkError,
    DestinationTakenError,
    DownloadFailedError,
    ForbiddenLinkError,
    MissingOutputsError,
    NotAVideoError,
    SeedanceError,
    StorageError,
)
from airflow_provider_seedance.gptproto.requests import TextToVideo
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.tasks.storing.object_storage import store
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.unit.airflow.driving import Run

pytestmark = pytest.mark.usefixtures("short_waits", "no_pauses")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_seedance.gptproto.flows.CONFIRM_DELAYS", (0.0, 0.0))


@pytest.fixture
def make_video(emulator: Emulator) -> Callable[..., str]:
    """Return a function that generates a video and returns the prediction's id."""

    def make(prompt: str = "A paper boat", seed: int = 1) -> str:
        hook = SeedanceHook()
        submitted = hook.submit(TextToVideo(prompt=prompt, duration=4, resolution="480p", seed=seed))
        return hook.wait_for_prediction(submitted.id, poll_interval=0.02).id

    return make


@pytest.fixture
def link(emulator: Emulator, make_video: Callable[..., str]) -> str:
    return link_of(emulator, make_video())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "videos"


def link_of(emulator: Emulator, prediction_id: str) -> str:
    return f"{emulator.url}/outputs/{prediction_id}/0.mp4"


def content_of(link: str) -> bytes:
    with httpx.Client(trust_env=False) as client:
        return client.get(link).content


def copy(destination: Path | str, **arguments: Any) -> list[str]:
    task = SeedanceToObjectStorageOperator(task_id="store", destination=str(destination), **arguments)
    stored: list[str] = Run().try_once(task)
    return stored


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, hidden ones included."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


class TestCopy:
    def test_outputs_of_a_prediction_are_stored(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path
    ) -> None:
        prediction_id = make_video()
        stored = copy(folder, prediction_id=prediction_id)
        assert stored == [f"{folder}/{prediction_id}-0.mp4"]
        assert files(folder) == {f"{prediction_id}-0.mp4": content_of(link_of(emulator, prediction_id))}
        assert ObjectStoragePath(stored[0]).read_bytes()[4:8] == b"ftyp"

    def test_videos_of_urls_are_stored(self, emulator: Emulator, make_video: Callable[..., str], folder: Path) -> None:
        links = [link_of(emulator, make_video(seed=seed)) for seed in (1, 2)]
        stored = copy(folder, urls=links, filename="day/shot-{index:02}.{ext}")
        assert stored == [f"{folder}/day/shot-00.mp4", f"{folder}/day/shot-01.mp4"]
        assert list(files(folder).values()) == [content_of(link) for link in links]

    @pytest.mark.parametrize("form", ["{}", " {} \n", "['{}']", '["{}"]'])
    def test_urls_may_be_one_url_or_a_list_as_text(self, link: str, folder: Path, form: str) -> None:
        assert copy(folder, urls=form.format(link), filename="boat.mp4") == [f"{folder}/boat.mp4"]

    @pytest.mark.parametrize("form", [Path, ObjectStoragePath])
    def test_destination_path_is_a_template(self, link: str, folder: Path, form: Callable[[str], Any]) -> None:
        task = SeedanceToObjectStorageOperator(
            task_id="store", destination=form(f"{folder}/{{{{ ds }}}}"), urls=link, filename="boat.mp4"
        )
        Run().try_once(task, ds="2026-01-01")
        assert list(files(folder)) == ["2026-01-01/boat.mp4"]

    def test_arguments_are_templates(self, make_video: Callable[..., str], folder: Path) -> None:
        task = SeedanceToObjectStorageOperator(
            task_id="store",
            destination=f"file://{folder}/{{{{ ds }}}}",
            prediction_id=" {{ params.id }} ",
            filename="{{ params.name }}-{prediction_id}-{index}.{ext}",
            storage_conn_id="{{ params.nothing }}",
            seedance_conn_id="seedance_{{ params.conn }}",
        )
        prediction_id = make_video()
        params = {"id": prediction_id, "name": "boat", "nothing": "", "conn": "default"}
        expected = f"file://{folder}/2026-01-01/boat-{prediction_id}-0.mp4"
        assert Run().try_once(task, ds="2026-01-01", params=params) == [expected]

    def test_download_sends_no_key(self, emulator: Emulator, make_video: Callable[..., str], folder: Path) -> None:
        copy(folder, prediction_id=make_video())
        assert [request["key"] for request in emulator.requests() if "outputs" in request["path"]] == [False]
        assert emulator.leaks() == []

    def test_file_is_stored_in_any_filesystem(self, link: str) -> None:
        memory = MemoryFileSystem()
        attach("memory", conn_id="store", fs=memory)
        stored = copy("memory://videos", urls=link, filename="boat.mp4", storage_conn_id="store")
        assert memory.ls("/videos", detail=False) == ["/videos/boat.mp4"]
        assert stored[0].startswith("memory://store@")
        assert ObjectStoragePath(stored[0]).read_bytes() == content_of(link)

    def test_stored_path_is_logged(self, link: str, folder: Path, printed: Callable[[], str]) -> None:
        copy(folder, urls=link, filename="boat.mp4")
        assert f"Stored {folder}/boat.mp4: " in printed()


class Blob(AbstractBufferedFile):  # type: ignore[misc]  # fsspec's, which has no types
    """A file of a store that cannot abort an upload, like Azure: close() publishes it."""

    def _initiate_upload(self) -> None:
        self.staged = b""

    def _upload_chunk(self, final: bool = False) -> bool:
        self.staged += self.buffer.getvalue()
        if final:
            self.fs.store[self.path] = MemoryFile(self.fs, self.path, self.staged)
        return True


class BlobStore(MemoryFileSystem):  # type: ignore[misc]  # likewise
    store: ClassVar[dict[str, Any]] = {}
    options: ClassVar[dict[str, Any]] = {}
    cachable = False

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            return super()._open(path, mode)
        self.options.update(options)
        return Blob(self, path, mode, **options)


class TestStoreWithoutAbort:
    @pytest.mark.parametrize("is_larger", [False, True])
    def test_failed_overwrite_keeps_the_older_file(
        self, emulator: Emulator, link: str, monkeypatch: pytest.MonkeyPatch, is_larger: bool
    ) -> None:
        monkeypatch.setattr(
            "airflow_provider_seedance.tasks.storing.object_storage.BLOCK", 10_000 if is_larger else 10**6
        )
        blobs = BlobStore()
        attach("abfs", conn_id="blobs", fs=blobs)
        blobs.store["/videos/boat.mp4"] = MemoryFile(None, None, b"older")
        arguments = {"urls": link, "filename": "boat.mp4", "storage_conn_id": "blobs", "overwrite": True}
        emulator.fault(endpoint="output", truncate=True)
        emulator.fault(endpoint="output", status=503, times=5)
        with pytest.raises(DownloadFailedError):
            copy("abfs://videos", **arguments)
        gc.collect()
        assert blobs.cat("/videos/boat.mp4") == b"older"
        copy("abfs://videos", **arguments)
        assert blobs.cat("/videos/boat.mp4") == content_of(link)
        assert blobs.options["content_settings"] == {"content_type": "video/mp4"}


class TestCompleteness:
    @pytest.mark.parametrize(
        "fault",
        [
            {"truncate": True},
            {"truncate": "cached"},
            {"status": 503},
            {"status": 429, "retry_after": 0},
            {"drop": "before"},
        ],
        ids=str,
    )
    def test_download_survives_transient_faults(self, emulator: Emulator, link: str, folder: Path, fault: Any) -> None:
        emulator.fault(endpoint="output", times=2, **fault)
        copy(folder, urls=link, filename="boat.mp4")
        assert emulator.faults() == []
        assert files(folder) == {"boat.mp4": content_of(link)}

    def test_cut_file_is_not_stored(self, emulator: Emulator, make_video: Callable[..., str], folder: Path) -> None:
        prediction_id = make_video()
        emulator.fault(endpoint="output", truncate="cached", times=None)
        with pytest.raises(DownloadFailedError) as raised:
            copy(folder, prediction_id=prediction_id)
        assert files(folder) == {}
        message = str(raised.value)
        assert "0.mp4 is incomplete: it ended after " in message
        assert " bytes are missing at the end of its box 'mdat' of " in message
        assert f"(prediction {prediction_id}). The generation was accepted and is billed" in message
        assert "A retry of this task downloads it again and pays nothing." in message
        emulator.clear_faults()
        copy(folder, prediction_id=prediction_id)
        assert list(files(folder)) == [f"{prediction_id}-0.mp4"]

    def test_failed_download_leaves_no_file(self, emulator: Emulator, link: str, folder: Path) -> None:
        emulator.fault(endpoint="output", truncate=True)
        emulator.fault(endpoint="output", status=503, times=None)
        with pytest.raises(DownloadFailedError, match="returned HTTP 503"):
            copy(folder, urls=link, filename="boat.mp4")
        assert files(folder) == {}

    def test_failed_download_keeps_the_older_file(self, emulator: Emulator, link: str, folder: Path) -> None:
        folder.mkdir()
        (folder / "boat.mp4").write_bytes(b"older")
        emulator.fault(endpoint="output", truncate=True)
        emulator.fault(endpoint="output", status=503, times=None)
        with pytest.raises(DownloadFailedError):
            copy(folder, urls=link, filename="boat.mp4", overwrite=True)
        assert files(folder) == {"boat.mp4": b"older"}

    def test_partial_file_of_a_killed_try_is_removed(self, link: str, folder: Path) -> None:
        folder.mkdir()
        for name in (".boat.mp4.0a1b.part", ".boat.mp4", ".other.mp4.0a1b.part"):
            (folder / name).touch()
        copy(folder, urls=link, filename="boat.mp4")
        assert sorted(files(folder)) == [".boat.mp4", ".other.mp4.0a1b.part", "boat.mp4"]

    def test_html_page_is_not_stored_as_video(self, emulator: Emulator, link: str, folder: Path) -> None:
        emulator.fault(endpoint="output", status=200, body="html")
        with pytest.raises(NotAVideoError, match=r"declared type is 'text/html.*<!DOCTYPE html>"):
            copy(folder, urls=link, filename="boat.mp4")
        assert not folder.exists()

    def test_incomplete_write_is_detected(self, monkeypatch: pytest.MonkeyPatch, link: str, folder: Path) -> None:
        monkeypatch.setattr(LocalFileOpener, "write", lambda file, piece: file.f.write(piece[:-1]))
        with pytest.raises(StorageError, match=r"[0-9,]+ bytes were written, but the store reports"):
            copy(folder, urls=link, filename="boat.mp4")
        assert files(folder) == {}


class TestFailingStore:
    """Errors of the file system and of a store's library name the prediction and the bill, and say what to do."""

    @pytest.fixture
    def prediction_id(self, make_video: Callable[..., str]) -> str:
        return make_video()

    @pytest.mark.parametrize(
        ("number", "what_now"),
        [
            (errno.ENOSPC, "Free space at the destination"),
            (errno.EDQUOT, "Free space at the destination"),
            (errno.EACCES, "Permit the worker's user"),
            (errno.EROFS, "Permit the worker's user"),
            (errno.EIO, "A retry of this task downloads and stores it again and pays nothing"),
        ],
    )
    def test_error_of_the_file_system_is_a_storage_error(
        self, monkeypatch: pytest.MonkeyPatch, prediction_id: str, folder: Path, number: int, what_now: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(LocalFileOpener, "write", fail)
        with pytest.raises(StorageError) as raised:
            copy(folder, prediction_id=prediction_id)
        message = str(raised.value)
        assert f"{folder}/{prediction_id}-0.mp4 could not be stored ({type(raised.value.__cause__).__name__}" in message
        assert os.strerror(number) in message
        assert f"(prediction {prediction_id}). The generation was accepted and is billed" in message
        assert what_now in message
        assert files(folder) == {}

    def test_file_in_place_of_a_folder_ends_the_task(self, prediction_id: str, folder: Path) -> None:
        folder.write_bytes(b"a file")
        with pytest.raises(AirflowFailException, match=r"is billed.*A file has the name of a folder in this path"):
            copy(folder / "day", prediction_id=prediction_id)
        with pytest.raises(AirflowFailException, match=r"is billed.*A file has the name of a folder in this path"):
            copy(folder, prediction_id=prediction_id)
        assert folder.read_bytes() == b"a file"

    def test_name_that_is_too_long_ends_the_task(self, prediction_id: str, folder: Path) -> None:
        with pytest.raises(AirflowFailException, match=r"File name too long.*is billed.*Correct the arguments"):
            copy(folder, prediction_id=prediction_id, filename=f"{'n' * 300}.mp4")
        assert files(folder) == {}

    def test_error_of_a_library_is_a_storage_error(self, monkeypatch: pytest.MonkeyPatch, prediction_id: str) -> None:
        class ClientError(Exception):
            """Like botocore's."""

        def fail(*_: object, **__: object) -> None:
            raise ClientError("An error occurred (AccessDenied)\n when calling PutObject.")

        memory = MemoryFileSystem()
        attach("memory", conn_id="failing", fs=memory)
        monkeypatch.setattr(MemoryFileSystem, "_open", fail)
        match = r"\(ClientError: An error occurred \(AccessDenied\) when calling PutObject\) \(prediction "
        with pytest.raises(StorageError, match=match):
            copy("memory://videos", prediction_id=prediction_id, storage_conn_id="failing")


class TestRetry:
    """A retry after a try that stored some or all files."""

    @pytest.fixture
    def stored(self, link: str, folder: Path) -> Iterator[Path]:
        copy(folder, urls=link, filename="boat.mp4")
        path = folder / "boat.mp4"
        before = path.stat()
        yield path
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_file_with_the_same_content_is_left_unchanged(
        self, link: str, stored: Path, printed: Callable[[], str], overwrite: bool
    ) -> None:
        assert copy(stored.parent, urls=link, filename="boat.mp4", overwrite=overwrite) == [str(stored)]
        assert "already has the same content" in printed()
        assert list(files(stored.parent)) == ["boat.mp4"]

    def test_file_with_the_md5_of_the_server_is_not_downloaded(self, stored: Path) -> None:
        content = stored.read_bytes()

        class Download:
            size = len(content)
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()

            def __iter__(self) -> Iterator[bytes]:
                raise AssertionError("the file is downloaded")

        download: Any = Download()
        known = store(download, ObjectStoragePath(str(stored)), overwrite=False, log=logging.getLogger())
        assert (known.size, known.sha256) == (len(content), hashlib.sha256(content).hexdigest())

    def test_incomplete_file_with_the_md5_of_the_server_is_downloaded(self, link: str, folder: Path) -> None:
        content = content_of(link)[:-1]
        folder.mkdir()
        (folder / "boat.mp4").write_bytes(content)

        class Download:
            size = len(content)
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()

            def __iter__(self) -> Iterator[bytes]:
                raise DownloadFailedError("the file at the service is incomplete")

        download: Any = Download()
        with pytest.raises(DownloadFailedError):
            store(download, ObjectStoragePath(str(folder / "boat.mp4")), overwrite=False, log=logging.getLogger())

    def test_file_of_another_size_is_refused_before_the_download(
        self, emulator: Emulator, make_video: Callable[..., str], stored: Path
    ) -> None:
        other = link_of(emulator, make_video("A ship, which is another video", seed=3))
        with pytest.raises(AirflowFailException, match=r"boat\.mp4 has other content.*overwrite=True") as raised:
            copy(stored.parent, urls=other, filename="boat.mp4")
        assert isinstance(raised.value.__context__, DestinationTakenError)

    def test_other_file_of_the_same_size_is_refused(self, link: str, folder: Path) -> None:
        folder.mkdir()
        (folder / "boat.mp4").write_bytes(bytes(len(content_of(link))))
        with pytest.raises(AirflowFailException, match="has other content"):
            copy(folder, urls=link, filename="boat.mp4")
        assert not any(files(folder)["boat.mp4"])
        assert list(files(folder)) == ["boat.mp4"]

    @pytest.mark.parametrize("older", [b"older", None], ids=["other size", "same size"])
    def test_overwrite_replaces_another_file(self, link: str, folder: Path, older: bytes | None) -> None:
        content = content_of(link)
        folder.mkdir()
        (folder / "boat.mp4").write_bytes(older or bytes(len(content)))
        copy(folder, urls=link, filename="boat.mp4", overwrite=True)
        assert files(folder) == {"boat.mp4": content}

    def test_overwrite_does_not_replace_a_folder(self, link: str, folder: Path) -> None:
        (folder / "boat.mp4").mkdir(parents=True)
        with pytest.raises(AirflowFailException, match="is a folder"):
            copy(folder, urls=link, filename="boat.mp4", overwrite=True)

    def test_retry_stores_missing_files_only(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path
    ) -> None:
        links = [link_of(emulator, make_video(seed=seed)) for seed in (1, 2)]
        emulator.fault(endpoint="output", status=503, times=None, after=1)
        with pytest.raises(DownloadFailedError):
            copy(folder, urls=links, filename="{index}.{ext}")
        first = (folder / "0.mp4").stat()
        assert list(files(folder)) == ["0.mp4"]
        emulator.clear_faults()
        assert len(copy(folder, urls=links, filename="{index}.{ext}")) == 2
        # Reading the file changes its access time, writing it the others.
        after = (folder / "0.mp4").stat()
        assert (after.st_ino, after.st_size, after.st_mtime_ns) == (first.st_ino, first.st_size, first.st_mtime_ns)


class TestDeadLink:
    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_dead_link_is_refreshed_from_the_prediction(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path, status: int
    ) -> None:
        prediction_id = make_video()
        before = len(emulator.requests())
        emulator.fault(endpoint="output", status=status, times=5)
        copy(folder, urls=link_of(emulator, prediction_id), prediction_id=prediction_id)
        assert list(files(folder)) == [f"{prediction_id}-0.mp4"]
        endpoints = [request["path"].split("/")[1] for request in emulator.requests()[before:]]
        assert endpoints == ["outputs"] * 5 + ["api", "outputs"]

    @pytest.mark.parametrize("status", [403, 404])
    def test_link_that_is_refused_for_some_seconds_is_not_dead(
        self, emulator: Emulator, link: str, folder: Path, status: int
    ) -> None:
        emulator.fault(endpoint="output", status=status, times=4)
        copy(folder, urls=link, filename="boat.mp4")
        assert files(folder) == {"boat.mp4": content_of(link)}

    def test_link_to_an_error_page_is_refreshed_from_the_prediction(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path
    ) -> None:
        prediction_id = make_video()
        emulator.fault(endpoint="output", body="html")
        copy(folder, urls=link_of(emulator, prediction_id), prediction_id=prediction_id)
        assert files(folder) == {f"{prediction_id}-0.mp4": content_of(link_of(emulator, prediction_id))}

    @pytest.mark.parametrize("query", ["", "?signature=older"])
    def test_dead_link_is_replaced_by_the_link_of_the_same_output(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path, query: str
    ) -> None:
        dead, other = make_video(seed=1), make_video(seed=2)
        emulator.fault(endpoint="output", status=403, prediction_id=dead, times=5)
        links = [link_of(emulator, dead) + query, link_of(emulator, other)]
        copy(folder, urls=links, prediction_id=dead, filename="{index}.{ext}")
        assert files(folder)["0.mp4"] == content_of(links[0])

    def test_dead_link_is_not_replaced_by_the_link_of_another_output(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path
    ) -> None:
        dead, other = make_video(seed=1), make_video(seed=2)
        emulator.fault(endpoint="output", status=403, prediction_id=dead, times=None)
        with pytest.raises(DeadLinkError, match="returned HTTP 403"):
            copy(folder, urls=[link_of(emulator, dead)] * 2, prediction_id=other, filename="{index}.{ext}")

    def test_error_of_a_dead_link_has_the_charge_and_asks_for_no_new_generation(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path
    ) -> None:
        prediction_id = make_video()
        emulator.settings(link_seconds=0)
        with pytest.raises(DeadLinkError) as raised:
            copy(folder, prediction_id=prediction_id)
        assert raised.value.retryable
        message = str(raised.value)
        assert f"returned HTTP 403 (prediction {prediction_id})." in message
        assert "The generation was accepted and is billed whatever happens to this task." in message
        assert "A retry with prediction_id requests a new link and pays nothing." in message
        assert "regenerate" not in message
        assert not folder.exists()

    def test_retry_gets_a_link_that_works_again(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path
    ) -> None:
        prediction_id = make_video()
        emulator.settings(link_seconds=0)
        with pytest.raises(DeadLinkError):
            copy(folder, prediction_id=prediction_id)
        emulator.settings(link_seconds=86400)
        copy(folder, prediction_id=prediction_id)
        assert list(files(folder)) == [f"{prediction_id}-0.mp4"]
        assert len(emulator.ledger()) == 1

    def test_dead_link_of_an_unknown_prediction_ends_the_task(
        self, emulator: Emulator, link: str, folder: Path
    ) -> None:
        emulator.settings(link_seconds=0)
        with pytest.raises(AirflowFailException, match=r"does not know the prediction .*\(prediction 0a0a\)"):
            copy(folder, urls=link, prediction_id="0a0a")

    def test_dead_link_without_prediction_id_names_the_argument(
        self, emulator: Emulator, link: str, folder: Path
    ) -> None:
        emulator.settings(link_seconds=0)
        with pytest.raises(DeadLinkError) as raised:
            copy(folder, urls=link, filename="boat.mp4")
        assert "Set prediction_id to the prediction of this output" in str(raised.value)


class TestPredictionId:
    def test_unfinished_prediction_is_a_retryable_error(self, emulator: Emulator, folder: Path) -> None:
        emulator.settings(seconds_running=60)
        submitted = SeedanceHook().submit(TextToVideo(prompt="A paper boat"))
        with pytest.raises(MissingOutputsError, match=r"has no outputs yet.*SeedancePredictionSensor"):
            copy(folder, prediction_id=submitted.id)

    @pytest.mark.parametrize("prompt", ["[fail]", "[expire]"])
    def test_prediction_without_a_video_ends_the_task(self, emulator: Emulator, folder: Path, prompt: str) -> None:
        submitted = SeedanceHook().submit(TextToVideo(prompt=prompt))
        with pytest.raises(SeedanceError):
            SeedanceHook().wait_for_prediction(submitted.id, poll_interval=0.02)
        with pytest.raises(AirflowFailException, match="There is nothing to store"):
            copy(folder, prediction_id=submitted.id)

    def test_unknown_prediction_ends_the_task(self, emulator: Emulator, folder: Path) -> None:
        with pytest.raises(AirflowFailException, match=r"does not know the prediction .*\(prediction 0a0a\)"):
            copy(folder, prediction_id="0a0a")


class TestPrivateAddress:
    def test_private_address_of_another_server_is_refused(self, emulator: Emulator, folder: Path) -> None:
        with running_emulator() as other, pytest.raises(AirflowFailException, match="not a public address") as raised:
            copy(folder, urls=f"{other.url}/outputs/0a0a/0.mp4", filename="boat.mp4")
        assert isinstance(raised.value.__context__, ForbiddenLinkError)
        assert "allow_private_addresses=True" in str(raised.value)

    def test_private_address_of_another_server_can_be_allowed(
        self, link: str, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", '{"conn_type": "seedance", "password": "sk-needle"}')
        arguments = {"urls": link, "filename": "boat.mp4", "seedance_conn_id": "elsewhere"}
        with pytest.raises(AirflowFailException, match="not a public address"):
            copy(folder, **arguments)
        copy(folder, **arguments, allow_private_addresses=True)
        assert list(files(folder)) == ["boat.mp4"]

    def test_private_address_is_refused_after_a_redirect(self, emulator: Emulator, link: str, folder: Path) -> None:
        emulator.fault(endpoint="output", answer="redirect", location="http://169.254.169.254/latest/meta-data")
        with pytest.raises(AirflowFailException, match=r"resolves to 169\.254\.169\.254, not a public address"):
            copy(folder, urls=link, filename="boat.mp4")


class TestArguments:
    @pytest.mark.parametrize("max_bytes", [0, -1, 1.5, "9", True, None])
    def test_invalid_max_bytes_is_refused_when_the_dag_is_parsed(self, max_bytes: Any) -> None:
        with pytest.raises(ValueError, match=r"max_bytes: .* is not allowed; allowed: a number of bytes above 0"):
            SeedanceToObjectStorageOperator(task_id="copy", prediction_id="a", destination="/a", max_bytes=max_bytes)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "prediction, prediction_id or urls: one of them is needed"),
            ({"prediction_id": " "}, "prediction, prediction_id or urls: one of them is needed"),
            ({"urls": []}, "urls: a URL or a list of URLs"),
            ({"urls": [""]}, "urls: a URL or a list of URLs"),
            ({"urls": [None]}, "urls: a URL or a list of URLs"),
            ({"urls": {"a": 1}}, "urls: a URL or a list of URLs"),
            ({"urls": "[not a list"}, "urls: a URL or a list of URLs"),
            ({"urls": "http://a/"}, "filename: holds {prediction_id}; set prediction_id as well"),
            (
                {"prediction_id": "a", "filename": "{name}"},
                "braces: {prediction_id}, {index} and {ext}",
            ),
            (
                {"prediction_id": "a", "filename": "{index.real}{}"},
                "braces: {prediction_id}, {index} and {ext}",
            ),
            (
                {"prediction_id": "a", "filename": "{index"},
                "braces: {prediction_id}, {index} and {ext}",
            ),
            ({"prediction_id": "a", "filename": "../x.mp4"}, "is not the name of a file below the destination"),
            ({"prediction_id": "a", "filename": "/x.mp4"}, "is not the name of a file below the destination"),
            ({"prediction_id": "a", "filename": "a//x.mp4"}, "is not the name of a file below the destination"),
            ({"prediction_id": "None"}, "prediction, prediction_id or urls: one of them is needed"),
            ({"urls": ["https://a.example/0.mp4", ""]}, "urls: a URL or a list of URLs"),
            ({"urls": "['https://a.example/0.mp4', None]"}, "urls: a URL or a list of URLs"),
            ({"prediction_id": "a", "filename": "a\n.mp4"}, "is not the name of a file below the destination"),
            ({"urls": ["http://a/", "http://b/"], "filename": "x.{ext}"}, "the same for each of 2 files"),
        ],
        ids=str,
    )
    def test_invalid_arguments_are_refused_before_a_request(
        self, emulator: Emulator, folder: Path, arguments: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(AirflowFailException) as raised:
            copy(folder, **arguments)
        assert message in str(raised.value)
        assert "Nothing was downloaded" in str(raised.value)
        # One mistake is one problem: where there is no source, the missing id is no second one.
        assert ("filename: holds" in str(raised.value)) == ("filename: holds" in message)
        assert emulator.requests() == []

    @pytest.mark.parametrize("destination", ["gopher://host/videos", "nothing://videos"])
    def test_unknown_scheme_is_refused(self, emulator: Emulator, destination: str) -> None:
        with pytest.raises(AirflowFailException, match=r"destination: .*cannot be used") as raised:
            copy(destination, prediction_id="a")
        assert "(prediction a). The generation was accepted and is billed" in str(raised.value)
        assert emulator.requests() == []

    @pytest.mark.parametrize("destination", ["videos", "./videos", "~/videos", "file://videos"])
    def test_relative_destination_is_refused(self, emulator: Emulator, destination: str) -> None:
        with pytest.raises(AirflowFailException, match=r"is a relative path.*allowed: an absolute path"):
            copy(destination, prediction_id="a")
        assert emulator.requests() == []

    @pytest.mark.parametrize(
        ("arguments", "is_paid"),
        [
            ({"prediction_id": "a", "filename": "{name}"}, True),
            ({"urls": "https://cdn.example/0.mp4"}, True),
            ({"urls": []}, False),
            ({}, False),
        ],
        ids=str,
    )
    def test_error_says_that_a_known_video_is_paid_for(
        self, emulator: Emulator, folder: Path, arguments: dict[str, Any], is_paid: bool
    ) -> None:
        with pytest.raises(AirflowFailException) as raised:
            copy(folder, **arguments)
        assert ("The generation was accepted and is billed" in str(raised.value)) == is_paid
        assert ("Nothing was charged" in str(raised.value)) == (not is_paid)

    @pytest.mark.parametrize("error", [AirflowNotFoundException("absent"), ConnectionError("the API is away")])
    def test_missing_connection_of_the_service_says_that_the_video_is_paid_for(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, error: Exception
    ) -> None:
        def fail(_: str) -> None:
            raise error

        monkeypatch.setattr(SeedanceHook, "get_connection", fail)
        with pytest.raises(ConnectionUnavailableError, match=r"'seedance_default'.*\(prediction a\)") as raised:
            copy(folder, prediction_id="a")
        assert raised.value.charge is Charge.ACCEPTED
        with pytest.raises(ConnectionUnavailableError) as raised:
            SeedanceHook().download("https://cdn.example/0.mp4", str(folder / "boat.mp4"))
        assert raised.value.charge is Charge.ACCEPTED

    def test_id_with_a_slash_stays_below_the_destination(self, link: str, folder: Path) -> None:
        copy(folder, urls=link, prediction_id="../sora-2:task_x")
        assert list(files(folder)) == [".._sora-2_task_x-0.mp4"]

    def test_file_larger_than_max_bytes_is_refused(self, emulator: Emulator, link: str, folder: Path) -> None:
        with pytest.raises(AirflowFailException, match=r"larger than 1,000 bytes.*raise max_bytes"):
            copy(folder, urls=link, filename="boat.mp4", max_bytes=1000)
        assert not folder.exists()


class TestHook:
    def test_hook_stores_a_link_under_a_path(self, emulator: Emulator, link: str, folder: Path) -> None:
        stored = SeedanceHook().download(link, f"file://{folder}/boat.mp4")
        assert (str(stored), stored.read_bytes()) == (f"file://{folder}/boat.mp4", content_of(link))
        assert emulator.leaks() == []

    def test_hook_accepts_a_path_object(self, link: str, folder: Path) -> None:
        path = ObjectStoragePath(str(folder / "boat.mp4"))
        assert SeedanceHook().download(link, path) is path

    def test_hook_refreshes_a_dead_link(self, emulator: Emulator, make_video: Callable[..., str], folder: Path) -> None:
        prediction_id = make_video()
        emulator.fault(endpoint="output", status=403, times=5)
        SeedanceHook().download(link_of(emulator, prediction_id), str(folder / "boat.mp4"), prediction_id=prediction_id)
        assert list(files(folder)) == ["boat.mp4"]

    def test_error_of_the_hook_names_the_prediction(
        self, emulator: Emulator, make_video: Callable[..., str], folder: Path
    ) -> None:
        prediction_id = make_video()
        emulator.fault(endpoint="output", truncate="cached", times=None)
        with pytest.raises(DownloadFailedError, match=rf"\(prediction {prediction_id}\)"):
            SeedanceHook().download(
                link_of(emulator, prediction_id), str(folder / "boat.mp4"), prediction_id=prediction_id
            )

    def test_hook_raises_the_error_of_the_download(self, emulator: Emulator, link: str, folder: Path) -> None:
        emulator.settings(link_seconds=0)
        with pytest.raises(DeadLinkError):
            SeedanceHook().download(link, str(folder / "boat.mp4"))
