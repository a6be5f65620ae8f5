"""What a transfer says of the files that it stored: XCom ``stored``, the sidecar beside each video, and its poster."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from PIL import Image, ImageStat

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.gptproto.errors import DeadLinkError, MissingOutputsError
from airflow_provider_seedance.gptproto.http import download
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.films import FILMS, FRAGMENTED, film, read_by_pyav, serving
from tests.unit.airflow.driving import Run
from tests.unit.airflow.operators import PNG, text_to_video
from tests.unit.gptproto.samples import sound

pytestmark = pytest.mark.usefixtures("short_waits")

#: XCom ``prediction``, in short.
REPORT: dict[str, Any] = {
    "id": "abc",
    "model": "doubao-seedance-2-0-fast-260128",
    "parameters": {"prompt": "A paper boat"},
    "outputs": ["https://a.example/0.mp4"],
    "submitted_at": None,
    "inference_seconds": 0.0,
    "estimated_cost_usd": 0.5,
}
#: Y, U and V by BT.601 with the limited range, and what they are in RGB.
RED, GREEN = (81, 90, 240), (145, 54, 34)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAXIMUM_DELAY", 0.0)
    monkeypatch.setattr("airflow_provider_seedance.gptproto.flows.CONFIRM_DELAYS", (0.0, 0.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "videos"


@pytest.fixture
def generated(emulator: Emulator) -> dict[str, Any]:
    """Return XCom ``prediction`` of a task that generated a video."""
    run = Run()
    run.try_once(text_to_video(prompt="一只小船", duration=4, resolution="480p", seed=7, generate_audio=False))
    prediction: dict[str, Any] = run.xcoms["prediction"]
    return prediction


def copy(folder: Path, run: Run | None = None, **arguments: Any) -> dict[str, Any]:
    """Store videos, and return XCom ``stored``."""
    run = run or Run()
    task = SeedanceToObjectStorageOperator(
        task_id="store", destination=str(folder), **{"allow_private_addresses": True, **arguments}
    )
    paths = run.try_once(task)
    stored: dict[str, Any] = run.xcoms["stored"]
    assert [file["path"] for file in stored["files"]] == paths
    return stored


def copy_film(folder: Path, content: bytes, **arguments: Any) -> dict[str, Any]:
    """Store a film as ``boat.mp4``, and return its entry in XCom ``stored``."""
    with serving({"0.mp4": content}) as address:
        [file] = copy(folder, urls=f"{address}/0.mp4?signature=1", filename="boat.mp4", **arguments)["files"]
    found: dict[str, Any] = file
    return found


def written(path: str) -> tuple[int, int]:
    """Return which file it is, and when it was written. When it was read last may change."""
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


class TestXCom:
    @pytest.mark.parametrize("content", FILMS.values(), ids=FILMS)
    def test_file_is_described_as_other_programs_describe_it(
        self, emulator: Emulator, folder: Path, content: bytes
    ) -> None:
        file = copy_film(folder, content)
        width, height, seconds = read_by_pyav(Path(file["path"]).read_bytes())
        summed = subprocess.check_output(["sha256sum", file["path"]], text=True)  # noqa: S603, S607
        assert file["sha256"] == summed.split()[0]
        assert file["bytes"] == Path(file["path"]).stat().st_size
        assert (file["width"], file["height"]) == (width, height)
        assert file["seconds"] == pytest.approx(seconds, abs=0.00101)
        assert (file["index"], file["poster"], file["sidecar"]) == (0, None, None)
        assert names(folder) == ["boat.mp4"]

    @pytest.mark.parametrize("content", FRAGMENTED.values(), ids=FRAGMENTED)
    def test_length_of_a_fragmented_film_is_unknown(self, emulator: Emulator, folder: Path, content: bytes) -> None:
        file = copy_film(folder, content)
        assert (file["width"], file["height"], file["seconds"]) == (320, 180, None)

    def test_video_of_the_service_is_described(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path
    ) -> None:
        stored = copy(folder, prediction_id=generated["id"])
        assert stored["prediction_id"] == generated["id"]
        [file] = stored["files"]
        content = Path(file["path"]).read_bytes()
        assert file == {
            "path": f"{folder}/{generated['id']}-0.mp4",
            "source": generated["outputs"][0].partition("?")[0],
            "index": 0,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "width": 864,
            "height": 496,
            "seconds": pytest.approx(4, abs=0.1),
            "poster": None,
            "sidecar": None,
        }
        assert read_by_pyav(content)[:2] == (864, 496)

    def test_files_of_links_have_no_prediction_and_no_signatures(self, emulator: Emulator, folder: Path) -> None:
        with serving({"a/0.mp4": film(), "b/0.mp4": film(frames=3)}) as address:
            links = [f"{address}/a/0.mp4?sig=1#t", f"{address}/b/0.mp4#t?"]
            stored = copy(folder, urls=links, filename="{index}.mp4")
        assert stored["prediction_id"] is None
        assert [(file["index"], file["source"]) for file in stored["files"]] == [
            (0, f"{address}/a/0.mp4"),
            (1, f"{address}/b/0.mp4"),
        ]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_retry_describes_the_files_that_exist(self, emulator: Emulator, folder: Path, overwrite: bool) -> None:
        first = copy_film(folder, film(), overwrite=overwrite)
        before = written(first["path"])
        second = copy_film(folder, film(), overwrite=overwrite)
        assert {**second, "source": None} == {**first, "source": None}
        assert written(first["path"]) == before

    def test_task_that_fails_halfway_describes_what_it_stored(self, emulator: Emulator, folder: Path) -> None:
        run, contents = Run(), {"0.mp4": film()}
        with serving(contents) as address:
            links = {"urls": [f"{address}/0.mp4", f"{address}/1.mp4"], "filename": "{index}.mp4"}
            with pytest.raises(DeadLinkError):
                copy(folder, run, **links)
            [file] = run.xcoms["stored"]["files"]
            assert file["path"] == f"{folder}/0.mp4"
            assert file["sha256"] == hashlib.sha256(contents["0.mp4"]).hexdigest()
            contents["1.mp4"] = film(frames=3)
            assert [each["index"] for each in copy(folder, run, **links)["files"]] == [0, 1]

    def test_task_that_stored_nothing_pushes_nothing(self, emulator: Emulator, folder: Path) -> None:
        run = Run()
        with serving({}) as address, pytest.raises(DeadLinkError):
            copy(folder, run, urls=f"{address}/0.mp4", filename="boat.mp4")
        assert run.xcoms == {}

    def test_failed_push_does_not_fail_the_task(
        self, emulator: Emulator, folder: Path, printed: Callable[[], str]
    ) -> None:
        task = SeedanceToObjectStorageOperator(
            task_id="store", destination=str(folder), filename="boat.mp4", allow_private_addresses=True
        )
        with serving({"0.mp4": film()}) as address:
            task.urls = f"{address}/0.mp4"
            assert Run(pushes_before_failure=0).try_once(task) == [f"{folder}/boat.mp4"]
        assert "could not be pushed to XCom" in printed()

    def test_failed_push_does_not_hide_the_error(self, emulator: Emulator, folder: Path) -> None:
        with serving({"0.mp4": film()}) as address, pytest.raises(DeadLinkError):
            copy(
                folder,
                Run(pushes_before_failure=0),
                urls=[f"{address}/0.mp4", f"{address}/1.mp4"],
                filename="{index}.mp4",
            )


class TestPrediction:
    def test_prediction_is_enough(self, emulator: Emulator, generated: dict[str, Any], folder: Path) -> None:
        before = len(emulator.requests())
        stored = copy(folder, prediction=generated)
        assert (stored["prediction_id"], len(stored["files"])) == (generated["id"], 1)
        assert [request["path"] for request in emulator.requests()[before:]] == [f"/outputs/{generated['id']}/0.mp4"]

    @pytest.mark.parametrize("write", [json.dumps, repr, lambda value: f"\n {value!r} \n"])
    def test_prediction_may_be_rendered_text(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path, write: Callable[[Any], str]
    ) -> None:
        stored = copy(folder, prediction=write(generated))
        assert stored["prediction_id"] == generated["id"]

    def test_dead_link_of_a_prediction_is_replaced(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path
    ) -> None:
        dead = f"{emulator.url}/outputs/dead/0.mp4?signature=1"
        [file] = copy(folder, prediction={**generated, "outputs": [dead]})["files"]
        assert file["source"] == f"{emulator.url}/outputs/dead/0.mp4"
        assert Path(file["path"]).read_bytes()[4:8] == b"ftyp"

    def test_links_beside_a_prediction_are_the_ones_that_are_stored(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path
    ) -> None:
        content = film()
        with serving({"0.mp4": content}) as address:
            [file] = copy(folder, prediction=generated, urls=f"{address}/0.mp4")["files"]
        assert file["bytes"] == len(content)

    def test_outputs_of_a_submitted_prediction_are_requested(self, emulator: Emulator, folder: Path) -> None:
        run = Run()
        prediction_id = run.try_once(text_to_video(wait_for_completion=False))
        prediction = run.xcoms["prediction"]
        assert prediction["outputs"] == []
        emulator.settings(seconds_running=0.03)
        Run().try_once(text_to_video(prediction_id=prediction_id))
        stored = copy(folder, prediction=prediction, sidecar=True)
        assert stored["prediction_id"] == prediction_id
        sidecar = json.loads(Path(stored["files"][0]["sidecar"]).read_text())
        assert (sidecar["prompt"], sidecar["submitted_at"]) == ("A paper boat", prediction["submitted_at"])

    def test_prediction_without_outputs_yet_is_an_error_that_advises_a_sensor(
        self, emulator: Emulator, folder: Path
    ) -> None:
        emulator.settings(seconds_running=60)
        run = Run()
        run.try_once(text_to_video(wait_for_completion=False))
        with pytest.raises(MissingOutputsError, match=r"has no outputs yet.*SeedancePredictionSensor"):
            copy(folder, prediction=run.xcoms["prediction"])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"prediction": "abc"},
                "prediction: 'abc' is not allowed; allowed: XCom 'prediction' of one generation",
            ),
            ({"prediction": "{'id': 'abc'"}, "is not allowed"),
            ({"prediction": {}}, "prediction: {} is not allowed"),
            ({"prediction": {"id": "abc"}}, "prediction: {'id': 'abc'} is not allowed"),
            ({"prediction": {"id": "abc"}, "prediction_id": "abc"}, "prediction: {'id': 'abc'} is not allowed"),
            ({"prediction": ["https://a.example/0.mp4"]}, "prediction: ['https://a.example/0.mp4'] is not allowed"),
            ({"prediction": [REPORT, REPORT]}, "map this task to copy several"),
            ({"prediction": {**REPORT, "submitted_at": "at noon"}}, "is not allowed"),
            (
                {"prediction": {**REPORT, "id": None, "outputs": []}},
                "has no id and no outputs, so nothing was submitted",
            ),
            ({"prediction": {**REPORT, "outputs": [""]}}, "urls: a URL or a list of URLs"),
            ({"prediction": REPORT, "prediction_id": "d"}, "prediction_id: 'd' is not allowed; allowed: the id in"),
        ],
        ids=str,
    )
    def test_impossible_values_are_refused_before_a_request(
        self, emulator: Emulator, folder: Path, arguments: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(AirflowFailException) as raised:
            copy(folder, **arguments)
        assert message in str(raised.value)
        assert "Nothing was downloaded" in str(raised.value)
        assert emulator.requests() == []


class TestSidecar:
    def test_sidecar_says_what_the_video_is_and_how_it_was_made(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path
    ) -> None:
        [file] = copy(folder, prediction=generated, sidecar=True)["files"]
        assert file["sidecar"] == f"{folder}/{generated['id']}-0.mp4.json"
        text = Path(file["sidecar"]).read_text(encoding="utf-8")
        assert "一只小船" in text
        content = Path(file["path"]).read_bytes()
        assert json.loads(text) == {
            "file": f"{generated['id']}-0.mp4",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "width": 864,
            "height": 496,
            "seconds": file["seconds"],
            "source": file["source"],
            "index": 0,
            "prediction_id": generated["id"],
            "model": "doubao-seedance-2-0-fast-260128",
            "mode": "text-to-video",
            "prompt": "一只小船",
            "parameters": {"duration": 4, "resolution": "480p", "seed": 7, "generate_audio": False},
            # The list price of a second at 480p, times 4.
            "estimated_cost_usd": pytest.approx(0.0443 * 4),
            "submitted_at": generated["submitted_at"],
            "created_at": generated["created_at"],
            "finished_at": generated["finished_at"],
        }
        assert names(folder) == [f"{generated['id']}-0.mp4", f"{generated['id']}-0.mp4.json"]

    def test_sidecar_of_an_id_says_what_the_service_says(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path
    ) -> None:
        [file] = copy(folder, prediction_id=generated["id"], sidecar=True)["files"]
        sidecar = json.loads(Path(file["sidecar"]).read_text())
        known = {"prediction_id", "model", "created_at", "file", "bytes", "sha256", "width", "height", "seconds"}
        assert {name for name, value in sidecar.items() if value} == known | {"source"}
        assert (sidecar["model"], sidecar["created_at"]) == (generated["model"], generated["created_at"])

    def test_sidecar_of_a_link_describes_the_file(self, emulator: Emulator, folder: Path) -> None:
        sidecar = json.loads(Path(copy_film(folder, film(), sidecar=True)["sidecar"]).read_text())
        known = {"file", "bytes", "sha256", "width", "height", "seconds", "source"}
        assert {name for name, value in sidecar.items() if value} == known

    def test_uploads_and_signatures_are_not_in_a_sidecar(self, emulator: Emulator, folder: Path) -> None:
        parameters = {
            "prompt": "https://not.a.link?but=a prompt",
            "image": PNG,
            "images": [PNG, "https://a.example/a.png?X-Amz-Signature=secret#f", "asset://a"],
            "extra": {"nested": [{"video": f" {PNG}"}, "A" * 600]},
        }
        prediction = {**REPORT, "parameters": parameters, "model": None}
        with serving({"0.mp4": film()}) as address:
            [file] = copy(folder, prediction=prediction, sidecar=True, urls=f"{address}/0.mp4?sig=secret")["files"]
        text = Path(file["sidecar"]).read_text()
        assert all(part not in text for part in ("base64", PNG[-20:], "secret", "AAAA"))
        found = json.loads(text)
        assert found["prompt"] == "https://not.a.link?but=a prompt"
        assert found["parameters"]["images"][1:] == ["https://a.example/a.png", "asset://a"]
        assert found["parameters"]["image"].startswith("<data:image/png, ")

    def test_retry_keeps_the_sidecar(self, emulator: Emulator, generated: dict[str, Any], folder: Path) -> None:
        [file] = copy(folder, prediction=generated, sidecar=True)["files"]
        before = written(file["sidecar"])
        assert copy(folder, prediction=generated, sidecar=True)["files"] == [file]
        assert written(file["sidecar"]) == before

    def test_sidecar_that_says_less_is_replaced(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path
    ) -> None:
        copy(folder, prediction_id=generated["id"], sidecar=True)
        [file] = copy(folder, prediction=generated, sidecar=True)["files"]
        assert json.loads(Path(file["sidecar"]).read_text())["prompt"] == "一只小船"
        assert names(folder) == [f"{generated['id']}-0.mp4", f"{generated['id']}-0.mp4.json"]

    def test_sidecar_of_a_replaced_video_is_replaced(self, emulator: Emulator, folder: Path) -> None:
        copy_film(folder, film(), sidecar=True)
        other = film(colour=RED)
        file = copy_film(folder, other, sidecar=True, overwrite=True)
        assert json.loads(Path(file["sidecar"]).read_text())["sha256"] == hashlib.sha256(other).hexdigest()

    @pytest.mark.parametrize("content", [b"", b"notes", b"[1]", b'{"sha256": "abc"}', b"\xff", b"[" * 100_000])
    def test_file_that_is_no_sidecar_is_kept(self, emulator: Emulator, folder: Path, content: bytes) -> None:
        folder.mkdir()
        notes = folder / "boat.mp4.json"
        notes.write_bytes(content)
        run, video = Run(), film()
        for _ in range(2):
            with (
                serving({"0.mp4": video}) as address,
                pytest.raises(AirflowFailException, match=r"boat\.mp4\.json has other content.*overwrite=True"),
            ):
                copy(folder, run, urls=f"{address}/0.mp4", filename="boat.mp4", sidecar=True)
            assert notes.read_bytes() == content
            assert [(file["path"], file["sidecar"]) for file in run.xcoms["stored"]["files"]] == [
                (f"{folder}/boat.mp4", None)
            ]
        assert copy_film(folder, video, sidecar=True, overwrite=True)["sidecar"] == str(notes)
        assert json.loads(notes.read_bytes())["file"] == "boat.mp4"


def undecodable() -> dict[str, bytes]:
    """Return films that are whole, but have no frame that can be decoded."""
    content = film()
    start = content.index(b"mdat")
    size = int.from_bytes(content[start - 4 : start]) - 8
    head, rest = (whole := sound("mp4", "aac"))[:28], whole[28:]
    return {
        "no frames": content[: start + 4] + bytes(size) + content[start + 4 + size :],
        "unknown codec": content.replace(b"avc1", b"XXXX").replace(b"avcC", b"free"),
        # The tracks are far behind the bytes that decide what a file is.
        "sound only": head + (2**21).to_bytes(4) + b"free" + bytes(2**21 - 8) + rest,
    }


UNDECODABLE = undecodable()


def poster_of(file: dict[str, Any]) -> Image.Image:
    with Image.open(file["poster"]) as image:
        assert image.format == "JPEG"
        return image.convert("RGB")


class TestPoster:
    @pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
    @pytest.mark.parametrize(("colour", "shown"), [(RED, (254, 0, 0)), (GREEN, (0, 255, 1))])
    def test_poster_is_the_first_frame(
        self, emulator: Emulator, folder: Path, codec: str, colour: tuple[int, int, int], shown: tuple[int, int, int]
    ) -> None:
        file = copy_film(folder, film(codec=codec, width=322, height=182, colour=colour), poster=True)
        assert file["poster"] == f"{folder}/boat.jpg"
        assert poster_of(file).size == (322, 182)
        assert ImageStat.Stat(poster_of(file)).mean == pytest.approx(shown, abs=4)
        assert names(folder) == ["boat.jpg", "boat.mp4"]

    def test_poster_has_the_colours_of_high_definition(self, emulator: Emulator, folder: Path) -> None:
        # Red by BT.709, which a JPEG image does not use.
        content = film(colour=(63, 102, 240), coding={"x264-params": "colormatrix=bt709"})
        assert ImageStat.Stat(poster_of(copy_film(folder, content, poster=True))).mean == pytest.approx(
            (254, 0, 0), abs=4
        )

    @pytest.mark.parametrize("content", [*FILMS.values(), *FRAGMENTED.values()], ids=[*FILMS, *FRAGMENTED])
    def test_every_film_has_a_poster(self, emulator: Emulator, folder: Path, content: bytes) -> None:
        file = copy_film(folder, content, poster=True)
        assert poster_of(file).size == (file["width"], file["height"])

    def test_video_of_the_service_has_poster_and_sidecar(
        self, emulator: Emulator, generated: dict[str, Any], folder: Path
    ) -> None:
        [file] = copy(folder, prediction=generated, poster=True, sidecar=True)["files"]
        assert poster_of(file).size == (864, 496)
        # A frame of one colour would be no picture of this video.
        assert max(ImageStat.Stat(poster_of(file)).stddev) > 10
        name = f"{generated['id']}-0"
        assert names(folder) == [f"{name}.jpg", f"{name}.mp4", f"{name}.mp4.json"]

    def test_retry_keeps_the_poster(self, emulator: Emulator, folder: Path) -> None:
        first = copy_film(folder, film(), poster=True)
        before = written(first["poster"])
        assert copy_film(folder, film(), poster=True)["poster"] == first["poster"]
        assert written(first["poster"]) == before

    def test_poster_of_a_replaced_video_is_replaced(self, emulator: Emulator, folder: Path) -> None:
        copy_film(folder, film(colour=GREEN), poster=True)
        file = copy_film(folder, film(colour=RED), poster=True, overwrite=True)
        assert ImageStat.Stat(poster_of(file)).mean == pytest.approx((254, 0, 0), abs=4)

    def test_other_image_is_kept_and_the_video_has_no_poster(
        self, emulator: Emulator, folder: Path, printed: Callable[[], str]
    ) -> None:
        folder.mkdir()
        (folder / "boat.jpg").write_bytes(b"a picture of a boat")
        assert copy_film(folder, film(), poster=True)["poster"] is None
        assert (folder / "boat.jpg").read_bytes() == b"a picture of a boat"
        assert "boat.mp4 has no poster" in printed()
        assert copy_film(folder, film(), poster=True, overwrite=True)["poster"] == f"{folder}/boat.jpg"

    @pytest.mark.parametrize("name", ["boat.v1", "boat", "boat.mov"])
    def test_poster_keeps_a_name_without_mp4(self, emulator: Emulator, folder: Path, name: str) -> None:
        with serving({"0.mp4": film()}) as address:
            [file] = copy(folder, urls=f"{address}/0.mp4", filename=name, poster=True)["files"]
        assert file["poster"] == f"{folder}/{name}.jpg"

    @pytest.mark.parametrize("content", UNDECODABLE.values(), ids=UNDECODABLE)
    def test_film_that_cannot_be_decoded_is_stored_without_a_poster(
        self, emulator: Emulator, folder: Path, printed: Callable[[], str], content: bytes
    ) -> None:
        file = copy_film(folder, content, poster=True, sidecar=True)
        assert file["poster"] is None
        assert Path(file["path"]).read_bytes() == content
        assert names(folder) == ["boat.mp4", "boat.mp4.json"]
        assert "boat.mp4 has no poster" in printed()

    def test_missing_package_is_an_error_before_a_request(
        self, emulator: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "av", None)
        with pytest.raises(AirflowFailException, match=r'pip install "airflow-provider-seedance\[poster\]"'):
            copy(folder, prediction_id="abc", poster=True)
        assert emulator.requests() == []

    def test_package_is_imported_for_posters_only(self) -> None:
        code = "import sys, airflow_provider_seedance.tasks.storing.transfer; print('av' in sys.modules)"
        assert subprocess.check_output([sys.executable, "-c", code], text=True).split()[-1] == "False"  # noqa: S603
