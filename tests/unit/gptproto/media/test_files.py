"""Files become uploaded media; a check reports all unusable files at once, before anything is sent."""

from __future__ import annotations

import base64
import errno
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.errors import Charge, StorageError
from airflow_provider_seedance.gptproto.media.files import Find, find_local_file, with_media_files
from airflow_provider_seedance.gptproto.media.media import UploadedMedia
from airflow_provider_seedance.gptproto.requests import GenerationRequest
from tests.unit.gptproto.making import IMAGE, MP4, PNG, PROMPT, make, refusal, refusals
from tests.unit.gptproto.samples import clip, picture, sound

PICTURE = picture()

#: ByteDance's Ark documentation.
REQUEST_LIMIT = 64 * 1024 * 1024
NOT_REGULAR = "the value cannot be read as a file (it is not a regular file)"


@dataclass
class FakeFiles:
    """Files in memory, which record each read."""

    contents: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def find(self, path: Any) -> FakeFile:
        if path not in self.contents and path not in self.sizes:
            raise FileNotFoundError(path)
        return FakeFile(self, path)


@dataclass
class FakeFile:
    files: FakeFiles
    path: str

    @property
    def size(self) -> int:
        return self.files.sizes.get(self.path, len(self.files.contents.get(self.path, b"")))

    def read(self) -> bytes:
        self.files.reads.append(self.path)
        return self.files.contents[self.path]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "boat.png"
    path.write_bytes(PICTURE)
    return path


def image_to_video(image: Any, find: Find = find_local_file, **arguments: Any) -> GenerationRequest:
    return with_media_files(make("image-to-video", image=image, **arguments), find)


def data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


