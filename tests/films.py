"""Films that FFmpeg wrote, what FFmpeg reads of them, and a server that sends them."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av

#: The matrix of a track header that shows the film as it is, and one that turns it by 90 degrees, to 320 columns
#: (ISO/IEC 14496-12, section 6.2.2).
_UPRIGHT = b"".join(number.to_bytes(4) for number in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
_TURNED = b"".join(number.to_bytes(4, signed=True) for number in (0, 1 << 16, 0, -1 << 16, 0, 0, 320 << 16, 0, 1 << 30))


def film(
    container: str = "mp4",
    codec: str = "libx264",
    *,
    width: int = 320,
    height: int = 180,
    frames: int = 30,
    rate: int | Fraction = 24,
    colour: tuple[int, int, int] = (128, 128, 128),
    sound: bool = False,
    pixels: Fraction | None = None,
    coding: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """
    Return a film of one colour.

    :param colour: Y, U and V with the limited range.
    :param sound: Whether it has silence of the same length.
    :param pixels: The aspect ratio of a pixel.
    :param coding: Options of the codec.
    :param options: Options of the container, such as ``movflags``.
    """
    # FFmpeg reads the file again to move its header to the front.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"film.{container}")
        with av.open(str(path), "w", container_options=dict(options or {})) as output:
            pictures: Any = output.add_stream(codec, rate=rate)
            pictures.width, pictures.height, pictures.pix_fmt = width, height, "yuv420p"
            pictures.options = dict(coding or {})
            if pixels is not None:
                pictures.codec_context.sample_aspect_ratio = pixels
            silence: Any = output.add_stream("aac", rate=48000, layout="stereo") if sound else None
            for number in range(frames):
                frame = av.VideoFrame(width, height, "yuv420p")
                for plane, value in zip(frame.planes, colour, strict=True):
                    plane.update(bytes([value]) * plane.buffer_size)
                frame.pts = number
                output.mux(pictures.encode(frame))
            output.mux(pictures.encode())
            for start in range(0, int(48000 * frames / rate) if sound else 0, 1024):
                samples = av.AudioFrame("fltp", "stereo", samples=1024)
                samples.rate, samples.pts = 48000, start
                for channel in samples.planes:
                    channel.update(bytes(channel.buffer_size))
                output.mux(silence.encode(samples))
            if sound:
                output.mux(silence.encode())
        return path.read_bytes()


def turned(content: bytes) -> bytes:
    """Return a film that a player turns by 90 degrees."""
    track = content.index(b"tkhd")
    start = content.index(_UPRIGHT, track)
    return content[:start] + _TURNED + content[start + len(_TURNED) :]


#: Films with what a file may have; none was written by this package.
FILMS = {
    "moov at the end": film(),
    "moov first": film(options={"movflags": "faststart"}),
    "sound and edit lists": film(sound=True),
    "sound first": film(sound=True, options={"movflags": "faststart", "use_editlist": "0"}),
    "QuickTime": film("mov", sound=True),
    "MPEG-4 part 2": film(codec="mpeg4"),
    "odd sides": film(width=322, height=182),
    "cropped": film(width=1920, height=1080, frames=3),
    "long pixels": film(pixels=Fraction(4, 3)),
    "29.97 frames a second": film(frames=47, rate=Fraction(30000, 1001)),
    "turned": turned(film()),
}
#: Films whose header has no length, or that of the first part.
FRAGMENTED = {
    "empty header": film(options={"movflags": "frag_keyframe+empty_moov"}),
    "first fragment in the header": film(codec="mpeg4", frames=60, options={"movflags": "frag_keyframe"}),
    "CMAF": film(options={"movflags": "cmaf"}),
}


def read_by_pyav(content: bytes) -> tuple[int, int, float]:
    """Return width, height and seconds of a film as FFmpeg reads them."""
    with av.open(io.BytesIO(content), "r") as container:
        [stream] = container.streams.video
        assert container.duration is not None
        return stream.width, stream.height, container.duration / av.time_base


@contextmanager
def serving(contents: Mapping[str, bytes]) -> Iterator[str]:
    """Run a server for files by their names, and yield its address. It sends 404 for other names."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = contents.get(self.path.removeprefix("/").partition("?")[0])
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()
            thread.join()
