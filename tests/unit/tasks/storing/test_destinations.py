"""``storage_path`` and ``store_errors``: stores that cannot be used, and their own errors."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_seedance.gptproto.errors import (
    Charge,
    ConnectionNotFoundError,
    DestinationTakenError,
    InvalidTransferError,
    NotAVideoError,
    SeedanceError,
    StorageError,
)
from airflow_provider_seedance.storage import missing_package, storage_path
from airflow_provider_seedance.tasks.storing.destinations import store_errors

AMAZON = "apache-airflow-providers-amazon[s3fs]"
GOOGLE = "apache-airflow-providers-google"
AZURE = "apache-airflow-providers-microsoft-azure"
#: The schemes of Airflow's object storage, by the documentation of each provider's filesystem.
PACKAGES = {
    "s3": AMAZON,
    "s3a": AMAZON,
    "gs": GOOGLE,
    "gcs": GOOGLE,
    "abfs": AZURE,
    "abfss": AZURE,
    "adl": AZURE,
    "az": AZURE,
}


def refusal(path: Any, conn_id: str | None = None) -> SeedanceError:
    with pytest.raises(SeedanceError) as raised:
        storage_path(path, conn_id)
    return raised.value


class TestPath:
    @pytest.mark.parametrize("form", ["{}", "file://{}", " {}\n", "file://store_conn@{}", "local://{}"])
    def test_absolute_path_is_returned(self, tmp_path: Path, form: str) -> None:
        assert storage_path(form.format(tmp_path), None).path == str(tmp_path)

    def test_connection_is_used(self) -> None:
        memory = MemoryFileSystem()
        attach("memory", conn_id="destinations", fs=memory)
        assert storage_path("memory://videos", "destinations").fs is memory

    def test_connection_in_the_uri_is_used(self) -> None:
        memory = MemoryFileSystem()
        attach("memory", conn_id="in_the_uri", fs=memory)
        assert storage_path("memory://in_the_uri@videos", None).fs is memory

    def test_path_object_is_returned_itself(self, tmp_path: Path) -> None:
        path = ObjectStoragePath(f"file://{tmp_path}")
        assert storage_path(path, None) is path

    @pytest.mark.parametrize(
        "path",
        ["", " ", "videos", "./videos", "../videos", "~/videos", "file:videos", "file://videos", "file://conn@videos"],
    )
    def test_relative_path_is_refused(self, path: str) -> None:
        error = refusal(path)
        assert type(error) is InvalidTransferError
        assert error.what.startswith(f"destination: {path!r} is a relative path")
        assert "s3://bucket/videos" in error.what

    @pytest.mark.parametrize("form", ["file:///{}", "local:///{}", "file://conn@/{}"])
    def test_second_slash_before_a_path_is_refused_or_changes_nothing(self, tmp_path: Path, form: str) -> None:
        path = form.format(tmp_path)
        # Airflow 3.2 opens the path as it is written.
        with suppress(InvalidTransferError):
            assert Path(storage_path(path, None).path).samefile(tmp_path)

    @pytest.mark.parametrize("form", ["file://{}::b", "file://{}/a::b"])
    def test_chained_path_is_refused_or_opened_as_it_is_written(self, tmp_path: Path, form: str) -> None:
        path = form.format(tmp_path)
        # The fsspec of Airflow 3.1 knows no chains here.
        with suppress(InvalidTransferError):
            assert f"file://{storage_path(path, None).path}" == path

    def test_path_that_is_opened_as_another_one_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = f"file://{tmp_path}/a::b"
        monkeypatch.setattr("airflow_provider_seedance.storage.ObjectStoragePath.path", f"{tmp_path}/a")
        error = refusal(path)
        assert type(error) is InvalidTransferError
        assert error.what.startswith(f"destination: {path!r} is opened as ")
        assert "allowed: one slash before an absolute path, and no '::' in it" in error.what

    @pytest.mark.parametrize("name", ["a b", "a%20b", "a?b", "a#b", "a@b", "a:b", "a//b", "a/", "\N{SNOWMAN}", "../b"])
    def test_other_characters_of_a_path_are_kept(self, tmp_path: Path, name: str) -> None:
        found = storage_path(f"file://{tmp_path}/{name}", None).path
        # One slash or two name the same folder.
        assert found.replace("//", "/") == f"{tmp_path}/{name}".rstrip("/").replace("//", "/")

    @pytest.mark.parametrize(("scheme", "package"), PACKAGES.items())
    def test_store_without_its_provider_names_the_package(
        self, monkeypatch: pytest.MonkeyPatch, scheme: str, package: str
    ) -> None:
        for cause in (ValueError(f"No filesystem registered for scheme {scheme}"), ImportError("No module named x")):
            monkeypatch.setattr("airflow_provider_seedance.storage.ObjectStoragePath.fs", failing(cause))
            error = refusal(f"{scheme}://bucket/videos")
            assert type(error) is InvalidTransferError
            assert error.what == f"destination: '{scheme}://bucket/videos' cannot be used ({cause})"
            assert f"{scheme}:// needs {package} on every worker" in error.advice

    def test_unknown_scheme_keeps_the_usual_advice(self) -> None:
        error = refusal("gopher://host/videos")
        assert type(error) is InvalidTransferError
        assert error.advice == InvalidTransferError.default_advice

    def test_missing_connection_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cause = AirflowNotFoundException("The conn_id `gone` isn't defined")
        monkeypatch.setattr("airflow_provider_seedance.storage.ObjectStoragePath.fs", failing(cause))
        error = refusal("gs://bucket/videos", "gone")
        assert type(error) is ConnectionNotFoundError
        assert "destination: 'gs://bucket/videos'" in error.what
        assert "`gone`" in error.what

    def test_other_error_is_named_without_its_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cause = RuntimeError("password=needle")
        monkeypatch.setattr("airflow_provider_seedance.storage.ObjectStoragePath.fs", failing(cause))
        error = refusal("abfs://container/videos")
        assert type(error) is StorageError
        assert error.what == "destination: 'abfs://container/videos' could not be opened (RuntimeError)"


def failing(cause: Exception) -> property:
    def fail(_: object) -> None:
        raise cause

    return property(fail)


class TestMissingPackage:
    @pytest.mark.parametrize("path", ["/videos", "videos", "gopher://host", "file:///videos", 7, None])
    def test_other_path_has_no_package(self, path: object) -> None:
        assert missing_package(path) is None


class TestStoreErrors:
    @pytest.mark.parametrize(
        ("cause", "kind", "advice"),
        [
            (OSError(errno.ENOSPC, "No space left on device"), StorageError, "Free space"),
            (OSError(errno.EDQUOT, "Disk quota exceeded"), StorageError, "Free space"),
            (OSError(errno.EACCES, "Permission denied"), StorageError, "Permit"),
            (PermissionError("Access Denied"), StorageError, "Permit"),
            (OSError(errno.EROFS, "Read-only file system"), StorageError, "Permit"),
            (OSError(errno.ENOTDIR, "Not a directory"), DestinationTakenError, "name of a folder"),
            (FileExistsError("/videos"), DestinationTakenError, "name of a folder"),
            (OSError(errno.ENAMETOOLONG, "File name too long"), InvalidTransferError, "Correct the arguments"),
            (OSError(errno.EIO, "Input/output error"), StorageError, "A retry of this task downloads and stores"),
            (KeyError("ETag"), StorageError, "A retry of this task downloads and stores"),
        ],
        ids=str,
    )
    def test_error_of_a_store_is_one_of_the_tree(
        self, cause: Exception, kind: type[SeedanceError], advice: str
    ) -> None:
        target = ObjectStoragePath("/videos/boat.mp4")
        with pytest.raises(SeedanceError) as raised, store_errors(target):
            raise cause
        error = raised.value
        assert type(error) is kind
        assert error.what == f"/videos/boat.mp4 could not be stored ({type(cause).__name__}: {cause})"
        assert error.charge is Charge.ACCEPTED
        assert advice in error.advice
        assert error.__cause__ is cause

    @pytest.mark.parametrize("scheme", ["s3", "s3a"])
    def test_refusal_of_s3_names_the_permission_to_list(self, scheme: str) -> None:
        """https://github.com/fsspec/s3fs/issues/591: without it, S3 does not say that a file is missing."""
        with pytest.raises(StorageError) as raised, store_errors(ObjectStoragePath(f"{scheme}://bucket/boat.mp4")):
            raise PermissionError("Forbidden")
        for permission in ("s3:ListBucket", "s3:GetObject", "s3:PutObject"):
            assert permission in raised.value.advice
        assert "pays nothing" in raised.value.advice

    def test_text_of_a_library_is_one_short_line(self) -> None:
        with pytest.raises(StorageError) as raised, store_errors(ObjectStoragePath("/boat.mp4")):
            raise RuntimeError("one\n  two.\n" + "x" * 1000)
        assert raised.value.what.startswith("/boat.mp4 could not be stored (RuntimeError: one two. xx")
        assert len(raised.value.what) < 600

    def test_error_of_the_tree_is_unchanged(self) -> None:
        cause = NotAVideoError("No video")
        with pytest.raises(NotAVideoError) as raised, store_errors(ObjectStoragePath("/boat.mp4")):
            raise cause
        assert raised.value is cause