class TestReadFile:
    @pytest.mark.parametrize("form", [str, Path])
    def test_file_is_sent_as_a_data_uri_with_is_upload_media(self, image: Path, form: type) -> None:
        request = image_to_video(form(image))

        request.check()

        assert request.payload() == {
            "prompt": PROMPT,
            "image": data_uri("image/png", PICTURE),
            "duration": 5,
            "resolution": "720p",
            "is_upload_media": True,
        }

    def test_reference_file_gets_the_media_type_of_its_content(self, tmp_path: Path) -> None:
        contents = {"a": picture("JPEG"), "b": picture("WEBP"), "c": clip(), "d": sound()}
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        path = {name: str(tmp_path / name) for name in contents}

        request = with_media_files(
            make("reference-to-video", images=[path["a"], IMAGE, path["b"]], videos=[path["c"]], audios=[path["d"]])
        )

        request.check()
        payload = request.payload()
        assert payload["images"] == [
            data_uri("image/jpeg", contents["a"]),
            IMAGE,
            data_uri("image/webp", contents["b"]),
        ]
        assert payload["videos"] == [data_uri("video/mp4", contents["c"])]
        assert payload["audios"] == [data_uri("audio/mpeg", contents["d"])]
        assert payload["is_upload_media"] is True

    @pytest.mark.parametrize("form", [str, Path])
    def test_single_reference_needs_no_list(self, image: Path, form: type) -> None:
        request = with_media_files(make("reference-to-video", images=form(image)))

        assert request.payload()["images"] == [data_uri("image/png", PICTURE)]

    @pytest.mark.parametrize("name", ["my boat.png", "ein-frühstück", "boat#1?.png", "boat.txt", "data", "%20"])
    def test_any_file_name_is_accepted(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(PICTURE)

        image_to_video(str(tmp_path / name)).check()

    def test_relative_path_starts_at_the_working_directory(self, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(image.parent)

        image_to_video(image.name).check()

    def test_symbolic_link_is_followed(self, image: Path) -> None:
        link = image.with_name("link")
        link.symlink_to(image)

        image_to_video(str(link)).check()

    @pytest.mark.parametrize("mode", ["text-to-video", "image-to-video", "reference-to-video"])
    def test_request_without_files_is_unchanged(self, mode: str) -> None:
        assert with_media_files(make(mode), FakeFiles().find) == make(mode)

    @pytest.mark.parametrize(
        "value",
        [
            IMAGE,
            " https://example.com/a",
            "asset://asset-1",
            PNG,
            f"\n{PNG}",
            "QUJD" * 200,
            "boat\n.png",
            "",
            " ",
            7,
            None,
        ],
    )
    def test_value_that_is_no_path_is_never_looked_up(self, value: object) -> None:
        def find(path: Any) -> Any:
            raise AssertionError(path)

        assert image_to_video(value, find) == make("image-to-video", image=value)

    @pytest.mark.parametrize("text", ["aGVsbG8=", "data/boa", "/9j/4AAQSkZJ"])
    def test_short_declared_base64_without_a_file_is_unchanged(self, text: str) -> None:
        request = image_to_video(text, FakeFiles().find, is_upload_media=True)

        assert request.payload().get("image") == text

    def test_file_takes_precedence_over_base64(self) -> None:
        request = image_to_video("data/boat", FakeFiles({"data/boat": PICTURE}).find, is_upload_media=True)

        assert request.payload()["image"] == data_uri("image/png", PICTURE)


class TestDescription:
    def test_description_of_a_file_has_type_length_and_path(self, image: Path) -> None:
        request = image_to_video(str(image))

        length = len(data_uri("image/png", PICTURE))
        description = f"<data:image/png, {length:,} characters, from {image}>"
        assert request.description()["image"] == description
        assert base64.b64encode(PICTURE).decode()[:12] not in repr(request)

    def test_description_before_reading_is_the_path(self, image: Path) -> None:
        assert make("image-to-video", image=image).description()["image"] == str(image)

    def test_description_of_an_unusable_file_is_its_path(self) -> None:
        assert image_to_video("boat.png", FakeFiles().find).description()["image"] == "boat.png"


class TestFingerprint:
    def test_fingerprint_depends_on_content_and_not_on_path(self, image: Path) -> None:
        copy = image.with_name("copy")
        copy.write_bytes(PICTURE)
        other = image.with_name("other")
        other.write_bytes(PICTURE[:-1] + b"\x00")

        prints = [image_to_video(str(path)).check().fingerprint("c") for path in (image, copy, other)]

        assert prints[0] == prints[1] != prints[2]

    def test_fingerprint_of_a_file_equals_that_of_its_data_uri(self, image: Path) -> None:
        uploaded = make("image-to-video", image=data_uri("image/png", PICTURE))

        assert image_to_video(str(image)).check().fingerprint("c") == uploaded.check().fingerprint("c")


class TestRefusal:
    def test_missing_file_is_reported_with_the_allowed_values(self, tmp_path: Path) -> None:
        line = refusal(image_to_video("boat.png", FakeFiles().find))

        assert line == (
            "image: 'boat.png' is not allowed; allowed: an http(s) URL, a base64 data URI (data:<type>;base64,...), "
            "or the path or URI of a file; "
            "the value is neither URL nor data URI, and this worker finds no such file"
        )

    @pytest.mark.parametrize(
        "value",
        [
            "missing/boat.png",
            "/dev/null/boat.png",
            "A cat on a beach",
            "/" + "x" * 300,
            "long.d/" * 1000,
            Path("None"),
            Path("missing/boat.png"),
        ],
        ids=["missing", "below a file", "prompt", "long name", "long path", "None", "path object"],
    )
    def test_path_without_a_file_is_refused(self, value: Any) -> None:
        assert "this worker finds no such file" in refusal(image_to_video(value))

    def test_symbolic_link_loop_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "circle").symlink_to(tmp_path / "circle")

        assert "finds no such file" in refusal(image_to_video(str(tmp_path / "circle")))

    @pytest.mark.parametrize("text", ["boat\0.png", "\ud800.png"])
    def test_invalid_file_name_is_refused(self, text: str) -> None:
        line = refusal(image_to_video(text))
        assert line.startswith(f"image: {text!r} is not allowed")
        assert "the value cannot be read as a file (" in line

    def test_directory_is_refused(self, tmp_path: Path) -> None:
        line = refusal(image_to_video(str(tmp_path)))
        assert line.startswith(f"image: {str(tmp_path)!r} is not allowed")
        assert line.endswith("the value names a directory")
        with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
            find_local_file(tmp_path)

    def test_pipe_is_refused_without_waiting(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")

        assert refusal(image_to_video(str(tmp_path / "pipe"))).endswith(NOT_REGULAR)

    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
    def test_device_is_refused(self, device: str) -> None:
        assert refusal(image_to_video(device)).endswith(NOT_REGULAR)

    def test_file_without_read_permission_is_refused(self) -> None:
        def find(path: Any) -> Any:
            raise PermissionError(errno.EACCES, "Permission denied", path)

        line = refusal(image_to_video("boat.png", find))
        assert line.startswith("image: 'boat.png' is not allowed")
        assert line.endswith("names a file that this worker is not allowed to read")

    def test_object_storage_uri_is_refused_without_airflow(self) -> None:
        problem = "the value cannot be read as a file (only files of this machine can be read here)"
        assert refusal(image_to_video("s3://bucket/boat.png")).endswith(problem)

    @pytest.mark.parametrize("path", [Path("boat.png"), "boat.png"])
    def test_path_that_was_never_read_is_refused(self, path: Any) -> None:
        assert refusal(make("image-to-video", image=path)).endswith(
            "no file was read" if path == "boat.png" else "whose file was not read"
        )

    def test_all_problems_are_reported_at_once(self, tmp_path: Path) -> None:
        files = FakeFiles({"empty": b"", "text": b"text", "film": clip(), "small": picture(width=299)})
        request = make(
            "reference-to-video",
            images=["missing", "empty", "text", "film", "small", str(tmp_path)],
            videos=["missing"],
            duration=99,
            seed=-2,
        )

        lines = refusals(with_media_files(request, files.find))

        assert [line.partition(":")[0] for line in lines] == [
            *(f"images[{index}]" for index in (0, 1, 2, 3, 5)),
            "videos[0]",
            *("duration", "seed"),
        ]


class TestContentCheck:
    def test_empty_file_is_refused_unread(self) -> None:
        files = FakeFiles({"boat.png": b""})

        assert refusal(image_to_video("boat.png", files.find)).endswith("the value holds no data")
        assert files.reads == []

    @pytest.mark.parametrize("content", [b"root:x:0:0:root:/root:/bin/bash\n", b"\x00" * 1000, b"%PDF-1.7", b"<svg/>"])
    def test_file_with_other_content_is_refused_despite_its_name(self, content: bytes) -> None:
        request = image_to_video("boat.png", FakeFiles({"boat.png": content}).find)

        assert refusal(request).startswith("image: 'boat.png' is not allowed")
        assert refusal(request).endswith(
            "names a file whose content is not PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC or AVIF"
        )

    def test_video_file_is_refused_as_an_image(self) -> None:
        line = refusal(image_to_video("boat.png", FakeFiles({"boat.png": clip()}).find))

        assert line.endswith("the value is of type video, not image")
        assert "from boat.png" in line

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (sound("mp4", "aac"), "audio"),
            (sound("mov", "aac"), "audio"),
            (sound("webm", "libopus"), "audio"),
            (picture("AVIF"), "image"),
        ],
        ids=["MP4 with sound alone", "MOV with sound alone", "WebM with sound alone", "AVIF"],
    )
    def test_file_of_another_kind_is_refused_as_a_clip(self, content: bytes, found: str) -> None:
        request = make("reference-to-video", videos=["film.mp4"])

        line = refusal(with_media_files(request, FakeFiles({"film.mp4": content}).find))

        assert line.endswith(f"the value is of type {found}, not video")

    def test_sound_in_an_mp4_is_sent_as_audio(self) -> None:
        files = FakeFiles({"song.mp4": sound("mp4", "aac")})
        request = with_media_files(make("reference-to-video", audios=["song.mp4"]), files.find)

        request.check()
        assert request.payload()["audios"] == [data_uri("audio/mp4", files.contents["song.mp4"])]

    def test_image_of_any_size_is_read(self) -> None:
        image_to_video("boat", FakeFiles({"boat": picture("PNG", 1, 7000)}).find).check()


