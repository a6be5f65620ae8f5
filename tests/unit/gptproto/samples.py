"""Real media files, written by an image library and by encoders."""

from __future__ import annotations

import io
from typing import Any

import av
from PIL import Image


def picture(kind: str = "PNG", width: int = 400, height: int = 300, *, mode: str = "RGB", **options: Any) -> bytes:
    """Return an image file of one colour."""
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, kind, **options)
    return file.getvalue()


def clip(container: str = "mp4", codec: str = "libx264", **options: str) -> bytes:
    """Return a video file with one black frame."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, container_options=options) as output:
        stream: Any = output.add_stream(codec, rate=24)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(64, 64, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()


def sound(container: str = "mp3", codec: str = "libmp3lame", **options: str) -> bytes:
    """Return an audio file with 0.1 s of silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, container_options=options) as output:
        stream: Any = output.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame("s16", "mono", samples=4800)
        frame.rate = 48000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()
