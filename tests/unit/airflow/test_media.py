"""Local files and objects of object storage become uploaded media when a task runs, and appear in no log or XCom."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import StorageError
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from airflow_provider_seedance.operators.seedance import (
    SeedanceImageToVideoOperator,
    SeedanceReferenceToVideoOperator,
)
from airflow_provider_seedance.tasks.media import with_local_media
from tests.unit.airflow.driving import Run
from tests.unit.gptproto.making import make, refusal
from tests.unit.gptproto.samples import clip, picture, sound
from tests.versions import needs_store

PICTURE = picture("JPEG")
DATA_URI = f"data:image/jpeg;base64,{base64.b64encode(PICTURE).decode()}"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a store with one image in it."""
    store: Any = MemoryFileSystem(skip_instance_cache=True)
    store.store, store.pseudo_dirs = {}, [""]
    store.pipe_file("/bucket/boat.jpg", PICTURE)
    monkeypatch.setattr("airflow.sdk.io.store._STORE_CACHE", {})
    for conn_id in ("aws_conn", None):
        attach("memory", conn_id=conn_id, fs=store)
    return store


def make_unreadable(store: Any, error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(store, "_open", fail)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "boat.jpg"
    path.write_bytes(PICTURE)
    return path


def image_to_video(image: Any) -> GenerationRequest:
    return with_local_media(make("image-to-video", image=image))


class TestPaths:
    @pytest.mark.parametrize("form", ["{}", "file://{}", "local://{}"])
    def test_local_file_becomes_a_data_uri(self, image: Path, form: str) -> None:
        request = image_to_video(form.format(image))

        request.check()
        assert request.payload()["image"] == DATA_URI
        assert request.payload()["is_upload_media"] is True

    def test_path_objects_are_accepted(self, image: Path) -> None:
        assert {image_to_video(form(image)).payload()["image"] for form in (Path, ObjectStoragePath)} == {DATA_URI}

    def test_file_name_may_look_like_parts_of_a_url(self, image: Path) -> None:
        name = image.rename(image.with_name("user@host:1#boat?.jpg"))

        assert image_to_video(str(name)).payload()["image"] == DATA_URI

    @pytest.mark.parametrize("uri", ["memory://bucket/boat.jpg", "memory://aws_conn@bucket/boat.jpg"])
    @pytest.mark.parametrize("form", [str, ObjectStoragePath])
    def test_object_is_read_with_and_without_a_connection(self, store: Any, uri: str, form: type) -> None:
        request = image_to_video(form(uri))

        request.check()
        assert request.payload()["image"] == DATA_URI
        assert f"from {form(uri)}>" in request.description()["image"]

    def test_single_object_path_needs_no_list(self, store: Any) -> None:
        request = make("reference-to-video", images=ObjectStoragePath("memory://bucket/boat.jpg"))

        assert with_local_media(request).payload()["images"] == [DATA_URI]

    def test_listing_of_the_store_is_not_cached(self, store: Any) -> None:
        store.ls("/bucket")
        store.pipe_file("/bucket/boat.jpg", PICTURE + b"\x00")

        assert image_to_video("memory://bucket/boat.jpg").payload()["image"] != DATA_URI


class TestRefusals:
    def test_missing_object_is_refused(self, store: Any) -> None:
        assert "this worker finds no such file" in refusal(image_to_video("memory://bucket/missing.jpg"))

    def test_folder_is_refused(self, store: Any, tmp_path: Path) -> None:
        for folder in ("memory://bucket", f"file://{tmp_path}"):
            assert refusal(image_to_video(folder)).endswith("the value names a directory")

    def test_named_pipe_is_refused_without_waiting(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")

        assert "it is not a regular file" in refusal(image_to_video(f"file://{tmp_path}/pipe"))

    def test_unknown_scheme_is_refused(self) -> None:
        line = refusal(image_to_video("ftp://example.com/boat.jpg"))

        assert "cannot be read as a file (No filesystem registered for scheme ftp)" in line

    def test_missing_connection_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from airflow.providers.common.compat.sdk import BaseHook

        def get_fs(conn_id: str | None) -> Any:
            return BaseHook.get_connection(conn_id or "")

        monkeypatch.setattr("airflow.sdk.io.fs._register_filesystems", lambda: {"s3": get_fs})
        line = refusal(image_to_video("s3://nobody@bucket/boat.jpg"))

        assert "cannot be read as a file (" in line
        assert "nobody" in line

    @pytest.mark.parametrize("content", [b"", b"root:x:0:0:root:/root:/bin/bash\n"])
    def test_content_that_is_no_image_is_refused(self, store: Any, content: bytes) -> None:
        store.pipe_file("/bucket/boat.jpg", content)

        assert "boat.jpg" in refusal(image_to_video("memory://bucket/boat.jpg"))

    def test_object_without_permission_is_refused(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        make_unreadable(store, PermissionError("403"), monkeypatch)

        assert refusal(image_to_video("memory://bucket/boat.jpg")).endswith("that this worker is not allowed to read")

    def test_failing_store_is_a_retryable_error(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        make_unreadable(store, OSError("the store is away"), monkeypatch)

        with pytest.raises(StorageError, match="the store is away") as caught:
            image_to_video("memory://bucket/boat.jpg")
        assert caught.value.retryable


def image_task(image: Any, **arguments: Any) -> SeedanceImageToVideoOperator:
    return SeedanceImageToVideoOperator(**{"task_id": "make_video", "prompt": "It floats", "image": image, **arguments})


@pytest.mark.usefixtures("short_waits")
class TestTask:
    def test_content_is_sent_and_appears_nowhere_else(
        self, emulator: Emulator, image: Path, deferrable: bool, printed: Callable[[], str]
    ) -> None:
        from airflow.serialization.helpers import serialize_template_field

        run, task = Run(), image_task("{{ folder }}/boat.jpg", deferrable=deferrable)
        run.try_once(task, folder=image.parent)

        [booked] = emulator.ledger()
        assert booked["parameters"]["image"]["length"] == len(PICTURE)
        assert booked["parameters"]["is_upload_media"] is True
        fields = [serialize_template_field(getattr(run.operator, name), name) for name in task.template_fields]
        assert str(image) in fields
        stored = [run.xcoms, run.store.values if run.store else {}, fields, run.events]
        visible = json.dumps(stored) + printed() + "".join(str(each.trigger.serialize()) for each in run.deferrals)
        content = base64.b64encode(PICTURE).decode()
        assert not any(content[place : place + 12] in visible for place in range(0, len(content) - 12, 4))

    def test_references_of_every_kind_are_sent(self, emulator: Emulator, store: Any, tmp_path: Path) -> None:
        contents = {"boat.jpg": PICTURE, "drift.mp4": clip(), "rain.mp3": sound()}
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        Run().try_once(
            SeedanceReferenceToVideoOperator(
                task_id="make_video",
                prompt="It floats",
                images=[str(tmp_path / "boat.jpg"), "memory://aws_conn@bucket/boat.jpg"],
                videos=f"file://{tmp_path}/drift.mp4",
                audios=[tmp_path / "rain.mp3"],
            )
        )

        parameters = emulator.ledger()[0]["parameters"]
        sent = {name: [medium["length"] for medium in parameters[name]] for name in ("images", "videos", "audios")}
        assert sent == {
            "images": [len(PICTURE)] * 2,
            "videos": [len(contents["drift.mp4"])],
            "audios": [len(contents["rain.mp3"])],
        }

    def test_file_is_not_read_when_the_dag_is_parsed(self) -> None:
        assert image_task("missing.jpg").image == "missing.jpg"

    def test_file_may_be_deleted_during_the_deferral(self, emulator: Emulator, image: Path) -> None:
        class DeletingRun(Run):
            def _fire(self, trigger: Any) -> Any:
                image.unlink()
                return super()._fire(trigger)

        assert DeletingRun().try_once(image_task(str(image), deferrable=True))
        assert not image.exists()

    @needs_store
    def test_same_content_under_another_path_is_the_same_generation(self, emulator: Emulator, image: Path) -> None:
        run = Run()
        run.try_once(image_task(str(image)))
        run.try_once(image_task(str(image.rename(image.with_name("renamed.jpg")))))
        assert len(emulator.ledger()) == 1

        image.write_bytes(picture("JPEG", 500, 500))
        run.try_once(image_task(str(image)))
        assert len(emulator.ledger()) == 2

    @needs_store
    def test_retry_with_a_missing_file_goes_on_with_the_paid_prediction(
        self, emulator: Emulator, image: Path, printed: Callable[[], str]
    ) -> None:
        run = Run()
        prediction_id = run.try_once(image_task(str(image), wait_for_completion=False))
        image.unlink()
        [address] = run.try_once(image_task(str(image)))
        [booked] = emulator.ledger()
        assert prediction_id == booked["id"]
        assert prediction_id in address
        assert "this worker finds no such file" in printed()

    @needs_store
    def test_retry_with_a_store_that_is_away_goes_on_with_the_paid_prediction(
        self, emulator: Emulator, store: Any
    ) -> None:
        run, task = Run(), image_task("memory://bucket/boat.jpg")
        prediction_id = run.try_once(image_task("memory://bucket/boat.jpg", wait_for_completion=False))
        with pytest.MonkeyPatch.context() as patch:
            make_unreadable(store, OSError("the store is away"), patch)
            [address] = run.try_once(task)
        assert prediction_id in address
        assert len(emulator.ledger()) == 1

    @needs_store
    def test_retry_with_another_missing_file_names_the_paid_prediction(self, emulator: Emulator, image: Path) -> None:
        run = Run()
        prediction_id = run.try_once(image_task(str(image), wait_for_completion=False))
        with pytest.raises(AirflowFailException, match=f"An earlier try submitted prediction {prediction_id}") as error:
            run.try_once(image_task(str(image.with_name("other.jpg"))))
        assert "Nothing was charged" not in str(error.value)
        assert "This try charged nothing, but what earlier tries submitted is billed." in str(error.value)
        assert len(emulator.ledger()) == 1

    def test_failed_generation_with_a_missing_file_is_not_submitted_again(
        self, emulator: Emulator, image: Path
    ) -> None:
        run = Run()
        run.try_once(image_task(str(image), wait_for_completion=False))
        emulator.fault(endpoint="result", answer="failed", times=None)
        image.unlink()
        with pytest.raises(AirflowFailException, match="this worker finds no such file"):
            run.try_once(image_task(str(image)))
        assert len(emulator.ledger()) == 1

    def test_invalid_files_and_arguments_raise_one_error_before_a_request(
        self, emulator: Emulator, image: Path
    ) -> None:
        task = image_task(str(image.with_name("missing.jpg")), last_image=str(image.parent), duration=99)
        with pytest.raises(AirflowFailException) as caught:
            Run().try_once(task)

        for each in ("duration: 99", "this worker finds no such file", "names a directory"):
            assert each in str(caught.value)
        assert emulator.requests() == []

    def test_failing_store_follows_the_retries_and_is_in_xcom(self, emulator: Emulator, store: Any) -> None:
        run, task = Run(), image_task("memory://bucket/boat.jpg")
        with pytest.MonkeyPatch.context() as patch:
            make_unreadable(store, OSError("the store is away"), patch)
            with pytest.raises(StorageError):
                run.try_once(task)
        assert "the store is away" in run.xcoms["prediction"]["error"]

        assert run.try_once(task)
        assert len(emulator.ledger()) == 1
