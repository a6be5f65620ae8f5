"""Stored files with sidecar and poster on an S3 server."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from PIL import Image
from s3fs.core import S3File

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import StorageError
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.films import FILMS, film, read_by_pyav, serving
from tests.s3 import attach_s3
from tests.unit.airflow.driving import Run

S3_CONN_ID = "s3_stored_files"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def s3(s3_address: str) -> Any:
    return attach_s3(s3_address, S3_CONN_ID)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"stored-{next(_NUMBERS)}"
    s3.mkdir(name)
    return name


def store(bucket: str, run: Run, *contents: bytes, tries: int = 1) -> list[dict[str, Any]]:
    """Store films with sidecar and poster, and return the files of XCom ``stored``."""
    names = {f"{number}.mp4": content for number, content in enumerate(contents)}
    with serving(names) as address:
        task = SeedanceToObjectStorageOperator(
            task_id="store",
            destination=f"s3://{bucket}/day",
            urls=[f"{address}/{name}" for name in names],
            filename="{index}.mp4",
            storage_conn_id=S3_CONN_ID,
            allow_private_addresses=True,
            sidecar=True,
            poster=True,
        )
        for _ in range(tries):
            run.try_once(task)
    files: list[dict[str, Any]] = run.xcoms["stored"]["files"]
    return files


def objects(s3: Any, bucket: str) -> dict[str, bytes]:
    """Return all objects; fail if an upload is unfinished."""
    s3.invalidate_cache()
    assert s3.list_multipart_uploads(bucket) == []
    return {path.rpartition("/")[2]: s3.cat(path) for path in s3.find(bucket)}


def test_video_sidecar_and_poster_are_objects_of_their_types(seedance_emulator: Emulator, s3: Any, bucket: str) -> None:
    [file] = store(bucket, Run(), film(sound=True))
    found = objects(s3, bucket)
    assert list(found) == ["0.jpg", "0.mp4", "0.mp4.json"]
    width, height, seconds = read_by_pyav(found["0.mp4"])
    assert file["sha256"] == hashlib.sha256(found["0.mp4"]).hexdigest()
    assert (file["bytes"], file["width"], file["height"]) == (s3.size(f"{bucket}/day/0.mp4"), width, height)
    assert file["seconds"] == pytest.approx(seconds, abs=0.00101)
    paths = {name: f"s3://{S3_CONN_ID}@{bucket}/day/{name}" for name in found}
    assert (file["path"], file["poster"], file["sidecar"]) == tuple(paths[n] for n in ("0.mp4", "0.jpg", "0.mp4.json"))
    assert [ObjectStoragePath(path).read_bytes() for path in paths.values()] == list(found.values())
    assert json.loads(found["0.mp4.json"])["sha256"] == file["sha256"]
    assert Image.open(io.BytesIO(found["0.jpg"])).size == (width, height)
    types = [s3.info(f"{bucket}/day/{name}", refresh=True)["ContentType"] for name in found]
    assert types == ["image/jpeg", "video/mp4", "application/json"]


def test_retry_writes_nothing_again(
    seedance_emulator: Emulator, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    commit = S3File.commit

    def note(file: Any) -> Any:
        written.append(file.path.rpartition("/")[2])
        return commit(file)

    monkeypatch.setattr(S3File, "commit", note)
    files = store(bucket, Run(), film(), FILMS["QuickTime"], tries=3)
    assert [file["index"] for file in files] == [0, 1]
    assert sorted(written) == ["0.jpg", "0.mp4", "0.mp4.json", "1.jpg", "1.mp4", "1.mp4.json"]


def test_failed_sidecar_fails_the_task_and_a_retry_completes_it(
    seedance_emulator: Emulator, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, video = Run(), film()
    commit = S3File.commit

    def fail(file: Any) -> Any:
        if file.path.endswith(".json"):
            raise ConnectionError("the store is away")
        return commit(file)

    with monkeypatch.context() as patch:
        patch.setattr(S3File, "commit", fail)
        with pytest.raises(StorageError, match="the store is away"):
            store(bucket, run, video)
    [file] = run.xcoms["stored"]["files"]
    assert (file["poster"], file["sidecar"]) == (f"s3://{S3_CONN_ID}@{bucket}/day/0.jpg", None)
    assert list(objects(s3, bucket)) == ["0.jpg", "0.mp4"]
    assert store(bucket, run, video)[0]["sidecar"] is not None
    assert list(objects(s3, bucket)) == ["0.jpg", "0.mp4", "0.mp4.json"]


def test_object_that_is_no_sidecar_is_kept(seedance_emulator: Emulator, s3: Any, bucket: str) -> None:
    s3.pipe(f"{bucket}/day/0.mp4.json", b"notes")
    with pytest.raises(AirflowFailException, match=r"0\.mp4\.json has other content"):
        store(bucket, Run(), film())
    assert objects(s3, bucket)["0.mp4.json"] == b"notes"
