"""Download a generated video and measure it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import httpx


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    Frame size and length of a video file.

    :param width: Width in pixels.
    :param height: Height in pixels.
    :param seconds: Length of the video stream.
    """

    width: int
    height: int
    seconds: float


def download(url: str, path: Path) -> None:
    """Download an output without an API key, because the link alone suffices."""
    with httpx.Client(trust_env=False) as client, client.stream("GET", url) as response, path.open("wb") as file:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            file.write(chunk)


def measure(path: Path) -> Measurement:
    """Decode all frames of a video file and measure them."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = 0
        for frame in container.decode(stream):
            frames += 1
            width, height = frame.width, frame.height
        if not frames or stream.average_rate is None:
            raise ValueError(f"{path} has no video frames")
        return Measurement(width, height, float(frames / stream.average_rate))
