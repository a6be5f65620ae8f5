"""Tests of the output files: playable, with the documented frame size and duration, showing prompt and seed."""

from __future__ import annotations

import asyncio
import struct
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from airflow_provider_seedance.emulator import video as video_module
from airflow_provider_seedance.emulator import videos as videos_module
from airflow_provider_seedance.emulator.picture import style_of, wrap
from airflow_provider_seedance.emulator.predictions import Prediction
from airflow_provider_seedance.emulator.service import Service
from airflow_provider_seedance.emulator.video import Clip, write_video
from airflow_provider_seedance.emulator.videos import Videos, clip_of
from tests.specification import read_table
from tests.unit.emulator.api_client import FAST, REQUESTS, ApiClient, submission_of

SIZES = read_table("frame_sizes")
COLUMNS = ("1.0", "1.5 and later")
CLIP = Clip(864, 496, 1, sound=False, seed=42, model=FAST, prompt="A red fox runs over the snow")


def size_of(cell: str) -> tuple[int, int]:
    width, height = cell.split("\N{MULTIPLICATION SIGN}")
    return int(width), int(height)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Properties of a decoded file; times are in seconds."""

    size: tuple[int, int]
    frames: int
    rate: Fraction
    length: Fraction
    sound: Fraction | None


def decode(file: Path | BytesIO) -> Decoded:
    """Decode a whole file."""
    with av.open(file, "r") as container:
        (video,) = container.streams.video
        frames = 0
        for frame in container.decode(video):
            frames += 1
            assert (frame.width, frame.height) == (video.width, video.height)
            assert frame.pts is not None
            assert frame.time_base is not None
            assert frame.pts * frame.time_base == Fraction(frames - 1, 24)
        assert container.duration is not None
        assert video.average_rate is not None
        return Decoded(
            size=(video.width, video.height),
            frames=frames,
            rate=video.average_rate,
            length=Fraction(container.duration, 1_000_000),
            sound=sound_length(container),
        )


def sound_length(container: av.container.InputContainer) -> Fraction | None:
    if not container.streams.audio:
        return None
    (audio,) = container.streams.audio
    container.seek(0)
    return Fraction(sum(frame.samples for frame in decode_sound(container)), audio.rate)


def decode_sound(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    yield from container.decode(container.streams.audio[0])


def pictures_of(path: Path) -> list[Image.Image]:
    with av.open(path, "r") as container:
        return [frame.to_image() for frame in container.decode(video=0)]  # type: ignore[no-untyped-call]


def first_picture(path: Path) -> Image.Image:
    return pictures_of(path)[0]


def write(clip: Clip, path: Path) -> Path:
    write_video(clip, path)
    return path


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference in brightness per pixel."""
    return ImageStat.Stat(ImageChops.difference(one, other).convert("L")).mean[0]


def rows_that_differ(folder: Path, one: Clip, other: Clip) -> tuple[float, float]:
    """Return top and bottom of the area where two clips differ, as fractions of the height."""
    pictures = [first_picture(write(clip, folder / "clip.mp4")) for clip in (one, other)]
    box = ImageChops.difference(*pictures).convert("L").point(lambda level: 255 * (level > 64)).getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert left > 0
    assert right < one.width
    return top / one.height, bottom / one.height


class TestFrameSize:
    @pytest.mark.parametrize("resolution", ["480p", "720p", "1080p"])
    def test_file_has_the_documented_frame_size(self, tmp_path: Path, resolution: str) -> None:
        # A set, because some sizes are in both columns.
        sizes = {size_of(row[column]) for row in SIZES for column in COLUMNS if row["resolution"] == resolution}
        assert len(sizes) >= 6
        for width, height in sizes:
            with av.open(write(replace(CLIP, width=width, height=height), tmp_path / "clip.mp4"), "r") as container:
                (video,) = container.streams.video
                frame = next(container.decode(video))
                assert (frame.width, frame.height, video.frames, container.duration) == (width, height, 24, 1_000_000)

    @pytest.mark.parametrize("model", read_table("models"), ids=lambda model: model["model"])
    def test_frame_size_depends_on_model_resolution_and_aspect_ratio(self, model: dict[str, str]) -> None:
        column = "1.0" if model["model"].startswith("1.0") else "1.5 and later"
        mode = next(mode for mode in REQUESTS if model[mode] == "yes")
        rows = [row for row in SIZES if row["resolution"] in model["resolutions"].split()]
        assert len(rows) in (12, 18)
        for row in rows:
            shape = {"resolution": row["resolution"], "aspect_ratio": row["aspect_ratio"]}
            clip = clip_of(Service().book(submission_of(mode, model=model["id"], **shape)))
            assert (clip.width, clip.height) == size_of(row[column])

    def test_4k_without_a_documented_size_has_the_largest_one(self) -> None:
        shape = {"resolution": "4k", "aspect_ratio": "9:16"}
        clip = clip_of(Service().book(submission_of("text-to-video", model="seedance-2-0", **shape)))
        assert (clip.width, clip.height) == (1088, 1920)


