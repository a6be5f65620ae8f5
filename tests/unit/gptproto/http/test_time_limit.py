"""The timeout bounds a request as a whole, and a response has a largest size, on real sockets with both clients."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_seedance.gptproto.client import GPTProtoClient
from airflow_provider_seedance.gptproto.errors import (
    LostResponseError,
    NotConnectedError,
    SeedanceError,
    UnconfirmedSubmissionError,
    UnreadableResponseError,
)
from airflow_provider_seedance.gptproto.polling import PollAgain
from airflow_provider_seedance.gptproto.settings import ClientSettings
from tests.unit.gptproto.conftest import KEY, PREDICTION_ID, REQUEST, ClientKind, Exchange, LoopbackStarter, envelope

pytestmark = pytest.mark.usefixtures("start_loopback")

BODY = json.dumps(envelope(status="running")).encode()
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
#: The beginning of a response, before bytes that never end.
HEADS = {
    "status line": b"HTTP/1.1 200 O",
    "headers": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "body with a length": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
    "body without a length": b"HTTP/1.1 200 OK\r\n\r\n",
    "complete JSON without a length": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "nothing": b"",
}


@contextmanager
def dripping(head: bytes, piece: bytes = b" ", *, first: bytes = b"") -> Iterator[str]:
    """
    Run a server that sends the head, then a piece every ten milliseconds until its client leaves.

    :param first: The response to an earlier request on the same connection.
    """
    stopping = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if first:
                connection.recv(65_536)
                connection.sendall(first)
            connection.recv(65_536)
            connection.sendall(head)
            while not stopping.wait(0.01):
                connection.sendall(piece)

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            if stopping.is_set():
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield "{}:{}".format(*listener.getsockname())
        stopping.set()
        # close() does not end accept() in the thread, but a connection does.
        socket.create_connection(listener.getsockname()).close()
        thread.join()


def on_wire(kind: ClientKind, address: str, timeout: float = 0.2) -> Exchange:
    settings = ClientSettings(api_key=KEY, base_url=f"http://{address}", timeout=timeout)
    return Exchange(kind, settings, in_memory=False)


def raised_by(call: Callable[[], Any]) -> SeedanceError:
    with pytest.raises(SeedanceError) as caught:
        call()
    return caught.value


class TestWholeRequest:
    @pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
    def test_response_that_drips_is_lost_at_the_timeout(self, client_kind: ClientKind, head: bytes) -> None:
        with dripping(head, b"x") as address:
            error = raised_by(on_wire(client_kind, address).get_prediction)
        assert type(error) is LostResponseError
        assert error.what == "The response was lost: no complete response in 0.2 s"

    @pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
    def test_submission_whose_response_drips_is_unconfirmed(self, client_kind: ClientKind, head: bytes) -> None:
        with dripping(head) as address:
            assert type(raised_by(on_wire(client_kind, address).submit)) is UnconfirmedSubmissionError

    def test_handshake_that_gets_no_answer_is_not_connected(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        settings = ClientSettings(api_key=KEY, base_url=f"https://{start_loopback(None).address}", timeout=0.2)
        error = raised_by(Exchange(client_kind, settings, in_memory=False).submit)
        assert type(error) is NotConnectedError

    def test_proxy_that_gets_no_answer_was_not_sent_the_submission(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter
    ) -> None:
        proxy = f"http://{start_loopback(None).address}"
        settings = ClientSettings(api_key=KEY, base_url="https://gptproto.invalid", proxy=proxy, timeout=0.2)
        error = raised_by(Exchange(client_kind, settings, in_memory=False).submit)
        assert type(error) is NotConnectedError

    def test_connection_that_is_open_already_is_ended_as_well(self) -> None:
        with dripping(b"HTTP/1.1 200 OK\r\nX: ", first=ACCEPTED) as address:
            settings = ClientSettings(api_key=KEY, base_url=f"http://{address}", timeout=0.2)
            with GPTProtoClient(settings) as client:
                assert client.get_prediction(PREDICTION_ID).status == "running"
                assert type(raised_by(lambda: client.get_prediction(PREDICTION_ID))) is LostResponseError

    def test_request_without_a_thread_for_its_time_limit_is_not_sent(
        self, start_loopback: LoopbackStarter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: object) -> None:
            raise RuntimeError("can't start new thread")

        server = start_loopback(ACCEPTED)
        monkeypatch.setattr("threading.Timer.start", fail)
        error = raised_by(on_wire("sync", server.address).submit)
        assert type(error) is NotConnectedError
        assert "can't start new thread" in error.what
        assert server.received == []

    def test_upload_has_a_second_more_for_every_64_kib(self, client_kind: ClientKind) -> None:
        # Five seconds more than the timeout, so that the response comes in time.
        checked = REQUEST.check()
        upload: Any = replace(checked, payload={**checked.payload, "image": "x" * 5 * 65_536})
        with dripping(b"", ACCEPTED) as address:
            assert on_wire(client_kind, address, timeout=0.005).submit(upload).id == PREDICTION_ID

    def test_next_request_after_a_timeout_is_answered(self, start_loopback: LoopbackStarter) -> None:
        server = start_loopback(None, ACCEPTED)
        settings = ClientSettings(api_key=KEY, base_url=f"http://{server.address}", timeout=0.2)
        with GPTProtoClient(settings) as client:
            assert type(raised_by(lambda: client.get_prediction("abc"))) is LostResponseError
            assert client.get_prediction(PREDICTION_ID).status == "running"

    def test_poll_ends_soon_after_the_deadline_of_its_wait(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_seedance.gptproto.http.transport.LAST_POLL_SECONDS", 0.1)
        exchange = on_wire(client_kind, start_loopback(None).address, timeout=600.0)
        started = time.monotonic()
        decision = exchange.poll(exchange.new_poller(deadline=exchange.now + 0.1))
        assert isinstance(decision, PollAgain)
        assert "lost" in (decision.status_change or "")
        assert time.monotonic() - started < 60.0


class TestLargestResponse:
    LARGE = (b'{"data": {"id": "abc", "message": "insufficient balance, ' + KEY.encode()).ljust(9_000_000, b"x")

    def head(self, status: int = 200, **headers: str) -> bytes:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {status} Any\r\n{lines}\r\n".encode()

    @pytest.mark.parametrize("status", [200, 500])
    @pytest.mark.parametrize("is_compressed", [False, True])
    def test_submission_with_a_huge_response_is_unconfirmed(
        self, client_kind: ClientKind, start_loopback: LoopbackStarter, status: int, is_compressed: bool
    ) -> None:
        packed = self.head(status, content_encoding="gzip") + gzip.compress(self.LARGE)
        with dripping(packed if is_compressed else self.head(status) + self.LARGE) as address:
            error = raised_by(on_wire(client_kind, address, timeout=60.0).submit)
        assert type(error) is UnconfirmedSubmissionError
        assert f'({status}) is too large; it begins with {{"data": {{"id": "abc", "message"' in error.what
        assert KEY not in str(error)

    @pytest.mark.parametrize("status", [200, 404, 401, 500])
    def test_poll_with_a_huge_response_is_unreadable(self, client_kind: ClientKind, status: int) -> None:
        with dripping(self.head(status) + self.LARGE) as address:
            error = raised_by(on_wire(client_kind, address, timeout=60.0).get_prediction)
        assert type(error) is UnreadableResponseError
        assert error.retryable

    def test_refusal_with_a_huge_response_was_not_accepted(self, client_kind: ClientKind) -> None:
        with dripping(self.head(403) + self.LARGE) as address:
            error = raised_by(on_wire(client_kind, address, timeout=60.0).submit)
        assert not isinstance(error, UnconfirmedSubmissionError)
