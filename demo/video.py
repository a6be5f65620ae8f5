"""Fetches a generated video and measures it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import httpx


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    What is in a video file.

    :param width: In pixels.
    :param height: In pixels.
    :param seconds: The length of its picture.
    """

    width: int
    height: int
    seconds: float


def download(url: str, path: Path) -> None:
    """Download an output as anybody would who has the link: without a key."""
    with httpx.Client(trust_env=False) as client, client.stream("GET", url) as answer, path.open("wb") as file:
        answer.raise_for_status()
        for part in answer.iter_bytes():
            file.write(part)


def measure(path: Path) -> Measurement:
    """Decode a video file, every frame of it, and measure what came out."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = 0
        for frame in container.decode(stream):
            frames += 1
            width, height = frame.width, frame.height
        if not frames or stream.average_rate is None:
            raise ValueError(f"{path} has no picture")
        return Measurement(width, height, float(frames / stream.average_rate))
