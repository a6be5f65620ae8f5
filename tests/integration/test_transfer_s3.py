"""Storage of large videos, on disk and on an S3 server, in a separate process."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from s3fs.core import S3File

from airflow_provider_seedance.gptproto.errors import DownloadFailedError, StorageError
from airflow_provider_seedance.gptproto.http import download
from tests.integration import storing_process
from tests.integration.storing_process import S3_CONN_ID, store
from tests.integration.video_server import VideoServer, running_video_server
from tests.s3 import attach_s3

MB = 1_000_000
_NUMBERS = itertools.count(1)


@pytest.fixture(autouse=True)
def _connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the connection variable after the test."""
    monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", "")


@pytest.fixture(scope="module")
def s3(s3_address: str) -> Any:
    return attach_s3(s3_address, S3_CONN_ID)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"videos-{next(_NUMBERS)}"
    s3.mkdir(name)
    return name


def contents(s3: Any, bucket: str) -> dict[str, bytes]:
    """Return all objects in a bucket; fail if it has an unfinished upload."""
    s3.invalidate_cache()
    assert s3.list_multipart_uploads(bucket) == []
    return {path.partition("/")[2]: s3.cat(path) for path in s3.find(bucket)}


def start(link: str, destination: str, *s3_address: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - a module of these tests
        [sys.executable, "-m", storing_process.__name__, link, destination, *s3_address],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate()
    assert process.returncode == 0, output
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def kill_halfway(has_begun: Callable[[], bool], server: VideoServer, destination: str, *s3_address: str) -> None:
    server.may_go_on.clear()
    process = start(f"{server.url}/0.mp4", destination, *s3_address)
    assert server.sent_half.wait(60), "the download did not begin"
    # The process stores data some time after the server sends it.
    deadline = time.monotonic() + 60
    while not has_begun():
        assert time.monotonic() < deadline, "the process stored nothing"
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    server.may_go_on.set()


class TestDisk:
    def test_storing_200_mb_on_disk_needs_less_than_30_mb_of_memory(self, tmp_path: Path) -> None:
        with running_video_server(200 * MB) as server:
            result = finish(start(f"{server.url}/0.mp4", str(tmp_path)))
            with Path(tmp_path, "boat.mp4").open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == server.sha256
        assert result["stored"] == [f"{tmp_path}/boat.mp4"]
        assert result["growth"] < 30 * MB

    def test_killed_process_leaves_no_file_under_the_name(self, tmp_path: Path) -> None:
        with running_video_server(20 * MB) as server:
            kill_halfway(lambda: any(tmp_path.iterdir()), server, str(tmp_path))
            [partial] = tmp_path.iterdir()
            assert partial.name.startswith(".boat.mp4.")
            store(f"{server.url}/0.mp4", str(tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == ["boat.mp4"]


class TestS3:
    def test_video_is_stored_in_s3(self, s3: Any, bucket: str) -> None:
        with running_video_server(MB) as server:
            [stored] = store(f"{server.url}/0.mp4", f"s3://{bucket}/day", storage_conn_id=S3_CONN_ID)
            assert stored == f"s3://{S3_CONN_ID}@{bucket}/day/boat.mp4"
            assert s3.find(bucket) == [f"{bucket}/day/boat.mp4"]
            assert hashlib.sha256(ObjectStoragePath(stored).read_bytes()).hexdigest() == server.sha256
        assert s3.info(f"{bucket}/day/boat.mp4", refresh=True)["ContentType"] == "video/mp4"

    def test_storing_100_mb_in_s3_needs_less_than_30_mb_of_memory(self, s3_address: str, s3: Any, bucket: str) -> None:
        with running_video_server(100 * MB) as server:
            result = finish(start(f"{server.url}/0.mp4", f"s3://{bucket}", s3_address))
        assert s3.size(f"{bucket}/boat.mp4") == 100 * MB
        assert result["growth"] < 30 * MB

    def test_killed_process_leaves_no_object(self, s3_address: str, s3: Any, bucket: str) -> None:
        with running_video_server(20 * MB) as server:
            kill_halfway(lambda: s3.list_multipart_uploads(bucket) != [], server, f"s3://{bucket}", s3_address)
            assert s3.find(bucket) == []
            assert s3.list_multipart_uploads(bucket) != []
            store(f"{server.url}/0.mp4", f"s3://{bucket}", storage_conn_id=S3_CONN_ID)
        s3.invalidate_cache()
        assert [(path, s3.size(path)) for path in s3.find(bucket)] == [(f"{bucket}/boat.mp4", 20 * MB)]

    @pytest.mark.parametrize("older", [None, b"older"], ids=["empty", "with an older object"])
    @pytest.mark.parametrize("size", [MB, 12 * MB], ids=["one block", "several blocks"])
    def test_failed_download_keeps_objects(self, s3: Any, bucket: str, size: int, older: bytes | None) -> None:
        if older is not None:
            s3.pipe(f"{bucket}/boat.mp4", older)
        # The limit is exceeded by the last byte.
        with running_video_server(size, sends_size=False) as server:
            link = f"{server.url}/0.mp4"
            with pytest.raises(AirflowFailException, match="larger than"):
                store(link, f"s3://{bucket}", storage_conn_id=S3_CONN_ID, overwrite=True, max_bytes=size - 1)
        assert contents(s3, bucket) == ({} if older is None else {"boat.mp4": older})

    @pytest.mark.parametrize("older", [None, b"older"], ids=["empty", "with an older object"])
    @pytest.mark.parametrize("sends_size", [False, True], ids=["no length", "length of the cut file"])
    @pytest.mark.parametrize("cut", [1, MB, 12 * MB - 40])
    def test_cut_file_is_never_an_object(
        self,
        s3: Any,
        bucket: str,
        monkeypatch: pytest.MonkeyPatch,
        cut: int,
        sends_size: bool,
        older: bytes | None,
    ) -> None:
        monkeypatch.setattr(download, "MAXIMUM_DELAY", 0.0)
        if older is not None:
            s3.pipe(f"{bucket}/boat.mp4", older)
        with running_video_server(12 * MB, sends_size=sends_size, cut=cut) as server:
            link = f"{server.url}/0.mp4"
            with pytest.raises(DownloadFailedError, match="is incomplete: it ended after"):
                store(link, f"s3://{bucket}", storage_conn_id=S3_CONN_ID, overwrite=True)
            assert contents(s3, bucket) == ({} if older is None else {"boat.mp4": older})
            server.cut = 0
            store(link, f"s3://{bucket}", storage_conn_id=S3_CONN_ID, overwrite=True)
            assert hashlib.sha256(contents(s3, bucket)["boat.mp4"]).hexdigest() == server.sha256

    @pytest.mark.parametrize("older", [None, b"older"], ids=["empty", "with an older object"])
    @pytest.mark.parametrize("failing_part", [1, 2, 3], ids=["first", "second", "last"])
    def test_failed_upload_keeps_objects(
        self, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch, failing_part: int, older: bytes | None
    ) -> None:
        if older is not None:
            s3.pipe(f"{bucket}/boat.mp4", older)
        upload = S3File._upload_chunk
        parts = []

        def fail(file: Any, final: bool = False) -> Any:
            parts.append(final)
            if len(parts) == failing_part:
                raise ConnectionError("the store is away")
            return upload(file, final)

        monkeypatch.setattr(S3File, "_upload_chunk", fail)
        with running_video_server(12 * MB) as server, pytest.raises(StorageError, match="the store is away"):
            store(f"{server.url}/0.mp4", f"s3://{bucket}", storage_conn_id=S3_CONN_ID, overwrite=True)
        assert parts[-1] is (failing_part == 3)
        assert contents(s3, bucket) == ({} if older is None else {"boat.mp4": older})

    @pytest.mark.parametrize("is_same", [True, False])
    def test_object_is_written_again_only_if_content_differs(self, s3: Any, bucket: str, is_same: bool) -> None:
        path = f"{bucket}/boat.mp4"
        with running_video_server(6 * MB) as server:
            video = b"".join(server.pieces())
            s3.pipe(path, video if is_same else video[:-1] + b"x")
            before = s3.info(path)["ETag"]
            store(f"{server.url}/0.mp4", f"s3://{bucket}", storage_conn_id=S3_CONN_ID, overwrite=True)
        assert contents(s3, bucket) == {"boat.mp4": video}
        # The ETag of a multipart upload contains a hyphen.
        assert ("-" in before, "-" in s3.info(path)["ETag"]) == (False, not is_same)
