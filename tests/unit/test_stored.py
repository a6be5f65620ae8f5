"""The value of XCom ``stored``, and the generation that a stored file belongs to."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_seedance.stored import StoredFile, StoredFiles, without_query

FILE: dict[str, Any] = {
    "path": "s3://bucket/videos/abc-0.mp4",
    "source": "https://cdn.example.com/abc/0.mp4",
    "index": 0,
    "bytes": 1_234_567,
    "sha256": "ab" * 32,
    "width": 1280,
    "height": 720,
    "seconds": 5.041667,
    "poster": "s3://bucket/videos/abc-0.jpg",
    "sidecar": "s3://bucket/videos/abc-0.mp4.json",
}
OTHER = {
    **FILE,
    "path": "/videos/abc-1.mp4",
    "source": "https://cdn.example.com/abc/1.mp4",
    "index": 1,
    "poster": None,
    "sidecar": None,
    "width": None,
    "height": None,
    "seconds": None,
}
VALUE = {"prediction_id": "abc", "files": [FILE, OTHER]}


def changed(**fields: Any) -> dict[str, Any]:
    return {**VALUE, "files": [FILE, {**OTHER, **fields}]}


def test_value_survives_json() -> None:
    files = StoredFiles.from_dict(json.loads(json.dumps(VALUE)))
    assert files.files[0] == StoredFile(**FILE)
    assert files.to_dict() == VALUE


@pytest.mark.parametrize("value", [None, "", "a text", 5, [], [FILE], {}, {"files": None}, {"files": {}}])
def test_any_other_value_has_no_files(value: object) -> None:
    assert StoredFiles.from_dict(value) == StoredFiles()


@pytest.mark.parametrize(
    "value",
    [
        {**VALUE, "prediction_id": 5},
        {**VALUE, "files": [FILE, None]},
        changed(path=None),
        changed(source=3),
        changed(index=True),
        changed(bytes="7"),
        changed(sha256=b"ab"),
        changed(width="1280"),
        changed(height=1.5),
        changed(seconds="5"),
        changed(poster=False),
        changed(sidecar={}),
    ],
)
def test_value_with_one_invalid_field_has_no_files(value: object) -> None:
    assert StoredFiles.from_dict(value) == StoredFiles()


def test_fields_of_a_later_version_are_ignored() -> None:
    later = {**VALUE, "more": 1, "files": [{**FILE, "codec": "av1"}]}
    assert StoredFiles.from_dict(later).files == (StoredFile(**FILE),)


def test_details_that_are_missing_are_unknown() -> None:
    bare = {"files": [{name: FILE[name] for name in ("path", "source", "index", "bytes", "sha256")}]}
    assert StoredFiles.from_dict(bare).files[0].seconds is None


def test_files_of_a_prediction_belong_to_it_alone() -> None:
    files = StoredFiles.from_dict(VALUE)
    assert files.positions_of("abc") == (0, 1)
    assert files.positions_of("def", [FILE["source"]]) == ()
    assert files.positions_of(None, [FILE["source"]]) == ()


def test_files_of_links_belong_to_the_generation_with_these_outputs() -> None:
    files = StoredFiles.from_dict({**VALUE, "prediction_id": None})
    assert files.positions_of("abc", ["https://cdn.example.com/abc/1.mp4?signature=other#t=1"]) == (1,)
    assert files.positions_of("abc", ["https://cdn.example.com/abc/2.mp4"]) == ()
    assert files.positions_of(None) == ()


@pytest.mark.parametrize("end", ["", "?a=b", "#t=5", "?a=b#c?d", "#a?b"])
def test_link_without_query(end: str) -> None:
    assert without_query(f"https://cdn.example.com/0.mp4{end}") == "https://cdn.example.com/0.mp4"


def test_import_loads_no_airflow_and_no_web_framework() -> None:
    code = (
        "import sys, airflow_provider_seedance.stored; "
        "print({'airflow', 'fastapi', 'httpx', 'pendulum', 'starlette'} & sys.modules.keys())"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"  # noqa: S603