class TestDownload:
    @pytest.mark.parametrize("sound", [True, False], ids=["with sound", "mute"])
    def test_default_video_has_five_seconds_in_720p(self, client: ApiClient, sound: bool) -> None:
        changes: dict[str, Any] = {} if sound else {"generate_audio": False}
        (link,) = client.get_data(client.book_finished(**changes))["outputs"]
        decoded = decode(BytesIO(client.keyless.get(link).content))
        assert decoded == Decoded((1280, 720), frames=120, rate=Fraction(24), length=Fraction(5), sound=decoded.sound)
        assert (decoded.sound is not None) == sound
        if decoded.sound is not None:
            assert abs(decoded.sound - 5) < Fraction(1, 24)

    def test_video_of_a_model_without_sound_has_no_audio_stream(self, client: ApiClient) -> None:
        prediction_id = client.book_finished(model="seedance-1-0-pro", duration=2, resolution="480p")
        (link,) = client.get_data(prediction_id)["outputs"]
        decoded = decode(BytesIO(client.keyless.get(link).content))
        assert decoded == Decoded((864, 480), frames=48, rate=Fraction(24), length=Fraction(2), sound=None)

    def test_same_request_and_seed_give_the_same_file(self, client: ApiClient) -> None:
        request: dict[str, Any] = {"duration": 4, "resolution": "480p"}
        links = [client.get_data(client.book_finished(**request, seed=seed))["outputs"][0] for seed in (7, 7, 8)]
        one, same, other = (client.keyless.get(link).content for link in links)
        assert one == same
        assert one != other


class TestFile:
    @pytest.mark.parametrize("sound", [True, False], ids=["with sound", "mute"])
    def test_file_is_deterministic(self, tmp_path: Path, sound: bool) -> None:
        clip = replace(CLIP, sound=sound)
        one, same = write(clip, tmp_path / "one.mp4"), write(clip, tmp_path / "same.mp4")
        assert one.read_bytes() == same.read_bytes()

    def test_file_has_its_index_before_the_media_data(self, tmp_path: Path) -> None:
        boxes = [name for name, _ in top_boxes(write(CLIP, tmp_path / "clip.mp4").read_bytes())]
        assert boxes.index("moov") < boxes.index("mdat")

    def test_failed_encoding_leaves_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(av.FFmpegError):
            write_video(replace(CLIP, width=865), tmp_path / "clip.mp4")
        assert not (tmp_path / "clip.mp4").exists()

    def test_sound_is_audible(self, tmp_path: Path) -> None:
        path = write(replace(CLIP, sound=True), tmp_path / "clip.mp4")
        with av.open(path, "r") as container:
            waves = [array("f", bytes(frame.planes[0])) for frame in decode_sound(container)]
        assert max(map(max, waves)) > 0.01


def top_boxes(content: bytes) -> Iterator[tuple[str, int]]:
    """Return name and length of each top-level box of an MP4 file."""
    at = 0
    while at < len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        yield name.decode(), length
        at += length


