"""Real media files, as image libraries and encoders write them."""

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


def clip(container: str = "mp4", codec: str = "libx264") -> bytes:
    """Return a film of one black picture."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as film:
        stream: Any = film.add_stream(codec, rate=24)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(64, 64, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return file.getvalue()


def sound(container: str = "mp3", codec: str = "libmp3lame", **options: str) -> bytes:
    """Return a tenth of a second of silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, container_options=options) as record:
        stream: Any = record.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame("s16", "mono", samples=4800)
        frame.rate = 48000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        record.mux(stream.encode(frame))
        record.mux(stream.encode())
    return file.getvalue()
