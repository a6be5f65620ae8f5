"""The store: exclusive creation, fresh lists, and errors that name the object."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import IO, Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from airflow_provider_seedance.gptproto.errors import ConnectionSettingsError
from airflow_provider_seedance.ledger.errors import LedgerUnavailableError
from airflow_provider_seedance.ledger.store import ObjectStore, Store, open_store
from tests.s3 import attach_s3
from tests.warm_python import WarmProcess

RACERS = 12


class TestObjects:
    def test_created_object_is_read_back(self, store: Store) -> None:
        assert store.create("folder/one", b"first")
        assert store.read("folder/one") == b"first"

    def test_second_creation_changes_nothing(self, store: Store) -> None:
        store.create("one", b"first")
        assert not store.create("one", b"second")
        assert store.read("one") == b"first"

    def test_creation_that_is_repeated_by_the_library_succeeded(self, store: Store) -> None:
        # The response to the first upload was lost, so the library sent it again.
        assert store.create("one", b"first")
        assert store.create("one", b"first")

    def test_deleted_object_can_be_created_again(self, store: Store) -> None:
        store.create("one", b"first")
        store.delete("one")
        assert store.read("one") is None
        assert store.create("one", b"second")

    def test_replacing_creates_and_replaces(self, store: Store) -> None:
        store.replace("a/one", b"")
        assert store.read("a/one") == b""
        store.replace("a/one", b"second")
        assert store.read("a/one") == b"second"

    def test_missing_object_is_no_error(self, store: Store) -> None:
        assert store.read("a/one") is None
        assert store.names("a") == []
        store.delete("a/one")

    def test_names_are_the_last_parts_of_objects_and_folders(self, store: Store) -> None:
        for name in ("a/2", "a/1", "a/b/3", "a/b/4", "ab/5", "c"):
            store.replace(name, b"")
        assert store.names("a") == ["1", "2", "b"]
        assert store.names("a/b") == ["3", "4"]
        assert store.names("") == ["a", "ab", "c"]

    def test_names_of_more_than_one_page_are_complete(self, s3: Any) -> None:
        s3.mkdir("pages")
        # Straight into the server's memory: a thousand requests take a while.
        bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        names = [f"{number:05}" for number in range(2_100)]
        for name in names:
            bucket.put_object("pages", f"seedance/a/{name}", b"")
        assert open_store("s3://ledger_s3@pages/seedance").names("a") == names

    def test_list_on_s3_takes_one_request_for_each_page_of_its_folder(self, s3_address: str) -> None:
        s3 = attach_s3(s3_address, "counted_s3")
        s3.mkdir("counted")
        bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        # A page of S3 has 1,000 names.
        names = [f"{number:05}" for number in range(1_100)]
        for name in names:
            bucket.put_object("counted", f"seedance/a/{name}/1", b"")
        # Consoles create such an object for a folder.
        bucket.put_object("counted", "seedance/a/00000/", b"")
        requests: list[str] = []
        s3.s3.meta.events.register("before-send.s3", lambda request, **_: requests.append(request.url))
        store = open_store("s3://counted_s3@counted/seedance")
        for folder, expected, pages in (("a/none", [], 1), ("none", [], 1), ("a/00000", ["1"], 1), ("a", names, 2)):
            requests.clear()
            assert store.names(folder) == expected
            assert len(requests) == pages, requests

    def test_both_stores_are_exclusive(self, store: Store) -> None:
        assert store.is_exclusive


class TestRaces:
    def test_one_of_many_threads_creates(self, uri: str, s3_address: str) -> None:
        together = Barrier(RACERS)

        def create(number: int) -> bool:
            store = open_store(uri)
            together.wait()
            return store.create("entry", str(number).encode())

        with ThreadPoolExecutor(RACERS) as pool:
            created = list(pool.map(create, range(RACERS)))
        assert open_store(uri).read("entry") == str(created.index(True)).encode()
        assert created.count(True) == 1

    def test_one_of_two_processes_creates(self, uri: str, s3_address: str) -> None:
        # The end of one input starts both.
        waits, starts = os.pipe()
        racers: list[WarmProcess] = []
        with ExitStack() as stack:
            start = stack.enter_context(os.fdopen(starts, "w"))
            outputs: list[IO[str]] = []
            for number in range(2):
                output, written = os.pipe()
                outputs.append(stack.enter_context(os.fdopen(output)))
                arguments = ("tests.unit.ledger.racing", uri, str(number), s3_address)
                racers.append(WarmProcess(*arguments, stdin=waits, stdout=written, stderr=2))
                os.close(written)
            os.close(waits)
            for each in outputs:
                while "ready" not in (line := each.readline()):
                    assert line, "the process ended early"
            start.close()
            created = [each.read().split()[-1] for each in outputs]
        assert [racer.wait() for racer in racers] == [0, 0]
        assert sorted(created) == ["False", "True"]
        assert open_store(uri).read("entry") == str(created.index("True")).encode()


class TestLists:
    def test_list_has_what_others_wrote_since_the_last_one(self, uri: str, s3_address: str) -> None:
        store = open_store(uri)
        store.replace("a/1", b"")
        assert store.names("a") == ["1"]
        if uri.startswith("s3:"):
            bucket, _, folder = uri.partition("@")[2].partition("/")
            attach_s3(s3_address, "other").pipe_file(f"{bucket}/{folder}/a/2", b"")
        else:
            (Path(uri.removeprefix("file://")) / "a" / "2").touch()
        assert store.names("a") == ["1", "2"]

    def test_list_that_another_thread_keeps_is_not_used(self, s3: Any) -> None:
        s3.mkdir("kept")
        store = open_store("s3://ledger_s3@kept/seedance")
        assert isinstance(store, ObjectStore)
        store.replace("a/1", b"")
        s3.ls("kept/seedance/a")
        assert "kept/seedance/a" not in s3.dircache


class TestErrors:
    def test_error_names_object_and_cause(self, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
        store = open_store(uri)

        def fail(*_: Any) -> None:
            raise PermissionError("Access\n  denied.")

        calls: dict[str, Callable[[], object]] = {
            "_create": lambda: store.create("a/1", b""),
            "_replace": lambda: store.replace("a/1", b""),
            "_read": lambda: store.read("a/1"),
            "_names": lambda: store.names("a/1"),
            "_delete": lambda: store.delete("a/1"),
        }
        for method, call in calls.items():
            monkeypatch.setattr(store, method, fail)
            with pytest.raises(LedgerUnavailableError) as caught:
                call()
            assert caught.value.what == f"The ledger failed at {uri}/a/1 (PermissionError: Access denied)"

    def test_missing_bucket_is_an_error_of_the_ledger(self, s3: Any) -> None:
        with pytest.raises(LedgerUnavailableError, match="The ledger failed at s3://ledger_s3@nowhere-yet/x/a"):
            open_store("s3://ledger_s3@nowhere-yet/x").replace("a", b"")

    def test_folder_may_be_a_whole_bucket(self, s3: Any) -> None:
        s3.mkdir("whole")
        store = open_store("s3://ledger_s3@whole")
        assert store.create("generations/a/1.json", b"1")
        assert (store.names("generations/a"), store.names("")) == (["1.json"], ["generations"])

    @pytest.mark.parametrize("uri", ["seedance/ledger", "file:ledger", "nothing://bucket/x"])
    def test_unusable_uri_is_an_error_of_the_connection(self, uri: str) -> None:
        with pytest.raises(ConnectionSettingsError, match="ledger in the connection's extra"):
            open_store(uri)

    def test_uri_that_is_opened_as_another_path_is_an_error_of_the_connection(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_seedance.storage.ObjectStoragePath.path", "/srv/a")
        with pytest.raises(ConnectionSettingsError, match="ledger in the connection's extra"):
            open_store("file:///srv/a::b")


class TestFiles:
    def test_killed_writer_leaves_no_object(self, tmp_path: Path) -> None:
        store = open_store(f"file://{tmp_path}")
        store.replace("a/1", b"")
        (tmp_path / "a" / ".0123456789abcdef").touch()
        assert store.names("a") == ["1"]

    def test_writers_leave_no_temporary_files(self, tmp_path: Path) -> None:
        store = open_store(f"file://{tmp_path}")
        store.create("a", b"1")
        store.create("a", b"2")
        store.replace("a", b"3")
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_full_disk_leaves_no_object(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = open_store(f"file://{tmp_path}")

        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(LedgerUnavailableError, match="No space left on device"):
            store.create("a", b"1")
        assert list(tmp_path.iterdir()) == []