class TestPicture:
    def test_picture_changes_over_time(self, tmp_path: Path) -> None:
        first, *_, last = pictures_of(write(CLIP, tmp_path / "clip.mp4"))
        assert difference(first, last) > 1

    def test_seed_changes_the_colours(self, tmp_path: Path) -> None:
        one = first_picture(write(CLIP, tmp_path / "one.mp4"))
        other = first_picture(write(replace(CLIP, seed=43), tmp_path / "other.mp4"))
        assert difference(one, other) > 5

    @pytest.mark.parametrize(
        ("prompt", "other"),
        [
            ("A red fox runs over the snow", "A red fox rests in the snow"),
            ("狐狸在雪地里奔跑", "小猫在沙滩上散步"),
            ("Füchse", "Fåchse"),
            ("🦊", "🐈"),
        ],
    )
    def test_picture_shows_the_prompt(self, tmp_path: Path, prompt: str, other: str) -> None:
        top, bottom = rows_that_differ(tmp_path, replace(CLIP, prompt=prompt), replace(CLIP, prompt=other))
        # Below the captions, above the ball.
        assert 0.15 < top < bottom < 0.62

    def test_picture_shows_the_seed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        style = style_of(42)
        monkeypatch.setattr(video_module, "style_of", lambda _: style)
        top, bottom = rows_that_differ(tmp_path, CLIP, replace(CLIP, seed=2147483647))
        # Among the captions.
        assert 0.05 < top < bottom < 0.2

    @pytest.mark.parametrize(
        "prompt",
        ["\ud800", "\x00\x07\x1b", "a\n\n\tb", "\u202e!", "w" * 100_000, "a b " * 30_000],
        ids=["lone surrogate", "control characters", "white space", "direction mark", "one long word", "many words"],
    )
    def test_picture_accepts_any_prompt(self, tmp_path: Path, prompt: str) -> None:
        assert decode(write(replace(CLIP, prompt=prompt), tmp_path / "clip.mp4")).frames == 24

    def test_text_wraps_to_width_and_line_count(self) -> None:
        class TenPixels:
            def getlength(self, text: str) -> float:
                return 10.0 * len(text)

        font: Any = TenPixels()
        assert wrap("one two three", font, 70, 5) == ["one two", "three"]
        assert wrap("unbreakable", font, 40, 5) == ["unbr", "eaka", "ble"]
        assert wrap("one two three four five", font, 70, 2) == ["one two", "th..."]
        assert wrap("", font, 70, 5) == []


@pytest.fixture
def videos() -> Iterator[Videos]:
    made = Videos()
    yield made
    made.close()


def prediction_of(prompt: str) -> Prediction:
    return Service().book(submission_of(prompt=prompt, seed=1))


class TestStore:
    """A video is encoded once, at the first request; the number of files is limited."""

    @pytest.fixture
    def written(self, monkeypatch: pytest.MonkeyPatch) -> list[Clip]:
        clips: list[Clip] = []

        def record(clip: Clip, path: Path) -> None:
            path.write_text(clip.prompt)
            clips.append(clip)

        monkeypatch.setattr(videos_module, "write_video", record)
        return clips

    async def test_concurrent_callers_share_one_file(self, videos: Videos, written: list[Clip]) -> None:
        paths = await asyncio.gather(*(videos.make(prediction_of("fox")) for _ in range(10)))
        assert len(set(paths)) == len(written) == 1
        assert paths[0].read_text() == "fox"

    async def test_cancelled_caller_does_not_cancel_the_encoding(
        self, videos: Videos, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        released = threading.Event()
        written: list[Clip] = []

        def write_slowly(clip: Clip, path: Path) -> None:
            written.append(clip)
            released.wait(timeout=30)
            path.write_text(clip.prompt)

        monkeypatch.setattr(videos_module, "write_video", write_slowly)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(videos.make(prediction_of("fox")), timeout=0.01)
        released.set()
        assert (await videos.make(prediction_of("fox"))).read_text() == "fox"
        assert len(written) == 1

    async def test_store_deletes_the_least_recently_used_file(
        self, videos: Videos, written: list[Clip], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(videos_module, "MAXIMUM_FILES", 2)
        fox, cat, owl = (prediction_of(prompt) for prompt in ("fox", "cat", "owl"))
        fox_path, cat_path = await videos.make(fox), await videos.make(cat)
        await videos.make(fox)
        await videos.make(owl)
        assert fox_path.exists()
        assert not cat_path.exists()
        assert (await videos.make(cat)).read_text() == "cat"
        assert [clip.prompt for clip in written] == ["fox", "cat", "owl", "cat"]

    async def test_close_deletes_all_files(self, written: list[Clip]) -> None:
        videos = Videos()
        path = await videos.make(prediction_of("fox"))
        videos.close()
        assert not path.parent.exists()
