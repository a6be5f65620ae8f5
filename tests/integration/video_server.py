"""A server of one large video, which it makes up as it sends it, and may stop sending half-way."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HEAD = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42"
_PIECE = bytes(range(256)) * 1024


@dataclass
class VideoServer:
    """
    A running server.

    :param size: Bytes of the video.
    :param tells_size: Whether it says so before it sends it.
    """

    size: int
    tells_size: bool = True
    url: str = ""
    #: Cleared, the second half is held back.
    may_go_on: threading.Event = field(default_factory=threading.Event)
    sent_half: threading.Event = field(default_factory=threading.Event)

    def pieces(self) -> Iterator[bytes]:
        """Yield the video."""
        yield _HEAD
        remaining = self.size - len(_HEAD)
        while remaining:
            piece = _PIECE[:remaining]
            remaining -= len(piece)
            yield piece

    @property
    def sha256(self) -> str:
        """What the whole video hashes to."""
        whole = hashlib.sha256()
        for piece in self.pieces():
            whole.update(piece)
        return whole.hexdigest()

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        if self.tells_size:
            handler.send_header("Content-Length", str(self.size))
        handler.end_headers()
        sent = 0
        for piece in self.pieces():
            if sent >= self.size / 2:
                self.sent_half.set()
                self.may_go_on.wait()
            handler.wfile.write(piece)
            sent += len(piece)


@contextmanager
def running_video_server(size: int, *, tells_size: bool = True) -> Iterator[VideoServer]:
    """Run a server of a video of so many bytes for the length of a ``with`` block."""
    server = VideoServer(size, tells_size)
    server.may_go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                server.send(self)
            except ConnectionError:
                # Whoever asked was killed.
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

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
