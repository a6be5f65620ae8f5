"""
Golden fingerprints (idempotency keys) of the records of paid submissions.

A record is found by its fingerprint. If one of these values changes, the records from before the change are not found:
the next try of such a task submits, and pays, again. The values were computed without the package, as the SHA-256 of
the JSON list of connection, mode, model and parameters, with sorted keys.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.media.files import with_media_files
from airflow_provider_seedance.gptproto.requests import (
    GenerationRequest,
    ImageToVideo,
    ReferenceToVideo,
    TextToVideo,
)

CONNECTION = "seedance_default"
MODEL = "doubao-seedance-2-0-fast-260128"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


#: A PNG file with a size of 300 x 300 pixels, but without pixel data.
PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 300, 300, 8, 0, 0, 0, 0))
    + _chunk(b"IEND", b"")
)  # fmt: skip
DATA_URI = "data:image/png;base64," + base64.b64encode(PNG).decode()

IMAGE_BY_CONTENT = "9f077babed8a2a82b3ca1679a477f2423720542f9da0c9e558719af045f6a4b7"
MAPPED = "e8c94b21b14e1d39e3e1202ca0d529976fbead1917e12b244d5c7b459240e453"


def fingerprint(request: GenerationRequest, connection: str = CONNECTION) -> str:
    return request.check().fingerprint(connection)


def test_image_of_the_golden_values_is_unchanged() -> None:
    assert hashlib.sha256(PNG).hexdigest() == "6cb9d73c57c0f0fe7c324f762a311af2e91d17c00aea153d9e92b06950065f06"


class TestTextToVideo:
    def test_fingerprint_of_a_prompt_alone_is_unchanged(self) -> None:
        request = TextToVideo(prompt="A paper boat on a lake", model=MODEL)
        assert fingerprint(request) == "13a514f3e1a9f7117d737427cc817312195c1a7dd8b0b8802d4bec12ddf060f2"

    def test_fingerprint_of_every_parameter_is_unchanged(self) -> None:
        request = TextToVideo(
            prompt="Ein Boot auf dem See, 4 °C",
            model="seedance-1-0-pro-250528",
            aspect_ratio="21:9",
            duration=8,
            resolution="1080p",
            generate_audio=False,
            camera_fixed=True,
            seed=7,
            extra_parameters={"watermark": False},
        )
        assert fingerprint(request, "seedance_eu") == "5506b20d9d46220357e3cad85e7eea0a383e557f6d82cf7a316fcfb14f984a9d"


class TestImageToVideo:
    def request(self, image: Any, **arguments: Any) -> GenerationRequest:
        return ImageToVideo(prompt="It sails away", model=MODEL, image=image, **arguments)

    def test_fingerprint_of_a_linked_image_is_unchanged(self) -> None:
        request = self.request("https://example.com/boat.png")
        assert fingerprint(request) == "0109272716b8bdfc68d4d73cd4c45df4532a02fa442a06834d98e3330fab0244"

    def test_fingerprint_of_a_data_uri_counts_its_content(self) -> None:
        assert fingerprint(self.request(DATA_URI)) == IMAGE_BY_CONTENT

    @pytest.mark.parametrize("name", ["boat.png", "renamed.jpeg"])
    def test_fingerprint_of_a_file_counts_its_content_and_not_its_name(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(PNG)
        assert fingerprint(with_media_files(self.request(tmp_path / name))) == IMAGE_BY_CONTENT

    def test_fingerprint_of_two_frames_is_unchanged(self) -> None:
        request = self.request(DATA_URI, last_image="https://example.com/sea.png")
        assert fingerprint(request) == "3a5e9062f1ec9c1f0f392fde68a78563e0f95250b6aeb13c944f114f31159988"


class TestReferenceToVideo:
    @pytest.mark.parametrize("many", [list, tuple])
    def test_fingerprint_of_references_is_unchanged(self, many: Any) -> None:
        request = ReferenceToVideo(
            prompt="The same boat",
            model=MODEL,
            images=many(["https://example.com/1.png", DATA_URI]),
            videos=many(["https://example.com/1.mp4"]),
            audios="https://example.com/1.mp3",  # one value counts as a list of one
        )
        assert fingerprint(request) == "6f2fc2db1e12590c46b7ea35ad4733b576a51092f349cec4caa7be57b9c55772"


class TestMappedValues:
    """A mapped task, a template and a row of a file can pass text, or another number type, for the same value."""

    @pytest.mark.parametrize(
        ("duration", "seed", "generate_audio"),
        [(8, 42, True), ("8", "42", "true"), (" 8 ", 42.0, "True"), (8.0, "42", True)],
    )
    def test_fingerprint_does_not_depend_on_how_a_value_is_spelt(
        self, duration: Any, seed: Any, generate_audio: Any
    ) -> None:
        request = TextToVideo(
            prompt="A paper boat on a lake", model=MODEL, duration=duration, seed=seed, generate_audio=generate_audio
        )
        assert fingerprint(request) == MAPPED
