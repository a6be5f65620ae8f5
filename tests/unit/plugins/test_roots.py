"""Which paths are below the roots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.plugins.roots import read_roots, root_of

ROOTS = "/srv/videos, s3://aws_default@bucket/videos/\ngs://pictures\nabfss://container/a b"


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/srv/videos/a.mp4", ("a.mp4",)),
        ("file:///srv/videos/a/b.mp4", ("a", "b.mp4")),
        ("s3://bucket/videos/a.mp4", ("a.mp4",)),
        # The connection of the root opens the store, whichever the XCom names.
        ("s3://other@bucket/videos/a.mp4", ("a.mp4",)),
        ("s3a://bucket/videos/2026/a.mp4", ("2026", "a.mp4")),
        ("gcs://pictures/a.jpg", ("a.jpg",)),
        ("abfs://container/a b/ü, 100%.mp4", ("ü, 100%.mp4",)),
    ],
)
def test_path_below_a_root_is_found(path: str, parts: tuple[str, ...]) -> None:
    found = root_of(path, read_roots(ROOTS))
    assert found is not None
    assert found[1] == parts


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "a.mp4",
        "/srv/videos",
        "/srv/videos/",
        "/srv/videos/a/",
        "/srv/videos-private/a.mp4",
        "/srv/Videos/a.mp4",
        "/srv/a.mp4",
        "/srv/videos/../secret.mp4",
        "/srv/videos/./a.mp4",
        "/srv/videos//etc/passwd",
        "//srv/videos/a.mp4",
        "/srv/videos/%2e%2e/secret.mp4",
        "/srv/videos/\ud800.mp4",
        "/srv/videos/%2E%2e%2fsecret.mp4",
        "/srv/videos/%252e%252e/secret.mp4",
        "/srv/videos\\..\\secret.mp4",
        "/srv/videos/a.mp4\0.jpg",
        "/srv/videos/a.mp4\n",
        "/srv/videos/a.mp4?versionId=1",
        "/srv/videos/a.zip::/etc/passwd",
        "zip://a.mp4::/srv/videos/a.zip",
        "simplecache::file:///srv/videos/a.mp4",
        "file://host/srv/videos/a.mp4",
        "file:/srv/videos/a.mp4",
        "file:////srv/videos/a.mp4",
        "http://bucket/videos/a.mp4",
        "ftp://bucket/videos/a.mp4",
        "sftp://bucket/srv/videos/a.mp4",
        "memory://srv/videos/a.mp4",
        "s3:///videos/a.mp4",
        "s3://bucket/videos",
        "s3://bucket/videosecret/a.mp4",
        "s3://bucket-2/videos/a.mp4",
        "s3://aws@default@bucket/videos/a.mp4",
        "s3://bucket@other/videos/a.mp4",
        "s3://bucket:80/videos/a.mp4",
        "S3://bucket/videos/a.mp4",
        "gs://bucket/videos/a.mp4",
        "s3://pictures/a.jpg",
        "s3://bucket/videos/../private/a.mp4",
    ],
)
def test_path_outside_the_roots_is_refused(path: str | None) -> None:
    assert root_of(path, read_roots(ROOTS)) is None


def test_no_roots_serve_nothing() -> None:
    assert read_roots(" ,\n") == []
    assert root_of("/srv/videos/a.mp4", []) is None


@pytest.mark.parametrize("setting", ["/", "file:///", "videos", "/srv/../etc", "http://host/videos", "s3:///videos"])
def test_what_is_no_folder_of_files_is_no_root(setting: str) -> None:
    with pytest.raises(ValueError, match="is no folder of files"):
        read_roots(f"/srv/videos,{setting}")


@given(st.text() | st.text("/.%2eE\\:s3ba").map("/srv/videos/{}".format) | st.text("/.@:").map("s3://bucket/{}".format))
def test_any_path_below_a_root_has_plain_parts(path: str) -> None:
    found = root_of(path, read_roots("/srv/videos,s3://bucket"))
    if found is not None:
        assert found[1]
        assert not {"", ".", ".."} & set(found[1])
        assert not any("/" in part or "\\" in part or "\0" in part for part in found[1])
