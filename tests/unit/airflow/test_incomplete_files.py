"""Files that are cut by a real server: no beginning of a video is ever stored, by the operator or by the hook."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.errors import DownloadFailedError, NotAVideoError, SeedanceError
from airflow_provider_seedance.gptproto.http import download
from airflow_provider_seedance.hooks.seedance import SeedanceHook
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from tests.unit.airflow.driving import Run
from tests.unit.gptproto.samples import clip

VIDEOS = {"mp4": clip("mp4"), "mov": clip("mov")}
Copy = Callable[[str, str], object]


@dataclass
class CutServer:
    """
    An HTTP/1.0 server, whose body ends with the connection.

    :param content: Its body.
    :param sends_size: Whether it sends the length of the body.
    :param media_type: The declared type.
    """

    content: bytes = b""
    sends_size: bool = False
    media_type: str = "video/mp4"
    url: str = ""


@pytest.fixture(scope="module")
def server() -> Iterator[CutServer]:
    state = CutServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", state.media_type)
            if state.sends_size:
                self.send_header("Content-Length", str(len(state.content)))
            self.end_headers()
            self.wfile.write(state.content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        state.url = f"http://127.0.0.1:{listener.server_port}/0.mp4"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield state
        listener.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", '{"conn_type": "seedance", "password": "sk-needle"}')
    monkeypatch.setattr(download, "MAXIMUM_DELAY", 0.0)


def copy_by_operator(url: str, folder: str) -> None:
    task = SeedanceToObjectStorageOperator(
        task_id="store", urls=url, destination=folder, filename="boat.mp4", allow_private_addresses=True
    )
    Run().try_once(task)


def copy_by_hook(url: str, folder: str) -> None:
    SeedanceHook().download(url, f"{folder}/boat.mp4", allow_private_addresses=True)


by_both = pytest.mark.parametrize("copy", [copy_by_operator, copy_by_hook], ids=["operator", "hook"])


def stored(folder: str) -> list[bytes]:
    return [path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()]


class TestCutVideo:
    @by_both
    @pytest.mark.parametrize("container", VIDEOS)
    # The fixtures hold no state of an example.
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
    @given(data=st.data(), sends_size=st.booleans())
    def test_no_beginning_of_a_video_is_stored(
        self, server: CutServer, copy: Copy, container: str, data: st.DataObject, sends_size: bool
    ) -> None:
        video = VIDEOS[container]
        server.content = video[: data.draw(st.integers(0, len(video) - 1))]
        server.sends_size, server.media_type = sends_size, "video/mp4"
        with tempfile.TemporaryDirectory() as folder:
            with pytest.raises(DownloadFailedError, match="is incomplete: it ended after"):
                copy(server.url, folder)
            assert stored(folder) == []
            server.content = video
            copy(server.url, folder)
            assert stored(folder) == [video]

    def test_no_beginning_of_a_video_is_an_object(self, server: CutServer) -> None:
        memory = MemoryFileSystem()
        attach("memory", conn_id="store", fs=memory)
        video = VIDEOS["mp4"]
        server.sends_size, server.media_type = False, "video/mp4"
        for cut in range(0, len(video), 50):
            server.content = video[:cut]
            with pytest.raises(DownloadFailedError):
                copy_by_hook(server.url, "memory://store@cut")
            assert memory.find("/cut") == []


@by_both
@pytest.mark.parametrize("media_type", ["video/mp4", "text/html", "application/octet-stream"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    content=st.binary(max_size=200)
    | st.builds("<html>{}</html>".format, st.text(max_size=50)).map(str.encode)
    | st.builds('<?xml version="1.0"?><Error><Code>{}</Code></Error>'.format, st.text(max_size=50)).map(str.encode)
    | st.builds('{{"error": "{}"}}'.format, st.text(max_size=50)).map(str.encode)
)
def test_no_other_content_is_stored(server: CutServer, copy: Copy, media_type: str, content: bytes) -> None:
    server.content, server.media_type = content, media_type
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(SeedanceError) as caught:
            copy(server.url, folder)
        assert isinstance(caught.value, NotAVideoError | DownloadFailedError)
        assert stored(folder) == []
