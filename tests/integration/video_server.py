"""An HTTP server for one large generated video, which can pause halfway."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: File type and tracks (ISO/IEC 14496-12); the media data follow.
_HEAD = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + b"\x00\x00\x00\x0cmoovmvhd"
_PIECE = bytes(range(256)) * 1024


@dataclass
class VideoServer:
    """
    A running server.

    :param size: Size of the video in bytes.
    :param sends_size: Whether the response has a ``Content-Length``.
    :param cut: Bytes at the end of the video that are never sent; ``Content-Length`` is then that of the rest.
    """

    size: int
    sends_size: bool = True
    cut: int = 0
    url: str = ""
    #: While cleared, the server does not send the second half.
    may_go_on: threading.Event = field(default_factory=threading.Event)
    sent_half: threading.Event = field(default_factory=threading.Event)

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the video."""
        remaining = self.size - len(_HEAD)
        yield _HEAD + remaining.to_bytes(4) + b"mdat"
        remaining -= 8
        while remaining:
            piece = _PIECE[:remaining]
            remaining -= len(piece)
            yield piece

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole video, in hexadecimal."""
        whole = hashlib.sha256()
        for piece in self.pieces():
            whole.update(piece)
        return whole.hexdigest()

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the response."""
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        if self.sends_size:
            handler.send_header("Content-Length", str(self.size - self.cut))
        handler.end_headers()
        sent = 0
        for piece in self.pieces():
            if sent >= self.size / 2:
                self.sent_half.set()
                self.may_go_on.wait()
            handler.wfile.write(piece[: max(self.size - self.cut - sent, 0)])
            sent += len(piece)


@contextmanager
def running_video_server(size: int, *, sends_size: bool = True, cut: int = 0) -> Iterator[VideoServer]:
    """Run a server with a video of ``size`` bytes for the duration of a ``with`` block."""
    server = VideoServer(size, sends_size, cut)
    server.may_go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                server.send(self)
            except ConnectionError:
                # The client was killed.
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        server.url = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.may_go_on.set()
            listener.shutdown()
            thread.join()