class TestSize:
    def test_video_of_exactly_the_request_limit_is_read(self) -> None:
        files = FakeFiles({"film": clip().ljust(REQUEST_LIMIT * 3 // 4, b"\x00")})
        with_media_files(make("reference-to-video", images=None, videos=["film"]), files.find)
        assert files.reads == ["film"]

    @pytest.mark.parametrize("size", [REQUEST_LIMIT * 3 // 4 + 1, 10**13])
    def test_video_above_the_request_limit_is_refused_unread(self, size: int) -> None:
        files = FakeFiles(sizes={"film": size})
        request = with_media_files(make("reference-to-video", videos=["film"]), files.find)

        limit = "in base64 (a third more) all media together can have 67,108,864"
        assert f"names a file of {size:,} bytes; {limit}" in refusal(request)
        assert files.reads == []

    def test_files_above_the_request_limit_together_are_refused(self) -> None:
        film = clip().ljust(20_000_000, b"\x00")
        files = FakeFiles(dict.fromkeys("abc", film))
        request = with_media_files(make("reference-to-video", videos=["a", "b", "c"]), files.find)

        line = refusal(request)

        assert line.startswith("videos[2]: 'c' is not allowed; ")
        assert "67,108,864" in line
        assert files.reads == ["a", "b"]

    def test_uploaded_media_count_towards_the_request_limit(self) -> None:
        upload = MP4 + "AAAA" * 12_000_000
        files = FakeFiles(sizes={"film": 20_000_000})
        request = with_media_files(make("reference-to-video", videos=[upload, "film"]), files.find)

        assert refusal(request).startswith("videos[1]: 'film' is not allowed; ")


class TestReadError:
    @pytest.mark.parametrize("length", [10, 5000])
    def test_file_that_changes_while_it_is_read_is_retryable(self, length: int) -> None:
        files = FakeFiles({"boat.png": PICTURE.ljust(5000, b"\x00")[:length]}, sizes={"boat.png": 900})

        with pytest.raises(StorageError, match=r"boat\.png changed while it was read") as caught:
            image_to_video("boat.png", files.find)

        assert caught.value.retryable
        assert caught.value.charge is Charge.NONE
        assert caught.value.advice == "Nothing was sent. A retry of this task reads it again."

    def test_disk_error_is_retryable(self) -> None:
        def find(path: Any) -> Any:
            raise OSError(errno.EIO, "Input/output error", path)

        with pytest.raises(StorageError, match="could not be read") as caught:
            image_to_video("boat.png", find)

        assert caught.value.retryable
        assert "Nothing was sent. A retry of this task reads it again." in str(caught.value)

    def test_growing_file_is_read_one_byte_past_its_size(self, tmp_path: Path) -> None:
        path = tmp_path / "growing"
        path.write_bytes(b"12345")
        found = find_local_file(path)
        path.write_bytes(b"1234567890")

        assert len(found.read()) == 6


def test_media_from_a_file_equal_the_same_data_uri(image: Path) -> None:
    [medium] = with_media_files(make("reference-to-video", images=str(image))).images  # type: ignore[attr-defined]

    assert medium == UploadedMedia(data_uri("image/png", PICTURE))
    assert medium.source == str(image)
