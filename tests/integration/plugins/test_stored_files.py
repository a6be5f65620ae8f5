"""Stored copies in Airflow's own API server: who gets which file, what leads nowhere, and parts of a file."""

from __future__ import annotations

import os
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import moto
import pytest
from airflow import settings
from fastapi import Response
from fastapi.testclient import TestClient

from airflow_provider_seedance.plugins import routes
from tests.integration.plugins.hiding_auth_manager import HIDDEN_DAG
from tests.integration.plugins.page_rows import START, Row, insert_rows, prediction
from tests.integration.plugins.reader import CHECKS_QUERY, SHOWN_DAG, Reader
from tests.s3 import attach_s3
from tests.versions import needs_3_4

S3_CONN_ID = "media_s3"
STORED, COPIES = "/seedance/stored", "/seedance/api/copies"
VIDEO = bytes(range(256)) * 4096


def stored(
    *paths: str, prediction_id: str | None = None, source: str = "", poster: str | None = None
) -> dict[str, Any]:
    """Return a value of XCom ``stored``."""
    described = {"bytes": 1, "sha256": "0" * 64, "width": 1280, "height": 720, "seconds": 5.0, "sidecar": None}
    files = [
        {"path": path, "source": source, "index": index, "poster": poster, **described}
        for index, path in enumerate(paths)
    ]
    return {"prediction_id": prediction_id, "files": files}


def insert_stored(value: Any, dag_id: str = SHOWN_DAG, **fields: Any) -> None:
    insert_rows([Row(dag_id=dag_id, task_id="store", xcoms={"stored": value}, **fields)])


def get_file(reader: Reader, dag_id: str = SHOWN_DAG, *, method: str = "GET", **query: Any) -> Any:
    headers = query.pop("headers", None)
    query = {"run_id": "run", "task_id": "store", **query}
    return reader.get(STORED, method=method, headers=headers, dag_id=dag_id, **query)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose files may be served."""
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "boat.mp4").write_bytes(VIDEO)
    (folder / "boat.jpg").write_bytes(b"poster")
    monkeypatch.setenv("AIRFLOW__SEEDANCE__MEDIA_ROOTS", str(folder))
    return folder


class TestRights:
    def test_file_needs_a_login(self, server: TestClient, root: Path) -> None:
        insert_stored(stored(f"{root}/boat.mp4"))
        response = server.get(STORED, params={"dag_id": SHOWN_DAG, "run_id": "run", "task_id": "store", "file": 0})
        assert response.status_code == 401

    def test_file_of_another_dag_is_forbidden(self, viewer: Reader, admin: Reader, root: Path) -> None:
        insert_stored(stored(f"{root}/boat.mp4"), HIDDEN_DAG)
        assert get_file(viewer, HIDDEN_DAG).status_code == (403 if CHECKS_QUERY else 404)
        assert get_file(admin, HIDDEN_DAG).content == VIDEO

    @pytest.mark.parametrize("other", [SHOWN_DAG, "", "~"])
    def test_second_dag_in_the_query_gives_no_access(self, viewer: Reader, root: Path, other: str) -> None:
        insert_stored(stored(f"{root}/boat.mp4"), HIDDEN_DAG)
        for dags in ([HIDDEN_DAG, other], [other, HIDDEN_DAG]):
            assert get_file(viewer, dags).status_code in (403, 404)  # type: ignore[arg-type]

    def test_copies_of_another_dag_are_hidden(self, viewer: Reader, admin: Reader, root: Path) -> None:
        value = prediction(1)
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": value, "prediction_id": value["id"]})])
        insert_stored(stored(f"{root}/boat.mp4", prediction_id=value["id"]), HIDDEN_DAG)
        for reader, count in ((viewer, 0), (admin, 1)):
            assert len(reader.get(COPIES, prediction_id=value["id"]).json()["copies"][value["id"]]) == count
            assert len(reader.generations()["generations"][0]["copies"]) == count

    def test_nothing_is_served_without_roots(self, viewer: Reader, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        insert_stored(stored(f"{root}/boat.mp4"))
        for setting in ("", "/", f"{root}, videos"):
            monkeypatch.setenv("AIRFLOW__SEEDANCE__MEDIA_ROOTS", setting)
            assert get_file(viewer).status_code == 404
        monkeypatch.delenv("AIRFLOW__SEEDANCE__MEDIA_ROOTS")
        assert get_file(viewer).status_code == 404


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "{root}/../secret.mp4",
            "{root}/../videos/boat.mp4",
            "{root}/folder/../../secret.mp4",
            "{root}//boat.mp4",
            "{root}/./boat.mp4",
            "{root}/%2e%2e/secret.mp4",
            "{root}/..\\secret.mp4",
            "{root}/boat.mp4\0",
            "{root}-private/secret.mp4",
            "{root}",
            "{root}/",
            "{root}/folder",
            "{root}/pipe",
            "{root}/link.mp4",
            "{root}/linked/secret.mp4",
            "{root}/inner.mp4",
            "{root}/boat.mp4/more",
            "{root}/nothing.mp4",
            "{root}/" + "a" * 300,
            "/etc/passwd",
            "file://{root}/../secret.mp4",
            "file:{root}/boat.mp4",
            "file://host{root}/boat.mp4",
            "simplecache::file://{root}/boat.mp4",
            "zip://a::{root}/boat.mp4",
            "memory:/{root}/boat.mp4",
            "http://127.0.0.1:1{root}/boat.mp4",
            "s3://bucket{root}/boat.mp4",
            "",
        ],
    )
    def test_path_that_leads_elsewhere_is_not_found(self, viewer: Reader, root: Path, path: str) -> None:
        for folder in (root.parent, root.with_name("videos-private")):
            folder.mkdir(exist_ok=True)
            (folder / "secret.mp4").write_text("secret")
        (root / "folder").mkdir()
        os.mkfifo(root / "pipe")
        (root / "link.mp4").symlink_to("../secret.mp4")
        (root / "linked").symlink_to(root.parent)
        (root / "inner.mp4").symlink_to("boat.mp4")
        insert_stored(stored(path.replace("{root}", str(root))))
        response = get_file(viewer)
        assert (response.status_code, "secret" in response.text) == (404, False)

    @pytest.mark.parametrize("path", ["{root}/boat.mp4", "file://{root}/boat.mp4", "file://other@{root}/boat.mp4"])
    def test_path_below_the_root_is_served(self, viewer: Reader, root: Path, path: str) -> None:
        insert_stored(stored(path.replace("{root}", str(root))))
        assert get_file(viewer).content == VIDEO

    def test_root_itself_may_be_a_link(self, viewer: Reader, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        link = root.with_name("link")
        link.symlink_to(root)
        monkeypatch.setenv("AIRFLOW__SEEDANCE__MEDIA_ROOTS", f"s3://bucket/videos,\n{link}/")
        insert_stored(stored(f"{link}/boat.mp4"))
        assert get_file(viewer).content == VIDEO

    @pytest.mark.parametrize(
        "query",
        [{"file": 1}, {"run_id": "other"}, {"task_id": "other"}, {"map_index": 0}, {"poster": True}],
        ids=str,
    )
    def test_what_the_xcom_does_not_list_is_not_found(self, viewer: Reader, root: Path, query: dict[str, Any]) -> None:
        insert_stored(stored(f"{root}/boat.mp4"))
        assert get_file(viewer, **query).status_code == 404

    @pytest.mark.parametrize("value", [None, "s3://xcoms/1.json", [], {"files": [1]}, {"files": [{"path": 1}]}, "{}"])
    def test_strange_xcom_is_not_found(self, viewer: Reader, root: Path, value: Any) -> None:
        insert_stored(value)
        assert get_file(viewer).status_code == 404

    @pytest.mark.parametrize(
        "query", [{"file": -1}, {"file": "x"}, {"map_index": "x"}, {"map_index": -2}, {"map_index": 10**30}], ids=str
    )
    def test_invalid_query_is_refused(self, viewer: Reader, query: dict[str, Any]) -> None:
        assert get_file(viewer, **query).status_code == 422

    def test_path_in_the_request_counts_for_nothing(self, viewer: Reader, root: Path) -> None:
        insert_stored(stored("/etc/passwd"))
        assert get_file(viewer, path=f"{root}/boat.mp4").status_code == 404


class TestStream:
    @pytest.fixture(autouse=True)
    def _stored(self, root: Path) -> None:
        insert_stored(stored(f"{root}/boat.mp4", poster=f"{root}/boat.jpg"))

    @pytest.mark.parametrize("encoding", ["identity", "gzip, deflate, br"])
    def test_whole_file_is_sent_as_a_video_that_no_browser_runs(self, viewer: Reader, encoding: str) -> None:
        response = get_file(viewer, headers={"Accept-Encoding": encoding})
        assert (response.status_code, response.content) == (200, VIDEO)
        expected = {
            "content-type": "video/mp4",
            "content-length": str(len(VIDEO)),
            "accept-ranges": "bytes",
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; sandbox",
        }
        assert {name: response.headers[name] for name in expected} == expected
        assert response.headers["cache-control"] == "private, no-cache"

    def test_file_that_the_browser_has_is_not_sent_again(self, viewer: Reader, root: Path) -> None:
        etag = get_file(viewer).headers["etag"]
        for header in (etag, f'"other", W/{etag}'):
            response = get_file(viewer, headers={"If-None-Match": header, "Range": "bytes=0-9"})
            assert (response.status_code, response.content) == (304, b"")
        (root / "boat.mp4").write_bytes(b"other")
        assert get_file(viewer, headers={"If-None-Match": etag}).content == b"other"

    def test_html_is_sent_as_a_video(self, viewer: Reader, root: Path) -> None:
        (root / "boat.mp4").write_text("<script>alert(1)</script>")
        assert get_file(viewer).headers["content-type"] == "video/mp4"

    def test_poster_is_an_image(self, viewer: Reader) -> None:
        response = get_file(viewer, poster=True)
        assert (response.content, response.headers["content-type"]) == (b"poster", "image/jpeg")

    @pytest.mark.parametrize(
        ("header", "part"),
        [
            ("bytes=0-0", slice(0, 1)),
            ("bytes=1000-500000", slice(1000, 500_001)),
            ("bytes=-10", slice(-10, None)),
            ("bytes=1048000-", slice(1_048_000, None)),
        ],
    )
    def test_range_is_a_part(self, viewer: Reader, header: str, part: slice) -> None:
        response = get_file(viewer, headers={"Range": header, "Accept-Encoding": "gzip"})
        assert (response.status_code, response.content) == (206, VIDEO[part])
        start, stop, _ = part.indices(len(VIDEO))
        assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(VIDEO)}"
        assert response.headers["content-length"] == str(stop - start)

    def test_range_behind_the_end_is_unsatisfiable(self, viewer: Reader) -> None:
        response = get_file(viewer, headers={"Range": f"bytes={len(VIDEO)}-"})
        assert (response.status_code, response.content) == (416, b"")
        assert response.headers["content-range"] == f"bytes */{len(VIDEO)}"

    def test_changed_file_is_sent_whole(self, viewer: Reader, root: Path) -> None:
        etag = get_file(viewer).headers["etag"]
        headers = {"Range": "bytes=0-9", "If-Range": etag}
        assert get_file(viewer, headers=headers).content == VIDEO[:10]
        (root / "boat.mp4").write_bytes(b"other")
        response = get_file(viewer, headers=headers)
        assert (response.status_code, response.content) == (200, b"other")
        assert response.headers["etag"] != etag

    def test_head_has_the_headers_of_get(self, viewer: Reader) -> None:
        sent, got = get_file(viewer, method="HEAD"), get_file(viewer)
        assert (sent.status_code, sent.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "accept-ranges"):
            assert sent.headers[name] == got.headers[name]

    def test_empty_file_is_sent(self, viewer: Reader, root: Path) -> None:
        (root / "boat.mp4").write_bytes(b"")
        assert (get_file(viewer).status_code, get_file(viewer).content) == (200, b"")

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    def test_other_methods_are_not_allowed(self, viewer: Reader, method: str) -> None:
        assert get_file(viewer, method=method).status_code == 405

    def test_file_is_sent_without_a_connection_to_the_database(
        self, viewer: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pool: Any = getattr(settings.engine, "pool", None)
        held = []

        def serve(*_: object) -> Response:
            held.append(pool.checkedout())
            return Response()

        monkeypatch.setattr(routes, "serve", serve)
        assert get_file(viewer).status_code == 200
        assert held == [0]

    def test_open_files_are_closed(self, viewer: Reader) -> None:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for method, header in (("GET", "bytes=0-9"), ("GET", "bytes=9999999-"), ("HEAD", "bytes=0-9")):
            get_file(viewer, method=method, headers={"Range": header})
        assert len(list(Path("/proc/self/fd").iterdir())) <= before


class TestCopies:
    def test_generation_has_the_copies_of_its_prediction(self, viewer: Reader, root: Path) -> None:
        value = prediction(1)
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": value, "prediction_id": value["id"]})])
        path, poster = f"{root}/boat.mp4", f"{root}/boat.jpg"
        insert_stored(
            stored("/elsewhere/1.mp4", path, prediction_id=value["id"], poster=poster),
            run_id="later",
            map_index=2,
            pushed_at=START + timedelta(hours=1),
        )
        copy = {"dag_id": SHOWN_DAG, "run_id": "later", "task_id": "store", "map_index": 2}
        expected = [{**copy, "file": 1, "index": 1, "has_poster": True}]
        assert viewer.generations()["generations"][0]["copies"] == expected
        assert viewer.get(COPIES, prediction_id=[value["id"], "unknown"]).json() == {
            "copies": {value["id"]: expected, "unknown": []}
        }

    @needs_3_4
    def test_copies_of_a_mapped_task_in_a_loop_are_those_of_their_iteration(self, viewer: Reader, root: Path) -> None:
        videos = {UUID(int=7): b"first", UUID(int=8): b"second"}
        for number, (region, video) in enumerate(videos.items()):
            value = prediction(number)
            mapped: dict[str, Any] = {"map_index": 0, "region_id": region}
            insert_rows([Row(dag_id=SHOWN_DAG, **mapped, xcoms={"prediction": value, "prediction_id": value["id"]})])
            (root / f"{number}.mp4").write_bytes(video)
            insert_stored(stored(f"{root}/{number}.mp4", prediction_id=value["id"]), **mapped)
        generations = viewer.generations()["generations"]
        assert {each["region_id"] for each in generations} == {str(region) for region in videos}
        for each in generations:
            [copy] = each["copies"]
            assert viewer.get(STORED, **copy).content == videos[UUID(each["region_id"])]
            assert viewer.get(COPIES, prediction_id=each["prediction"]["id"]).json()["copies"] == {
                each["prediction"]["id"]: [copy]
            }

    def test_copy_without_an_id_is_found_by_its_link(self, viewer: Reader, root: Path) -> None:
        value = prediction(1, outputs=["https://videos.example/1.mp4?signature=new#t=1"])
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": value, "prediction_id": value["id"]})])
        insert_stored(stored(f"{root}/boat.mp4", source="https://videos.example/1.mp4"))
        insert_stored(stored(f"{root}/boat.mp4", source="https://videos.example/2.mp4"), run_id="other")
        [copy] = viewer.generations()["generations"][0]["copies"]
        assert copy["run_id"] == "run"
        assert viewer.get(COPIES, prediction_id=value["id"]).json()["copies"][value["id"]] == [copy]

    def test_copy_of_another_prediction_is_none_whatever_its_link(self, viewer: Reader, root: Path) -> None:
        value = prediction(1)
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": value})])
        link = value["outputs"][0].partition("?")[0]
        insert_stored(stored(f"{root}/boat.mp4", source=link, prediction_id="another"))
        assert viewer.generations()["generations"][0]["copies"] == []

    def test_last_stored_copy_is_first(self, viewer: Reader, root: Path) -> None:
        value = prediction(1)
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": value})])
        for hours in (1, 3, 2):
            insert_stored(
                stored(f"{root}/boat.mp4", prediction_id=value["id"]),
                run_id=str(hours),
                pushed_at=START + timedelta(hours=hours),
            )
        [found] = viewer.generations()["generations"]
        assert [each["run_id"] for each in found["copies"]] == ["3", "2", "1"]

    def test_copy_of_another_dag_comes_after_those_of_the_own_one(self, viewer: Reader, root: Path) -> None:
        value = prediction(1)
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": value, "prediction_id": value["id"]})])
        for dag_id, hours in ((SHOWN_DAG, 1), ("other", 2)):
            at = START + timedelta(hours=hours)
            insert_stored(stored(f"{root}/boat.mp4", prediction_id=value["id"]), dag_id=dag_id, pushed_at=at)
        [found] = viewer.generations()["generations"]
        assert [each["dag_id"] for each in found["copies"]] == [SHOWN_DAG, "other"]
        copies = viewer.get(COPIES, prediction_id=value["id"]).json()["copies"][value["id"]]
        assert [each["dag_id"] for each in copies] == [SHOWN_DAG, "other"]

    @pytest.mark.parametrize("value", [None, [], {"files": [1]}, {"prediction_id": 1, "files": []}, "{", {"files": {}}])
    def test_strange_xcom_breaks_no_page(self, viewer: Reader, root: Path, value: Any) -> None:
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": prediction(1), "stored": value})])
        assert viewer.generations()["generations"][0]["copies"] == []

    @pytest.mark.parametrize("created_at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "", None, 5])
    def test_any_time_of_the_service_finds_the_copy(self, viewer: Reader, root: Path, created_at: Any) -> None:
        value = prediction(1, submitted_at=None, created_at=created_at)
        insert_rows([Row(dag_id=SHOWN_DAG, xcoms={"prediction": value})])
        insert_stored(stored(f"{root}/boat.mp4", prediction_id=value["id"]))
        assert len(viewer.generations()["generations"][0]["copies"]) == 1

    def test_number_of_predictions_has_a_limit(self, viewer: Reader) -> None:
        assert viewer.get(COPIES).status_code == 422
        assert viewer.get(COPIES, prediction_id=[str(number) for number in range(201)]).status_code == 422


class TestS3:
    @pytest.fixture(scope="class")
    @classmethod
    def s3(cls, s3_address: str) -> Any:
        s3 = attach_s3(s3_address, S3_CONN_ID)
        s3.mkdir("media")
        s3.pipe("media/videos/boat.mp4", VIDEO)
        s3.pipe("media/private/boat.mp4", b"secret")
        return s3

    @pytest.fixture(autouse=True)
    def _root(self, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW__SEEDANCE__MEDIA_ROOTS", f"s3://{S3_CONN_ID}@media/videos")

    def test_video_is_behind_a_signed_link(self, viewer: Reader) -> None:
        insert_stored(stored("s3://unknown_connection@media/videos/boat.mp4"))
        response = get_file(viewer)
        assert (response.status_code, response.content) == (307, b"")
        assert response.headers["cache-control"] == "no-store"
        link = response.headers["location"]
        assert "Expires=" in link
        # S3 sends the type of the link in place of the object's.
        assert "response-content-type=video%2Fmp4" in link
        request = urllib.request.Request(link, headers={"Range": "bytes=10-19"})  # noqa: S310 - of this host
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - of this host
            assert (answer.status, answer.read()) == (206, VIDEO[10:20])
            # The lowest version of the test server does not.
            assert answer.headers["content-type"] == "video/mp4" or moto.__version__ == "5.1.0"

    def test_head_is_answered_without_a_link(self, viewer: Reader) -> None:
        insert_stored(stored("s3://media/videos/boat.mp4"))
        response = get_file(viewer, method="HEAD")
        assert (response.status_code, response.headers["content-length"]) == (200, str(len(VIDEO)))

    def test_store_that_cannot_sign_is_streamed(self, viewer: Reader, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> str:
            raise NotImplementedError

        monkeypatch.setattr(type(s3), "sign", fail)
        insert_stored(stored("s3://media/videos/boat.mp4", "s3://media/videos/nothing.mp4"))
        assert get_file(viewer).content == VIDEO
        part = get_file(viewer, headers={"Range": "bytes=-600000"})
        assert (part.status_code, part.content) == (206, VIDEO[-600_000:])
        assert get_file(viewer, file=1).status_code == 404

    @pytest.mark.parametrize(
        "path", ["s3://media/private/boat.mp4", "s3://media/videos/../private/boat.mp4", "s3://other/videos/boat.mp4"]
    )
    def test_object_outside_the_root_is_not_found(self, viewer: Reader, path: str) -> None:
        insert_stored(stored(path))
        assert get_file(viewer).status_code == 404

    def test_store_that_fails_is_a_bad_gateway_without_details(
        self, viewer: Reader, s3: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW__SEEDANCE__MEDIA_ROOTS", "s3://no_such_connection@media/videos")
        insert_stored(stored("s3://media/videos/boat.mp4"))
        response = get_file(viewer)
        assert response.status_code == 502
        assert "no_such_connection" not in response.text
